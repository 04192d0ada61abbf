"""Which line is which after another width: lines are named by ``scrolled``, and rows change."""

from __future__ import annotations


class Renamed:
    """Of the last change of the width. ``times`` counts them all."""

    def __init__(self) -> None:
        self.times = 0
        self._before = self._after = 0
        self._rows: list[int] = []

    def wrapped(self, before: int, after: int, rows: list[int]) -> None:
        """The rows from the name ``before`` on are now in these rows from the name ``after`` on."""
        self.times += 1
        self._before, self._after, self._rows = before, after, rows

    def now(self, name: int) -> int:
        """The name of the row in which the text of a row begins that had this name before."""
        if not self._rows:
            return name
        index = max(0, min(name - self._before, len(self._rows) - 1))
        return self._after + self._rows[index]
