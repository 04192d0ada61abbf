"""Text an input method is still composing, as cells at the cursor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QInputMethodEvent
from wcwidth import wcwidth

from engine.emulator import Line, Run, Style

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOTHING = Line()
MAX_CELLS = 200
"""Cells of a composition that are shown."""


@dataclass(frozen=True, slots=True)
class Preedit:
    """A composition: its line, how many cells it takes, and where its caret is."""

    line: Line = _NOTHING
    cells: int = 0
    caret: int = 0

    @classmethod
    def of(cls, event: QInputMethodEvent) -> Preedit:
        text = event.preeditString()
        kind = QInputMethodEvent.AttributeType.Cursor
        carets = [a.start for a in event.attributes() if a.type == kind]
        return cls.of_text(text, carets[0] if carets else len(text))

    @classmethod
    def of_text(cls, text: str, caret: int) -> Preedit:
        """``caret`` counts characters of ``text`` from 0."""
        runs: list[Run] = []
        column = caret_column = 0
        style = Style(underline=1)
        for grapheme, end in _graphemes(text):
            cells = max(1, wcwidth(grapheme[0]))
            if column + cells > MAX_CELLS:
                break
            runs.append(Run(column, cells, grapheme, style, cluster=True))
            column += cells
            if end <= caret:
                caret_column = column
        return cls(Line(tuple(runs)), column, caret_column)


def _graphemes(text: str) -> Iterator[tuple[str, int]]:
    """A character with the marks on it, and where it ends in the text."""
    held = ""
    for at, char in enumerate(text):
        if held and wcwidth(char) == 0:
            held += char
            continue
        if held:
            yield held, at
        held = char if char.isprintable() else ""
    if held:
        yield held, len(text)
