"""What was delivered to a screen, and which output position its progress stands for. No I/O.

The owner of a screen reports bytes, of output and of snapshots alike; the bytes of a snapshot
have no positions, and stand for the snapshot's own once all of them are on the screen.
"""

from __future__ import annotations

from collections import deque

MAX_SEGMENTS = 256
"""Stretches that are told apart; beyond it, progress is known at their ends only."""


class _Segment:
    """``left`` bytes that are not on the screen yet, the last of which stands for the output
    position ``end``; ``counts``: each of them has one."""

    __slots__ = ("_counts", "_end", "_left")

    def __init__(self, left: int, end: int, *, counts: bool) -> None:
        self._left, self._end, self._counts = left, end, counts

    @property
    def left(self) -> int:
        return self._left

    @property
    def counts(self) -> bool:
        return self._counts

    def take(self, count: int) -> int:
        """So many are on the screen: the position that they stand for, 0 for none."""
        self._left -= count
        return self._end - self._left if self._counts or not self._left else 0

    def extend(self, count: int, end: int, *, counts: bool) -> None:
        # One with positions that ends in one without has none.
        self._left, self._end, self._counts = self._left + count, end, self._counts and counts


class Delivered:
    def __init__(self, unrendered: int = 0) -> None:
        """``unrendered``: bytes from a connection before, which will be reported first."""
        self._segments: deque[_Segment] = deque()
        self._position = 0
        self._unrendered = unrendered
        if unrendered:
            self._segments.append(_Segment(unrendered, 0, counts=False))

    @property
    def unrendered(self) -> int:
        """Bytes that were delivered and not reported."""
        return self._unrendered

    def begin(self, position: int) -> None:
        """Output goes on at ``position``."""
        self._position = position

    def output(self, count: int) -> None:
        self._add(count, self._position + count, counts=True)

    def screen(self, count: int, at: int) -> None:
        """Bytes of the snapshot at the position ``at``."""
        self._add(count, at, counts=False)

    def rendered(self, count: int) -> int:
        """``count`` more bytes are on the screen: the position before which all output is."""
        position = 0
        while count > 0 and self._segments:
            first = self._segments[0]
            taken = min(count, first.left)
            count -= taken
            self._unrendered -= taken
            position = first.take(taken) or position
            if not first.left:
                self._segments.popleft()
        return position

    def _add(self, count: int, end: int, *, counts: bool) -> None:
        if not count:
            return
        self._position = end
        self._unrendered += count
        last = self._segments[-1] if self._segments else None
        if last is not None and (last.counts is counts or len(self._segments) >= MAX_SEGMENTS):
            last.extend(count, end, counts=counts)
        else:
            self._segments.append(_Segment(count, end, counts=counts))
