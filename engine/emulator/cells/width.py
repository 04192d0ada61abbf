"""How many cells a character takes, and which characters share a cell.

The one answer used by everything in the emulator. wcwidth has the Unicode tables; this
puts them into forms that are fast to query.
Source: UAX #29 (grapheme clusters), UTS #51 (emoji), terminal mode 2027.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from wcwidth import wcwidth

JOINER: Final = "\u200d"
EMOJI_STYLE: Final = "\ufe0f"
"""VS16: the character before it is shown as an emoji, so it is wide."""

_PICTOGRAPHS: Final = (
    "\xa9\xae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf"
    "\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa"
    "\U0001f400-\U0001faff"
)
_PICTOGRAPH: Final = re.compile(f"[{_PICTOGRAPHS}]")
_EMOJI: Final = re.compile(f"[\U0001f3fb-\U0001f3ff]|{JOINER}[{_PICTOGRAPHS}]")
"""After a pictograph: what makes an emoji of it, also where no style is given."""
_KEYCAP_BASES: Final = frozenset("#*0123456789")
_FLAG_LETTERS: Final = re.compile("[\U0001f1e6-\U0001f1ff]")
_TONES: Final = re.compile("[\U0001f3fb-\U0001f3ff]")

BEYOND: Final = "\x01"
"""In CELLS: a character that may share its neighbour's cell, to be examined."""


@lru_cache(maxsize=8192)
def width(char: str) -> int:
    """0, 1 or 2 cells; -1 for what has no width at all. "" is 0."""
    if _FLAG_LETTERS.match(char):
        return 1
    if not char:
        return 0
    return 1 if 0xD800 <= ord(char) <= 0xDFFF else wcwidth(char)


@lru_cache(maxsize=8192)
def extends(char: str) -> bool:
    """Whether the character belongs to the one before it, whatever that is."""
    return width(char) == 0


def continues(cluster: str, char: str) -> bool:
    """Whether ``char`` belongs to the same cell group as ``cluster`` right before it."""
    if extends(char):
        return True
    if _TONES.match(char):
        return bool(_PICTOGRAPH.match(cluster)) and not cluster.endswith(JOINER)
    if _FLAG_LETTERS.match(char):
        return len(cluster) == 1 and bool(_FLAG_LETTERS.match(cluster))
    return cluster.endswith(JOINER) and bool(_PICTOGRAPH.match(cluster) and _PICTOGRAPH.match(char))


def cluster_width(cluster: str) -> int:
    """1 or 2 cells for a whole cluster."""
    first = cluster[0]
    if width(first) == 2:
        return 2
    if len(cluster) == 1:
        return 1
    if _FLAG_LETTERS.match(first):
        return 2 if _FLAG_LETTERS.match(cluster[1]) else 1
    if cluster[1] == EMOJI_STYLE and first in _KEYCAP_BASES:
        return 2
    if not _PICTOGRAPH.match(first):
        return 1
    return 2 if cluster[1] == EMOJI_STYLE or _EMOJI.search(cluster, 1) else 1


class _Cells(dict[int, str]):
    """A table for str.translate: a character to its cells, BEYOND when it may join others."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if len(self) >= 60_000:
            self.clear()
        cells = self[code] = self._cells(char)
        return cells

    def _cells(self, char: str) -> str:
        if char >= "\U00100000" or _TONES.match(char) or _FLAG_LETTERS.match(char):
            return BEYOND
        return {0: BEYOND, 2: char + "\0"}.get(width(char), char)


CELLS: Final = _Cells()

WIDE_RANGES: Final = (
    "\u3001-\u3029\u3031-\u303e\u3041-\u3096\u309b-\u30ff\u3105-\u312f\u3131-\u3163"
    "\u3165-\u318e\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff60"
)
"""Characters of two cells that share theirs with none: CJK."""
NARROW_RANGES: Final = (
    "\x20-\x7e\xa1-\xac\xae-\u02ff\u0370-\u0377\u0384-\u0386\u0388-\u0482\u048a-\u052f"
    "\u2010-\u2027\u2030-\u205e\u2500-\u25fc\u2800-\u28ff"
)
"""Of one: ASCII, Latin, Greek, Cyrillic, punctuation, boxes and blocks, Braille."""

SHORT: Final = 8
"""Characters up to which the cells of a text are remembered."""
MAX_SHORT: Final = 8192
"""Texts remembered; all are forgotten beyond it."""
LONG: Final = 24
"""Characters from which on widening a mixed text at once beats a look-up for each."""

_ALL_WIDE: Final = re.compile(f"[{WIDE_RANGES}]*")
_ALL_NARROW: Final = re.compile(f"[{NARROW_RANGES}]*")
ALL_SIMPLE: Final = re.compile(f"[{NARROW_RANGES}{WIDE_RANGES}]*")
ASCII_LINES: Final = re.compile("[ -~\t\r\n]*")
NARROW_LINES: Final = re.compile(f"[{NARROW_RANGES}\t\r\n]*")
SIMPLE_LINES: Final = re.compile(f"[{NARROW_RANGES}{WIDE_RANGES}\t\r\n]*")
"""Lines of nothing but tabs and what is in the ranges."""
_FIRST_WIDE_PAGE: Final = 0x30
"""Of both ranges the narrow ones are all below U+3000, and the wide ones all beyond."""
_NARROW_PAGES: Final = bytes(page < _FIRST_WIDE_PAGE for page in range(256))
"""A character's second byte to what comes after it: BEYOND, to be taken out, or its other half."""


class _Short(dict[str, str]):
    def __missing__(self, text: str) -> str:
        if len(self) >= MAX_SHORT:
            self.clear()
        found = self[text] = text.translate(CELLS)
        return found


_SHORT: Final = _Short()


def cells_of(text: str) -> str:
    """``text.translate(CELLS)``, faster where all is of one kind, simple or short."""
    if len(text) <= SHORT:
        return _SHORT[text]
    if _ALL_NARROW.fullmatch(text):
        return text
    if _ALL_WIDE.fullmatch(text):
        # A code unit of UTF-32 is one of UTF-16 and a zero: the other half of the character.
        return text.encode("utf-32-le").decode("utf-16-le")
    if len(text) >= LONG and ALL_SIMPLE.fullmatch(text):
        return _widened(text)
    return text.translate(CELLS)


def cells_of_lines(lines: list[str]) -> list[str]:
    """The cells of each of SIMPLE_LINES, all at once; tabs stay."""
    cells = iter(_widened("\n".join([line for line in lines if not line.isascii()])).split("\n"))
    return [line if line.isascii() else next(cells) for line in lines]


def _widened(text: str) -> str:
    """The cells of characters that are all in the ranges, or ASCII controls.

    As UTF-16, a code unit of UTF-32 is the character and a zero, which is right for a wide one.
    """
    units = bytearray(text.encode("utf-32-le"))
    units[2::4] = units[1::4].translate(_NARROW_PAGES)
    return units.decode("utf-16-le").replace(BEYOND, "")
