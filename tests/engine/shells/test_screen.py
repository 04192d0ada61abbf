"""The screen a shell keeps: what it shows, how far behind it is, and its snapshots."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import PTYClosedError
from engine.core.model import Size
from engine.emulator import Terminal
from engine.shells.output_log import OutputLog
from engine.shells.screen import FLOOD, LAG, MAX_WITH_HISTORY, PIECE, SMALL, ShellScreen, Snapshot
from tests.engine.emulator.inputs import PIECES
from tests.engine.until import until

SIZE = Size(40, 6)
QUERY = b"\x1b[6n"
REDRAW = b"\x1b[2;3Htext\x1b[5;1H\x1b[32mmore\x1b[m"
"""Not clean."""


class Shell:
    """A log and its screen."""

    def __init__(self, size: Size = SIZE, scrollback: int = 20) -> None:
        self.log = OutputLog(0)
        self.seconds = 0.0
        self.answers: list[bytes] = []
        self.screen = ShellScreen(
            self.log,
            size,
            scrollback=scrollback,
            reply=self.answers.append,
            clock=lambda: self.seconds,
        )

    def print(self, data: bytes) -> None:
        self.log.append(data)
        self.screen.printed()

    def output_from(self, position: int) -> bytes:
        parts = []
        while part := self.log.read(position, LAG):
            parts.append(part)
            position += len(part)
        return b"".join(parts)


def lines(terminal: Terminal) -> list[object]:
    every = (terminal.line(index) for index in range(-len(terminal.scrollback), terminal.rows))
    return [(line.runs, line.wrapped) for line in every]


def drawn(snapshot: Snapshot, scrollback: int = 20) -> Terminal:
    terminal = Terminal(snapshot.cols, snapshot.rows, scrollback=scrollback)
    for piece in snapshot.data:
        terminal.feed(piece)
    return terminal


def reference(*output: bytes, size: Size = SIZE, scrollback: int = 20) -> Terminal:
    terminal = Terminal(size.cols, size.rows, scrollback=scrollback)
    for data in output:
        terminal.feed(data)
    return terminal


async def test_a_small_read_is_shown_and_answered_in_the_same_turn() -> None:
    shell = Shell()
    shell.print(b"$ ls" + QUERY)
    assert shell.screen.position == shell.log.end
    assert shell.screen.terminal.text()[0] == "$ ls"
    assert shell.answers == [b"\x1b[1;5R"]


async def test_clean_output_waits_a_little() -> None:
    shell = Shell()
    data = b"line\r\n" * 1000
    shell.print(data)
    assert shell.screen.behind == len(data)
    await until(lambda: not shell.screen.behind)
    assert lines(shell.screen.terminal) == lines(reference(data))


async def test_what_waits_comes_before_a_query_is_answered() -> None:
    shell = Shell()
    shell.print(b"line\r\n" * 1000)
    shell.print(b"text\x1b[6")
    shell.print(b"n")
    await until(lambda: bool(shell.answers))
    assert shell.answers == [b"\x1b[6;5R"]


async def test_small_reads_of_a_flood_wait() -> None:
    shell = Shell()
    data = b"y\r\n" * (SMALL // 3)
    for _ in range(2 * FLOOD // len(data) + 1):
        shell.print(data)
    assert 0 < shell.screen.behind < shell.log.end
    # The first read of another moment is no flood.
    before = shell.screen.position
    shell.seconds += 1
    shell.print(data)
    assert shell.screen.position > before
    await until(lambda: not shell.screen.behind)


async def test_a_flood_is_followed_within_the_lag() -> None:
    shell = Shell()
    # Reads end within sequences.
    data = b"mred" + b"\x1b[m and some text\r\n\x1b[31mred" * 2500 + b"\x1b[31"
    printed = b""
    while len(printed) < 2 * LAG:
        printed += data
        await shell.screen.room()
        shell.print(data)
        assert shell.screen.behind < LAG + len(data)
        shell.log.trim(shell.screen.needed)
    assert shell.log.end - shell.log.start <= LAG + len(data)
    assert await shell.screen.bring_up() == len(printed)
    whole = reference(printed)
    assert lines(shell.screen.terminal) == lines(whole)
    assert shell.screen.terminal.scrolled < whole.scrolled / 10, "most was never read"


@pytest.mark.parametrize("data", [b"y\r\n" * 20_000, bytes(60_000)])
async def test_a_flood_that_can_be_skipped_waits_for_no_timer(data: bytes) -> None:
    shell = Shell()
    delayed = 0
    while shell.log.end < 8 * LAG:
        waiting = asyncio.ensure_future(shell.screen.room())
        await asyncio.sleep(0)
        delayed += not waiting.done()
        await waiting
        shell.print(data)
        shell.log.trim(shell.screen.needed)
    # Where others have the processor in the middle of a slice, that ends early.
    assert delayed < 4
    await shell.screen.bring_up()
    last = data if data[0] else b""
    assert shell.screen.terminal.text() == reference(last).text()
    await shell.screen.close()


async def test_output_that_takes_long_makes_the_program_wait() -> None:
    shell = Shell()
    data = REDRAW * 4000
    while shell.screen.behind < LAG:
        shell.print(data)
    waiting = asyncio.ensure_future(shell.screen.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await waiting
    assert shell.screen.behind < LAG
    await shell.screen.close()


async def test_who_looks_sees_output_soon() -> None:
    shell = Shell()
    seen: list[int] = []

    stop = shell.screen.subscribe(lambda: seen.append(shell.screen.position))
    data = b"line\r\n" * 1000
    shell.print(data)
    assert not seen
    await until(lambda: seen[-1:] == [len(data)])
    shell.screen.resize(Size(10, 5))
    assert len(seen) > 1
    count = len(seen)
    stop()
    stop()
    shell.print(b"x")
    assert len(seen) == count


async def test_an_error_of_who_looks_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    shell = Shell()

    def broken() -> None:
        raise ValueError("a painter's")

    shell.screen.subscribe(broken)
    shell.print(b"x")
    assert shell.screen.terminal.text()[0] == "x"
    assert "watcher" in caplog.text
    caplog.clear()


async def test_the_log_keeps_what_is_unfinished() -> None:
    shell = Shell()
    shell.print("abc日".encode() + b"\x1b]2;ti")
    assert (shell.screen.position, shell.screen.needed) == (12, 6)
    snapshot = await shell.screen.snapshot()
    assert snapshot.at == 6
    shell.print(b"tle\x07")
    copy = drawn(snapshot)
    copy.feed(shell.output_from(snapshot.at))
    assert copy.title == "title"
    assert shell.screen.needed == shell.log.end


async def test_snapshots_of_one_moment_are_one() -> None:
    shell = Shell()
    shell.print(b"line\r\n" * 1000)
    one, two, other = await asyncio.gather(
        shell.screen.snapshot(history=10),
        shell.screen.snapshot(history=10),
        shell.screen.snapshot(history=10, features=frozenset()),
    )
    assert one is two
    assert other is not one
    assert (one.at, one.history, one.first) == (6000, 10, 985)
    assert lines(drawn(one)) == lines(shell.screen.terminal)[10:]
    shell.print(b"x")
    assert (await shell.screen.snapshot(history=10)).at == 6001


async def test_the_log_keeps_what_follows_a_snapshot_under_way() -> None:
    size = Size(200, 50)
    shell = Shell(size, scrollback=1000)
    shell.print(b"".join(b"\x1b[3%dm%d\x1b[m " % (n % 8, n) for n in range(10_000)))
    at = await shell.screen.bring_up()
    waiting = asyncio.ensure_future(shell.screen.snapshot())
    # Until it has begun.
    await asyncio.sleep(0)
    shell.print(REDRAW)
    assert not waiting.done()
    assert shell.screen.position > at
    assert shell.screen.needed == at
    snapshot = await waiting
    assert snapshot.at == at
    before = reference(shell.output_from(0)[:at], size=size, scrollback=1000)
    assert lines(drawn(snapshot, 1000)) == lines(before)
    assert shell.screen.needed == shell.screen.position


async def test_a_long_history_comes_when_it_is_asked_for() -> None:
    shell = Shell(Size(100, 10), scrollback=1000)
    row = b"".join(b"\x1b[38;5;%dm%d" % (n, n % 10) for n in range(16, 116)) + b"\x1b[m\r\n"
    shell.print(row * 500)
    snapshot = await shell.screen.snapshot()
    assert sum(map(len, snapshot.data)) < MAX_WITH_HISTORY
    assert all(len(piece) <= PIECE for piece in snapshot.data)
    assert (snapshot.history, snapshot.first) == (0, 491)
    assert drawn(snapshot).line(0).runs == shell.screen.terminal.line(0).runs
    above = Terminal(100, 100)
    for piece in await shell.screen.history(snapshot.first, 30):
        above.feed(piece)
    assert above.cursor() == (30, 0)
    assert above.line(29).runs == shell.screen.terminal.line(-1).runs


async def test_a_closed_screen_gives_no_snapshots() -> None:
    shell = Shell(Size(200, 50), scrollback=1000)
    shell.print(b"word " * 40_000)
    waiting = asyncio.ensure_future(shell.screen.snapshot())
    await asyncio.sleep(0)
    await shell.screen.close()
    with pytest.raises(PTYClosedError):
        await waiting
    with pytest.raises(PTYClosedError):
        await shell.screen.snapshot()
    shell.print(b"ignored")
    await shell.screen.close()


LINES = st.integers(1, 9).map(lambda n: b"\x1b[1mline\x1b[m %d\r\n" % n * 4000)
STEPS = st.one_of(
    PIECES,
    st.lists(PIECES, max_size=4).map(b"".join),
    LINES,
    st.sampled_from(["wait", "bring up", "snapshot"]),
    st.builds(Size, st.integers(2, 50), st.integers(1, 12)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=14))
def test_it_is_a_terminal_that_read_everything(steps: list[bytes | str | Size]) -> None:
    async def run() -> None:
        shell = Shell()
        fed = 0
        whole = reference()
        snapshots: list[Snapshot] = []

        def read(end: int) -> None:
            nonlocal fed
            whole.feed(shell.output_from(fed)[: end - fed])
            fed = end

        for step in steps:
            match step:
                case bytes():
                    shell.print(step)
                case Size():
                    read(await shell.screen.bring_up())
                    shell.screen.resize(step)
                    whole.resize(step.rows, step.cols)
                    snapshots.clear()
                case "snapshot":
                    snapshots.append(await shell.screen.snapshot(history=50))
                case "wait":
                    await asyncio.sleep(0)
                case _:
                    await shell.screen.bring_up()
        read(await shell.screen.bring_up())
        assert fed == shell.log.end
        terminal = shell.screen.terminal
        assert lines(terminal) == lines(whole)
        assert terminal.snapshot() == whole.snapshot()
        for snapshot in snapshots:
            copy = drawn(snapshot)
            copy.feed(shell.output_from(snapshot.at))
            assert copy.snapshot() == whole.snapshot()
        await shell.screen.close()

    asyncio.run(run())


async def test_lines_that_came_to_rest_are_stored_compactly() -> None:
    output = b"".join(b"\x1b[3%dm%x" % (n % 8, n * 2654435761 % 2**32) for n in range(10_000))
    output = b"\r\n".join(output[at : at + 100] for at in range(0, len(output), 100))
    tracemalloc.start()
    try:
        shell = Shell(Size(100, 6), scrollback=1000)
        shell.print(output)
        await shell.screen.bring_up()
        shell.log.trim(shell.log.end)
        assert len(shell.screen.terminal.scrollback) == 1000
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        # No more output comes, and nobody asks for anything.
        await until(lambda: tracemalloc.get_traced_memory()[0] < before - 100_000)
    finally:
        tracemalloc.stop()
    whole = reference(output, size=Size(100, 6), scrollback=1000)
    assert lines(shell.screen.terminal) == lines(whole)
    await shell.screen.close()
