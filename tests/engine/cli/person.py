"""Somebody at a real terminal in which a command of this program runs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from engine.emulator import Terminal
from tests.engine.until import until

ROOT = Path(__file__).parents[3]
IN_A_SESSION = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "engine", *sys.argv[1:]])
"""
"""So that the PTY is the terminal that sends the program its signals."""


class Person:
    """Somebody at a terminal in which this program runs; ``seen`` is all that it showed."""

    def __init__(self, *arguments: str, rows: int = 24, cols: int = 80) -> None:
        self.seen = b""
        self.master, self.slave = os.openpty()
        termios.tcsetwinsize(self.slave, (rows, cols))
        self.modes = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            [sys.executable, "-c", IN_A_SESSION, *arguments],
            cwd=ROOT,
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
        )
        os.set_blocking(self.master, False)
        asyncio.get_running_loop().add_reader(self.master, self._read)

    def type(self, data: bytes) -> None:
        os.write(self.master, data)

    async def sees(self, text: str) -> None:
        await until(lambda: text.encode() in self.seen, what=f"{text!r} in {self.seen!r}")

    def screen(self) -> list[str]:
        """The rows as they are now."""
        rows, cols = termios.tcgetwinsize(self.slave)
        terminal = Terminal(cols, rows)
        terminal.feed(self.seen)
        return terminal.text()

    async def has_on_screen(self, text: str) -> None:
        await until(lambda: text in "\n".join(self.screen()), what=f"{text!r} in {self.screen()}")

    async def at_the_prompt(self, after: str = "Connected to") -> None:
        """Until the shell runs what is typed."""
        await self.sees(after)
        self.type(b"PS1=; echo ready-$((1+1))\r")
        await self.sees("ready-2")

    async def ends(self) -> int:
        """The exit code; the terminal is as it was before."""
        await until(lambda: self.process.poll() is not None, what=repr(self.seen))
        assert termios.tcgetattr(self.slave) == self.modes
        return self.process.returncode

    def look_away(self) -> None:
        """Nothing takes output from the terminal any more, as after Ctrl+S."""
        asyncio.get_running_loop().remove_reader(self.master)

    def hang_up(self) -> None:
        if self.master >= 0:
            asyncio.get_running_loop().remove_reader(self.master)
            os.close(self.master)
            self.master = -1

    async def leave(self) -> None:
        self.hang_up()
        os.close(self.slave)
        if self.process.poll() is None:
            self.process.kill()
        await asyncio.to_thread(self.process.wait)

    def _read(self) -> None:
        try:
            self.seen += os.read(self.master, 65536)
        except OSError:
            asyncio.get_running_loop().remove_reader(self.master)


@asynccontextmanager
async def person(*arguments: str, rows: int = 24, cols: int = 80) -> AsyncIterator[Person]:
    made = Person(*arguments, rows=rows, cols=cols)
    try:
        yield made
    finally:
        await made.leave()
