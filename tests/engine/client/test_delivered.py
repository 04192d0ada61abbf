"""Progress on a screen as positions of the output, with snapshots between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.client.delivered import MAX_SEGMENTS, Delivered


def test_output_counts_byte_by_byte() -> None:
    delivered = Delivered()
    delivered.begin(100)
    delivered.output(10)
    delivered.output(5)
    assert [delivered.rendered(count) for count in (3, 9, 3)] == [103, 112, 115]
    assert delivered.unrendered == 0


def test_a_snapshot_stands_for_its_position_once_all_of_it_is_on_the_screen() -> None:
    delivered = Delivered()
    delivered.output(10)
    delivered.screen(2, 500)
    delivered.screen(30, 500)
    delivered.output(4)
    assert delivered.rendered(20) == 10
    assert delivered.rendered(21) == 0
    assert delivered.rendered(1) == 500
    assert delivered.rendered(3) == 503


def test_nothing_of_a_snapshot_does_not_move_the_position() -> None:
    delivered = Delivered()
    delivered.begin(70)
    delivered.screen(0, 0)
    delivered.output(1)
    assert delivered.rendered(1) == 71


def test_what_came_over_the_connection_before_is_reported_first() -> None:
    before = Delivered()
    before.output(40)
    before.rendered(15)
    after = Delivered(before.unrendered)
    after.begin(40)
    after.output(10)
    assert after.rendered(25) == 0
    assert after.rendered(4) == 44


def test_reports_beyond_what_was_delivered_change_nothing() -> None:
    delivered = Delivered()
    delivered.output(5)
    assert delivered.rendered(1000) == 5
    assert delivered.rendered(7) == 0


@pytest.mark.parametrize("sizes", [(1, 1), (0, 3)])
def test_memory_is_bounded_whatever_a_host_sends(sizes: tuple[int, int]) -> None:
    delivered = Delivered()
    for number in range(MAX_SEGMENTS * 4):
        delivered.screen(2, number * 10)
        delivered.screen(sizes[0], number * 10)
        delivered.output(sizes[1])
    total = delivered.unrendered
    assert total == MAX_SEGMENTS * 4 * (2 + sum(sizes))
    # At the end the position is exact again.
    assert delivered.rendered(total) == (MAX_SEGMENTS * 4 - 1) * 10 + sizes[1]


parts = st.lists(
    st.one_of(
        st.tuples(st.just("output"), st.integers(1, 50)),
        st.tuples(st.just("screen"), st.integers(1, 50)),
    ),
    max_size=30,
)


@given(parts, st.lists(st.integers(1, 60)))
def test_no_position_is_reported_before_its_bytes(
    sent: list[tuple[str, int]], reports: list[int]
) -> None:
    delivered = Delivered()
    position, ends = 0, []  # bytes delivered so far, and the position they complete
    for kind, count in sent:
        before = ends[-1][0] if ends else 0
        if kind == "output":
            delivered.output(count)
            ends += [(before + byte, position + byte) for byte in range(1, count + 1)]
            position += count
        else:
            position += 1000
            delivered.screen(count, position)
            ends.append((before + count, position))
    shown = 0
    for count in reports:
        shown += count
        known = max((at for end, at in ends if end <= shown), default=0)
        assert delivered.rendered(count) <= known
    total = ends[-1][0] if ends else 0
    if shown < total:
        assert delivered.rendered(total - shown) == position
