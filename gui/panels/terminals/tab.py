"""A terminal tab: a terminal widget and its connection."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QProgressBar, QStackedLayout, QVBoxLayout, QWidget

from engine.core.model import Size
from engine.core.text import shown
from gui.kit.widgets import named_label
from gui.panels.terminals.connection import Connection, Open, as_peer
from gui.terminal.widget import TerminalWidget

if TYPE_CHECKING:
    from PySide6.QtGui import QHideEvent, QShowEvent

    from engine.control.api import TerminalHandle
    from gui.control.adapter import EngineAdapter

MakeWidget = Callable[[], TerminalWidget]


class TerminalTab(QWidget):
    """One terminal, from connecting to ended, and again when reconnected.

    ``open_``: how it is opened; by default as a new one in the target, connected as a peer.
    """

    titleChanged = Signal(str)
    stateChanged = Signal()
    rang = Signal()
    noted = Signal(str, str)
    """A program's note: title and text."""

    def __init__(
        self,
        adapter: EngineAdapter,
        make_widget: MakeWidget,
        target_id: str,
        open_: Open | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._adapter = adapter
        self._open = open_ or as_peer(adapter, target_id)
        self.target_id = target_id
        self.title = target_id
        self.notice = ""
        """Why there is no terminal, for the user; "" while there is one."""
        self._connection: Connection | None = None
        self._size = Size()
        self.terminal = make_widget()
        self.terminal.typed.connect(self._typed)
        self.terminal.resized.connect(self._resized)
        self.terminal.rendered.connect(self._rendered)
        self.terminal.titleChanged.connect(self._retitle)
        self.terminal.bell.connect(self.rang)
        self.terminal.notified.connect(self._note)
        self.overlay = self._connecting_overlay()
        # The overlay lies above the terminal, which so has its size before it connects.
        self._stack = QStackedLayout(self)
        self._stack.setStackingMode(QStackedLayout.StackingMode.StackAll)
        self._stack.addWidget(self.terminal)
        self._stack.addWidget(self.overlay)
        self.setFocusProxy(self.terminal)

    @property
    def handle(self) -> TerminalHandle | None:
        """The engine's terminal while connected."""
        return self._connection.handle if self._connection is not None else None

    @property
    def connected(self) -> bool:
        return self.handle is not None

    @property
    def connecting(self) -> bool:
        return self._connection is not None and self._connection.opening

    def connect_terminal(self) -> None:
        """Open the terminal, or open it anew after it ended."""
        if self.connecting or self.connected:
            return
        if self._connection is not None:
            # What the former one may still report is not for this one.
            self._connection.drop()
            self.terminal.show_source(None)
            self.terminal.clear()
        self.notice = ""
        self.overlay.show()
        self._stack.setCurrentWidget(self.overlay)
        self._connection = Connection(
            self._adapter,
            self._open,
            self._size,
            output=self.terminal.feed,
            ended=self._ended,
            settled=self._settled,
        )
        self._connection.seen(self.isVisible())
        self.stateChanged.emit()

    def shut(self) -> None:
        """Let go of the terminal, whatever state it is in. The tab cannot be used afterwards."""
        if self._connection is not None:
            self._connection.drop()

    def _settled(self) -> None:
        if self._connection is not None and self._connection.screen is not None:
            self.terminal.show_source(self._connection.screen)
        # Focus stays where it is: meanwhile the user may be typing elsewhere.
        self.overlay.hide()
        self.stateChanged.emit()

    def _ended(self, notice: str) -> None:
        self.notice = notice
        self.terminal.set_ended(notice, "Reconnect", self.connect_terminal)
        self.stateChanged.emit()

    def _typed(self, data: bytes) -> None:
        if self._connection is not None:
            self._connection.send(data)

    def _resized(self, cols: int, rows: int) -> None:
        with contextlib.suppress(ValueError):
            self._size = Size(cols, rows)
        if self._connection is not None:
            self._connection.resize(self._size)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._say_seen(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._say_seen(False)

    def _say_seen(self, seen: bool) -> None:
        if self._connection is not None:
            self._connection.seen(seen)

    def _rendered(self, count: int) -> None:
        if self._connection is not None:
            self._connection.rendered(count)

    def _retitle(self, title: str) -> None:
        self.title = shown(title) or self.target_id
        self.titleChanged.emit(self.title)

    def _note(self, title: str, text: str) -> None:
        self.noted.emit(shown(title) or self.title, shown(text))

    def _connecting_overlay(self) -> QWidget:
        overlay = QWidget()
        overlay.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        label = named_label("muted", f"Connecting to {self.target_id}…")
        label.setTextFormat(Qt.TextFormat.PlainText)
        busy = QProgressBar()
        busy.setRange(0, 0)
        busy.setTextVisible(False)
        busy.setFixedWidth(180)
        column = QVBoxLayout(overlay)
        column.addStretch(1)
        column.addWidget(label, alignment=Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(6)
        column.addWidget(busy, alignment=Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        overlay.hide()
        return overlay
