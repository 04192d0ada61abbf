"""``share`` in a real PTY, with real guests.

Joins the rooms cli, control, agent, relay and client.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.wire.proof import parse_link
from tests.engine.cli.person import Person, person
from tests.engine.hosting import Visitor

pytestmark = pytest.mark.takes(60)


@pytest.fixture(autouse=True)
def quick_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HATCHWAY_DOCKER__ENABLED", "false")
    monkeypatch.setenv("SHELL", "/bin/sh")


@asynccontextmanager
async def sharing(*arguments: str, rows: int = 24, cols: int = 80) -> AsyncIterator[Person]:
    async with person("share", *arguments, rows=rows, cols=cols) as host:
        await host.at_the_prompt("Press Enter, then ~.")
        yield host


def links(host: Person) -> dict[str, str]:
    """Addresses by what is printed before them."""
    found = re.findall(rb"\r?\n?([A-Z][^\r\n]*?): (http\S+)", host.seen)
    return {words.decode(): url.decode() for words, url in found}


@asynccontextmanager
async def guest(url: str) -> AsyncIterator[Visitor]:
    visitor = Visitor(parse_link(url))
    try:
        await visitor.peer.connect()
        yield visitor
    finally:
        await visitor.peer.close()


async def test_a_guest_and_the_tty_are_in_one_shell() -> None:
    async with sharing() as host:
        assert b"works on this computer only" in host.seen
        assert "▄" in host.seen.decode("utf-8", "replace")
        async with guest(links(host)["Link"]) as visitor:
            await visitor.sees(b"ready-2")
            await host.sees("has joined and types")
            visitor.peer.send(b"echo guest-$((3+4))\r")
            await host.sees("guest-7")
            host.type(b"echo host-$((4+4))\r")
            await visitor.sees(b"host-8")
        await host.sees("has left")
        host.type(b"exit 7\r")
        assert await host.ends() == 7
