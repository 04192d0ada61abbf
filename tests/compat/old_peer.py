"""A terminal of the older peer, as a program: commands on stdin, events on stdout.

Both are lines of JSON. It runs with PYTHONPATH=engine.zip, so ``engine`` is the older one here.

Commands: ``{"do": "open", "link": URL}`` or ``{"do": "open", "relay": URL, "token": …, "target":
…}``, then ``type`` (``text``), ``resize`` (``cols``, ``rows``), ``lose`` (the connection),
``return``, ``close``. Each is answered with ``{"done": …}``, or with ``{"failed":
sentence}``. Events: ``{"output": text}``, ``{"notice": text}``, ``{"approval": state}`` and
``{"ended": [reason, exit code]}``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from engine.errors import HatchwayError
from engine.guest_line import RelayAddress
from engine.model import Size
from engine.peer import TerminalPeer
from engine.peer_progress import PeerHandlers

import engine
from engine.wire.proof import parse_link


def report(**event: Any) -> None:
    print(json.dumps(event), flush=True)


class Terminal:
    """The peer in use; one that lost its connection is replaced by its successor."""

    def __init__(self) -> None:
        self._peer: TerminalPeer
        self._lost: list[TerminalPeer] = []

    async def open(self, command: dict[str, Any]) -> None:
        handlers = PeerHandlers(
            self._output,
            self._ended,
            lambda text: report(notice=text),
            lambda state: report(approval=state),
        )
        if "link" in command:
            self._peer = TerminalPeer.of_link(parse_link(command["link"]), Size(), handlers)
        else:
            address = RelayAddress(command["relay"], command["token"])
            self._peer = TerminalPeer(address, command["target"], Size(), handlers)
        await self._peer.connect()

    async def do(self, command: dict[str, Any]) -> None:
        match command["do"]:
            case "open":
                await self.open(command)
            case "type":
                self._peer.send(command["text"].encode())
            case "resize":
                self._peer.resize(Size(command["cols"], command["rows"]))
            case "lose":
                # As its own tests did; it has no public way to.
                assert self._peer._pc is not None
                await self._peer._pc.close()
            case "return":
                self._lost.append(self._peer)
                self._peer = self._peer.successor(self._output, self._ended)
                await self._peer.connect()
            case "close":
                await asyncio.gather(*(peer.close() for peer in (self._peer, *self._lost)))

    def _output(self, data: bytes) -> None:
        # Latin-1: every byte is a character, so none is lost at the borders of messages.
        report(output=data.decode("latin-1"))
        self._peer.rendered(len(data))

    def _ended(self, reason: str, exit_code: int | None) -> None:
        report(ended=[reason, exit_code])


async def main() -> None:
    assert ".zip" in str(engine.__file__), engine.__file__
    terminal = Terminal()
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = json.loads(line)
        try:
            await terminal.do(command)
        except HatchwayError as error:
            report(failed=str(error))
        else:
            report(done=command["do"])


if __name__ == "__main__":
    asyncio.run(main())
