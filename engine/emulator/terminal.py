"""The terminal as everything else sees it: bytes in, lines out, modes as attributes.

What it answers goes through one callable. Nothing here depends on how the emulator
works inside, so another one could take its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from engine.core.model import MAX_DIMENSION, MIN_DIMENSION
from engine.emulator.cells.colors import BACKGROUND, CURSOR, FOREGROUND
from engine.emulator.cells.lines import Lines
from engine.emulator.cells.rows import PROMPT, Row
from engine.emulator.parse import skipping
from engine.emulator.parse.stream import Stream
from engine.emulator.screen import reflow, reports
from engine.emulator.screen.collector import Collector
from engine.emulator.screen.features import FEATURES
from engine.emulator.screen.host import Host
from engine.emulator.screen.keyboard import OTHER_KEYS
from engine.emulator.screen.modes import Keyboard, Mode
from engine.emulator.screen.screen import Screen
from engine.emulator.screen.scrollback import Scrollback
from engine.emulator.snapshot import SnapshotWriter, history_writer, snapshot_writer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.emulator.cells.lines import Line
    from engine.emulator.cells.style import Hyperlink
    from engine.emulator.screen.modes import CursorShape, MouseEncoding, MouseTracking

SCROLLBACK_LINES = 10_000
"""Lines of history stored by default; the oldest go first."""
ANSWERS_PER_FEED = 256
"""Answers one feed() may cause. A program that asks more often does not read them."""

Reply = Callable[[bytes], None]


class Usage(NamedTuple):
    """How many entries the bounded tables hold, in use or not yet collected."""

    pens: int
    clusters: int
    links: int
    pictures: int
    titles: int
    """On the stack."""


class Terminal:
    """A terminal of ``cols`` by ``rows`` cells (each within 1..1000).

    ``reply`` gets what the terminal answers the program (cursor position and
    the like), to be sent as if typed. Not for use from two threads at once.
    """

    def __init__(
        self,
        cols: int = 80,
        rows: int = 24,
        reply: Reply | None = None,
        *,
        scrollback: int = SCROLLBACK_LINES,
        host: Host | None = None,
    ) -> None:
        self.reply = reply
        self.host = host or Host()
        """Whom to ask for the clipboard, notifications and the window; refuses by default."""
        self.muted = False
        """While set, queries are read but not answered."""
        self._answers = 0
        self._screen = Screen(
            _bounded(cols), _bounded(rows), scrollback, self._answer, lambda: self.host
        )
        self._stream = Stream(self._screen)
        self._lines = Lines(self._screen.pens, self._screen.clusters)
        self._history = Scrollback(self._screen, self._lines)
        self._collector = Collector(self._screen, self._lines)

    # -- in

    def feed(self, data: bytes) -> None:
        """Take output of the program. Any bytes, cut anywhere; never raises.

        All of it: there are bytes of which a few thousand take seconds. A loop that has other
        things to do calls feed_some().
        """
        done = self.feed_some(data)
        while not done:
            done = self.feed_some(b"")

    def feed_some(self, data: bytes) -> bool:
        """The same, but return after some milliseconds. False when output is left over.

        Then call again, with b"", before anything else is fed.
        """
        if data:
            self._answers = 0
            self._screen.pictures.allowance.refill()
        done = self._stream.take(data)
        self._collector.work()
        return done

    def shortened(self, data: bytes, *, clean: bool = False) -> bytes:
        """Output that leads this terminal where ``data`` does, without what nobody could see any
        more: to be fed instead of it, and before anything else. ``data`` itself where nothing can
        be left out. It pays from some hundred KiB on, a few times what screen and history hold.

        ``clean`` says that Clean has found all of it to be. ``scrolled`` counts fewer lines.
        """
        screen = self._screen
        if (
            screen.fast
            and screen.full_height
            and screen.page is screen.normal
            and self._stream.at_rest
        ):
            return skipping.shortened(data, screen.lines, screen.history.maxlen, clean=clean)
        return data

    def resize(self, rows: int, cols: int) -> None:
        """Change the size; both are limited to 1..1000."""
        self._screen.work.finish()
        reflow.resize(self._screen, _bounded(rows), _bounded(cols))
        if Mode.SIZE_REPORTS in self._screen.mode:
            reports.size(self._screen)

    def reset(self) -> None:
        """Back to the initial state, except for the history. What feed_some() left over is lost."""
        self._screen.reset()
        self._stream = Stream(self._screen)

    def set_features(self, features: frozenset[str] | None) -> None:
        """What answers may report, of FEATURES: what everybody who looks can do; None: all.

        Unknown words are ignored. It changes answers alone, neither what is drawn nor a snapshot.
        """
        self._screen.set_features(FEATURES if features is None else FEATURES & features)

    def clear_scrollback(self) -> None:
        self._screen.clear_history()

    def pack(self) -> bool:
        """Store some more lines of the history compactly, of those that were in it when this last
        returned False; that says that there are none. It takes a fraction of a millisecond,
        and changes nothing that can be seen. To be called now and then, by whoever has time.
        """
        return self._screen.history.pack(self._screen.scrolled)

    @property
    def packable(self) -> bool:
        """Whether pack() will have something to do, now or later."""
        return self._screen.history.packable

    # -- out

    @property
    def cols(self) -> int:
        return self._screen.columns

    @property
    def rows(self) -> int:
        return self._screen.lines

    def line(self, index: int) -> Line:
        """Row ``index`` of the screen from 0; -1 is the newest line of history, -2 before it.

        The same object as last time means that nothing changed. Raises
        IndexError beyond either end.
        """
        return self._lines.line(self._row(index))

    def _row(self, index: int) -> Row:
        screen = self._screen
        if index < 0:
            return screen.history[index]
        return screen.rows[index]

    @property
    def scrollback(self) -> Sequence[Line]:
        """The history, oldest line first."""
        return self._history

    @property
    def scrolled(self) -> int:
        """How many lines have left the screen at the top, those since forgotten too.

        ``scrolled + index`` names a line for good, while line(index) moves.
        """
        return self._screen.scrolled

    @property
    def widths(self) -> int:
        """How often lines were wrapped anew, and so got other numbers."""
        return self._screen.renamed.times

    def renumbered(self, line: int) -> int:
        """The number of the line in which the text begins that had the number ``line`` before the
        lines were last wrapped anew."""
        return self._screen.renamed.now(line)

    @property
    def pending(self) -> int:
        """Characters held of a sequence that has not ended; bounded."""
        return self._stream.pending

    @property
    def unfinished(self) -> int:
        """Bytes at the end of what was fed that are no part of the state yet: a sequence or a
        UTF-8 character that has not ended. Bounded. Only when feed_some() left nothing over."""
        return self._stream.unfinished

    @property
    def work(self) -> int:
        """What the last feed_some() did, in units of which AT_ONCE (screen.work) is the bound."""
        return self._screen.work.done

    @property
    def usage(self) -> Usage:
        screen = self._screen
        return Usage(
            len(screen.pens),
            len(screen.clusters),
            len(screen.links),
            len(screen.pictures),
            len(screen.title_stack),
        )

    def text(self) -> list[str]:
        """The rows on screen, trailing blanks removed."""
        return [self._lines.text(row) for row in self._screen.rows]

    def cursor(self) -> tuple[int, int]:
        """(row, column), both from 0."""
        cursor = self._screen.cursor
        return cursor.y, cursor.x

    def snapshot(self) -> str:
        """Sequences that draw this screen on a fresh terminal of the same size."""
        return self.snapshot_writer(history=0).whole()

    def snapshot_writer(
        self, *, history: int = 1000, features: frozenset[str] | None = None
    ) -> SnapshotWriter:
        """A snapshot of now, to be written in slices, while the terminal may be fed on.

        With at most ``history`` lines of the history. ``features`` are those of the terminal
        that gets it (FEATURES), None for one of ours. It stands for all that was fed
        but the last ``unfinished`` bytes. Call it only when feed_some() left nothing over.
        """
        return snapshot_writer(self._screen, history, features, self._stream.opener)

    def history_writer(
        self, before: int, lines: int, *, features: frozenset[str] | None = None
    ) -> SnapshotWriter:
        """At most ``lines`` lines of the history before number ``before``, counted as in
        ``scrolled``: text, SGR and links, each line ended by CR LF. Wrapped ones wrap by
        themselves when they are printed at this width.
        """
        return history_writer(self._screen, before, lines, features)

    # -- state a program set

    @property
    def title(self) -> str:
        """Printable characters only; "" until a program sets it."""
        return self._screen.title

    @property
    def bells(self) -> int:
        """How often the bell has rung."""
        return self._screen.bells

    @property
    def alternate_screen(self) -> bool:
        return self._screen.page is self._screen.alternate

    @property
    def cursor_visible(self) -> bool:
        return self._screen.flag(Mode.CURSOR_VISIBLE)

    @property
    def cursor_shape(self) -> CursorShape:
        return self._screen.cursor_style

    @property
    def cursor_blink(self) -> bool:
        return self._screen.flag(Mode.CURSOR_BLINK)

    def set_cursor_default(self, shape: CursorShape, *, blink: bool) -> None:
        """The cursor until a program chooses another, and after DECSCUSR 0 and RIS."""
        self._screen.set_cursor_default(shape, blink)

    @property
    def reverse_screen(self) -> bool:
        """DECSCNM: foreground and background are swapped everywhere."""
        return self._screen.flag(Mode.REVERSE_SCREEN)

    @property
    def application_cursor(self) -> bool:
        return self._screen.flag(Mode.APPLICATION_CURSOR)

    @property
    def application_keypad(self) -> bool:
        return self._screen.flag(Mode.APPLICATION_KEYPAD)

    @property
    def bracketed_paste(self) -> bool:
        return self._screen.flag(Mode.BRACKETED_PASTE)

    @property
    def focus_reports(self) -> bool:
        return self._screen.flag(Mode.FOCUS_REPORTS)

    @property
    def mouse_tracking(self) -> MouseTracking:
        return self._screen.mouse

    @property
    def mouse_encoding(self) -> MouseEncoding:
        return self._screen.mouse_encoding

    @property
    def alternate_scroll(self) -> bool:
        """1007: on the alternate screen the wheel sends cursor keys."""
        return self._screen.flag(Mode.ALTERNATE_SCROLL)

    @property
    def backarrow_sends_backspace(self) -> bool:
        """DECBKM: the backarrow key sends BS, not DEL."""
        return self._screen.flag(Mode.BACKARROW)

    @property
    def enter_sends_newline(self) -> bool:
        """LNM: the Enter key sends CR LF."""
        return self._screen.flag(Mode.NEW_LINE)

    @property
    def alt_sends_escape(self) -> bool:
        """1036 or 1039: Alt puts ESC before what a key sends, else it sets the eighth bit."""
        return self._screen.flag(Mode.META_ESCAPE) or self._screen.flag(Mode.ALT_ESCAPE)

    @property
    def keyboard(self) -> Keyboard:
        """What the program asked for with the kitty keyboard protocol, on this screen."""
        return Keyboard(self._screen.page.keyboard[-1])

    @property
    def modify_other_keys(self) -> int:
        """0, 1, 2 or 3: xterm's modifyOtherKeys."""
        return self._screen.key_options.get(OTHER_KEYS, 0)

    @property
    def format_other_keys(self) -> int:
        """0: CSI 27;modifier;code ~. 1: CSI code;modifier u."""
        return self._screen.key_formats.get(OTHER_KEYS, 0)

    @property
    def synchronized(self) -> bool:
        """2026: the program is in the middle of a frame. The painter limits how long it waits."""
        return self._screen.flag(Mode.SYNCHRONIZED)

    @property
    def icon(self) -> str:
        """The icon's name (OSC 1), printable characters only."""
        return self._screen.icon_name

    @property
    def working_directory(self) -> str:
        """The URL of OSC 7, as the program gave it: do not trust it. "" until given."""
        return self._screen.working_directory

    # -- colors a program changed

    def set_theme(
        self, foreground: int, background: int, cursor: int, palette: Sequence[int]
    ) -> None:
        """The colors in use, each 0xRRGGBB (palette: 16 or 256), to answer queries with."""
        self._screen.colors.set_theme(foreground, background, cursor, palette)

    @property
    def palette(self) -> Mapping[int, int]:
        """Entries changed with OSC 4: index 0..255 to 0xRRGGBB. The rest are the theme's."""
        return self._screen.colors.palette

    @property
    def foreground(self) -> int | None:
        """0xRRGGBB of OSC 10, or None for the theme's; likewise the next two."""
        return self._screen.colors.dynamic.get(FOREGROUND)

    @property
    def background(self) -> int | None:
        return self._screen.colors.dynamic.get(BACKGROUND)

    @property
    def cursor_color(self) -> int | None:
        return self._screen.colors.dynamic.get(CURSOR)

    # -- links and prompts

    def hyperlink(self, link: int) -> Hyperlink | None:
        """What a Style's ``link`` stands for. The URI is the program's: check it before use."""
        return self._screen.links.get(link)

    def prompts(self) -> list[int]:
        """Lines on which a prompt starts (OSC 133), oldest first, as ``scrolled + index``."""
        screen = self._screen
        every = (*screen.history.flags(), *[row[2] for row in screen.rows])
        first = screen.scrolled - len(screen.history)
        return [name for name, flags in enumerate(every, first) if flags & PROMPT]

    def _answer(self, text: str) -> None:
        self._answers += 1
        if self.reply is not None and not self.muted and self._answers <= ANSWERS_PER_FEED:
            self.reply(text.encode("ascii"))


def _bounded(cells: int) -> int:
    return max(MIN_DIMENSION, min(cells, MAX_DIMENSION))
