"""Strips: a question or a message in one line with its buttons.

gui.kit.attention decides where they are shown and when they can be answered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from gui.kit.style import Tone
from gui.kit.widgets import IconLabel

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from gui.kit.icons import Icons

TICK_MS: Final = 1000
LINE: Final = 2
"""Pixels of the line that shows how much time is left."""
MARGIN: Final = 4
MIN_SHOWN: Final = 4
"""Characters of a label that are always shown."""


class ElidedLabel(QLabel):
    """Plain text, elided at its end where there is no room; the tooltip shows all of it.

    About ``minimum`` characters are always shown.
    """

    def __init__(self, text: str = "", name: str = "", minimum: int = 0) -> None:
        super().__init__(text)
        self._minimum = minimum
        self._may_shrink = False
        self.setObjectName(name)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)

    def allow_shrinking(self, allowed: bool) -> None:
        """Whether it may be elided to MIN_SHOWN characters."""
        if allowed is not self._may_shrink:
            self._may_shrink = allowed
            self.updateGeometry()

    def minimumSizeHint(self) -> QSize:
        count = min(self._minimum, MIN_SHOWN) if self._may_shrink else self._minimum
        width = count * self.fontMetrics().averageCharWidth()
        return QSize(min(width, self.sizeHint().width()), super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        room = self.contentsRect()
        words = QFontMetrics(self.font()).elidedText(
            self.text(), Qt.TextElideMode.ElideRight, room.width()
        )
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.setToolTip(self.text() if self.width() < self.sizeHint().width() else "")


class Strip(QFrame):
    """One question or message. ``controls`` are guarded; ``row`` holds what it shows."""

    expired = Signal()
    """Emitted when its time is up."""
    closed = Signal()
    """Emitted when it is finished and should be removed."""

    def __init__(self, icons: Icons, icon: str, tone: Tone, clock: Callable[[], float]) -> None:
        super().__init__()
        self.setObjectName("strip")
        self.setProperty("tone", tone.value)
        self._icons = icons
        self._clock = clock
        self._began = clock()
        self._until: float | None = None
        self.over = False
        """Whether it is settled and shown only until it loses focus."""
        self.controls: list[QWidget] = []
        self.spare: list[QWidget] = []
        """Widgets to hide where room is short: first the first, then labels are elided, then the
        others are hidden."""
        self.picture = IconLabel(max(16, self.fontMetrics().height()))
        icons.bind(self.picture, icon, tone)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(10, MARGIN, 6, MARGIN + LINE)
        self.row.setSpacing(8)
        self.row.addWidget(self.picture)
        self._ticker = QTimer(self)
        self._ticker.timeout.connect(self.tick)

    def button(
        self, text: str, pressed: Callable[[], object], *, primary: bool = False
    ) -> QPushButton:
        """Add a button at the end of the row, guarded with the others."""
        button = QPushButton(text)
        button.setObjectName("stripButton")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAutoDefault(False)
        if primary:
            button.setProperty("primary", "true")
        button.clicked.connect(lambda: pressed())
        self.controls.append(button)
        self.row.addWidget(button)
        return button

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def fit(self) -> None:
        """Shorten its text so that its buttons fit."""
        if self.over:
            return
        labels = self.findChildren(ElidedLabel)
        for label in labels:
            label.allow_shrinking(False)
        for widget in self.spare:
            widget.show()
        for widget in self.spare[:1]:
            widget.setVisible(self.room() >= 0)
        if self.room() < 0:
            for label in labels:
                label.allow_shrinking(True)
        for widget in self.spare[1:]:
            widget.setVisible(self.room() >= 0)

    def room(self) -> int:
        """Pixels left over at minimum size; negative when they do not suffice."""
        self.row.invalidate()
        return self.width() - self.row.minimumSize().width()

    def wait(self, seconds: float) -> None:
        """Count down from now, then emit ``expired``."""
        self._began = self._clock()
        self._until = self._began + max(0.0, seconds)
        self._ticker.start(min(TICK_MS, max(1, int(seconds * 1000))))
        self.tick()

    @property
    def left(self) -> float:
        """Seconds left; 0 without a limit."""
        return 0.0 if self._until is None else max(0.0, self._until - self._clock())

    def tick(self) -> None:
        """Update the time left; emit ``expired`` when it is up."""
        self.update()
        if self._until is not None and self._clock() >= self._until:
            self.stop()
            self.expired.emit()

    def stop(self) -> None:
        """Stop the countdown."""
        self._ticker.stop()
        self._until = None

    def show_outcome(self, text: str) -> None:
        """Show why it was settled while it has focus, and a Close button.

        If it disappeared, the next key would go to a shell.
        """
        self.stop()
        self.over = True
        for at in range(1, self.row.count()):
            item = self.row.itemAt(at)
            if item is not None and (widget := item.widget()) is not None:
                widget.hide()
        self.controls.clear()
        words = ElidedLabel(text)
        self.row.addWidget(words, 1)
        self.button("Close", self.closed.emit)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._until is None:
            return
        share = self.left / max(0.001, self._until - self._began)
        tone = Tone.WARN if self.property("tone") == Tone.WARN.value else Tone.ACCENT
        width = round(self.width() * share)
        QPainter(self).fillRect(0, self.height() - LINE, width, LINE, self._icons.color(tone))


class Notice(Strip):
    """A sentence and its buttons. Closes after one answer; ``finish()`` calls ``final`` instead."""

    def __init__(
        self, icons: Icons, icon: str, tone: Tone, text: str, detail: str,
        clock: Callable[[], float], final: Callable[[], object] = lambda: None,
    ) -> None:  # fmt: skip
        super().__init__(icons, icon, tone, clock)
        self.final = final
        self._settled = False
        self.words = ElidedLabel(text, "stripTitle", minimum=60)
        self.detail = ElidedLabel(detail, "muted")
        self.row.addWidget(self.words)
        self.row.addWidget(self.detail)
        self.spare = [self.detail]
        self.row.addStretch(1)
        self.setAccessibleName(f"{text} {detail}".strip())

    def answer(self, text: str, act: Callable[[], object], *, danger: bool = False) -> QPushButton:
        """Add a button; ``danger`` for an action that cannot be undone."""
        button = self.button(text, lambda: self._settle(act))
        button.setProperty("danger", danger)
        return button

    def set_text(self, text: str, detail: str) -> None:
        """Change its text."""
        self.words.setText(text)
        self.detail.setText(detail)
        self.setAccessibleName(f"{text} {detail}".strip())

    def finish(self) -> None:
        """Close without an answer and call ``final``."""
        self._settle(self.final)

    def drop(self) -> None:
        """Close without calling anything."""
        self._settle(lambda: None)

    def _settle(self, act: Callable[[], object]) -> None:
        if not self._settled:
            self._settled = True
            self.stop()
            self.closed.emit()
            act()


def restyle(widget: QWidget) -> None:
    """Apply the style sheet to changed properties."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)
