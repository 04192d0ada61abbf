"""A terminal and the clipboard: copying, pasting, dropping files and text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QObject, Qt
from PySide6.QtGui import QClipboard, QGuiApplication
from PySide6.QtWidgets import QMessageBox

from gui.terminal.input import paste
from gui.terminal.text import html

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from gui.terminal.source import Viewed
    from gui.terminal.text.selection import Selection
    from gui.terminal.view.appearance import Appearance
    from gui.terminal.view.program import Program

MAX_PREVIEW_LINES = 8
"""Lines of a paste that the question shows."""
MAX_PREVIEW_CHARACTERS = 80


class Clipboard(QObject):
    """``type_in`` sends bytes as if someone typed them. ``owner``: over which it asks."""

    def __init__(
        self,
        viewed: Viewed,
        program: Program,
        selection: Selection,
        appearance: Appearance,
        type_in: Callable[[bytes], None],
        owner: QWidget,
    ) -> None:
        super().__init__(owner)
        self._viewed = viewed
        self._program = program
        self._selection = selection
        self._appearance = appearance
        self._type_in = type_in
        self._owner = owner
        self._copies_on_select = False
        self._warns = True
        self.question: QMessageBox | None = None
        """The open question about pasting several lines."""

    def set_habits(self, *, warns: bool, copies_on_select: bool) -> None:
        """``warns``: ask before pasting what a shell would run at once."""
        self._warns, self._copies_on_select = warns, copies_on_select

    # -- out

    def copy(self) -> None:
        """Copy the selection; without one the clipboard stays as it is."""
        if text := self._selection.text():
            QGuiApplication.clipboard().setText(text)

    def copy_html(self) -> None:
        """Copy the selection with its colors; programs that take only text get the text."""
        if self._selection.range is None:
            return
        theme, family = self._appearance.painter.theme, self._appearance.font_family
        data = QMimeData()
        data.setText(self._selection.text())
        data.setHtml(html.of(self._selection.pieces(), theme, family))
        QGuiApplication.clipboard().setMimeData(data)

    def selected(self) -> None:
        """A selection was made: copy it to X11's primary selection, and as the settings say."""
        clipboard = QGuiApplication.clipboard()
        if not (clipboard.supportsSelection() or self._copies_on_select):
            return
        text = self._selection.text()
        if text and clipboard.supportsSelection():
            clipboard.setText(text, QClipboard.Mode.Selection)
        if text and self._copies_on_select:
            clipboard.setText(text)

    # -- in

    def paste(self) -> None:
        self.paste_text(QGuiApplication.clipboard().text())

    def paste_primary(self) -> None:
        """What was last selected, on X11; nothing elsewhere."""
        clipboard = QGuiApplication.clipboard()
        if clipboard.supportsSelection():
            self.paste_text(clipboard.text(QClipboard.Mode.Selection))

    def paste_selected(self) -> None:
        """What was last selected, on X11; elsewhere, or where nothing is, what was copied."""
        clipboard = QGuiApplication.clipboard()
        selected = (
            clipboard.text(QClipboard.Mode.Selection) if clipboard.supportsSelection() else ""
        )
        self.paste_text(selected or clipboard.text())

    def takes(self, data: QMimeData) -> bool:
        """Whether something dragged here can be dropped."""
        return self._program.accepts and (data.hasUrls() or data.hasText())

    def drop(self, data: QMimeData) -> None:
        """Paths of dropped files, quoted for a shell; else the text."""
        if data.hasUrls():
            self.paste_text(paste.quoted_paths(data.urls()))
        else:
            self.paste_text(data.text())

    def paste_text(self, text: str) -> None:
        """Send text as a paste, asking first when a shell would run it line by line."""
        cleaned = paste.clean(text)
        if not cleaned or self._program.ended:
            return
        runs = paste.is_multiline(cleaned) and not self._viewed.terminal.bracketed_paste
        # What may not be typed is refused without a question.
        if runs and self._warns and self._program.accepts:
            self._ask(cleaned)
        else:
            self._paste(cleaned)

    def _paste(self, cleaned: str) -> None:
        self._type_in(paste.encode(cleaned, bracketed=self._viewed.terminal.bracketed_paste))

    def _ask(self, cleaned: str) -> None:
        lines = paste.line_count(cleaned)
        box = QMessageBox(self._owner)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Paste")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(f"Paste {lines} lines?" if lines > 1 else "Paste a line and press Enter?")
        box.setInformativeText(
            f"A shell runs each line as soon as it arrives.\n\n{_preview(cleaned)}"
        )
        box.addButton("Paste", QMessageBox.ButtonRole.AcceptRole)
        # An Enter meant for the shell must not confirm.
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.accepted.connect(lambda: self._paste(cleaned))
        box.finished.connect(lambda _: self._answered(box))
        if self.question is not None:
            self.question.reject()
        self.question = box
        # Not exec(): a nested event loop would stop the engine's coroutines. Not modal: guests
        # may request access meanwhile.
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
