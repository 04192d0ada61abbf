"""The size at each position of the output."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.core.model import Size
from engine.shells.size_log import MOST, SizeLog

FIRST = Size(80, 24)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 50)), max_size=30), st.integers(0, 200)
)
def test_the_size_at_a_position_is_the_last_one_up_to_it(
    changes: list[tuple[int, int]], forgotten: int
) -> None:
    log, at, sizes = SizeLog(FIRST), 0, [(-1, FIRST)]
    for step, cols in changes:
        at += step
        log.add(at, Size(cols, 24), "ann")
        sizes.append((at, Size(cols, 24)))
    log.forget_before(forgotten)
    for position in range(forgotten, at + 2):
        assert log.at(position) == [size for where, size in sizes if where <= position][-1]
    number = log.number_from(forgotten)
    seen = []
    while (change := log.next(number)) is not None:
        seen.append((change.at, change.size))
        number = change.number + 1
    assert seen == [(where, size) for where, size in sizes[1:] if where >= forgotten]
    assert number == log.count == len(changes)


def test_a_silent_programs_sizes_are_bounded_and_who_lacks_some_can_tell() -> None:
    log = SizeLog(FIRST)
    for number in range(MOST + 10):
        log.add(7, Size(80 + number, 24), "ann")
    assert log.forgotten == 10
    assert log.at(0) == Size(89, 24)
    assert log.at(7) == Size(80 + MOST + 9, 24)
    first = log.next(0)
    assert first is not None
    assert first.number == 10
