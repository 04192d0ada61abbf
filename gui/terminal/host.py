"""What programs may do outside their terminal: nothing until the user allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QClipboard, QGuiApplication

from engine.emulator import Host, Pixels

if TYPE_CHECKING:
    from collections.abc import Callable

TOO_MUCH = "The program wants to copy more than 192 KiB. The clipboard stays as it is."
"""The bound is that of the emulator's strings (parse.parser), in which texts are base64."""


class WindowHost(Host):
    """Of one terminal. ``notified`` gets a title and a text, where notes are allowed.

    ``in_use``: whether the clipboard may be written now. Of several widgets that show one shell
    only the focused one may, and none that only watches it. ``refused`` gets the reason why a
    text that may be copied was not.
    """

    def __init__(
        self,
        notified: Callable[[str, str], None],
        in_use: Callable[[], bool] = lambda: True,
        refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._notified = notified
        self._refused = refused
        self._in_use = in_use
        self._may_write_clipboard = False
        self._may_notify = False

    def allow(self, *, clipboard: bool, notes: bool) -> None:
        """Whether programs may write the clipboard (OSC 52) and show notes (OSC 9, 777)."""
        self._may_write_clipboard, self._may_notify = clipboard, notes

    def shown(self, cell: tuple[float, float], ratio: float, *, dark: bool) -> None:
        """What to report of the window: a cell's logical size, the screen's scale, the theme."""
        width, height = cell
        self.cell = Pixels(max(1, round(width * ratio)), max(1, round(height * ratio)))
        self.dark = dark

    def clipboard_write(self, selection: str, text: str) -> None:
        if not self._may_write_clipboard or not self._in_use():
            return
        clipboard = QGuiApplication.clipboard()
        if "p" in selection and clipboard.supportsSelection():
            clipboard.setText(text, QClipboard.Mode.Selection)
        if "c" in selection or not selection or "s" in selection:
            clipboard.setText(text)

    def clipboard_refused(self) -> None:
        if self._may_write_clipboard and self._in_use():
            self._refused(TOO_MUCH)

    def notify(self, title: str, body: str) -> None:
        if self._may_notify:
            self._notified(title, body)
