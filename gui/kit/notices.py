"""Strips: a question or a message in one line with its buttons.

Where they are shown and when they may be answered is gui.kit.attention's.
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
LEAST_KEPT: Final = 4
"""Characters of a label that are shown however little room there is."""


class ElidedLabel(QLabel):
    """Plain text, cut at its end where there is no room; all of it is in the tooltip.

    ``keep`` characters, or about as many, are shown in any case.
    """

    def __init__(self, text: str = "", name: str = "", keep: int = 0) -> None:
        super().__init__(text)
        self._keep = keep
        self._yields = False
        self.setObjectName(name)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)

    def allow_cutting(self, yields: bool) -> None:
        """Whether it may be cut to fewer characters than that."""
        if yields is not self._yields:
            self._yields = yields
            self.updateGeometry()

    def minimumSizeHint(self) -> QSize:
        keep = min(self._keep, LEAST_KEPT) if self._yields else self._keep
        kept = keep * self.fontMetrics().averageCharWidth()
        return QSize(min(kept, self.sizeHint().width()), super().minimumSizeHint().height())

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
    """Its time is up."""
    closed = Signal()
    """It is done: remove it."""

    def __init__(self, icons: Icons, icon: str, tone: Tone, clock: Callable[[], float]) -> None:
        super().__init__()
        self.setObjectName("strip")
        self.setProperty("tone", tone.value)
        self._icons = icons
        self._clock = clock
        self._began = clock()
        self._until: float | None = None
        self.over = False
        """Settled, and shown only until it loses focus."""
        self.controls: list[QWidget] = []
        self.spare: list[QWidget] = []
        """Where there is too little room, the first is hidden, then labels are cut, then the
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
        """Cut its text before its buttons."""
        if self.over:
            return
        labels = self.findChildren(ElidedLabel)
        for label in labels:
            label.allow_cutting(False)
        for widget in self.spare:
            widget.show()
        for widget in self.spare[:1]:
            widget.setVisible(self.room() >= 0)
        if self.room() < 0:
            for label in labels:
                label.allow_cutting(True)
        for widget in self.spare[1:]:
            widget.setVisible(self.room() >= 0)

    def room(self) -> int:
        """Pixels that are left, or missing, when everything shown has what it needs."""
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
        """Seconds that are left; 0 where there is no limit."""
        return 0.0 if self._until is None else max(0.0, self._until - self._clock())

    def tick(self) -> None:
        """Show how much time is left."""
        self.update()
        if self._until is not None and self._clock() >= self._until:
            self.stop()
            self.expired.emit()

    def stop(self) -> None:
        """Stop the countdown."""
        self._ticker.stop()
        self._until = None

    def outlive(self, text: str) -> None:
        """It is settled while it has focus: show why, and only a Close button.

        If it vanished, the next key would go to a shell.
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
    """A sentence and its buttons. Closes after one answer; without one, ``final`` is called."""

    def __init__(
        self, icons: Icons, icon: str, tone: Tone, text: str, detail: str,
        clock: Callable[[], float], final: Callable[[], object] = lambda: None,
    ) -> None:  # fmt: skip
        super().__init__(icons, icon, tone, clock)
        self.final = final
        self._settled = False
        self.words = ElidedLabel(text, "stripTitle", keep=60)
        self.detail = ElidedLabel(detail, "muted")
        self.row.addWidget(self.words)
        self.row.addWidget(self.detail)
        self.spare = [self.detail]
        self.row.addStretch(1)
        self.setAccessibleName(f"{text} {detail}".strip())

    def answer(self, text: str, act: Callable[[], object], *, danger: bool = False) -> None:
        """Add a button; ``danger`` for what cannot be undone."""
        self.button(text, lambda: self._settle(act)).setProperty("danger", danger)

    def say(self, text: str, detail: str) -> None:
        """Change the text of the question."""
        self.words.setText(text)
        self.detail.setText(detail)
        self.setAccessibleName(f"{text} {detail}".strip())

    def finish(self) -> None:
        """No answer came: call ``final`` and close."""
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
