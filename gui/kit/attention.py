"""Strips in place of the status bar: they ask for attention without taking focus.

A strip appears while the user types or clicks elsewhere. So it never takes focus, covers no
terminal and resizes none. Its controls are disabled for ``GUARD_MS`` after it appeared or moved
and while keys are being pressed. A click on it does not move focus. A shortcut moves focus to it,
and Escape moves it back without an answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWindow
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QWidget,
)
from shiboken6 import isValid

from gui.kit.strips import LINE, MARGIN, Notice, Strip, restyle
from gui.kit.style import Tone
from gui.kit.widgets import named_label, tool_button

if TYPE_CHECKING:
    from gui.kit.icons import Icons

GUARD_MS: Final = 500
UNDO_SECONDS: Final = 10.0
MAX_UNDOS: Final = 16
"""Undoable actions at the same time; one more makes the oldest final."""

_KEYS: Final = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class Attention(QWidget):
    """Covers ``place``, the status bar, while there are strips; one at a time is shown.

    Strips the user caused (a question, an undo) come before all others.
    """

    changed = Signal()
    """The shown strip or the number of strips changed."""

    def __init__(
        self, icons: Icons, place: QWidget, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(place)
        self.setObjectName("attention")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Notifications")
        self.clock = clock
        self._icons = icons
        self._place = place
        self._strips: list[Strip] = []
        self._undos: list[Notice] = []
        self._shown: Strip | None = None
        self._back: QWidget | None = None
        self._keys_of: QWindow | None = None
        self._back_button = tool_button(icons, "chevron-left", "Previous")
        self._next_button = tool_button(icons, "chevron-right", "Next")
        self._back_button.clicked.connect(lambda: self.step(-1))
        self._next_button.clicked.connect(lambda: self.step(1))
        self.count = named_label("stripCount")
        self._pager = QFrame()
        self._pager.setObjectName("pager")
        pages = QHBoxLayout(self._pager)
        pages.setContentsMargins(6, MARGIN, 0, MARGIN + LINE)
        pages.setSpacing(2)
        for widget in (self._back_button, self.count, self._next_button):
            pages.addWidget(widget)
        side = max(16, self.fontMetrics().height())
        for button in (self._back_button, self._next_button):
            button.setIconSize(QSize(side, side))
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self._row.addWidget(self._pager)
        self._guard = QTimer(self)
        self._guard.setSingleShot(True)
        self._guard.timeout.connect(self._go_live)
        place.installEventFilter(self)
        QApplication.instance().focusChanged.connect(self._focus_moved)  # type: ignore[union-attr]
        self._fit()
        self.hide()

    # -- strips

    @property
    def shown(self) -> Strip | None:
        return self._shown

    @property
    def strips(self) -> tuple[Strip, ...]:
        return tuple(self._strips)

    def ask(
        self,
        text: str,
        detail: str,
        yes: str,
        accepted: Callable[[], object],
        *,
        no: str = "Cancel",
    ) -> Notice:
        """A question about what the user just did. It stays until it is answered."""
        return self.choose(text, detail, ((no, lambda: None, False), (yes, accepted, True)))

    def choose(
        self, text: str, detail: str, answers: Sequence[tuple[str, Callable[[], object], bool]]
    ) -> Notice:
        """A question with several answers: each with what it does, and whether that cannot be
        undone. It stays until it is answered."""
        notice = Notice(self._icons, "warning", Tone.WARN, text, detail, self.clock)
        for label, act, danger in answers:
            notice.answer(label, act, danger=danger)
        self.add(notice, first=True)
        return notice

    def undo(
        self,
        text: str,
        undone: Callable[[], object],
        final: Callable[[], object],
        *,
        seconds: float = UNDO_SECONDS,
        now: str = "",
    ) -> Notice:
        """Report what was done. Exactly one is called: ``undone``, or ``final`` after ``seconds``.

        ``now``: the label of a button that calls ``final`` at once.
        """
        notice = Notice(self._icons, "check", Tone.ACCENT, text, "", self.clock, final)
        if now:
            notice.answer(now, final)
        notice.answer("Undo", undone)
        notice.expired.connect(lambda: self._expire(notice))
        notice.closed.connect(lambda: self._forget(notice))
        self._undos.append(notice)
        notice.wait(seconds)
        self.add(notice, first=True)
        if len(self._undos) > MAX_UNDOS:
            self._undos[0].finish()
        return notice

    def report(self, text: str, action: str, act: Callable[[], object], *, first: bool) -> Notice:
        """Report what was done and, for a while, offer a follow-up action."""
        notice = Notice(self._icons, "check", Tone.ACCENT, text, "", self.clock)
        notice.answer(action, act, danger=True)
        notice.answer("Close", lambda: None)
        notice.expired.connect(lambda: self._expire(notice))
        notice.wait(UNDO_SECONDS)
        self.add(notice, first=first)
        return notice

    def finish(self) -> None:
        """The window closes: make every undo final."""
        for notice in tuple(self._undos):
            notice.finish()

    def add(self, strip: Strip, *, first: bool = False) -> None:
        """Add it after the others; ``first`` puts it before them."""
        strip.hide()
        strip.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._row.addWidget(strip, 1)
        strip.closed.connect(lambda: self.take(strip))
        self._strips.insert(0 if first else len(self._strips), strip)
        busy = self._shown is not None and self.has_focus()
        if self._shown is None or (first and not busy):
            self._show(strip)
        else:
            self._changed()

    def bring_to_front(self, strip: Strip) -> None:
        """Show it now: the user asked for the same thing again."""
        if strip in self._strips:
            self._show(strip)

    def take(self, strip: Strip) -> None:
        """Remove it: show the next one, or the status bar again."""
        if strip not in self._strips:
            return
        at = self._strips.index(strip)
        self._strips.remove(strip)
        if strip is self._shown:
            self._show(self._strips[min(at, len(self._strips) - 1)] if self._strips else None)
        else:
            self._changed()
        self._row.removeWidget(strip)
        strip.hide()
        strip.deleteLater()

    def void(self, strip: Strip, why: str) -> None:
        """Remove it because it was settled elsewhere. If it has focus, show ``why`` instead."""
        if strip is self._shown and self.has_focus():
            strip.show_outcome(why)
            strip.setFocus()
            self._hold()
        else:
            self.take(strip)

    def drop(self, notice: Notice, why: str) -> None:
        """Remove it without calling its undo or its ``final``. If it has focus, show ``why``."""
        if notice is self._shown and self.has_focus():
            self._forget(notice)
            self.void(notice, why)
        else:
            notice.drop()

    def _expire(self, notice: Notice) -> None:
        final = notice.final
        self.drop(notice, "Time is up.")
        final()

    def _forget(self, notice: Notice) -> None:
        if notice in self._undos:
            self._undos.remove(notice)

    def step(self, by: int) -> None:
        """Show the next (1) or the previous (-1) one."""
        if self._shown is not None and len(self._strips) > 1:
            at = (self._strips.index(self._shown) + by) % len(self._strips)
            self._show(self._strips[at])

    # -- focus

    def has_focus(self) -> bool:
        focus = QApplication.focusWidget()
        return focus is not None and (focus is self or self.isAncestorOf(focus))

    def enter(self) -> bool:
        """Move focus to the strip; False if there is none."""
        if self._shown is None:
            return False
        self._shown.setFocus(Qt.FocusReason.ShortcutFocusReason)
        return True

    def leave(self) -> None:
        """Move focus back to where it was."""
        back, self._back = self._back, None
        if back is not None and isValid(back) and back.isVisible() and back.isEnabled():
            back.setFocus(Qt.FocusReason.OtherFocusReason)
        elif (focus := QApplication.focusWidget()) is not None:
            # Better that no widget gets the next key than another shell.
            focus.clearFocus()

    def focusNextPrevChild(self, next: bool) -> bool:
        """Tab stays among the controls that can be used; Escape leaves."""
        widgets: list[QWidget] = [self._back_button, self._next_button]
        widgets = widgets if self._pager.isVisible() else []
        controls = self._shown.controls if self._shown is not None else []
        widgets = [w for w in (*controls, *widgets) if w.isVisible() and w.isEnabled()]
        if not widgets:
            return True
        focus = QApplication.focusWidget()
        at = widgets.index(focus) if focus in widgets else (-1 if next else 0)
        widgets[(at + (1 if next else -1)) % len(widgets)].setFocus(
            Qt.FocusReason.TabFocusReason if next else Qt.FocusReason.BacktabFocusReason
        )
        return True

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        focus = QApplication.focusWidget()
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        elif event.key() in _KEYS and isinstance(focus, QAbstractButton):
            if not event.isAutoRepeat():
                focus.click()
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right) and focus is self._shown:
            self.step(1 if event.key() == Qt.Key.Key_Right else -1)
        # No key typed here reaches another widget.
        event.accept()

    def _focus_moved(self, old: QWidget | None, new: QWidget | None) -> None:
        if not isValid(self) or new is None:
            return
        inside = new is self or self.isAncestorOf(new)
        if inside and old is not None and not self.isAncestorOf(old):
            self._back = old
        if self._shown is not None and self._shown.over and not inside:
            self.take(self._shown)
        elif self._shown is not None and self._shown.property("entered") is not inside:
            self._shown.setProperty("entered", inside)
            restyle(self._shown)

    # -- the guard

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if watched is self._keys_of and kind == QEvent.Type.KeyPress and self._guard.isActive():
            self._guard.start(GUARD_MS)
        elif watched is self._place and kind in (QEvent.Type.Resize, QEvent.Type.Move):
            self.setGeometry(self._place.rect())
            self._hold()
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        # A click on a control that is still disabled must not reach what is behind.
        event.accept()

    def _hold(self) -> None:
        """Disable the controls for a while."""
        if self._shown is None or not self.isVisible():
            return
        if self.has_focus() and QApplication.focusWidget() is not self._shown:
            # A disabled control would pass focus to the next widget.
            self._shown.setFocus()
        for control in (*self._shown.controls, self._back_button, self._next_button):
            control.setEnabled(False)
        window = self.window().windowHandle()
        if self._keys_of is not window:
            self._unwatch()
            self._keys_of = window
            if window is not None:
                window.installEventFilter(self)
        self._guard.start(GUARD_MS)

    def _go_live(self) -> None:
        self._unwatch()
        if self._shown is not None:
            for control in (*self._shown.controls, self._back_button, self._next_button):
                control.setEnabled(True)

    def _unwatch(self) -> None:
        window, self._keys_of = self._keys_of, None
        if window is not None and isValid(window):
            window.removeEventFilter(self)

    # -- what is shown

    def _show(self, strip: Strip | None) -> None:
        inside = self.has_focus()
        before, self._shown = self._shown, strip
        if strip is None:
            if inside:
                self.leave()
            self._guard.stop()
            self._unwatch()
            self.hide()
        else:
            strip.show()
            self.setGeometry(self._place.rect())
            self.show()
            self.raise_()
            if inside:
                strip.setFocus()
            self._hold()
        if before is not None and before is not strip:
            for control in before.controls:
                control.setEnabled(False)
            before.hide()
        self._changed()

    def _changed(self) -> None:
        number = len(self._strips)
        self._pager.setVisible(number > 1)
        if self._shown is not None:
            self.count.setText(f"{self._strips.index(self._shown) + 1} of {number}")
        self.changed.emit()

    def _fit(self) -> None:
        """Make the status bar high enough for buttons, so that a strip moves nothing."""
        self._place.setMinimumHeight(self.fontMetrics().height() + 10 + 2 * MARGIN + LINE)
        self.setGeometry(self._place.rect())
