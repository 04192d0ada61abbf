"""How much of its input the emulator does in one go, and the rest of what is too large for that.

The unit, the bound, and the queue of what is left of a sequence. What does the work adds
what it costs. The stream checks the bound between two sequences; within a sequence only what
runs in ``steps`` can be interrupted.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE: Final = 800
"""Units of work done before the caller of feed_some() gets control back: some three milliseconds
in the source form, one compiled. A unit is about what editing one row takes, or reading a
sequence that is not among the common ones."""
CELLS: Final = 8
"""Cells examined one by one in a unit."""
CHARACTERS: Final = 64
"""Characters of input that count as a unit, whatever they are."""
CLUSTERS: Final = 2
"""Characters that are a unit where they may share cells."""
STRING: Final = 8
"""Units of an OSC or DCS string, besides its characters."""
LINE: Final = 2
"""Units of a line that is printed with others, but not all at once."""
STYLE: Final = 8
"""Units of an SGR that has not come before."""
PEN: Final = 8
"""Units of making a pen of another one."""


class Work:
    """``done`` counts units since the last begin()."""

    def __init__(self) -> None:
        self.done = 0
        self._left: deque[Iterator[None]] = deque()

    def begin(self) -> None:
        self.done = 0

    def add(self, units: int) -> None:
        self.done += units

    @property
    def over(self) -> bool:
        """Whether enough was done for once."""
        return self.done >= AT_ONCE

    @property
    def waits(self) -> bool:
        """Whether some of a sequence is left to do. Nothing may come before it."""
        return bool(self._left)

    def steps(self, steps: Iterator[None]) -> None:
        """Work in steps of a row each, which add to ``done``: as many now as the bound allows."""
        self._left.append(steps)
        self.go_on()

    def go_on(self) -> None:
        """Do what is left, as far as the bound allows."""
        while self._left and self.done < AT_ONCE:
            self._step()

    def finish(self) -> None:
        """Do all that is left: the rows it is about are going to change."""
        while self._left:
            self._step()

    def drop(self) -> None:
        self._left.clear()

    def _step(self) -> None:
        try:
            next(self._left[0])
        except StopIteration:
            self._left.popleft()
        except Exception:
            self._left.popleft()
            raise
