"""The fast way from pieces to rows: what is common is done here, all else by others.

Inline paths for text, SGR, cursor positioning, erasing to the end of the line and line ends.
Text with other controls is for ground, rare sequences for the parser. The two ways must give
the same screen: tests feed every case whole and in pieces.

How it is fast: one dictionary look-up finds what an SGR with its text leads to and one another
sequence's meaning, text and pens of neighbouring runs are joined before a row is touched, and
lines of plain text become rows in bulk. For the same reason it writes the screen's cursor, pen
and rows itself, where others call the functions of the tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.emulator.cells import rows as row_edits
from engine.emulator.cells.page import NOWHERE
from engine.emulator.cells.pens import Steps
from engine.emulator.cells.rows import BLANK, DEFAULT_PEN, WIDE, WRAPPED
from engine.emulator.parse.heads import (
    COLUMN,
    ERASE_RIGHT,
    FLAG,
    FORWARD,
    LINE,
    OTHER,
    POSITION,
    REVERSE_INDEX,
    SHORT_PIECE,
    STYLE,
    Heads,
)
from engine.emulator.parse.lines_in_bulk import FEW_LINES, print_few_lines
from engine.emulator.screen import editing
from engine.emulator.screen.work import STYLE as STYLE_WORK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.emulator.parse.ground import Ground
    from engine.emulator.parse.heads import Head
    from engine.emulator.parse.parser import Parser
    from engine.emulator.screen.screen import Screen

_OTHER: Final[Head] = (OTHER, 0, 0, "", "")
"""What only the parser reads."""
_NONE: Final[dict[str, Head]] = {}
"""Nothing is known while a string is open: all of it is the parser's."""


class FastPath:
    """Of one screen. ``ground`` and ``parser`` do what is not common."""

    def __init__(self, screen: Screen, ground: Ground, parser: Parser) -> None:
        self._screen, self._ground, self._parser = screen, ground, parser
        self._heads = Heads()

    def run(self, pieces: Iterator[str]) -> str:
        """Each piece is what follows an escape: a sequence and the text after it.

        Stops when enough was done. Returns the text to be done before the next piece.
        """
        # What stands here more than once, as the writing of a row, does so because a call
        # would cost as much as it does.
        screen = self._screen
        work = screen.work
        parser = self._parser
        pens = screen.pens
        heads = self._heads
        texts = heads.texts
        put = row_edits.put
        rows, cursor = screen.rows, screen.cursor
        columns, lines = screen.columns, screen.lines
        fast = screen.fast
        idle = parser.idle
        known = heads.known if idle else _NONE
        ascii_set = fast and idle and screen.charsets.ascii_is_set
        pen = screen.pen
        steps = pens.steps(pen) if idle else Steps()
        joins = screen.open_cluster
        plain = ascii_set and not joins
        runs = steps.runs
        y = cursor.y
        x = cursor.x + screen.wrap_next
        # Text and pens printed from column ``from_x`` on, not yet in their row.
        cells = cell_pens = ""
        from_x = flags = 0
        printed = screen.last
        left = ""

        for piece in pieces:
            run = runs.get(piece) if runs else None
            if run is not None and plain:
                size, its_pen, its_steps, shown, its_pens, its_flags = run
                if not size:
                    pen = its_pen
                    steps = its_steps
                    runs = steps.runs
                    printed = ""
                    continue
                if x + size <= columns:
                    pen = its_pen
                    steps = its_steps
                    runs = steps.runs
                    if cells:
                        cells += shown
                        cell_pens += its_pens
                    else:
                        cells = shown
                        cell_pens = its_pens
                        from_x = x
                    x += size
                    flags |= its_flags
                    printed = shown
                    continue
            before = None
            # Where both colors are set with each character, hardly a piece comes again.
            head = known.get(piece) if runs else None
            if head is None:
                parameters, style, text = piece.partition("m")
                step = steps.after.get(parameters) if style else None
                if step is not None:
                    before = steps
                    pen, steps = step
                    runs = steps.runs
                elif (
                    style
                    and idle
                    and parameters[:4] == "[38;"
                    and (step := pens.two_colors(pen, parameters, steps))
                ):
                    pen, steps = step
                    runs = steps.runs
                elif ascii_set and piece[:2] == "(B":
                    # It is so already, and many programs say it with every SGR.
                    before = steps
                    text = piece[2:]
                elif idle:
                    head = known.get(piece) or heads.read(piece)
                else:
                    head = _OTHER
            if head is not None:
                code, to_y, to_x, sequence, text = head
                if code == STYLE:
                    pen, steps = pens.step(pen, sequence[1:-1], sequence[:-1])
                    runs = steps.runs
                    work.add(STYLE_WORK)
                    if work.over:
                        left = text
                        printed = ""
                        break
                else:
                    if cells:
                        row = rows[y]
                        if row is BLANK and not from_x:
                            rows[y] = (cells, cell_pens, flags)
                        else:
                            rows[y] = put(row, from_x, cells, cell_pens, flags)
                        cells = ""
                        flags = 0
                    screen.print_at = NOWHERE
                    if not fast:
                        code = OTHER
                    if code == POSITION:
                        y, x = to_y, to_x
                        if y >= lines:
                            y = lines - 1
                        if x >= columns:
                            x = columns - 1
                    elif code == ERASE_RIGHT:
                        if x >= columns:
                            x = columns - 1
                        row = rows[y]
                        if len(row[0]) <= x and pen == DEFAULT_PEN:
                            if row[2] & WRAPPED:
                                rows[y] = (row[0], row[1], row[2] & ~WRAPPED)
                        elif pens.protected:
                            cursor.x, cursor.y = x, y
                            screen.pen = pen
                            editing.erase(screen, y, x, columns, selective=False)
                            if work.over:
                                left = text
                                printed = ""
                                break
                        else:
                            rows[y] = row_edits.erase(row, x, columns, columns, pens.erasing(pen))
                            if not x and row[0].strip(" "):
                                screen.part(y)
                    elif code == COLUMN:
                        x = to_x
                        if x >= columns:
                            x = columns - 1
                    elif code == FORWARD:
                        x += to_x
                        if x >= columns:
                            x = columns - 1
                    elif code == LINE:
                        if x >= columns:
                            x = columns - 1
                        y = to_y
                        if y >= lines:
                            y = lines - 1
                    elif code == FLAG:
                        screen.set_flag(to_y, to_x == 1)
                    elif code == REVERSE_INDEX:
                        if x >= columns:
                            x = columns - 1
                        if y == screen.top:
                            screen.pen = pen
                            screen.scroll(y, screen.bottom, -1)
                            work.add(1)
                            if work.over:
                                left = text
                                printed = ""
                                break
                        elif y > 0:
                            y -= 1
                    else:
                        if fast and x >= columns:
                            cursor.x, screen.wrap_next = columns - 1, True
                        elif fast:
                            cursor.x, screen.wrap_next = x, False
                        if fast:
                            cursor.y = y
                        screen.pen = pen
                        # Only REP, right after text, may ask what was printed.
                        screen.last = _last_cell(printed) if sequence[-1:] == "b" else ""
                        if sequence[:1] == "[":
                            parser.sequence(sequence)
                        else:
                            text = parser.escape(piece)
                        rows, cursor = screen.rows, screen.cursor
                        columns, lines = screen.columns, screen.lines
                        fast = screen.fast
                        idle = parser.idle
                        known = heads.known if idle else _NONE
                        ascii_set = fast and idle and screen.charsets.ascii_is_set
                        pen = screen.pen
                        steps = pens.steps(pen) if idle else Steps()
                        joins = screen.open_cluster
                        plain = ascii_set and not joins
                        runs = steps.runs
                        y = cursor.y
                        x = cursor.x + screen.wrap_next
                        work.add(1)
                        if work.over:
                            left = text
                            printed = ""
                            break
            printed = ""
            if not text:
                if before is not None and plain and not before.rest:
                    pens.remember_run(before, piece, (0, pen, steps, "", "", 0))
                continue
            if fast:
                body = shown = text
                if not text.isascii():
                    shown = "" if joins else texts.get(text, "")
                    if not shown:
                        body, shown = heads.cells(text, joins=joins)
                    if len(shown) > len(body):
                        flags |= WIDE
                elif not text.isprintable():
                    body = text.rstrip("\r\n")
                    shown = body if len(body) < len(text) and body.isprintable() else ""
                size = len(shown)
                if (
                    (shown or not body)
                    and x + size <= columns
                    and (body is text or len(text) - len(body) <= FEW_LINES)
                ):
                    its_pens = pen * size
                    if (
                        before is not None
                        and not before.rest
                        and plain
                        and body is text
                        and len(piece) <= SHORT_PIECE
                    ):
                        # What sets both colors hardly ever comes with the same text again.
                        wide = WIDE if size != len(text) else 0
                        pens.remember_run(before, piece, (size, pen, steps, shown, its_pens, wide))
                    if cells:
                        cells += shown
                        cell_pens += its_pens
                    else:
                        cells = shown
                        cell_pens = its_pens
                        from_x = x
                    x += size
                    if body is text:
                        printed = shown
                        continue
                    if cells:
                        row = rows[y]
                        if row is BLANK and not from_x:
                            rows[y] = (cells, cell_pens, flags)
                        else:
                            rows[y] = put(row, from_x, cells, cell_pens, flags)
                        cells = ""
                    flags = 0
                    screen.print_at = NOWHERE
                    if x >= columns:
                        x = columns - 1
                    for end in text[len(body) :]:
                        if end == "\r":
                            x = 0
                        elif y == screen.bottom:
                            screen.pen = pen
                            screen.scroll(screen.top, y, 1)
                        elif y < lines - 1:
                            y += 1
                    continue
            if cells:
                row = rows[y]
                if row is BLANK and not from_x:
                    rows[y] = (cells, cell_pens, flags)
                else:
                    rows[y] = put(row, from_x, cells, cell_pens, flags)
                cells = ""
                screen.print_at = (y, x)
            flags = 0
            if fast:
                screen.pen = pen
                text, y, x = print_few_lines(screen, text, y, x)
                if not text:
                    continue
                if text.isascii() and text.isprintable() and x + len(text) <= columns:
                    cells = text
                    cell_pens = pen * len(text)
                    from_x = x
                    x += len(text)
                    printed = text
                    continue
            # Anything else: the screen takes over, and we from it.
            if fast:
                cursor.y = y
                if x >= columns:
                    cursor.x, screen.wrap_next = columns - 1, True
                else:
                    cursor.x, screen.wrap_next = x, False
            screen.pen = pen
            screen.last = ""
            left = self._ground.text(text)
            rows, cursor = screen.rows, screen.cursor
            columns, lines = screen.columns, screen.lines
            fast = screen.fast
            idle = parser.idle
            known = heads.known if idle else _NONE
            ascii_set = fast and idle and screen.charsets.ascii_is_set
            pen = screen.pen
            steps = pens.steps(pen) if idle else Steps()
            joins = screen.open_cluster
            plain = ascii_set and not joins
            runs = steps.runs
            y = cursor.y
            x = cursor.x + screen.wrap_next
            printed = screen.last
            if work.over or left:
                break

        if cells:
            rows[y] = put(rows[y], from_x, cells, cell_pens, flags)
            screen.print_at = (y, x)
        if fast:
            cursor.y = y
            if x >= columns:
                cursor.x, screen.wrap_next = columns - 1, True
            else:
                cursor.x, screen.wrap_next = x, False
        screen.pen = pen
        screen.last = _last_cell(printed)
        return left


def _last_cell(cells: str) -> str:
    """Both halves of a wide character; "" of none."""
    return cells[-2:] if cells[-1:] == row_edits.HALF else cells[-1:]
