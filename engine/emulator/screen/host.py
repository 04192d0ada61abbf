"""What the emulator asks of the window that shows it, and reports to it.

The defaults refuse: a program can do nothing to the outside that its host did not allow.
A window replaces Terminal.host by its own subclass.
"""

from __future__ import annotations

from typing import NamedTuple


class Pixels(NamedTuple):
    """A width and a height in pixels."""

    width: int
    height: int


class Host:
    """Refuses everything and reports a plain window. Override what is to be allowed."""

    cell = Pixels(10, 20)
    """One character cell: for reports in pixels and mouse mode 1016."""
    position = (0, 0)
    """The window's left upper corner, x and y in pixels, for programs that ask."""
    screen = Pixels(1920, 1080)
    iconified = False
    dark = True
    """Whether the theme is a dark one (private mode 2031)."""
    may_read_titles = False
    """Reading a title back lets output type into the shell: off."""

    def notify(self, title: str, body: str) -> None:
        """OSC 9 or OSC 777; printable bounded text, ``title`` may be "". Ignored."""

    def clipboard_write(self, selection: str, text: str) -> None:
        """OSC 52. ``selection`` is a word of c, p, q, s, 0-7 as the program gave it. Ignored."""

    def clipboard_refused(self) -> None:
        """OSC 52 with a text beyond the bound of strings: nothing was written. Ignored."""

    def clipboard_read(self, selection: str) -> str | None:
        """OSC 52 with "?". None (the default) answers nothing."""
        return None

    def resize(self, rows: int, cols: int) -> None:
        """A program asked for this size in cells; agree by calling Terminal.resize(). Ignored."""

    def window(self, operation: int, first: int, second: int) -> None:
        """XTWINOPS 1-3, 5-7, 9 and 10: iconify, move, raise, maximise and so on. Ignored."""
