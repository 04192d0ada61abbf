"""Text and the controls in it, as it stands between two sequences.

Owns the splitting of such text into runs, line ends and single controls, and which
way each is done. Does not own sequences (stream, parser) nor what a control does (motion).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from engine.emulator.parse import tables
from engine.emulator.parse.lines_in_bulk import print_lines, print_text
from engine.emulator.screen.work import AT_ONCE, LINE

if TYPE_CHECKING:
    from engine.emulator.parse.parser import Call, Parser
    from engine.emulator.screen.modal import Screen

MOST_ROWS: Final = 64
"""Rows' worth of text drawn between two looks at the work done, where rows move as a whole."""
MOST_CHARACTERS: Final = 1024
MOST_LINES: Final = 256
"""Lines with tabs or characters that share cells, printed between two looks."""
_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")
_TABS_AND_TEXT: Final = re.compile("[^\x00-\x08\x0a-\x1f\x7f]*")
"""All that may be in lines printed in bulk. Twice as fast as searching for the rest."""


class Ground:
    """``text()`` takes what stands between two sequences."""

    def __init__(self, screen: Screen, parser: Parser, call: Call) -> None:
        self._screen, self._parser, self._call = screen, parser, call
        self._controls = {
            char: (event, getattr(screen, event)) for char, event in tables.BASIC.items()
        }

    def text(self, text: str) -> str:
        """Runs, line ends, single controls; the rest of a string while one is open.

        What is left of the text when enough was done at once is returned.
        """
        screen = self._screen
        parser = self._parser
        if not parser.idle:
            text = parser.collect(text)
        if not text:
            return ""
        if screen.fast and "\r\n" in text:
            first, _, text = text.partition("\r\n")
            if rest := self._controlled(first):
                return f"{rest}\r\n{text}"
            screen.linefeed()
            screen.carriage_return()
            lines, ends, last = text.rpartition("\r\n")
            if ends and (more := self._in_bulk(lines)) is not None:
                if more:
                    screen.last = ""
                    return f"{more}\r\n{last}"
                text = last
            screen.last = ""
        return self._controlled(text)

    def _in_bulk(self, text: str) -> str | None:
        """Print lines, and the end of the last one; None, and nothing printed, for others.

        What is left of them when they are many of the kind that takes long is returned.
        """
        screen = self._screen
        if not screen.fast:
            # What came before the first line's end switched it off.
            return None
        if print_text(screen, text):
            return ""
        lines = text.split("\r\n", MOST_LINES)
        rest = lines.pop() if len(lines) > MOST_LINES else ""
        joined = "".join(lines)
        if not joined.isprintable() and not _TABS_AND_TEXT.fullmatch(joined):
            return None
        screen.work.done += LINE * len(lines)
        self._call("print_lines", print_lines, screen, lines)
        return rest

    def _controlled(self, text: str) -> str:
        """Text and single controls; what is left of them is returned."""
        screen = self._screen
        work = screen.work
        controls = self._controls
        position, length = 0, len(text)
        while position < length:
            found = _CONTROL.search(text, position)
            end = found.start() if found else length
            if end > position and end - position > (most := self._most()):
                # It may move all rows with every row it fills.
                self._call("draw", screen.draw, text[position : position + most])
                position += most
                if work.done >= AT_ONCE:
                    return text[position:]
                continue
            if end > position:
                self._call("draw", screen.draw, text[position:end])
            if end < length:
                screen.last = ""
                control = controls.get(text[end])
                if control:
                    self._call(*control)
                work.done += 1
            position = end + 1
            if work.done >= AT_ONCE and position < length:
                return text[position:]
        return ""

    def _most(self) -> int:
        """Characters drawn between two looks at the work done."""
        screen = self._screen
        if screen.full_width:
            return min(screen.width_here() * MOST_ROWS, MOST_CHARACTERS)
        return screen.width_here()
