"""A child that reads the exec stream alone: the limit of what a terminal can carry.

``python -m benchmarks.raw_exec LOOP``. Owns the same requests as the guest, on
the PTY itself: no WebRTC, no session, no window.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks import loops
from benchmarks.process import claim_output, serve
from benchmarks.service import LinkService

RAW = b" stty raw -echo; printf 'GO%%s' %d; exec %s\r"
PROMPT = b"# "
WAIT_SECONDS = 20.0
TAIL = 64
"""Bytes of output kept while somebody looks for a mark: more than one mark is long."""


class RawTerminal:
    """A PTY whose output is counted, with a look-out for a mark."""

    def __init__(self, pty: Any) -> None:
        self.pty = pty
        self.received = 0
        self.echo = False
        self.sink: Callable[[bytes], Awaitable[None]] | None = None
        """Is given what is read, if there is one; reading waits for it."""
        self._tail = b""
        self._mark: bytes | None = PROMPT
        self._found = asyncio.Event()
        self._more = asyncio.Event()
        self._reader = asyncio.ensure_future(self._read())

    def expect(self, mark: bytes) -> None:
        self._tail, self._mark = b"", mark
        self._found.clear()

    async def marked(self) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            await self._found.wait()

    async def ping(self, seconds: float, most: int, every: float) -> list[float]:
        times: list[float] = []
        until = time.perf_counter() + seconds
        while len(times) < most and time.perf_counter() < until:
            wanted, began = self.received + 1, time.perf_counter()
            await self.pty.write(b"x")
            while self.received < wanted:
                self._more.clear()
                await self._more.wait()
            now = time.perf_counter()
            times.append(now - began)
            if (rest := every - (now - began)) > 0:
                await asyncio.sleep(rest)
        return times

    async def close(self) -> None:
        await self.pty.close()
        self._reader.cancel()

    async def _read(self) -> None:
        while data := await self.pty.read():
            self.received += len(data)
            self._more.set()
            if self.sink is not None:
                await self.sink(data)
            if self._mark is not None:
                seen = self._tail + data
                self._tail = seen[-TAIL:]
                if self._mark in seen:
                    self._mark = None
                    self._found.set()


class RawExec(LinkService):
    def __init__(self) -> None:
        from engine.core.settings import Settings
        from engine.docker.engines import DockerEngines

        super().__init__()
        self._settings = Settings()
        self._docker = DockerEngines(self._settings.docker)

    async def op_open(
        self, target: str, ref: str, count: int = 1, at_once: int = 1
    ) -> dict[str, Any]:
        """As the guest's op_open; ``ref`` is the container's full id."""
        gate = asyncio.Semaphore(at_once)

        async def one() -> tuple[str, float]:
            async with gate:
                return await self._open(target, ref)

        began = time.perf_counter()
        found = await asyncio.gather(*(one() for _ in range(count)))
        return {
            "keys": [key for key, _ in found],
            "times": [seconds for _, seconds in found],
            "lasted": time.perf_counter() - began,
        }

    async def op_run(self, key: str, program: str) -> None:
        terminal = self.links[key]
        number = secrets.randbelow(900) + 100
        terminal.expect(b"GO%d" % number)
        await terminal.pty.write(RAW % (number, program.encode()))
        await terminal.marked()

    async def close(self) -> None:
        await super().close()
        await self._docker.close()

    async def open_pty(self, target: str, ref: str) -> Any:
        """The stream itself; whatever else has one may take its place."""
        from engine.core.model import Size, Target, TargetKind
        from engine.pty.create import create_pty_session

        return await create_pty_session(
            Target(target, TargetKind.CONTAINER, target, engine=self._docker.default, ref=ref),
            session_id=secrets.token_hex(8),
            size=Size(),
            docker=self._docker,
            settings=self._settings.terminal,
        )

    async def _open(self, target: str, ref: str) -> tuple[str, float]:
        began = time.perf_counter()
        terminal = RawTerminal(await self.open_pty(target, ref))
        await terminal.marked()
        return self.add(terminal), time.perf_counter() - began


def main() -> None:
    pipe = claim_output()
    name = sys.argv[1]
    assert name in ("gui", "asyncio")

    async def work() -> None:
        await serve(RawExec(), pipe)

    loops.run("gui" if name == "gui" else "asyncio", work)


if __name__ == "__main__":
    main()
