"""The sequences most common after SGR, with the text after them, read once and remembered.

Owns which they are, their numbers, and the bound of the memory. Does not own what
they do to the screen (stream), nor the grammar of all others (parser).
"""

from __future__ import annotations

import re
from typing import Final

from engine.emulator.modes import PLAIN_FLAGS, private

MAX_HEADS: Final = 8192
"""Sequences with the text after them that are remembered; all are forgotten beyond it."""
SHORT_PIECE: Final = 64
"""Characters of a sequence and its text up to which it is remembered."""
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
    """``known`` is what read() remembers, by the piece of a chunk between two escapes."""

    def __init__(self) -> None:
        self.known: dict[str, Head] = {}

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
                self.known.clear()
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
