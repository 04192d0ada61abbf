"""The link under the mouse: shown while Ctrl is held, opened by a click.

An unusual address is opened only after a question, a harmful one never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPointF, Qt, QUrl
from PySide6.QtGui import QCursor, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QMessageBox, QToolTip

from engine.core.text import shown
from gui.terminal.text import links
from gui.terminal.text.links import Link, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from engine.emulator import Line
    from gui.terminal.interaction.places import Places
    from gui.terminal.source import Viewed
    from gui.terminal.text.selection import Place

MAX_SHOWN = 300
"""Characters of an address in a tooltip."""
_MOD = Qt.KeyboardModifier


class Hover(QObject):
    """Over one viewport. ``underline`` shows which link a click would open, None for none.

    ``open_url`` opens an address in the program the desktop has for it.
    """

    def __init__(
        self,
        viewed: Viewed,
        places: Places,
        underline: Callable[[Link | None], None],
        viewport: QWidget,
        open_url: Callable[[QUrl], bool] = QDesktopServices.openUrl,
    ) -> None:
        super().__init__(viewport)
        self._viewed = viewed
        self._places = places
        self._underline = underline
        self._viewport = viewport
        self.open_url = open_url
        self._position: QPointF | None = None
        self._under: tuple[Place, Line | None] | None = None
        """The cell that the mouse is over, and its row as it was; identity is version."""
        self._found: Link | None = None
        self._link: Link | None = None
        self._pressed: Link | None = None
        self.question: QMessageBox | None = None
        """The open question about an address."""

    @property
    def link(self) -> Link | None:
        """The link that a click with Ctrl would open."""
        return self._link

    def link_at(self, position: QPointF) -> Link | None:
        return links.at(self._viewed.terminal, self._places.cell(position))

    def _link_under(self, position: QPointF) -> Link | None:
        """As link_at(), found anew only when what is under the mouse is another: there are many
        moves within a cell, and a line may have hundreds of rows."""
        place, terminal = self._places.cell(position), self._viewed.terminal
        index = place.line - terminal.scrolled
        there = -len(terminal.scrollback) <= index < terminal.rows
        under = (place, terminal.line(index) if there else None)
        if self._under is None or self._under[0] != place or self._under[1] is not under[1]:
            self._under, self._found = under, links.at(terminal, place)
        return self._found

    # -- the mouse

    def move(self, position: QPointF, held: Qt.KeyboardModifier) -> None:
        self._position = position
        self._show(self._link_under(position), armed=bool(held & _MOD.ControlModifier))

    def modifiers_changed(self, held: Qt.KeyboardModifier) -> None:
        """A key went down or up; with Ctrl held the link under the mouse can be clicked."""
        if self._position is not None:
            self.move(self._position, held)

    def leave(self) -> None:
        if self._position is not None:
            self._position = self._under = None
            self._show(None, armed=False)

    def press(self, position: QPointF) -> bool:
        """A click with Ctrl; False when there is no link."""
        self._pressed = self.link_at(position)
        return self._pressed is not None

    def release(self, position: QPointF) -> bool:
        """Open the link if the mouse is still on it; False when none was pressed."""
        pressed, self._pressed = self._pressed, None
        if pressed is None:
            return False
        if self.link_at(position) == pressed:
            self.open(pressed.uri)
        return True

    def _show(self, link: Link | None, *, armed: bool) -> None:
        viewport = self._viewport
        shape = Qt.CursorShape.PointingHandCursor if link and armed else Qt.CursorShape.IBeamCursor
        if viewport.cursor().shape() != shape:
            viewport.setCursor(shape)
        self._underline(link if armed or (link and link.marked) else None)
        if link == self._link:
            return
        self._link = link
        if link is None:
            QToolTip.hideText()
        else:
            QToolTip.showText(QCursor.pos(), _tip(link.uri), viewport)

    # -- opening

    def open(self, uri: str) -> None:
        """Open a safe address, ask about an unusual one, refuse everything else."""
        verdict = links.judge(uri)
        if verdict is Verdict.OPEN:
            self._open(uri)
        elif verdict is Verdict.ASK:
            self._ask(uri)
        else:
            self._refuse(uri)

    def _open(self, uri: str) -> None:
        self.open_url(QUrl(uri, QUrl.ParsingMode.TolerantMode))

    def _ask(self, uri: str) -> None:
        words = f"A program wrote this unusual address:\n\n{shown(uri, MAX_SHOWN)}"
        box = self._box("Open this link?", words)
        accept = box.addButton("Open", QMessageBox.ButtonRole.AcceptRole)
        copy = box.addButton("Copy", QMessageBox.ButtonRole.ActionRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        accept.clicked.connect(lambda: self._open(uri))
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(uri))
        box.show()

    def _refuse(self, uri: str) -> None:
        words = f"The address is unsafe or invalid:\n\n{shown(uri, MAX_SHOWN)}"
        box = self._box("Link blocked", words)
        box.addButton(QMessageBox.StandardButton.Close)
        box.show()

    def _box(self, title: str, text: str) -> QMessageBox:
        if self.question is not None:
            self.question.reject()
        box = QMessageBox(self._viewport)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setModal(False)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle("Link")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(title)
        box.setInformativeText(text)
        box.finished.connect(lambda _: self._answered(box))
        self.question = box
        return box

    def _answered(self, box: QMessageBox) -> None:
        if self.question is box:
            self.question = None


def _tip(uri: str) -> str:
    """Plain text: a tooltip would take ``<`` for markup."""
    escaped = shown(uri, MAX_SHOWN).replace("&", "&amp;").replace("<", "&lt;")
    return f"<p style='white-space:pre-wrap'>{escaped}<br><i>Ctrl+click to open</i></p>"
