"""A terminal and the clipboard: copying out, pasting in, dropping on it.

Owns which clipboard gets what, and the question whether several lines are
meant. Does not own cleaning what is pasted (paste) nor what is selected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QObject, Qt
from PySide6.QtGui import QClipboard, QGuiApplication
from PySide6.QtWidgets import QMessageBox

from gui.terminal.input import paste
from gui.terminal.text import html

if TYPE_CHECKING:
    from collections.abc import Callable

    from gui.terminal.view.view import TerminalView

MAX_PREVIEW_LINES = 8
"""Lines of a paste that the question shows."""
MAX_PREVIEW_CHARACTERS = 80


class Clipboard(QObject):
    """``send`` types bytes into the terminal."""

    def __init__(self, view: TerminalView, send: Callable[[bytes], None]) -> None:
        super().__init__(view)
        self._view = view
        self._send = send
        self.copies_on_select = False
        self.warns = True
        """Whether to ask before pasting what a shell would run at once."""
        self.question: QMessageBox | None = None
        """The open question whether several lines shall be pasted."""

    # -- out

    def copy(self) -> None:
        """The selection to the clipboard; without one the clipboard stays as it is."""
        if text := self._view.selection.text():
            QGuiApplication.clipboard().setText(text)

    def copy_html(self) -> None:
        """The selection with its colours; programs that take only text get the text."""
        selection, view = self._view.selection, self._view
        if selection.range is None:
            return
        data = QMimeData()
        data.setText(selection.text())
        data.setHtml(html.of(selection.pieces(), view.painter.theme, view.font_family))
        QGuiApplication.clipboard().setMimeData(data)

    def selected(self) -> None:
        """A selection was made: X11's second clipboard has it at once."""
        clipboard = QGuiApplication.clipboard()
        if not (clipboard.supportsSelection() or self.copies_on_select):
            return
        text = self._view.selection.text()
        if text and clipboard.supportsSelection():
            clipboard.setText(text, QClipboard.Mode.Selection)
        if text and self.copies_on_select:
            clipboard.setText(text)

    # -- in

    def paste(self) -> None:
        self.paste_text(QGuiApplication.clipboard().text())

    def paste_primary(self) -> None:
        """What was last selected, on X11; nothing elsewhere."""
        clipboard = QGuiApplication.clipboard()
        if clipboard.supportsSelection():
            self.paste_text(clipboard.text(QClipboard.Mode.Selection))

    def takes(self, data: QMimeData) -> bool:
        """Whether something dragged here can be dropped."""
        return not self._view.ended and (data.hasUrls() or data.hasText())

    def drop(self, data: QMimeData) -> None:
        """Paths of dropped files, quoted for a shell; else the text."""
        if data.hasUrls():
            self.paste_text(paste.quoted_paths(data.urls()))
        else:
            self.paste_text(data.text())

    def paste_text(self, text: str) -> None:
        """Send text as a paste, asking first when a shell would run it line by line."""
        cleaned = paste.clean(text)
        if not cleaned or self._view.ended:
            return
        if self.warns and paste.is_multiline(cleaned) and not self._view.terminal.bracketed_paste:
            self._ask(cleaned)
        else:
            self._paste(cleaned)

    def _paste(self, cleaned: str) -> None:
        self._send(paste.encode(cleaned, bracketed=self._view.terminal.bracketed_paste))

    def _ask(self, cleaned: str) -> None:
        lines = paste.line_count(cleaned)
        box = QMessageBox(self._view)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Paste")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(f"Paste {lines} lines?" if lines > 1 else "Paste a line and press Enter?")
        box.setInformativeText(
            f"A shell runs each line as soon as it gets it.\n\n{_preview(cleaned)}"
        )
        box.addButton("Paste", QMessageBox.ButtonRole.AcceptRole)
        # Enter, typed for the shell a moment too late, runs nothing.
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.accepted.connect(lambda: self._paste(cleaned))
        box.finished.connect(lambda _: self._answered(box))
        if self.question is not None:
            self.question.reject()
        self.question = box
        # Not exec(): a nested event loop would stop the engine's coroutines. Not modal: guests
        # may ask to be let in meanwhile.
        box.setModal(False)
        box.show()

    def _answered(self, box: QMessageBox) -> None:
        if self.question is box:
            self.question = None


def _preview(cleaned: str) -> str:
    """The first lines, each cut short."""
    lines = cleaned.rstrip("\r").split("\r", MAX_PREVIEW_LINES)
    shown = [
        line if len(line) <= MAX_PREVIEW_CHARACTERS else f"{line[:MAX_PREVIEW_CHARACTERS]}…"
        for line in lines[:MAX_PREVIEW_LINES]
    ]
    return "\n".join([*shown, "…"] if len(lines) > MAX_PREVIEW_LINES else shown)
