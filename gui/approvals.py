"""Guests who wait for the host's word: the note that one is there, and the question.

Owns the dialog, the queue of those who wait, and being noticed. Does not own
the decision's effect (the engine's) or how long a guest waits.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSystemTrayIcon,
    QVBoxLayout,
    QWidget,
)

from engine.model import Guest, Role
from engine.text import shown
from gui import formats
from gui.icons import app_icon
from gui.widgets import IconButton, named_label

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.events import ApprovalRequested, ApprovalSettled
    from gui.engine_adapter import EngineAdapter
    from gui.icons import Icons

WIDTH = 460
TICK_MS = 1000
GUARD_MS = 700
"""Buttons take nothing for so long: a dialog that pops up must not eat a key meant elsewhere."""
CODE_HINT = "The same code is on the guest’s screen. Compare by voice to be sure who it is."
REMEMBER_TIP = "Let in: you are not asked for later guests. Denied: the link is revoked."
CLAIMED = "Name, address and browser are what the relay says; only the code is proven."


class ApprovalDialog(QDialog):
    """``decided`` brings the role given, None for no, and whether to remember it.

    Closing it is a no. The caller opens it; it deletes itself.
    """

    decided = Signal(object, bool)

    def __init__(
        self,
        question: ApprovalRequested,
        icons: Icons,
        clock: Callable[[], float] = time.time,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Let a guest in?")
        self.setMinimumWidth(WIDTH)
        self.session_id = question.session_id
        self._until = question.waits_until
        self._clock = clock
        self._answered = False
        guest = question.guest
        types = question.role is Role.CONTROL
        wish = "type in" if types else "watch"
        self.title = _text(f"A guest wants to {wish} {question.target}", "emptyTitle")
        self.facts = {
            "Who": _text(guest.name or "Gave no name"),
            "From": _text(guest.address or "Unknown"),
            "Browser": _text(formats.browser(guest.browser) or "Unknown"),
            "Code": _text(question.code, "code"),
        }
        self.facts["Browser"].setToolTip(formats.tip(guest.browser))
        self.remember = QCheckBox("Remember my answer for this link")
        self.remember.setToolTip(REMEMBER_TIP)
        self.remember.setEnabled(bool(guest.share))
        self.left = named_label("muted")
        self.control = QPushButton("Let in")
        self.control.setProperty("primary", "true")
        self.control.setVisible(types)
        self.view = QPushButton("Watch only" if types else "Let watch")
        self.deny = IconButton("Deny", icons, "kick")
        self._buttons = (self.control, self.view, self.deny)
        self.control.clicked.connect(lambda: self._decide(Role.CONTROL))
        self.view.clicked.connect(lambda: self._decide(Role.VIEW))
        self.deny.clicked.connect(lambda: self._decide(None))
        for button in self._buttons:
            # Enter, pressed for the terminal below, decides nothing.
            button.setAutoDefault(False)
            button.setEnabled(False)
        self._arrange()
        guard = QTimer(self)
        guard.setSingleShot(True)
        guard.timeout.connect(self._unlock)
        guard.start(GUARD_MS)
        ticker = QTimer(self)
        ticker.timeout.connect(self.tick)
        ticker.start(TICK_MS)
        self.tick()

    def tick(self) -> None:
        """Show how long the guest still waits."""
        self.left.setText(f"Waits for {formats.duration(self._until - self._clock())} more")

    def withdraw(self) -> None:
        """Nobody waits any more: close without an answer."""
        self._answered = True
        self.reject()

    def reject(self) -> None:
        if not self._answered:
            self._answered = True
            self.decided.emit(None, False)
        super().reject()

    def _unlock(self) -> None:
        for button in self._buttons:
            button.setEnabled(True)

    def _decide(self, role: Role | None) -> None:
        self._answered = True
        self.decided.emit(role, self.remember.isChecked())
        self.accept()

    def _arrange(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(18)
        form.setVerticalSpacing(8)
        for name, label in self.facts.items():
            label.setAccessibleName(name)
            form.addRow(named_label("muted", name), label)
        hints = []
        for words in (CODE_HINT, CLAIMED):
            hint = named_label("muted", words)
            hint.setWordWrap(True)
            hints.append(hint)
        buttons = QHBoxLayout()
        buttons.addWidget(self.left, 1)
        for button in reversed(self._buttons):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addWidget(self.title)
        column.addLayout(form)
        for hint in hints:
            column.addWidget(hint)
        column.addWidget(self.remember)
        column.addLayout(buttons)


class Approver(QObject):
    """One dialog at a time over ``window``; who comes meanwhile waits behind it."""

    def __init__(self, adapter: EngineAdapter, icons: Icons, window: QWidget) -> None:
        super().__init__(window)
        self._adapter = adapter
        self._icons = icons
        self._window = window
        self._waiting: list[ApprovalRequested] = []
        self.dialog: ApprovalDialog | None = None
        self.tray: QSystemTrayIcon | None = None
        """There while somebody waits, where the desktop has a place for it."""
        adapter.approvalRequested.connect(self._asked)
        adapter.approvalSettled.connect(self._settled)

    def _asked(self, question: ApprovalRequested) -> None:
        self._waiting.append(question)
        self._notify(question)
        self._next()

    def _settled(self, event: ApprovalSettled) -> None:
        self._waiting = [one for one in self._waiting if one.session_id != event.session_id]
        if self.dialog is not None and self.dialog.session_id == event.session_id:
            self.dialog.withdraw()
        self._tidy()

    def _next(self) -> None:
        if self.dialog is not None or not self._waiting:
            return
        question = self._waiting[0]
        dialog = ApprovalDialog(question, self._icons, parent=self._window)
        dialog.decided.connect(
            lambda role, remember: self._adapter.decide(
                question.session_id, role, remember=remember
            )
        )
        dialog.finished.connect(lambda _: self._closed(question))
        self.dialog = dialog
        dialog.open()

    def _closed(self, question: ApprovalRequested) -> None:
        self.dialog = None
        if question in self._waiting:
            self._waiting.remove(question)
        self._tidy()
        # Not from inside the closing of the one before.
        QTimer.singleShot(0, self, self._next)

    def _notify(self, question: ApprovalRequested) -> None:
        """Be noticed behind other windows: by the desktop's note, and the task bar."""
        QApplication.alert(self._window)
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        if self.tray is None:
            self.tray = QSystemTrayIcon(app_icon(), self)
            self.tray.setToolTip("Hatchway: a guest waits")
            self.tray.activated.connect(lambda _: self._raise())
            self.tray.messageClicked.connect(self._raise)
        self.tray.show()
        self.tray.showMessage(*note(question.guest, question.target), app_icon())

    def _raise(self) -> None:
        self._window.showNormal()
        self._window.raise_()
        self._window.activateWindow()

    def _tidy(self) -> None:
        if not self._waiting and self.tray is not None:
            self.tray.hide()


def note(guest: Guest, target: str) -> tuple[str, str]:
    """Title and text of the desktop's notification."""
    who = guest.name or guest.address or "Somebody"
    return f"A guest waits for {shown(target)}", f"{shown(who)} wants to be let in."


def _text(words: str, name: str = "") -> QLabel:
    """Words that may come from a guest: escaped, and never markup."""
    label = QLabel(shown(words))
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setObjectName(name)
    label.setMinimumSize(QSize(0, 0))
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
