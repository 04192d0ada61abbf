"""Stock aiortc with a program in a container behind it: what a first version would be.

Owns joining the exec stream to a link. Does not own either: the stream is the
engine's, which knows no WebRTC; the link is aiortc's as it comes.
"""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.links import StockLink
from benchmarks.raw_exec import RawExec, RawTerminal


class Attached:
    """A link and a terminal, joined both ways until closed."""

    def __init__(self, link: StockLink, terminal: RawTerminal) -> None:
        self._link = link
        self._terminal = terminal
        self._input: asyncio.Queue[bytes] = asyncio.Queue()
        self._writer = asyncio.create_task(self._write())
        link.taker = self._input.put_nowait
        terminal.sink = link.send

    @property
    def received(self) -> int:
        return self._link.received

    async def close(self) -> None:
        self._writer.cancel()
        await self._terminal.close()
        await self._link.close()

    async def _write(self) -> None:
        while True:
            await self._terminal.pty.write(await self._input.get())


async def attach(execs: RawExec, link: Any, target: str, ref: str, program: str) -> Attached:
    """Start ``program`` in a terminal of its own, then hand it to the link."""
    (key,) = (await execs.op_open(target, ref))["keys"]
    await execs.op_run(key, program)
    return Attached(link, execs.links.pop(key))
