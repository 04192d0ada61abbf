"""``connect LINK``: a guest in the terminal that this program was started in, as ssh is.

The exit code is the shell's; 1 when it did not end by itself.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine.cli import company, escapes
from engine.cli.company import Company
from engine.cli.escapes import Escape, Escapes
from engine.cli.exit_codes import FAILED, USAGE_ERROR
from engine.cli.guest_view import GuestView, PaintedView, RawView
from engine.cli.questions import after_a_key
from engine.cli.tty import Tty, is_tty, quiet_log
from engine.core import log, stdio
from engine.core.errors import BadLinkError, ChannelClosedError, LimitError
from engine.core.model import EndCode, Role, Size
from engine.core.text import shown

if TYPE_CHECKING:
    from engine.cli.parser import CommandLine
    from engine.control.guest import GuestTerminal
    from engine.core.settings import Settings

MAX_LINE = 1000
"""Characters of a printed line that repeats the host's text."""
DRAIN_SECONDS = 1.0
"""How long the last output waits for a stopped terminal, unless the program ended by itself."""
NOTE_SECONDS = 10.0
"""How long a note is shown, unless a key is typed."""
MAX_HELD = 400
"""Characters shown of what was typed while the connection was lost."""
LOST = "connection lost, reconnecting…"
HELD = "what you typed was not sent: press Enter, then ~s to send it, ~d to discard it"
NO_TTY = "Error: connect needs a terminal at standard input and standard output"
NO_WINDOWS = "Error: connect is not available on Windows; open the link in a browser"
WATCHING = "You are watching: the link does not allow typing. Press Enter, then ~. to leave."
ONLY_WATCHING = "You are watching. Press Enter, then ~. to leave."
TYPING = "Press Enter, then ~. to end the connection, ~? for help."


async def run(line: CommandLine, settings: Settings) -> int:
    """Connect this terminal until its shell ends. Raises HatchwayError with the host's sentence."""
    if sys.platform == "win32":
        stdio.warn(NO_WINDOWS)
        return USAGE_ERROR
    if not (is_tty(sys.stdin) and is_tty(sys.stdout)):
        stdio.warn(NO_TTY)
        return USAGE_ERROR
    if "log_level" not in line.options:
        # Somebody's terminal, and no service: INFO would be noise.
        log.configure("WARNING")
    from engine.control import guest

    stdio.warn("Connecting…")
    raw = "raw" in line.options
    visit = _Visit(watches="view" in line.options, raw=raw)
    try:
        try:
            terminal = await guest.connect(
                line.options["link"],
                visit.tty.size(),
                visit,
                settings.ice,
                name=line.options.get("name", ""),
                screen=guest.Screen.MUTE if raw else guest.Screen.FOLLOWS,
            )
        except BadLinkError as error:
            stdio.warn(f"Error: {error}")
            return USAGE_ERROR
        return await visit.stay(terminal)
    finally:
        visit.tty.leave(reset=True)


class _Visit:
    """Joins the person's terminal and the host's; an engine.control.guest.Guest."""

    def __init__(self, *, watches: bool, raw: bool) -> None:
        """``watches``: nothing is typed, whatever the link allows. ``raw``: output passes, and is
        not painted."""
        self._watches = watches
        self._raw = raw
        self.tty = Tty(self._typed, self._written, self._tty_failed)
        self._view: GuestView
        if raw:
            self._view = RawView(self.tty, self._rendered)
        else:
            self._view = PaintedView(self.tty, self._rendered, self._reply)
        self._terminal: GuestTerminal | None = None
        self._end: asyncio.Future[tuple[str, int | None]] = (
            asyncio.get_running_loop().create_future()
        )
        self._escapes = Escapes()
        self._company = Company()
        self._held = b""
        self._asks = False
        """Whether the lines that are shown ask what to do with ``_held``."""
        self._note = ""
        self._note_timer: asyncio.TimerHandle | None = None
        self._shown_note = ""
        self._idle: float | None = None
        self._lost = False

    async def stay(self, terminal: GuestTerminal) -> int:
        """Until the end; the exit code."""
        self._terminal = terminal
        where = f"Connected to {terminal.target}, short code {terminal.code}."
        how = WATCHING if terminal.role is Role.VIEW else TYPING
        if self._watches:
            how = ONLY_WATCHING
        stdio.warn(f"{shown(where)} {how}")
        loop = asyncio.get_running_loop()
        by_itself = shown_all = False
        try:
            loop.add_signal_handler(signal.SIGWINCH, self._resized)
            with quiet_log():
                self.tty.enter()
                self._view.enter()
                self._resized()
                self.changed()
                reason, exit_code = await self._end
                by_itself = exit_code is not None and terminal.end_code in ("", EndCode.ENDED)
                self._view.leave()
                shown_all = await self.tty.drained(None if by_itself else DRAIN_SECONDS)
        finally:
            self._cancel_note()
            # First of all: what follows takes time, and a second signal does not wait for it.
            self._view.leave()
            self.tty.leave(reset=not (by_itself and isinstance(self._view, RawView)))
            loop.remove_signal_handler(signal.SIGWINCH)
            await terminal.close()
        if not by_itself and shown_all:
            # A stopped terminal would hold us here, where no signal ends us.
            stdio.warn(shown(reason, MAX_LINE))
        return exit_code if exit_code is not None and 0 <= exit_code <= 255 else FAILED

    # engine.control.guest.Guest

    def output(self, data: bytes) -> None:
        self._view.output(data)

    def ended(self, reason: str, exit_code: int | None) -> None:
        if not self._end.done():
            self._end.set_result((reason, exit_code))

    def approval(self, state: str, code: str) -> None:
        if state == "waiting":
            stdio.warn(f"Waiting for the host… The short code is {code}")

    def notice(self, text: str) -> None:
        self._tell(text)

    def idle(self, seconds: float | None) -> None:
        self._idle = seconds
        self._show_note(bell=True)

    def connection(self, *, lost: bool) -> None:
        self._lost, self._idle = lost, None
        self._show_note(bell=lost)

    def sized(self, size: Size) -> None:
        self._view.sized(size)

    def changed(self) -> None:
        terminal = self._terminal
        if terminal is None:
            return
        before, self._company = self._company, Company.of(terminal)
        if notes := company.changes(before, self._company):
            self._tell("; ".join(notes))
        held = terminal.held_input
        if held != self._held:
            self._held = held
            self._ask_about_held()
        self._show_note()

    # Notes, in the window's title, and lines over what the program shows.

    def _tell(self, text: str) -> None:
        """Show a note for some time."""
        self._cancel_note()
        self._note = text
        loop = asyncio.get_running_loop()
        self._note_timer = loop.call_later(NOTE_SECONDS, self._clear_note)
        self._show_note(bell=True)

    def _clear_note(self) -> None:
        self._cancel_note()
        self._show_note()

    def _cancel_note(self) -> None:
        self._note = ""
        if self._note_timer is not None:
            self._note_timer.cancel()
            self._note_timer = None

    def _show_note(self, *, bell: bool = False) -> None:
        """The newest note, or what holds for as long as it does."""
        if self._lost:
            note = LOST
        elif self._idle is not None:
            note = f"idle: ends in {self._idle:.0f} s, any key keeps it"
        else:
            note = self._note or (HELD if self._held else self._company.standing)
        if note == self._shown_note:
            return
        self._shown_note = note
        if note:
            self._view.titles.note(f"[{note}]", bell=bell)
        else:
            self._view.titles.clear_note()

    def _cover(self, lines: Iterable[str]) -> None:
        """Show lines until a key is typed. Long ones are continued."""
        width = self.tty.size().cols
        self._view.cover(
            [line[at : at + width] for line in lines for at in range(0, len(line) or 1, width)]
        )

    def _ask_about_held(self) -> None:
        self._asks = bool(self._held)
        if not self._asks:
            self._view.uncover()
            return
        # A ~ needs no Enter before it while the question is there.
        self._escapes.begin_line()
        if not self._raw:
            text = shown(self._held.decode("utf-8", "replace"), MAX_HELD)
            self._cover(
                (
                    "You typed this while the connection was lost, and it was not sent:",
                    text,
                    "~s sends it, ~d discards it; any other key decides later.",
                )
            )

    # The person's terminal

    def _typed(self, data: bytes) -> None:
        terminal = self._terminal
        if terminal is None:
            return
        if self._idle is not None:
            self._idle = None
            terminal.keep()
        self._clear_note()
        asked, self._asks = self._asks, False
        # A key that puts the question off is for the program, too.
        if self._view.uncover() and not asked:
            data = after_a_key(data)
        for piece in self._escapes.read(data):
            if isinstance(piece, bytes):
                self._type(terminal, piece)
            else:
                self._do(terminal, piece)

    def _do(self, terminal: GuestTerminal, escape: Escape) -> None:
        match escape:
            case Escape.END:
                self.ended("Connection closed", None)
            case Escape.HELP:
                self._cover([*self._company.status(), *escapes.HELP.splitlines()])
            case Escape.STATUS if self._held:
                terminal.send_held()
            case Escape.STATUS:
                self._cover(self._company.status())
            case Escape.DISCARD:
                terminal.discard_held()
            case Escape.KEYBOARD:
                self._ask_keyboard(terminal)
            case Escape.LINK:
                self._show_link(terminal)
            case _:
                pass

    def _ask_keyboard(self, terminal: GuestTerminal) -> None:
        keyboard = self._company.keyboard
        on = not (self._company.has_keyboard or self._company.asks)
        if on and keyboard is not None and keyboard.again_in:
            self._tell(f"You can ask for the keyboard again in {keyboard.again_in} s")
        elif not terminal.ask_keyboard(on):
            self._tell("This host cannot be asked for the keyboard")
        elif on:
            self._tell("You have asked for the keyboard")

    def _show_link(self, terminal: GuestTerminal) -> None:
        if link := terminal.return_link():
            self._cover(("Whoever opens this link takes your place here:", link))
        else:
            self._tell("This host gives no link for another device")

    def _type(self, terminal: GuestTerminal, data: bytes) -> None:
        if self._watches:
            return
        # While the connection is lost, who may type is not known.
        if not (terminal.may_type or (self._lost and terminal.role is Role.CONTROL)):
            self._tell(self._company.refusal)
            return
        self._send(terminal, data)

    def _send(self, terminal: GuestTerminal, data: bytes) -> None:
        try:
            terminal.send(data)
        except LimitError as error:
            self._tell(str(error))
        except ChannelClosedError:
            # The end is about to be reported, with its reason.
            pass

    def _written(self, count: int) -> None:
        self._view.written(count)

    def _reply(self, data: bytes) -> None:
        """Our emulator answers a question of the program, unless the host does."""
        terminal = self._terminal
        if terminal is None or terminal.mutes or self._watches:
            return
        if terminal.may_type:
            self._send(terminal, data)

    def _rendered(self, count: int) -> None:
        if self._terminal is not None:
            self._terminal.rendered(count)

    def _tty_failed(self, reason: str) -> None:
        self.ended(reason, None)

    def _resized(self) -> None:
        if self._terminal is not None:
            self._terminal.resize(self.tty.size())
        self._view.resized()
