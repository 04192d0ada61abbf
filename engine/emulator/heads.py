"""The sequences most common after SGR, with the text after them, read once and remembered.

Owns which they are, their numbers, and the bound of the memory. Does not own what
they do to the screen (stream), nor the grammar of all others (parser).
"""

from __future__ import annotations

import re

MAX_HEADS = 8192
"""Sequences with the text after them that are remembered; all are forgotten beyond it."""
SHORT_PIECE = 64
"""Characters of a sequence and its text up to which it is remembered."""

POSITION, ERASE_RIGHT, COLUMN, FORWARD, LINE, STYLE, OTHER = range(7)
"""CUP and HVP, EL to the right, CHA, CUF, VPA, SGR, and whatever else."""

_HEAD = re.compile(r"\[[0-9;:]*[@-~]")
"""A control sequence without prefix and intermediates, after its escape."""

Head = tuple[int, int, int, str, str]
"""A kind, up to two numbers (a line and a column from 0, or how far), sequence, and text."""


class Heads(dict[str, Head]):
    """By the piece of a chunk between two escapes."""

    def read(self, piece: str) -> Head:
        """What a piece is that is not remembered; it is then, when it is short."""
        found = _HEAD.match(piece)
        if found is None:
            return OTHER, 0, 0, "", ""
        sequence, text = found[0], piece[found.end() :]
        final = sequence[-1]
        body = sequence[1:-1]
        head: Head = (STYLE if final == "m" else OTHER, 0, 0, sequence, text)
        if len(body) <= 9 and ":" not in body:
            numbers = [int(part or 0) for part in body.split(";")]
            first = max(numbers[0], 1)
            if final in "Hf":
                second = numbers[1] if len(numbers) > 1 else 1
                head = (POSITION, first - 1, max(second, 1) - 1, sequence, text)
            elif final == "K" and numbers[0] == 0:
                head = (ERASE_RIGHT, 0, 0, sequence, text)
            elif final == "G":
                head = (COLUMN, 0, first - 1, sequence, text)
            elif final == "C":
                head = (FORWARD, 0, first, sequence, text)
            elif final == "d":
                head = (LINE, first - 1, 0, sequence, text)
        if len(piece) <= SHORT_PIECE:
            if len(self) >= MAX_HEADS:
                self.clear()
            self[piece] = head
        return head
