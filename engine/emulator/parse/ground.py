"""Text and the controls in it, as it stands between two sequences.

It is split into runs, line ends and single controls. Sequences are in fast and parser, what
a control does in tables.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from engine.emulator.parse import tables
from engine.emulator.parse.lines_in_bulk import print_lines, print_text
from engine.emulator.screen import drawing, motion
from engine.emulator.screen.work import LINE

if TYPE_CHECKING:
    from engine.emulator.parse.guard import Guard
    from engine.emulator.parse.parser import Parser
    from engine.emulator.screen.screen import Screen

MOST_ROWS: Final = 64
"""Rows' worth of text drawn between two checks of the work done, where rows move as a whole."""
MOST_CHARACTERS: Final = 1024
MOST_LINES: Final = 256
"""Lines with tabs or characters that share cells, printed between two checks."""
_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")
_NO_CONTROL: Final = (chr(c) for c in (*range(0x20), 0x7F) if chr(c) not in tables.CONTROLS)
_IGNORED: Final = re.compile(f"[{''.join(map(re.escape, _NO_CONTROL))}]+")
_TABS_AND_TEXT: Final = re.compile("[^\x00-\x08\x0a-\x1f\x7f]*")
"""All that may be in lines printed in bulk. Twice as fast as searching for the rest."""


class Ground:
    """``text()`` takes what stands between two sequences."""

    def __init__(self, screen: Screen, parser: Parser, guard: Guard) -> None:
        self._screen, self._parser, self._guard = screen, parser, guard

    def text(self, text: str) -> str:
        """Runs, line ends, single controls; the rest of a string while one is open.

        Returns what is left of the text when enough was done.
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
            motion.linefeed(screen)
            motion.carriage_return(screen)
            lines, ends, last = text.rpartition("\r\n")
            if ends and (more := self._in_bulk(lines)) is not None:
                if more:
                    screen.forget_printed()
                    return f"{more}\r\n{last}"
                text = last
            screen.forget_printed()
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
        screen.work.add(LINE * len(lines))
        self._guard.call("print_lines", print_lines, screen, lines)
        return rest

    def _controlled(self, text: str) -> str:
        """Text and single controls; what is left of them is returned."""
        screen = self._screen
        work = screen.work
        controls = tables.CONTROLS
        position, length = 0, len(text)
        while position < length:
            found = _CONTROL.search(text, position)
            end = found.start() if found else length
            if end > position and end - position > (most := self._most()):
                # It may move all rows with every row it fills.
                self._guard.call("draw", drawing.draw, screen, text[position : position + most])
                position += most
                if work.over:
                    return text[position:]
                continue
            if end > position:
                self._guard.call("draw", drawing.draw, screen, text[position:end])
            if end < length:
                screen.forget_printed()
                control = controls.get(text[end])
                work.add(1)
                if control:
                    self._guard.call(text[end], control, screen)
                elif ignored := _IGNORED.match(text, end):
                    # A file of zeros has millions of them.
                    end = ignored.end() - 1
            position = end + 1
            if work.over and position < length:
                return text[position:]
        return ""

    def _most(self) -> int:
        """Characters drawn between two checks of the work done."""
        screen = self._screen
        if screen.full_width:
            return min(drawing.width_here(screen) * MOST_ROWS, MOST_CHARACTERS)
        return drawing.width_here(screen)
