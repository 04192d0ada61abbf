"""The sequences most common after SGR, with the text after them, read once and remembered.

Which they are, their numbers, the cells of short texts, and the bounds of the memory. What
they do to the screen is in fast; the grammar of all others in parser.
"""

from __future__ import annotations

import re
from typing import Final

from engine.emulator.cells.memory import SHARED, Table
from engine.emulator.cells.width import BEYOND, cells_of
from engine.emulator.screen.modes import PLAIN_FLAGS, private

MAX_HEADS: Final = 8192
"""Sequences with the text after them that are remembered; all are forgotten beyond it."""
SHORT_PIECE: Final = 64
"""Characters of a sequence and its text up to which it is remembered."""
MAX_TEXTS: Final = 8192
"""Texts whose cells are remembered; all are forgotten beyond it."""
SHORT_TEXT: Final = 12
"""Characters of a text up to which they are."""
PREFIXES: Final = frozenset("<=>?")
"""What makes a control sequence a private one, right after its bracket."""

POSITION: Final = 0
"""CUP and HVP: to a line and a column, from 0."""
ERASE_RIGHT: Final = 1
"""EL to the right."""
COLUMN: Final = 2
"""CHA: to a column."""
FORWARD: Final = 3
"""CUF: so many columns on."""
LINE: Final = 4
"""VPA: to a line."""
FLAG: Final = 5
"""DECSET and DECRST of a mode that is no more than a flag, and 1 or 0."""
REVERSE_INDEX: Final = 6
"""RI."""
STYLE: Final = 7
"""SGR."""
OTHER: Final = 8

_HEAD: Final = re.compile(r"\[[<=>?]?[0-9;:]*[@-~]")
"""A control sequence without intermediates, after its escape."""
_REVERSE_INDEX: Final = "M"

Head = tuple[int, int, int, str, str]
"""A kind, up to two numbers, the sequence ("" for what only the parser reads), and the text."""


class Heads:
    """``known`` is what read() remembers, by the piece of a chunk between two escapes.

    ``texts`` is what cells() remembers: short texts that are not ASCII, to the cells they are.
    """

    def __init__(self) -> None:
        self.known: dict[str, Head] = {}
        self.texts: dict[str, str] = {}
        self._known = Table(self.known.clear, SHARED)
        self._texts = Table(self.texts.clear, SHARED)

    def cells(self, text: str, *, joins: bool) -> tuple[str, str]:
        """Text that is not ASCII, without the line ends at its end; and the cells that gives.

        No cells where there are other controls, or characters share cells, or may with what is
        there: ``joins`` says that what was printed last ends with a joiner.
        """
        body = text.rstrip("\r\n")
        if joins or not body.isprintable() or BEYOND in (cells := cells_of(body)):
            return text, ""
        if len(body) < len(text):
            return body, cells
        if len(text) <= SHORT_TEXT:
            if len(self.texts) >= MAX_TEXTS:
                self._texts.forget()
            self._texts.grew()
            self.texts[text] = cells
        return text, cells

    def read(self, piece: str) -> Head:
        """What a piece is that is not remembered; it is then, when it is short and no SGR."""
        found = _HEAD.match(piece)
        if found is not None:
            head = _read(found[0], piece[found.end() :])
        elif piece[:1] == _REVERSE_INDEX:
            head = (REVERSE_INDEX, 0, 0, _REVERSE_INDEX, piece[1:])
        else:
            return OTHER, 0, 0, "", ""
        if head[0] != STYLE and len(piece) <= SHORT_PIECE:
            if len(self.known) >= MAX_HEADS:
                self._known.forget()
            self._known.grew()
            self.known[piece] = head
        return head


def _read(sequence: str, text: str) -> Head:
    final = sequence[-1]
    body = sequence[1:-1]
    if final == "m" and body[:1] not in PREFIXES:
        return STYLE, 0, 0, sequence, text
    if len(body) <= 9 and ":" not in body:
        if body[:1] == "?" and final in "hl" and body[1:].isdigit():
            mode = private(int(body[1:]))
            if mode in PLAIN_FLAGS:
                return FLAG, mode, int(final == "h"), sequence, text
        if body[:1] in PREFIXES:
            return OTHER, 0, 0, sequence, text
        numbers = [int(part or 0) for part in body.split(";")]
        first = max(numbers[0], 1)
        if final in "Hf":
            second = numbers[1] if len(numbers) > 1 else 1
            return POSITION, first - 1, max(second, 1) - 1, sequence, text
        if final == "K" and numbers[0] == 0:
            return ERASE_RIGHT, 0, 0, sequence, text
        if final == "G":
            return COLUMN, 0, first - 1, sequence, text
        if final == "C":
            return FORWARD, 0, first, sequence, text
        if final == "d":
            return LINE, first - 1, 0, sequence, text
    return OTHER, 0, 0, sequence, text
