"""A painted view on a real tty."""

from __future__ import annotations

import asyncio
import os
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from engine.cli.guest_view import PaintedView
from engine.cli.tty import Tty
from engine.core.model import Size
from engine.emulator import Terminal
from tests.engine.until import until

SIZE = Size(30, 8)


class Guest:
    """Somebody who looks at it; ``seen`` is all that was read from the tty."""

    def __init__(self) -> None:
        self.seen = b""
        self.rendered = 0
        self.replies = b""
        self.master, self.slave = os.openpty()
        self.resize(SIZE)
        os.set_blocking(self.master, False)
        self.tty = Tty(
            lambda data: None,
            lambda count: self.view.written(count),
            lambda reason: None,
            source=self.slave,
            sink=self.slave,
        )
        self.view = PaintedView(self.tty, self._rendered, self._reply)

    def look(self) -> None:
        asyncio.get_running_loop().add_reader(self.master, self._read)

    def look_away(self) -> None:
        asyncio.get_running_loop().remove_reader(self.master)

    def resize(self, size: Size) -> None:
        self.size = size
        termios.tcsetwinsize(self.slave, (size.rows, size.cols))

    def screen(self) -> str:
        terminal = Terminal(self.size.cols, self.size.rows)
        terminal.feed(self.seen)
        return "\n".join(terminal.text())

    async def shows(self, text: str) -> None:
        await until(lambda: text in self.screen(), what=f"{text!r} in {self.screen()}")

    def _read(self) -> None:
        with suppress(OSError):
            self.seen += os.read(self.master, 65536)

    def _rendered(self, count: int) -> None:
        self.rendered += count

    def _reply(self, data: bytes) -> None:
        self.replies += data


@asynccontextmanager
async def looking() -> AsyncIterator[Guest]:
    guest = Guest()
    guest.look()
    try:
        guest.tty.enter()
        guest.view.enter()
        yield guest
    finally:
        guest.view.leave()
        guest.tty.leave(reset=True)
        guest.look_away()
        os.close(guest.master)
        os.close(guest.slave)


async def test_all_that_came_is_shown_reported_and_answered() -> None:
    async with looking() as guest:
        output = b"text \x1b[6n" + b"\r\n" * 3 + b"\x1b]2;its title\x07end"
        guest.view.output(output[:7])
        guest.view.output(output[7:])
        await guest.shows("end")
        assert guest.rendered == len(output)
        assert guest.replies == b"\x1b[1;6R"
        assert b"\x1b]2;its title\x1b\\" in guest.seen


async def test_a_tty_that_takes_nothing_holds_the_program() -> None:
    async with looking() as guest:
        guest.look_away()
        sent = 0

        def flood() -> bool:
            nonlocal sent
            # Each frame is another screen.
            data = b"".join(b"%030d" % (sent + n) for n in range(64))
            guest.view.output(data)
            sent += len(data)
            return guest.tty.waiting > 0

        await until(flood)
        before = guest.rendered
        guest.view.output(b"last")
        guest.look()
        await guest.shows("last")
        assert guest.rendered == sent + 4 > before


async def test_the_host_s_size_and_the_tty_s() -> None:
    async with looking() as guest:
        guest.view.output(b"x")
        guest.view.sized(Size(10, 3))
        guest.view.output(b"\x1b[3;9Hab")
        await guest.shows("        ab│")
        guest.resize(Size(40, 10))
        guest.view.resized()
        guest.view.output(b"\x1b[Hmore")
        await guest.shows("more")
        assert guest.view.terminal.cols == 10


async def test_without_a_size_of_the_host_s_it_is_the_tty_s() -> None:
    async with looking() as guest:
        guest.resize(Size(40, 10))
        guest.view.resized()
        guest.view.output(b"\x1b[10;35Hcorner")
        await guest.shows("corner")


async def test_lines_cover_the_screen_and_go() -> None:
    async with looking() as guest:
        guest.view.output(b"\x1b[8;1Hunder\x1b[H")
        await guest.shows("under")
        guest.view.cover(["over"])
        await guest.shows("over")
        assert "under" not in guest.screen()
        assert guest.view.uncover()
        assert not guest.view.uncover()
        await guest.shows("under")


async def test_leaving_shows_the_last_output() -> None:
    async with looking() as guest:
        guest.view.output(b"\x1b[?1000h\x1b[=1ulast words")
        guest.view.leave()
        guest.view.leave()
        guest.tty.leave(reset=True)
        await guest.shows("last words")
        outer = Terminal(SIZE.cols, SIZE.rows)
        outer.feed(guest.seen)
        assert (outer.keyboard, int(outer.mouse_tracking)) == (0, 0)
