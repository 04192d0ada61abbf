"""What was delivered to a screen, and which output position its progress stands for. No I/O.

The owner of a screen reports bytes, of output and of snapshots alike; the bytes of a snapshot
have no positions, and stand for the snapshot's own once all of them are on the screen.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MAX_SEGMENTS = 256
"""Stretches that are told apart; beyond it, progress is known at their ends only."""


@dataclass(slots=True)
class _Segment:
    left: int
    """Bytes that are not on the screen yet."""
    end: int
    """The output position that its last byte stands for."""
    counts: bool
    """Whether each of its bytes has a position."""


class Delivered:
    def __init__(self, unrendered: int = 0) -> None:
        """``unrendered``: bytes from a connection before, which will be reported first."""
        self._segments: deque[_Segment] = deque()
        self._position = 0
        if unrendered:
            self._segments.append(_Segment(unrendered, 0, False))

    @property
    def unrendered(self) -> int:
        """Bytes that were delivered and not reported."""
        return sum(one.left for one in self._segments)

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
            first.left -= taken
            count -= taken
            if first.counts:
                position = first.end - first.left
            elif not first.left:
                position = first.end
            if not first.left:
                self._segments.popleft()
        return position

    def _add(self, count: int, end: int, *, counts: bool) -> None:
        if not count:
            return
        self._position = end
        last = self._segments[-1] if self._segments else None
        if last is not None and (last.counts is counts or len(self._segments) >= MAX_SEGMENTS):
            # One with positions that ends in one without has none.
            last.counts = last.counts and counts
            last.left += count
            last.end = end
        else:
            self._segments.append(_Segment(count, end, counts))
