"""A QR code as text: two modules in one character."""

from __future__ import annotations

import segno

QUIET = 2
"""Width of the light border in modules. ISO/IEC 18004 wants 4, and cameras need less; the code
must fit into a terminal of 80 by 24 cells."""
_COLORS = "\x1b[38;5;16;48;5;231m"
"""Black on white in every theme."""
_HALVES = {(0, 0): " ", (0, 1): "▄", (1, 0): "▀", (1, 1): "█"}


def qr_lines(text: str) -> list[str]:
    """Lines with their colors (SGR). Raises ValueError for a text that is too long."""
    rows = [tuple(map(int, row)) for row in segno.make(text, error="l", micro=False).matrix]
    width = len(rows[0]) + 2 * QUIET
    blank = (0,) * width
    rows = [blank] * QUIET + [(0,) * QUIET + row + (0,) * QUIET for row in rows] + [blank] * QUIET
    if len(rows) % 2:
        rows.append(blank)
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return [
        f"{_COLORS}{''.join(_HALVES[pair] for pair in zip(upper, lower, strict=True))}\x1b[m"
        for upper, lower in pairs
    ]


def qr_width(lines: list[str]) -> int:
    """In cells."""
    return len(lines[0]) - len(_COLORS) - len("\x1b[m")
