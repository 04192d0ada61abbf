"""Rectangles: copying, filling, erasing, marking, and their checksum.

DECCRA, DECFRA, DECERA, DECSERA, DECCARA, DECRARA, DECSACE, DECRQCRA and XTCHECKSUM. The
edits of one row are in cells.rows. Source: VT420 manual, xterm ctlseqs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from engine.emulator.cells import rows
from engine.emulator.cells.rows import CLUSTER, HALF, WIDE
from engine.emulator.screen import editing
from engine.emulator.screen.modes import Mode
from engine.emulator.screen.work import CELLS, PEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.emulator.cells.rows import Row
    from engine.emulator.cells.style import Style
    from engine.emulator.screen.params import Params
    from engine.emulator.screen.screen import Screen

_POSITIVE: Final = 1
_NO_ATTRIBUTES: Final = 2
_NO_TRIM: Final = 4
_DRAWN: Final = 8
_WHOLE: Final = 16
"""XTCHECKSUM's bits."""
_BLANK: Final = 32
"""What an unmarked blank counts for."""


class Area(NamedTuple):
    """Rows top..bottom and columns left..right, from 0, both ends inside."""

    top: int
    left: int
    bottom: int
    right: int


def _area(screen: Screen, params: Params, at: int = 0) -> Area | None:
    """The rectangle four parameters name, clipped to the screen; None when there is none."""
    origin = Mode.ORIGIN in screen.mode
    top, left = (screen.top, screen.left) if origin else (0, 0)
    bottom, right = (
        (screen.bottom, screen.right) if origin else (screen.lines - 1, screen.columns - 1)
    )
    area = Area(
        max(params.get(at) or 1, 1) - 1 + top,
        max(params.get(at + 1) or 1, 1) - 1 + left,
        min((params.get(at + 2) or screen.lines) - 1 + top, bottom),
        min((params.get(at + 3) or screen.columns) - 1 + left, right),
    )
    return area if area.top <= area.bottom and area.left <= area.right else None


def copy(screen: Screen, params: Params) -> None:
    """DECCRA: source rectangle, page, target's corner, page."""
    source = _area(screen, params)
    if source is None:
        return
    origin = Mode.ORIGIN in screen.mode
    top = (params.get(5) or 1) - 1 + (screen.top if origin else 0)
    left = (params.get(6) or 1) - 1 + (screen.left if origin else 0)
    height = min(source.bottom - source.top + 1, screen.lines - top)
    width = min(source.right - source.left + 1, screen.columns - left)
    if height <= 0 or width <= 0:
        return
    screen.work.steps(_copy(screen, source, (height, width), (top, left)))


def _copy(
    screen: Screen, source: Area, size: tuple[int, int], target: tuple[int, int]
) -> Iterator[None]:
    (height, width), (top, left) = size, target
    parts = []
    for row in screen.rows[source.top : source.top + height]:
        parts.append(rows.part(row, source.left, source.left + width))
        screen.work.add(1)
        yield
    for y, (text, pens, flags) in enumerate(parts, top):
        screen.rows[y] = rows.put(screen.rows[y], left, text, pens[: len(text)], flags)
        screen.work.add(1)
        yield


def fill(screen: Screen, params: Params) -> None:
    """DECFRA: with a character in the current style."""
    code = params.get(0) or 32
    area = _area(screen, params, 1)
    if area is None or not (32 <= code <= 126 or 160 <= code <= 255):
        return
    char = chr(code)
    table = screen.charsets.table()
    if table:
        char = char.translate(table)
    screen.work.steps(_fill(screen, area, char))


def _fill(screen: Screen, area: Area, char: str) -> Iterator[None]:
    width = area.right + 1 - area.left
    for y in range(area.top, area.bottom + 1):
        screen.rows[y] = rows.put(screen.rows[y], area.left, char * width, screen.pen * width)
        screen.work.add(1)
        yield


def erase(screen: Screen, params: Params) -> None:
    """DECERA."""
    if (area := _area(screen, params)) is not None:
        screen.work.steps(_erase(screen, area, selective=False))


def erase_selectively(screen: Screen, params: Params) -> None:
    """DECSERA."""
    if (area := _area(screen, params)) is not None:
        screen.work.steps(_erase(screen, area, selective=True))


def _erase(screen: Screen, area: Area, *, selective: bool) -> Iterator[None]:
    # DECSERA knows only DECSCA's protection, unlike DECSED and DECSEL in xterm; DECERA knows none.
    protects = selective and not screen.iso_protection
    start, end = area.left, area.right + 1
    for y in range(area.top, area.bottom + 1):
        if protects:
            editing.erase(screen, y, start, end, selective=True)
        else:
            editing.erase_cells(screen, y, start, end)
        screen.work.add(1)
        yield


def set_extent(screen: Screen, params: Params) -> None:
    """DECSACE: 2 means exact rectangles for marking, otherwise streams of text."""
    screen.exact_rectangles = params.get(0) == 2


def mark(screen: Screen, params: Params) -> None:
    """DECCARA: change bold, underline, blink, reverse and conceal."""
    _restyle(screen, params, _marked)


def reverse_marks(screen: Screen, params: Params) -> None:
    """DECRARA: invert them."""
    _restyle(screen, params, _reversed)


def _marked(style: Style, codes: list[int]) -> Style:
    for code in codes:
        match code:
            case 0:
                style = style._replace(
                    bold=False, underline=0, blink=False, reverse=False, conceal=False
                )
            case 1 | 22:
                style = style._replace(bold=code == 1)
            case 4 | 24:
                style = style._replace(underline=int(code == 4))
            case 5 | 25:
                style = style._replace(blink=code == 5)
            case 7 | 27:
                style = style._replace(reverse=code == 7)
            case 8 | 28:
                style = style._replace(conceal=code == 8)
    return style


def _reversed(style: Style, codes: list[int]) -> Style:
    for code in codes:
        if code in (0, 1):
            style = style._replace(bold=not style.bold)
        if code in (0, 4):
            style = style._replace(underline=int(not style.underline))
        if code in (0, 5):
            style = style._replace(blink=not style.blink)
        if code in (0, 7):
            style = style._replace(reverse=not style.reverse)
        if code in (0, 8):
            style = style._replace(conceal=not style.conceal)
    return style


def _restyle(screen: Screen, params: Params, change: Callable[[Style, list[int]], Style]) -> None:
    area = _area(screen, params)
    if area is not None:
        screen.work.steps(_restyled(screen, area, change, params.all()[4:] or [0]))


def _restyled(
    screen: Screen, area: Area, change: Callable[[Style, list[int]], Style], codes: list[int]
) -> Iterator[None]:
    # One new pen for each old one, however many cells.
    changed: dict[str, str] = {}
    for y in range(area.top, area.bottom + 1):
        left = area.left if screen.exact_rectangles or y == area.top else 0
        right = area.right if screen.exact_rectangles or y == area.bottom else screen.columns - 1
        text, pens, flags = screen.rows[y]
        if screen.exact_rectangles and len(text) <= right:
            text, pens, flags = rows.fit((text, pens, flags), right + 1)
        end = min(right + 1, len(text))
        span = pens[left:end]
        unknown = set(span) - changed.keys()
        for pen in unknown:
            changed[pen] = screen.pens.pen(change(screen.pens.style(pen), codes))
        new = "".join(map(changed.__getitem__, span))
        screen.rows[y] = (text, pens[:left] + new + pens[end:], flags)
        screen.work.add(4 + len(span) // CELLS + PEN * len(unknown))
        yield


def set_checksum(screen: Screen, params: Params) -> None:
    """XTCHECKSUM: how DECRQCRA counts."""
    screen.checksum_extension = params.get(0) & 31


def checksum(screen: Screen, params: Params) -> None:
    """DECRQCRA: a sum over the cells, by which tests check what is on the screen."""
    screen.work.steps(_summed(screen, params.get(0), _area(screen, params, 2)))


def _summed(screen: Screen, request: int, area: Area | None) -> Iterator[None]:
    total = 0
    if area is not None:
        how = screen.checksum_extension
        # What each pen adds to its cells, however many.
        extras: dict[str, int] = {}
        for row in screen.rows[area.top : area.bottom + 1]:
            total += _row_sum(screen, row, area, extras)
            screen.work.add(4 + (area.right + 1 - area.left) // CELLS)
            yield
        if not how & _POSITIVE:
            total = -total
    screen.answer(f"\x1bP{request}!~{total & 0xFFFF:04X}\x1b\\")


def _row_sum(screen: Screen, row: Row, area: Area, extras: dict[str, int]) -> int:
    """Of one row's part. Blanks at its end do not count, except the first cell and marked ones."""
    how = screen.checksum_extension
    text, pens, flags = row
    codes = text[area.left : area.right + 1]
    if not codes and not how & _NO_TRIM:
        return _BLANK if how & _DRAWN else 0
    marks = pens[area.left : area.left + len(codes)]
    if flags & CLUSTER:
        whole = screen.clusters.whole
        codes = "".join([whole(code)[0] for code in codes])
    total = sum(map(ord, codes))
    if not how & _WHOLE and not codes.isascii():
        total = sum([ord(code) & 0xFF for code in codes])
    trimmed = codes.rstrip(" ")
    kept = len(trimmed)
    if not how & _NO_ATTRIBUTES:
        for pen in set(marks) - extras.keys():
            extras[pen] = _extra(screen.pens.style(pen))
        if flags & WIDE:
            # The right half of a wide character has the pen of the left one, and counts for none.
            marks = "".join([pen for code, pen in zip(codes, marks, strict=True) if code != HALF])
        added = list(map(extras.__getitem__, marks))
        total += sum(added)
        blanks = len(codes) - kept
        if blanks and any(added[-blanks:]):
            last = max(at for at, extra in enumerate(added[-blanks:]) if extra)
            kept += last + 1
    if how & _NO_TRIM:
        return total + _BLANK * (area.right + 1 - area.left - len(codes))
    return total - _BLANK * (len(codes) - max(kept, 1))


def _extra(style: Style) -> int:
    return (
        (style.protected and 0x04)
        + (style.conceal and 0x08)
        + (0x10 if style.underline else 0)
        + (style.reverse and 0x20)
        + (style.blink and 0x40)
        + (style.bold and 0x80)
    )


CSI: dict[str, Callable[[Screen, Params], None]] = {
    "$v": copy,
    "$x": fill,
    "$z": erase,
    "${": erase_selectively,
    "$r": mark,
    "$t": reverse_marks,
    "*x": set_extent,
    "*y": checksum,
    "#y": set_checksum,
}
