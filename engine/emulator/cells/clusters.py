"""Clusters: several code points in one cell group, each by one private code point.

Also the splitting of text into clusters. Plane 16 of Unicode is private; a program's own
characters from there are stored as clusters of one.
"""

from __future__ import annotations

import re
from typing import Final

from engine.emulator.cells.codes import Codes
from engine.emulator.cells.rows import CLUSTER, HALF, WIDE
from engine.emulator.cells.width import (
    ALL_SIMPLE,
    BEYOND,
    CELLS,
    cells_of,
    cluster_width,
    continues,
    extends,
)

FIRST: Final = 0x100000
LAST: Final = 0x10FFFD
MAX_CLUSTERS: Final = 20_000
"""Clusters at one time. Beyond it unused ones are collected; then marks are dropped."""
PICTURE_COLUMNS: Final = FIRST + MAX_CLUSTERS
"""From here on a code point stands for a cell of a picture (mosaic), and shows as a blank."""
CLUSTER_LIMIT: Final = 16
"""Code points one cell holds: a base and its marks. Further marks are dropped."""

MAX_WORDS: Final = 4096
WORD_LIMIT: Final = 32
"""Words whose cells are remembered (all are forgotten beyond it), and the characters of one."""
MANY: Final = re.compile("[\u0300-\u036f\u200d\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]")
"""The most frequent of those that share cells: where one is, a search for clusters pays."""

_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")

_PRIVATE: Final = re.compile(f"[{chr(FIRST)}-{chr(LAST)}]")
_FIRST_CHAR: Final = chr(FIRST)
_LAST_CHAR: Final = chr(LAST)


class Clusters:
    """``code(cluster)`` and ``text(cells)``."""

    def __init__(self) -> None:
        self._codes: Codes[str] = Codes(FIRST, MAX_CLUSTERS)
        self._words = _Words(self)

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def near_full(self) -> bool:
        return len(self) > MAX_CLUSTERS * 3 // 4

    @property
    def full(self) -> bool:
        """A cluster was asked for and there was no room: time to sweep."""
        return self._codes.full

    def code(self, cluster: str) -> str:
        """The code point that stands for the cluster; its first character when all are taken."""
        if len(cluster) == 1 and cluster < _FIRST_CHAR:
            return cluster
        code = self._codes.code(cluster[:CLUSTER_LIMIT])
        return code or (cluster[0] if cluster[0] < _FIRST_CHAR else "\ufffd")

    def whole(self, code: str) -> str:
        """The characters of one cell."""
        if _FIRST_CHAR <= code <= _LAST_CHAR:
            if ord(code) >= PICTURE_COLUMNS:
                return " "
            return self._codes.value(code) or "\ufffd"
        return code

    def copy(self) -> list[str | None]:
        """The clusters of now, by code point from FIRST on, for as long as the caller wants."""
        return self._codes.copy()

    def text(self, cells: str) -> str:
        """A row's text with clusters written out; halves of wide characters stay in."""
        return _PRIVATE.sub(lambda found: self.whole(found[0]), cells)

    def find(self, cells: str, start: int = 0) -> int:
        """Where the first cluster is; -1 for nowhere."""
        found = _PRIVATE.search(cells, start)
        return found.start() if found else -1

    def cells(self, text: str) -> tuple[str, int]:
        """Printable text as cells, with the row flags it needs.

        Marks at the start that belong to what was printed before are not for
        here: they would stand on a blank.
        """
        if not MANY.search(text):
            cells = cells_of(text)
            if BEYOND not in cells:
                return cells, (WIDE if len(cells) != len(text) else 0)
        return self.words(text), CLUSTER | WIDE

    def words(self, text: str) -> str:
        """Text as cells, word by word: repeated words cost one look-up."""
        cells = " ".join(map(self._words.__getitem__, text.split(" ")))
        return cells if BEYOND not in cells else self.split(text)

    def lines(self, text: str) -> list[str] | None:
        """Each of the lines with CR LF between them as words() has it.

        None when that cannot be done: a word begins with marks, or holds controls.
        """
        words = self._words
        words.refused = False
        cells_of_word = words.__getitem__
        cells = [
            line
            if line.isascii() and line.isprintable()
            else " ".join(map(cells_of_word, line.split(" ")))
            for line in text.split("\r\n")
        ]
        return None if words.refused else cells

    def split(self, text: str) -> str:
        """Text as cells, cluster by cluster."""
        parts: list[str] = []
        plain = at = 0
        length = len(text)
        while True:
            at = _beyond(text, at, length)
            if at >= length:
                break
            start = at
            if at > plain and continues(text[at - 1], text[at]):
                start -= 1
            at += 1
            cluster = text[start:at]
            while at < length and continues(cluster, text[at]):
                if len(cluster) < CLUSTER_LIMIT:
                    cluster += text[at]
                at += 1
            parts.append(cells_of(text[plain:start]))
            parts.append(self._group(cluster))
            plain = at
        parts.append(cells_of(text[plain:]))
        return "".join(parts)

    def _group(self, cluster: str) -> str:
        if extends(cluster[0]):
            # Marks with nothing to stand on stand on a blank.
            return self.code(f" {cluster}")
        code = self.code(cluster)
        return code + HALF if cluster_width(cluster) == 2 else code

    def begin_sweep(self, used: set[str]) -> None:
        """From now on sweep() frees all but ``used``, taken over, and what is asked for."""
        self._codes.begin_sweep(used)
        # What is asked for must be seen to be.
        self._words.clear()

    def sweep(self, count: int) -> bool:
        """Check so many more; True when none was left, and it is done."""
        return self._codes.sweep(count) is None


class _Words(dict[str, str]):
    """Words to their cells.

    BEYOND for one that begins with marks, which are the blank's before, or holds controls.
    """

    def __init__(self, clusters: Clusters) -> None:
        self._clusters = clusters
        self.refused = False
        """Set when BEYOND was the answer; the caller resets it."""

    def __missing__(self, word: str) -> str:
        if (word and extends(word[0])) or _CONTROL.search(word):
            self.refused = True
            return BEYOND
        cells = self._clusters.split(word)
        if len(word) <= WORD_LIMIT and not self._clusters.full:
            if len(self) >= MAX_WORDS:
                self.clear()
            self[word] = cells
        return cells


def _beyond(text: str, at: int, length: int) -> int:
    """Where the next character is that CELLS does not decide alone."""
    while at < length and CELLS[ord(text[at])] != BEYOND:
        simple = ALL_SIMPLE.match(text, at + 1)
        at = simple.end() if simple else at + 1
    return at
