"""What waits to be written: its bound, its order, and gaps."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from engine.shells.asciicast import INPUT, MARKER, OUTPUT, RESIZE
from engine.shells.backlog import ENTRY_BYTES, Backlog, Entry

LIMIT = 10 * (ENTRY_BYTES + 10)
EVERYTHING = 1 << 30


def written(backlog: Backlog, limit: int = EVERYTHING) -> list[Entry]:
    taken = backlog.take(limit)
    backlog.wrote(taken)
    return taken


def test_events_come_out_as_they_went_in() -> None:
    backlog = Backlog()
    events = [Entry(0, OUTPUT, b"a"), Entry(1, RESIZE, b"1x1"), Entry(2, MARKER, b"x")]
    assert not any(backlog.add(*event) for event in events)
    assert backlog.take(1) == events[:1]
    assert backlog.take(EVERYTHING) == events[1:]
    assert backlog.waiting == 3 * ENTRY_BYTES + 5
    backlog.wrote(events)
    assert backlog.waiting == 0
    assert backlog.take(1) == []


def test_a_gap_says_what_is_missing_and_where_it_began() -> None:
    backlog = Backlog(LIMIT)
    for n in range(10):
        assert not backlog.add(n, OUTPUT, b"0123456789")
    assert backlog.add(10, OUTPUT, b"abc")
    assert not backlog.add(11, OUTPUT, b"de")
    assert not backlog.add(12, INPUT, b"x")
    assert not backlog.add(12, MARKER, b"x")
    assert not backlog.add(13, RESIZE, b"5x5")
    assert not backlog.add(14, RESIZE, b"6x6")
    assert len(written(backlog)) == 10
    assert not backlog.add(15, OUTPUT, b"on")
    text = b"Gap: 5 bytes of output, 1 bytes of input, 1 markers missing"
    assert written(backlog) == [
        Entry(10, MARKER, text),
        Entry(14, RESIZE, b"6x6"),
        Entry(15, OUTPUT, b"on"),
    ]


def test_a_gap_ends_only_when_there_is_room_for_more_than_one_event() -> None:
    backlog = Backlog(LIMIT)
    for n in range(10):
        backlog.add(n, OUTPUT, b"0123456789")
    assert backlog.add(10, OUTPUT, b"x")
    written(backlog, 1)
    assert not backlog.add(11, OUTPUT, b"x")
    assert len(written(backlog)) == 9
    assert not backlog.add(12, OUTPUT, b"x")
    assert len(written(backlog)) == 2


def test_the_end_of_a_gap_can_be_asked_for() -> None:
    backlog = Backlog(ENTRY_BYTES)
    backlog.end_gap()
    assert backlog.add(0, OUTPUT, b"x")
    backlog.end_gap()
    assert written(backlog) == [Entry(0, MARKER, b"Gap: 1 bytes of output missing")]
    # The size alone is no loss.
    assert backlog.add(1, RESIZE, b"100x100")
    backlog.end_gap()
    assert written(backlog) == [Entry(1, RESIZE, b"100x100")]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from([OUTPUT, RESIZE, MARKER]), st.binary(max_size=300)),
            st.integers(1, 3000),
        )
    )
)
def test_every_byte_is_there_or_counted_and_memory_is_bounded(
    steps: list[tuple[str, bytes] | int],
) -> None:
    backlog = Backlog(LIMIT)
    out: list[Entry] = []
    total = 0
    for at, step in enumerate(steps):
        if isinstance(step, int):
            out += written(backlog, step)
            continue
        kind, data = step
        backlog.add(at, kind, data)
        total += len(data) if kind == OUTPUT else 0
        assert backlog.waiting <= LIMIT
    backlog.end_gap()
    out += written(backlog)
    assert backlog.waiting == 0
    kept = sum(len(entry.data) for entry in out if entry.kind == OUTPUT)
    gaps = [re.match(rb"Gap: (\d+) bytes of output", e.data) for e in out if e.kind == MARKER]
    assert kept + sum(int(gap[1]) for gap in gaps if gap) == total
    times = [entry.seconds for entry in out]
    assert times == sorted(times)
