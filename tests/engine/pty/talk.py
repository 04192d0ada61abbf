"""Talking to a terminal in tests: say something, wait for an answer, never sleep."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.pty.base import PTY

ANSWER_SECONDS = 20.0


class Talk:
    """Keeps what was printed and not yet expected."""

    def __init__(self, pty: PTY) -> None:
        self.pty = pty
        self.unread = b""

    async def say(self, line: str) -> None:
        await self.pty.write(line.encode() + b"\n")

    async def expect(self, pattern: str) -> re.Match[bytes]:
        """The first match in the output from here on; what precedes it is dropped."""
        compiled = re.compile(pattern.encode(), re.DOTALL)
        async with asyncio.timeout(ANSWER_SECONDS):
            while not (found := compiled.search(self.unread)):
                data = await self.pty.read()
                assert data, f"the terminal ended before {pattern!r}: {self.unread!r}"
                self.unread += data
        self.unread = self.unread[found.end() :]
        return found

    async def ask(self, command: str, pattern: str = "(.*?)") -> str:
        """What ``command`` prints, matched by ``pattern``, trimmed."""
        # In octal, so that the echo of the command is not taken for the answer.
        await self.say(f"printf '\\074'; {command}; printf '\\076'")
        return (await self.expect(f"<{pattern}>"))[1].decode().strip()

    async def rest(self) -> bytes:
        """Everything up to the end of the terminal."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while data := await self.pty.read():
                self.unread += data
        rest, self.unread = self.unread, b""
        return rest

    async def become_echo(self) -> None:
        """Replace the shell by a program that sends back every byte as it is."""
        await self.say("stty raw -echo; printf 'rea''dy'; exec cat")
        await self.expect("ready")


async def read_exactly(pty: PTY, count: int) -> bytes:
    held = bytearray()
    async with asyncio.timeout(ANSWER_SECONDS):
        while len(held) < count:
            data = await pty.read()
            assert data, f"the terminal ended after {len(held)} of {count} bytes"
            held += data
    return bytes(held)
