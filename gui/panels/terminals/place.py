"""A tab's place in a shell of this process: its keys, its size, its colors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.control.api import ScreenSource, ShellHandle
    from engine.core.model import Size
    from gui.terminal.widget import TerminalWidget


class Place:
    """A Line (gui.panels.terminals.connection) over a ShellHandle.

    Closing it leaves the shell; EndShell ends one.
    """

    def __init__(self, handle: ShellHandle) -> None:
        self._handle = handle
        self._size: Size | None = None
        self._seen = True

    @property
    def shell_id(self) -> str:
        return self._handle.shell_id

    @property
    def session_id(self) -> str:
        """It has none."""
        return ""

    @property
    def participant(self) -> str:
        return self._handle.participant

    @property
    def screen(self) -> ScreenSource:
        return self._handle.screen

    def send(self, data: bytes) -> None:
        self._handle.send(data)

    def resize(self, size: Size) -> None:
        self._size = size
        self._say_size()

    def seen(self, seen: bool) -> None:
        """A hidden tab has no say in the size."""
        self._seen = seen
        self._say_size()

    def look(self, terminal: TerminalWidget, *, leads: bool) -> None:
        """How the tab looks: what the program is told when it asks. ``leads``: it also decides
        what all who show this shell have in common."""
        theme, (width, height) = terminal.theme, terminal.cell_size
        self._handle.set_theme(theme.foreground, theme.background, theme.cursor, theme.palette)
        if leads:
            ratio = terminal.devicePixelRatioF()
            cell = max(1, round(width * ratio)), max(1, round(height * ratio))
            shape, blink = terminal.cursor_default
            self._handle.look(cell, dark=theme.dark)
            self._handle.set_cursor_default(shape, blink=blink)

    def rendered(self, count: int) -> None:
        """The shell's own screen is painted: nothing paces it."""

    def keep(self) -> None:
        """Nothing to keep: own shells do not end for want of activity."""

    async def close(self) -> None:
        self._handle.detach()

    def _say_size(self) -> None:
        if not self._seen:
            self._handle.resize(None)
        elif self._size is not None:
            self._handle.resize(self._size)
