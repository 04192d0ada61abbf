"""``connect LINK``: a guest in the terminal that this program was started in, as ssh is.

The exit code is the shell's; 1 when it did not end by itself.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from engine.cli import escapes
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
LOST = "[connection lost, reconnecting…]"
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
    visit = _Visit(watches="view" in line.options, raw="raw" in line.options)
    try:
        try:
            terminal = await guest.connect(
                line.options["link"], visit.tty.size(), visit, settings.ice
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
        """``watches``: nothing is typed, whatever the link allows. ``raw``: output passes as it
        is."""
        self._watches = watches
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
        self._idle = False
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
                reason, exit_code = await self._end
                by_itself = exit_code is not None and terminal.end_code in ("", EndCode.ENDED)
                self._view.leave()
                shown_all = await self.tty.drained(None if by_itself else DRAIN_SECONDS)
        finally:
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
        self._view.titles.note(text)

    def idle(self, seconds: float | None) -> None:
        self._idle = seconds is not None
        if seconds is None:
            self._view.titles.clear_note()
        else:
            self._view.titles.note(f"[idle: ends in {seconds:.0f} s, any key keeps it]")

    def connection(self, *, lost: bool) -> None:
        self._lost = lost
        self._idle = False
        if lost:
            self._view.titles.note(LOST)
        else:
            self._view.titles.clear_note()

    def sized(self, size: Size) -> None:
        pass

    def changed(self) -> None:
        pass

    # The person's terminal

    def _typed(self, data: bytes) -> None:
        terminal = self._terminal
        if terminal is None:
            return
        if self._idle:
            self._idle = False
            terminal.keep()
        if not self._lost:
            self._view.titles.clear_note()
        if self._view.uncover():
            data = after_a_key(data)
        for piece in self._escapes.read(data):
            if piece is Escape.END:
                self.ended("Connection closed", None)
            elif piece is Escape.HELP:
                self._view.cover(escapes.HELP.splitlines())
            elif isinstance(piece, bytes) and terminal.role is not Role.VIEW and not self._watches:
                self._send(terminal, piece)

    def _send(self, terminal: GuestTerminal, data: bytes) -> None:
        try:
            terminal.send(data)
        except LimitError as error:
            self._view.titles.note(str(error))
        except ChannelClosedError:
            # The end is about to be reported, with its reason.
            pass

    def _written(self, count: int) -> None:
        self._view.written(count)

    def _reply(self, data: bytes) -> None:
        terminal = self._terminal
        if terminal is not None and terminal.role is not Role.VIEW and not self._watches:
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
