"""Pens: every style in use, each by one code point.

Also the SGR results seen so far. The table from style to code point and back is in codes,
the meaning of SGR in sgr.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.emulator.cells import sgr
from engine.emulator.cells.codes import Codes
from engine.emulator.cells.memory import SHARED, Table
from engine.emulator.cells.rows import DEFAULT_PEN
from engine.emulator.cells.style import DEFAULT_STYLE, Style

if TYPE_CHECKING:
    from engine.emulator.cells.pictures import Picture

MAX_PENS: Final = 60_000
"""Pens at one time; a BMP code point each. Beyond it, unused ones are collected."""
MAX_STEPS: Final = 20_000
"""SGR results remembered; all are forgotten beyond it."""
MAX_PENS_WITH_STEPS: Final = 4096
"""Pens whose steps are remembered, the same way: more would take too long to forget at once."""
NEAR_FULL: Final = MAX_PENS * 3 // 4
"""From here on, those in use are searched for, a few rows per feed."""

_RESETS: Final = frozenset({"", "0"})

MAX_RUNS: Final = 12_000
"""Runs remembered; all is forgotten beyond it, and earlier when other terminals need the room."""


class Steps:
    """What SGRs lead to from one pen, or from any of a group of pens.

    ``after`` has parameter text to the pen it leads to and that pen's own steps. ``runs`` has the
    same with the text after it: an SGR and its text as they came, to how many cells, the pen, its
    steps, the cells, as many times the pen, and the flags a row needs. ``rest`` is what the
    styles of all pens that share these steps have in common.
    """

    __slots__ = ("after", "rest", "runs")

    def __init__(self, rest: tuple[object, ...] = ()) -> None:
        self.rest = rest
        self.after: dict[str, tuple[str, Steps]] = {}
        self.runs: dict[str, Run] = {}

    def clear(self) -> None:
        self.after.clear()
        self.runs.clear()


Run = tuple[int, str, Steps, str, str, int]


class _Remembered:
    """What can be forgotten at any time. It refers to no pens: it may outlive them for a while."""

    def __init__(self) -> None:
        self.steps: dict[str, Steps] = {}
        """By pen."""
        self.shared: dict[tuple[object, ...], Steps] = {}
        """Results of SGRs that set both colors, by the rest of the style."""
        self.results = self.runs = 0

    def clear(self) -> None:
        self.results = self.runs = 0
        for steps in (*self.steps.values(), *self.shared.values()):
            steps.clear()
        self.steps.clear()
        self.shared.clear()


class Pens:
    """``style(pen)`` and ``pen(style)``. Pen "\\0" is the default style."""

    def __init__(self) -> None:
        self._codes: Codes[Style] = Codes(0, MAX_PENS)
        self.protected: set[str] = set()
        """Pens of protected cells."""
        self._known = _Remembered()
        self._steps, self._shared = self._known.steps, self._known.shared
        self._table = Table(self._known.clear, SHARED)
        self._erasing: dict[str, str] = {}
        self.pen(DEFAULT_STYLE)

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def near_full(self) -> bool:
        return len(self) > NEAR_FULL

    def style(self, pen: str) -> Style:
        return self._codes.value(pen) or DEFAULT_STYLE

    def copy(self) -> list[Style | None]:
        """The styles of now, by pen, for as long as the caller wants."""
        return self._codes.copy()

    def pen(self, style: Style) -> str:
        """The pen of ``style``, or of a plainer one when there are too many."""
        pen = self._codes.code(style)
        if not pen:
            plain = style._replace(
                fg=sgr.nearest(style.fg), bg=sgr.nearest(style.bg), underline_color=-1, link=0
            )
            return self._codes.get(plain) or DEFAULT_PEN
        if style.protected:
            self.protected.add(pen)
        return pen

    def steps(self, pen: str) -> Steps:
        """What SGR leads to from ``pen``, as far as known; step() fills it."""
        found = self._steps.get(pen)
        if found is None:
            if len(self._steps) >= MAX_PENS_WITH_STEPS:
                self._table.forget()
            self._table.grew()
            found = self._steps[pen] = Steps()
        return found

    def remember_run(self, steps: Steps, piece: str, run: Run) -> None:
        """``run`` is what ``piece`` leads to wherever ``steps`` are those of the pen."""
        self._known.runs += 1
        if self._known.runs > MAX_RUNS:
            self._table.forget()
        self._table.grew()
        steps.runs[piece] = run

    def step(self, pen: str, parameters: str, key: str) -> tuple[str, Steps]:
        """The pen after ``CSI parameters m``, remembered under ``key``."""
        steps = self.steps(pen)
        found = self.two_colors(pen, key, steps) if key[:4] == "[38;" else steps.after.get(key)
        if found is not None:
            return found
        self._remember()
        style = self.style(pen)
        after = self.pen(sgr.apply(style, parameters))
        found = self.steps(pen).after[key] = after, self.steps(after)
        if parameters in _RESETS and style[2:] in self._shared:
            self._shared[style[2:]].after[key] = found
        return found

    def two_colors(self, pen: str, key: str, steps: Steps) -> tuple[str, Steps] | None:
        """The same where ``key`` sets both colors and no more; None for any other.

        Whatever the colors were: one table for all pens that differ in nothing else.
        """
        pair = sgr.two_colors(key)
        if pair is None:
            return steps.after.get(key)
        rest = steps.rest or self.style(pen)[2:]
        shared = self._shared.get(rest)
        if shared is None:
            shared = self._shared[rest] = Steps(rest)
        found = shared.after.get(key)
        if found is None:
            self._remember()
            style = tuple.__new__(Style, pair + rest)
            found = shared.after[key] = self.pen(style), shared
        return found

    def _remember(self) -> None:
        """Count one more result; beyond the bound all are forgotten."""
        self._known.results += 1
        if self._known.results > MAX_STEPS:
            self._table.forget()
        self._table.grew()

    def erasing(self, pen: str) -> str:
        """The pen of cells erased while ``pen`` is selected: its background only ("bce")."""
        found = self._erasing.get(pen)
        if found is None:
            found = self.pen(Style(bg=self.style(pen).bg))
            if len(self._erasing) > MAX_STEPS:
                self._erasing.clear()
            self._erasing[pen] = found
        return found

    # -- sweeping: all pens that no row has are freed, some at a time

    def begin_sweep(self, used: set[str]) -> None:
        """From now on sweep() frees all pens but ``used``, taken over, and those asked for."""
        used.add(DEFAULT_PEN)
        self._codes.begin_sweep(used)
        # What is asked for must be seen to be.
        self._table.forget()
        self._erasing.clear()

    def sweep(self, count: int) -> bool:
        """Check so many more; True when none was left, and it is done."""
        freed = self._codes.sweep(count)
        if freed:
            self.protected.difference_update(freed)
        return freed is None

    def links(self) -> set[int]:
        """The hyperlinks some pen refers to."""
        return {style.link for style in self._codes.values()}

    def pictures(self) -> set[Picture]:
        """The pictures some pen refers to."""
        return {style.strip.picture for style in self._codes.values() if style.strip is not None}
