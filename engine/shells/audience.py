"""What a shell's program asks of a window, passed on to every window that shows the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.emulator import Host, Pixels

if TYPE_CHECKING:
    from collections.abc import Callable


class Audience(Host):
    """A shell's Host. Notes and clipboard writes go to all who listen: each decides for itself.

    Everything else is refused. Reports are of the cell and theme that were last set.
    """

    def __init__(self) -> None:
        self._listeners: dict[object, Host] = {}

    def listen(self, host: Host) -> Callable[[], None]:
        """Pass notes and clipboard writes on to ``host`` until the returned function is called."""
        key = object()
        self._listeners[key] = host

        def end() -> None:
            self._listeners.pop(key, None)

        return end

    def report(self, cell: tuple[int, int], *, dark: bool) -> None:
        """What programs are told: a cell's width and height in pixels, and whether the theme
        is a dark one."""
        self.cell = Pixels(*cell)
        self.dark = dark

    def notify(self, title: str, body: str) -> None:
        for host in tuple(self._listeners.values()):
            host.notify(title, body)

    def clipboard_write(self, selection: str, text: str) -> None:
        for host in tuple(self._listeners.values()):
            host.clipboard_write(selection, text)

    def clipboard_refused(self) -> None:
        for host in tuple(self._listeners.values()):
            host.clipboard_refused()
