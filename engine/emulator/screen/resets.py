"""Back to defaults: RIS, DECSTR and the conformance level (DECSCL), which is one of them.

Source: xterm ctlseqs, DEC STD 070.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.emulator.cells.charsets import Charsets
from engine.emulator.cells.rows import DEFAULT_PEN
from engine.emulator.screen.modes import DEFAULT_MODES, NARROW_COLUMNS, Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator.screen.params import Params
    from engine.emulator.screen.screen import Screen

_LOWEST_LEVEL: Final = 1
_HIGHEST_LEVEL: Final = 5
_UNTOUCHED: Final = frozenset(
    {Mode.REVERSE_SCREEN, Mode.BRACKETED_PASTE, Mode.FOCUS_REPORTS}
    | {Mode.ALLOW_132, Mode.COLUMNS_132}
)
"""Modes that a soft reset leaves as they are."""


def full_reset(screen: Screen) -> None:
    """RIS."""
    wide = Mode.COLUMNS_132 in screen.mode
    screen.reset()
    if wide:
        screen.host.resize(screen.lines, NARROW_COLUMNS)


def soft_reset(screen: Screen) -> None:
    """DECSTR: modes, margins, style and saved cursor; text and cursor stay."""
    screen.mode = set(DEFAULT_MODES) | (screen.mode & _UNTOUCHED)
    screen.reset_margins()
    screen.pen = DEFAULT_PEN
    screen.link = 0
    screen.iso_protection = False
    screen.charsets, screen.single_shift = Charsets(), None
    screen.page.saved = None
    screen.page.keyboard[:] = [0]
    screen.key_options.clear()
    screen.key_formats.clear()
    screen.use_default_cursor()
    screen.exact_rectangles = False
    screen.refresh()


def set_level(screen: Screen, params: Params) -> None:
    """DECSCL."""
    level = params.get(0) - 60
    if _LOWEST_LEVEL <= level <= _HIGHEST_LEVEL:
        screen.level = level
        screen.eight_bit = params.get(1) in (0, 2)
        soft_reset(screen)


def seven_bits(screen: Screen) -> None:
    """S7C1T."""
    screen.eight_bit = False


def eight_bits(screen: Screen) -> None:
    """S8C1T, remembered for DECRQSS. Answers stay in seven bits: every program reads those, and
    an eight-bit control by itself is not valid UTF-8, which is what goes over the wire."""
    screen.eight_bit = True


CSI: dict[str, Callable[[Screen, Params], None]] = {'"p': set_level}
