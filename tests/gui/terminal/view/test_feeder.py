"""Output in slices: the loop has its turn, nothing is lost, whatever bytes cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

from gui.terminal.view.feeder import MAX_QUEUE, Feeder

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from gui.terminal.widget import TerminalWidget


def test_the_loop_lives_while_megabytes_arrive(qtbot: QtBot, widget: TerminalWidget) -> None:
    data = b"y\r\n" * (10_000_000 // 3)
    ticks = 0
    done = 0
    frames = 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1

    def count(some: int) -> None:
        nonlocal done, frames
        done += some
        frames += 1

    timer = QTimer()
    timer.setInterval(16)
    timer.timeout.connect(tick)
    widget.rendered.connect(count)
    timer.start()
    for start in range(0, len(data), 65_536):
        widget.feed(data[start : start + 65_536])
    qtbot.waitUntil(lambda: done == len(data), timeout=60_000)
    timer.stop()
    # Frames come at most every 16 ms, so ticks must have come about as often.
    assert frames >= 10
    assert ticks >= frames * 0.6
    assert widget.terminal.text()[:-1] == ["y"] * 9


def test_more_than_the_queue_holds_is_parsed_at_once_and_nothing_lost(qtbot: QtBot) -> None:
    parsed: list[bytes] = []
    feeder = Feeder(lambda data: parsed.append(data) is None)
    data = bytes(range(256)) * (MAX_QUEUE // 256) + b"the end"
    feeder.feed(data)
    assert feeder.queued <= MAX_QUEUE
    qtbot.waitUntil(lambda: feeder.queued == 0)
    assert b"".join(parsed) == data
    assert feeder.take_consumed() == len(data)
    assert feeder.take_consumed() == 0


def test_expensive_bytes_come_in_smaller_slices(qtbot: QtBot) -> None:
    sizes: list[int] = []

    def slow(data: bytes) -> bool:
        sizes.append(len(data))
        total = 0
        for number in range(len(data) * 200):
            total += number
        return True

    feeder = Feeder(slow)
    feeder.feed(b"x" * 60_000)
    qtbot.waitUntil(lambda: feeder.queued == 0, timeout=30_000)
    assert min(sizes[:-1]) < sizes[0]


def test_a_frame_has_a_turn_of_the_loop_for_itself(qtbot: QtBot) -> None:
    order: list[str] = []
    feeder = Feeder(lambda _data: order.append("parsed") is None)
    feeder.feed(b"x")
    feeder.yield_turn()
    # Both were asked for in the same turn of the loop; the later one is the painting.
    QTimer.singleShot(0, lambda: order.append("painted"))
    qtbot.waitUntil(lambda: len(order) == 2)
    assert order == ["painted", "parsed"]


def test_output_goes_on_when_no_frame_is_painted(qtbot: QtBot) -> None:
    feeder = Feeder(lambda _data: True)
    feeder.yield_turn()
    feeder.yield_turn()
    feeder.feed(b"x")
    qtbot.waitUntil(lambda: feeder.queued == 0)


def test_what_the_emulator_left_undone_comes_first_and_counts_when_it_is_done(
    qtbot: QtBot,
) -> None:
    given: list[bytes] = []

    def parse(data: bytes) -> bool:
        given.append(data)
        return len(given) % 3 == 0

    feeder = Feeder(parse)
    feeder.feed(b"one")
    feeder.feed(b"two")
    qtbot.waitUntil(lambda: feeder.queued == 0)
    assert given == [b"one", b"", b"", b"two", b"", b""]
    assert feeder.take_consumed() == 6


def test_what_was_left_undone_is_dropped_with_the_rest(qtbot: QtBot) -> None:
    given: list[bytes] = []
    feeder = Feeder(lambda data: given.append(data) is not None)
    feeder.feed(b"one")
    qtbot.waitUntil(lambda: len(given) > 1)
    feeder.clear()
    assert feeder.queued == 0
    assert feeder.take_consumed() == 3
