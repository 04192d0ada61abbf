"""A row of cells, and every edit of one.

A row is an immutable tuple ``(text, pens, flags)`` with one code
point per cell in ``text`` ("\\0" for the right half of a wide character, a private
one for a cluster) and one per cell in ``pens``. ``pens`` may be longer than
``text``: what is beyond means nothing. Cells beyond ``text`` are blank in the
default pen. Rows are never changed, so a row's identity is its version and
history, snapshots and caches may share it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

COMPILED: Final = __file__.endswith((".so", ".pyd"))
"""Whether this is the compiled form of the emulator (scripts/compiled.py)."""
if COMPILED:  # noqa: SIM108  # a type's name is no expression
    # The compiler takes a tuple of known shape apart, and rows have an identity to keep.
    Row = tuple[Any, ...]
else:
    Row = tuple[str, str, int]

WIDE: Final = 1
"""The text may hold right halves of wide characters."""
CLUSTER: Final = 2
"""The text may hold private code points that stand for clusters."""
WRAPPED: Final = 4
"""The text goes on in the next row."""
PROMPT: Final = 8
"""A prompt starts here (OSC 133)."""
SPACER: Final = 16
"""The last cell is blank because a wide character did not fit. It means something only in a row
that is WRAPPED and full: with the default pen that cell is left out instead."""

DEFAULT_PEN: Final = "\0"
HALF: Final = "\0"
"""The right half of a wide character, in a row's text."""
BLANK: Final[Row] = ("", "", 0)


def blank(columns: int, pen: str) -> Row:
    """A row erased with ``pen``, an erasing one: the default pen needs no cells."""
    return BLANK if pen == DEFAULT_PEN else (" " * columns, pen * columns, 0)


def put(row: Row, x: int, text: str, pens: str, flags: int = 0) -> Row:
    """Cells from ``x`` on replaced. Halves of wide characters left over become blank."""
    old, old_pens, old_flags = row
    length, end = len(old), x + len(text)
    if old_flags & WIDE:
        if 0 < x < length and old[x] == HALF:
            old = f"{old[: x - 1]} {old[x:]}"
        if end < length and old[end] == HALF:
            old = f"{old[:end]} {old[end + 1 :]}"
    if x <= length:
        return (
            old[:x] + text + old[end:],
            old_pens[:x] + pens + old_pens[end:],
            old_flags | flags,
        )
    gap = x - length
    return (
        old + " " * gap + text,
        old_pens[:length] + DEFAULT_PEN * gap + pens,
        old_flags | flags,
    )


def erase(row: Row, start: int, end: int, columns: int, pen: str) -> Row:
    """Cells start..end-1 blank in ``pen``; erasing up to the edge ends a wrapped line."""
    if end < columns or pen != DEFAULT_PEN:
        if pen == DEFAULT_PEN:
            # What is beyond the text is blank, and stays no text.
            if start >= len(row[0]):
                return row
            end = min(end, len(row[0]))
        text, pens, flags = put(row, start, " " * (end - start), pen * (end - start))
        return text, pens, (flags & ~WRAPPED if end >= columns else flags)
    text, pens, flags = row
    if start >= len(text):
        return row if not flags & WRAPPED else (text, pens, flags & ~WRAPPED)
    if start == 0:
        return BLANK if not flags & PROMPT else ("", "", PROMPT)
    if text[start] == HALF:
        return f"{text[: start - 1]} ", pens, flags & ~WRAPPED
    return text[:start], pens, flags & ~WRAPPED


def fit(row: Row, columns: int) -> Row:
    """Exactly ``columns`` cells of text and pens; a wide character cut in half is blank."""
    text, pens, flags = row
    length = len(text)
    if length < columns:
        gap = columns - length
        return text + " " * gap, pens[:length] + DEFAULT_PEN * gap, flags
    return sever(row, columns)[0][:columns], pens[:columns], flags


def sever(row: Row, x: int) -> Row:
    """Blank both halves of the wide character that ``x`` would cut, if there is one."""
    text, pens, flags = row
    if flags & WIDE and 0 < x < len(text) and text[x] == HALF:
        return f"{text[: x - 1]}  {text[x + 1 :]}", pens, flags
    return row


def insert(row: Row, x: int, right: int, count: int, pen: str) -> Row:
    """``count`` blank cells at ``x``; cells up to ``right`` move, the last ones are lost."""
    count = min(count, right + 1 - x)
    if x >= len(row[0]) and pen == DEFAULT_PEN:
        return row
    for edge in (x, right + 1 - count, right + 1):
        row = sever(row, edge)
    text, pens, flags = row if len(row[0]) >= x else fit(row, x)
    keep = right + 1 - count
    return (
        text[:x] + " " * count + text[x:keep] + text[right + 1 :],
        pens[:x] + pen * count + pens[x : min(keep, len(text))] + pens[right + 1 : len(text)],
        flags,
    )


def delete(row: Row, x: int, right: int, count: int, pen: str) -> Row:
    """``count`` cells at ``x`` taken out; blanks come in at ``right``."""
    count = min(count, right + 1 - x)
    for edge in (x, x + count, right + 1):
        row = sever(row, edge)
    text, pens, flags = row
    if len(text) <= right and pen == DEFAULT_PEN:
        return text[:x] + text[x + count :], pens[:x] + pens[x + count :], flags
    text, pens, flags = fit(row, max(right + 1, len(text)))
    return (
        text[:x] + text[x + count : right + 1] + " " * count + text[right + 1 :],
        pens[:x] + pens[x + count : right + 1] + pen * count + pens[right + 1 :],
        flags,
    )


def part(row: Row, start: int, end: int) -> tuple[str, str, int]:
    """Cells start..end-1 to be put elsewhere: text, pens and flags; halves are blanked."""
    row = sever(sever(row, start), end)
    text, pens, flags = row if len(row[0]) >= end else fit(row, end)
    return text[start:end], pens[start:end], flags & (WIDE | CLUSTER)


def erase_unprotected(
    row: Row, start: int, end: int, pen: str, protected: Iterable[str], columns: int
) -> Row:
    """As erase(), leaving the cells alone whose pen is one of ``protected``."""
    pens = row[1]
    at = start
    for x in range(start, min(end, len(row[0]))):
        if pens[x] in protected:
            if x > at:
                row = put(row, at, " " * (x - at), pen * (x - at))
            at = x + 1
    return erase(row, at, end, columns, pen) if at < end else row
