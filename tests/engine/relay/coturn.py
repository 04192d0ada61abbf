"""A real coturn for tests, with a secret shared as a relay shares it.

Owns starting and ending it.
"""

from __future__ import annotations

import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.docker_fixtures import free_port
from tests.engine.relay.processes import Process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SECRET = "the-shared-secret"


@asynccontextmanager
async def coturn(folder: Path, address: str = "127.0.0.1") -> AsyncIterator[str]:
    """The ``turn:`` address of a server of our own."""
    if shutil.which("turnserver") is None:
        pytest.skip("coturn is not installed")
    port = free_port()
    process = Process(
        port, "turnserver", "-n", "--log-file", "stdout", "--simple-log", "--no-cli", "--no-tls",
        "--no-dtls", "--listening-ip", address, "--relay-ip", address,
        "--listening-port", str(port), "--realm", "hatchway.test", "--use-auth-secret",
        "--static-auth-secret", SECRET, "--allow-loopback-peers", "--pidfile",
        str(folder / "turn.pid"), "--userdb", str(folder / "turn.db"),
        output=folder / "turn.log", address=address,
    )  # fmt: skip
    try:
        await process.start()
        yield f"turn:{address}:{port}?transport=udp"
    finally:
        await process.kill()
