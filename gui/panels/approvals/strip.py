"""Access requests of guests: a strip for each, desktop notifications, undoing a denial.

The engine decides how long a guest waits and applies the answer; gui.kit.attention decides when
a strip can be answered.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon, QToolButton, QWidget

from engine.control.commands import REMOVED_BY_HOST, CloseSession, DecideApproval
from engine.core.model import EndCode, Guest, Role
from engine.core.text import shown
from gui.kit import formats
from gui.kit.attention import UNDO_SECONDS
from gui.kit.icons import app_icon
from gui.kit.strips import ElidedLabel, Strip
from gui.kit.style import Tone
from gui.kit.widgets import named_label, tool_button

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.core.events import ApprovalRequested, ApprovalSettled, SessionClosed
    from gui.control.adapter import EngineAdapter
    from gui.kit.attention import Attention
    from gui.kit.icons import Icons
    from gui.kit.strips import Notice

CODE_HINT = "The guest’s screen shows the same code. Ask the guest to read it out."
UNVERIFIED = "Name, address and browser are not verified. Compare the code."
REMEMBER = "Use this answer for later guests of this link"
CODE_SCALE = 1.2
MIN_PLACE = 12
"""Characters of address and browser that must fit, or they are hidden. The menu has all."""
MAX_NAME = 40
"""Characters of a guest's name that are shown."""
MARGIN_SECONDS = 2.0
"""An undoable denial reaches the engine this long before the guest's waiting time ends."""


class ApprovalStrip(Strip):
    """The request of one guest. ``decided`` carries the granted role, or None for denied."""

    decided = Signal(object)

    def __init__(
        self, question: ApprovalRequested, icons: Icons, clock: Callable[[], float]
    ) -> None:
        super().__init__(icons, "clock", Tone.WARN, clock)
        self.question = question
        guest, types = question.guest, question.role is Role.CONTROL
        self.who = ElidedLabel(who(guest), "stripTitle", minimum=12)
        request = f"asks to {'type in' if types else 'view'} {shown(question.target)}"
        self.request = ElidedLabel(request, minimum=20)
        browser = shown(formats.browser(guest.browser), 80)
        claims = (shown(guest.address, 80) or "unknown address", browser)
        self.where = ElidedLabel(" · ".join(filter(None, claims)), "muted")
        self.code = named_label("stripCode", shown(question.code))
        font = self.code.font()
        font.setPointSizeF(font.pointSizeF() * CODE_SCALE)
        self.code.setFont(font)
        self.code.setToolTip(CODE_HINT)
        self.time = named_label("muted")
        for label in (self.who, self.request, self.where):
            self.row.addWidget(label)
        self.row.addStretch(1)
        self.row.addWidget(self.code)
        self.row.addWidget(self.time)
        self.spare = [self.time, self.request]
        self.more = self._more()
        self.deny = self.button("Deny", lambda: self.decided.emit(None))
        self.view = self.button("View only", lambda: self.decided.emit(Role.VIEW))
        role = Role.CONTROL if types else Role.VIEW
        self.allow = self.button("Allow", lambda: self.decided.emit(role), primary=True)
        self.view.setVisible(types)
        facts = (
            f"{self.who.text()} {self.request.text()}",
            self.where.text(),
            f"Code {self.code.text()}",
        )
        self.setAccessibleName(". ".join(facts))
        self.setToolTip(formats.tip(*facts, UNVERIFIED))
        self.wait(question.waits_until - time.time())

    @property
    def remembers(self) -> bool:
        """Whether the answer also applies to later guests of the link."""
        return self.remember.isChecked()

    def tick(self) -> None:
        self.time.setText(f"{formats.duration(self.left)} left")
        super().tick()

    def fit(self) -> None:
        """Name, code and buttons have priority. The time left is also drawn as a line."""
        self.where.hide()
        super().fit()
        minimum = MIN_PLACE * self.fontMetrics().averageCharWidth()
        self.where.setVisible(self.time.isVisibleTo(self) and self.room() >= minimum)

    def _more(self) -> QToolButton:
        """A menu with the details that a narrow window hides, and the answer for later guests.

        A menu, because no accidental key or click reaches it.
        """
        menu = QMenu(self)
        guest = self.question.guest
        for text in (
            self.who.text(),
            self.request.text(),
            *self.where.text().split(" · "),
            f"Code {self.code.text()}",
        ):
            menu.addAction(text.replace("&", "&&")).setEnabled(False)
        menu.addSeparator()
        self.remember = menu.addAction(REMEMBER)
        self.remember.setCheckable(True)
        self.remember.setEnabled(bool(guest.share))
        self.remember.toggled.connect(self._name_answers)
        button = tool_button(self._icons, "more", "Details and more options")
        button.setIconSize(self.picture.size())
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setMenu(menu)
        self.controls.append(button)
        self.row.addWidget(button)
        return button

    def _name_answers(self, remembered: bool) -> None:
        """Update the texts of the buttons."""
        self.allow.setText("Always allow" if remembered else "Allow")
        self.view.setText("Always view" if remembered else "View only")
        self.deny.setText("Deny and revoke link" if remembered else "Deny")
        self.fit()


class Approver(QObject):
    """Shows the engine's requests as strips in ``attention``, in order of arrival."""

    changed = Signal(int)
    """Number of guests who wait."""

    def __init__(
        self, adapter: EngineAdapter, icons: Icons, attention: Attention, window: QWidget
    ) -> None:
        super().__init__(window)
        self._adapter = adapter
        self._icons = icons
        self._attention = attention
        self._window = window
        self._strips: dict[str, ApprovalStrip] = {}
        self._denied: dict[str, Notice] = {}
        self._admitted: dict[str, Notice] = {}
        self.tray: QSystemTrayIcon | None = None
        """Shown while a guest waits, where the desktop has a tray."""
        adapter.approvalRequested.connect(self._asked)
        adapter.approvalSettled.connect(self._settled)
        adapter.sessionClosed.connect(self._closed)

    @property
    def waiting(self) -> tuple[ApprovalStrip, ...]:
        return tuple(self._strips.values())

    def _asked(self, question: ApprovalRequested) -> None:
        self._add(question)
        self._notify(question)

    def _add(self, question: ApprovalRequested) -> None:
        strip = ApprovalStrip(question, self._icons, self._attention.clock)
        strip.decided.connect(lambda role: self._decided(strip, role))
        self._strips[question.session_id] = strip
        self._attention.add(strip)
        self._tidy()

    def _decided(self, strip: ApprovalStrip, role: Role | None) -> None:
        question, remembers = strip.question, strip.remembers
        del self._strips[question.session_id]
        if role is None:
            self._deny_soon(question, strip.left, remember=remembers)
        else:
            self._allow(question, role, remember=remembers)
        self._attention.take(strip)
        self._tidy()

    def _allow(self, question: ApprovalRequested, role: Role, *, remember: bool) -> None:
        """Allow the guest at once, and offer to remove the guest, in case it was a mistake."""
        session_id = question.session_id
        self._adapter.do(DecideApproval(session_id, role, remember))
        can = "can type in" if role is Role.CONTROL else "can view"
        self._admitted[session_id] = self._attention.report(
            f"{who(question.guest)} {can} {question.target}",
            "Remove guest",
            lambda: self._adapter.do(CloseSession(session_id, REMOVED_BY_HOST, EndCode.REMOVED)),
            first=not self._strips,
        )
        self._admitted[session_id].closed.connect(lambda: self._admitted.pop(session_id, None))

    def _closed(self, event: SessionClosed) -> None:
        notice = self._admitted.pop(event.session_id, None)
        if notice is not None:
            self._attention.drop(notice, event.reason)

    def _deny_soon(self, question: ApprovalRequested, left: float, *, remember: bool) -> None:
        """Deny the guest once that can no longer be undone."""
        session_id = question.session_id

        def undone() -> None:
            del self._denied[session_id]
            self._add(question)

        def final() -> None:
            del self._denied[session_id]
            self._adapter.do(DecideApproval(session_id, None, remember))

        text = f"Denied {who(question.guest)} access to {question.target}"
        seconds = min(UNDO_SECONDS, max(0.0, left - MARGIN_SECONDS))
        self._denied[session_id] = self._attention.undo(text, undone, final, seconds=seconds)

    def _settled(self, event: ApprovalSettled) -> None:
        notice = self._denied.pop(event.session_id, None)
        if notice is not None:
            self._attention.drop(notice, event.reason)
        strip = self._strips.pop(event.session_id, None)
        if strip is not None:
            self._attention.void(strip, f"{who(strip.question.guest)}: {event.reason}")
        self._tidy()

    # -- desktop notification

    def _notify(self, question: ApprovalRequested) -> None:
        """Notify through the desktop and the task bar if the window is not active."""
        if self._window.isActiveWindow():
            return
        tray = QSystemTrayIcon.isSystemTrayAvailable()
        if not tray and not self._window.isVisible():
            # Hidden while it hosts: nothing else could tell that somebody waits.
            self._window.showMinimized()
        QApplication.alert(self._window)
        if not tray:
            return
        if self.tray is None:
            self.tray = QSystemTrayIcon(app_icon(), self)
            self.tray.activated.connect(lambda _: self._raise())
            self.tray.messageClicked.connect(self._raise)
        self.tray.show()
        self.tray.showMessage(*note(question.guest, question.target), app_icon())
        self._tidy()

    def _raise(self) -> None:
        self._window.setWindowState(self._window.windowState() & ~Qt.WindowState.WindowMinimized)
        self._window.show()
        self._window.raise_()
        self._window.activateWindow()

    def _tidy(self) -> None:
        count = len(self._strips)
        self.changed.emit(count)
        if self.tray is not None:
            guests = "1 guest is" if count == 1 else f"{count} guests are"
            self.tray.setToolTip(f"Hatchway: {guests} waiting")
            self.tray.setVisible(bool(count))


def who(guest: Guest) -> str:
    """The guest's name, escaped and limited to MAX_NAME."""
    return shown(guest.name, MAX_NAME) or "Unnamed guest"


def note(guest: Guest, target: str) -> tuple[str, str]:
    """Title and text of the desktop's notification."""
    name = shown(guest.name or guest.address, MAX_NAME) or "Someone"
    return f"A guest is waiting for {shown(target)}", f"{name} requests access."
