"""A terminal at a real PTY: raw mode and back, keys, output that waits for a slow screen."""

from __future__ import annotations

import os
import termios
from collections.abc import Iterator

import pytest

from engine.cli import tty as tty_module
from engine.cli.tty import Tty
from tests.engine.until import until


class Screen:
    """The person's side of a PTY."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        self.typed = b""
        self.written = 0
        self.failures: list[str] = []
        self.tty = Tty(
            self._typed, self._written, self.failures.append, source=self.slave, sink=self.slave
        )

    def modes(self) -> list[object]:
        return termios.tcgetattr(self.slave)

    def read(self) -> bytes:
        try:
            return os.read(self.master, 65536)
        except OSError:
            return b""

    def close(self) -> None:
        self.tty.leave(reset=False)
        for number in (self.master, self.slave):
            if number >= 0:
                os.close(number)

    def _typed(self, data: bytes) -> None:
        self.typed += data

    def _written(self, count: int) -> None:
        self.written += count


@pytest.fixture
def screen() -> Iterator[Screen]:
    made = Screen()
    yield made
    made.close()


async def test_raw_mode_and_back(screen: Screen) -> None:
    before = screen.modes()
    screen.tty.enter()
    assert screen.modes() != before
    os.write(screen.master, b"\x03\x1a\r")
    await until(lambda: screen.typed == b"\x03\x1a\r")
    screen.tty.leave(reset=False)
    assert screen.modes() == before
    screen.tty.leave(reset=False)
    assert os.get_blocking(screen.slave)


async def test_what_was_not_read_is_not_left_for_the_shell_below(screen: Screen) -> None:
    screen.tty.enter()
    os.write(screen.master, b"rm -r x\r")
    screen.tty.leave(reset=False)
    os.set_blocking(screen.slave, False)
    with pytest.raises(BlockingIOError):
        os.read(screen.slave, 100)


async def test_output_before_raw_mode_waits_for_it(screen: Screen) -> None:
    screen.tty.write(b"one\n")
    assert (screen.read(), screen.written) == (b"", 0)
    screen.tty.enter()
    screen.tty.write(b"two\n")
    shown = bytearray()

    def all_of_it() -> bool:
        shown.extend(screen.read())
        return len(shown) >= 8

    # A pseudo-terminal may give in two readings what was written in two.
    await until(all_of_it)
    assert (shown, screen.written) == (b"one\ntwo\n", 8)


async def test_a_screen_that_takes_nothing_holds_the_count_back(screen: Screen) -> None:
    screen.tty.enter()
    sent = b"".join(b"%07d\n" % number for number in range(32_000))
    screen.tty.write(sent)
    screen.tty.write(b"own words", count=False)
    screen.tty.write(b"the end")
    assert 0 < screen.written < len(sent)
    shown = bytearray()

    def everything() -> bool:
        shown.extend(screen.read())
        return shown.endswith(b"the end")

    await until(everything)
    assert await screen.tty.drained()
    assert bytes(shown) == sent + b"own wordsthe end"
    assert screen.written == len(sent) + len(b"the end")
    assert screen.failures == []


async def test_output_without_end_to_a_stopped_screen_is_a_failure(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tty_module, "MAX_WAITING", 100_000)
    screen.tty.enter()
    for _ in range(20):
        screen.tty.write(b"x" * 10_000)
    assert len(screen.failures) == 1
    assert not await screen.tty.drained()


async def test_a_terminal_that_closes_is_reported_once(screen: Screen) -> None:
    screen.tty.enter()
    os.close(screen.master)
    screen.master = -1
    await until(lambda: screen.failures == ["The terminal has closed"])
    screen.tty.write(b"x")
    screen.tty.leave(reset=True)
    assert len(screen.failures) == 1


async def test_the_size_is_that_of_the_terminal(screen: Screen) -> None:
    termios.tcsetwinsize(screen.slave, (0, 0))
    assert (screen.tty.size().cols, screen.tty.size().rows) == (80, 24)
    termios.tcsetwinsize(screen.slave, (33, 2000))
    assert (screen.tty.size().cols, screen.tty.size().rows) == (1000, 33)


async def test_leaving_with_a_reset_ends_what_a_program_left_on(screen: Screen) -> None:
    screen.tty.enter()
    screen.tty.leave(reset=True)
    said = screen.read()
    assert b"\x1b[?1047l" in said
    assert b"\x1b[?25h" in said
