"""Our relay, our guest and an agent that is not ours: who fills what is free in its own way."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from engine.client.peer import PeerHandlers, TerminalPeer
from engine.core.errors import RemoteError
from engine.core.model import Size
from engine.relay import Relay
from engine.signaling.guest import RelayAddress
from tests.e2e.plain_agent import PlainAgent
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

COMPLAINTS: list[dict[str, Any] | None] = [
    None,
    {"message": "What is that?"},
    {"message": "Unknown message type", "code": "unknown_type"},
    {"message": "What is that?", "code": 400},
]


@asynccontextmanager
async def foreign_agent(agent: PlainAgent) -> AsyncIterator[Relay]:
    relay = Relay("agent-secret", "guest-secret")
    url = await relay.start("127.0.0.1", 0)
    try:
        async with agent.serve(url, "agent-secret"):
            yield relay
    finally:
        await relay.stop()


class Terminal:
    """Our guest, and what came to it."""

    def __init__(self, relay: Relay, device: str = "web-1") -> None:
        self.output = b""
        self.ends: list[tuple[str, int | None]] = []
        self.notices: list[str] = []
        handlers = PeerHandlers(self._output, self._ended, self.notices.append)
        address = RelayAddress(relay.url, "guest-secret")
        self.peer = TerminalPeer(address, device, Size(97, 31), handlers)

    def _output(self, data: bytes) -> None:
        self.output += data
        self.peer.rendered(len(data))

    def _ended(self, reason: str, exit_code: int | None) -> None:
        self.ends.append((reason, exit_code))


@pytest.mark.parametrize("complaint", COMPLAINTS, ids=repr)
async def test_our_guest_opens_types_resizes_and_ends(complaint: dict[str, Any] | None) -> None:
    agent = PlainAgent(complaint)
    async with foreign_agent(agent) as relay:
        terminal = Terminal(relay)
        await terminal.peer.connect()
        await until(lambda: agent.size == (97, 31), what="the size, told anew in plain JSON")
        terminal.peer.send("né".encode()[:2])
        terminal.peer.send("né\r".encode()[2:])
        await until(lambda: "é" in terminal.output.decode("utf-8", "ignore"), what="the echo")
        terminal.peer.resize(Size(80, 24))
        await until(lambda: b"size 80x24" in terminal.output, what="the new size")
        terminal.peer.send(b"exit\r")
        await until(lambda: terminal.ends, what="the end")
        assert terminal.ends == [("The terminal ended", None)]
        await terminal.peer.close()
    # Nothing that plain JSON does not know, but the hello that asked.
    assert {message["type"] for message in agent.said} <= {"hello", "input", "resize", "close"}
    assert [message["type"] for message in agent.said].count("hello") == 1


async def test_a_paste_goes_out_in_messages_that_any_agent_takes() -> None:
    agent = PlainAgent()
    async with foreign_agent(agent) as relay:
        terminal = Terminal(relay)
        await terminal.peer.connect()
        paste = "é\x01".encode() * 50_000
        terminal.peer.send(paste)
        typed = lambda: [m["data"] for m in agent.said if m["type"] == "input"]  # noqa: E731
        await until(lambda: sum(map(len, typed())) >= 100_000, what="the whole paste")
        assert "".join(typed()) == paste.decode()
        await terminal.peer.close()


async def test_what_was_typed_goes_before_the_close() -> None:
    agent = PlainAgent()
    async with foreign_agent(agent) as relay:
        terminal = Terminal(relay)
        await terminal.peer.connect()
        terminal.peer.send(b"last\r")
        await terminal.peer.close()
        said = lambda: [m["type"] for m in agent.said if m["type"] in ("input", "close")]  # noqa: E731
        await until(lambda: said() == ["input", "close"])


async def test_what_the_foreign_agent_says_when_its_terminal_cannot_start_is_shown() -> None:
    agent = PlainAgent({"message": "What is that?"})
    agent.fails = "no shell in there"
    async with foreign_agent(agent) as relay:
        terminal = Terminal(relay)
        with pytest.raises(RemoteError, match="no shell in there"):
            await terminal.peer.connect()


async def test_a_refusal_in_its_own_form_is_a_refusal() -> None:
    async with foreign_agent(PlainAgent()) as relay:
        with pytest.raises(RemoteError, match="Refused"):
            await Terminal(relay, "busy").peer.connect()
