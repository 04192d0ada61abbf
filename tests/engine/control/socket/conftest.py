"""A place for sockets: a path of at most 100 bytes, wherever the tests' folders are."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from engine.control.socket.client import RemoteControl
from tests.engine.control.socket.serving import Engine, Served, connected, served


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hw-") as folder:
        yield Path(folder, "sockets", "s.sock")


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
async def house(engine: Engine, path: Path) -> AsyncIterator[Served]:
    async with served(engine, path) as made:
        yield made


@pytest.fixture
async def remote(house: Served) -> AsyncIterator[RemoteControl]:
    async with connected(house.path) as made:
        yield made
