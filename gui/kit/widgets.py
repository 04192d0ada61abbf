"""Small widgets every panel uses: a banner, an empty state, a framed panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QIcon
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QStyleOptionButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.kit.style import Tone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gui.kit.icons import Icons

_ICON_OF = {
    Tone.ERROR: "error",
    Tone.WARN: "warning",
    Tone.OK: "check",
    Tone.MUTED: "info",
    Tone.ACCENT: "info",
    Tone.TEXT: "info",
}


class IconLabel(QLabel):
    """A label that shows an icon and follows the theme through Icons.bind()."""

    def __init__(self, size: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._size = size
        self.setFixedSize(size, size)

    def setIcon(self, icon: QIcon) -> None:
        """Named like a button's, for Icons.bind()."""
        self.setPixmap(icon.pixmap(self._size, self._size))


class _Holder:
    """Holds a button's second icon, for Icons.bind()."""

    icon = QIcon()

    def setIcon(self, icon: QIcon) -> None:
        self.icon = icon


class SteadyButton(QPushButton):
    """A push button that is as wide as its widest text needs, whichever it shows.

    One that grew with its text would move what is beside it, and show a cut text until the next
    layout. ``texts``: those that it may show later.
    """

    def __init__(self, *texts: str, parent: QWidget | None = None) -> None:
        super().__init__(texts[0], parent)
        self._texts = texts

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        # As Qt measures its text.
        metrics, flag = self.fontMetrics(), Qt.TextFlag.TextShowMnemonic
        widths = [metrics.size(flag, text).width() for text in self._texts]
        more = max(widths) - metrics.size(flag, self.text()).width()
        return QSize(hint.width() + max(0, more), hint.height())


class IconButton(SteadyButton):
    """One whose icon has the color of its text, filled with the accent or not.

    It is filled while it is primary or the dialog's default: what Enter presses.
    """

    def __init__(
        self, text: str, icons: Icons, icon: str, *later: str, parent: QWidget | None = None
    ) -> None:
        """``later``: see SteadyButton."""
        super().__init__(text, *later, parent=parent)
        self._filled = _Holder()
        icons.bind(self, icon)
        icons.bind(self._filled, icon, Tone.ON_ACCENT)

    def initStyleOption(self, option: QStyleOptionButton) -> None:
        super().initStyleOption(option)
        # Style sheets know no distance between icon and text.
        option.text = f" {option.text}"
        if self.isDefault() or self.property("primary") == "true":
            option.icon = self._filled.icon


class Banner(QFrame):
    """A message inside a panel, never modal; ``closable`` adds a Dismiss button."""

    dismissed = Signal()

    def __init__(self, icons: Icons, *, closable: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._icons = icons
        self._icon = IconLabel(20)
        self._title = named_label("bannerTitle")
        self._text = named_label("bannerText")
        for label in (self._title, self._text):
            label.setWordWrap(True)
            # Text from an error may hold "<": it is text, never markup.
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            # Selecting text leaves focus where it is; the menu copies it.
            label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._title)
        words.addWidget(self._text)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 9, 9, 9)
        self._row.setSpacing(10)
        self._row.addWidget(self._icon, alignment=Qt.AlignmentFlag.AlignTop)
        self._row.addLayout(words, 1)
        self.button = QPushButton()
        self.button.hide()
        self.button.clicked.connect(lambda: self._action())
        self._action: Callable[[], object] = lambda: None
        self._row.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignTop)
        if closable:
            close = QToolButton()
            close.setToolTip("Dismiss")
            close.setAccessibleName("Dismiss")
            icons.bind(close, "close", Tone.MUTED)
            close.clicked.connect(self.dismiss)
            self._row.addWidget(close, alignment=Qt.AlignmentFlag.AlignTop)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.hide()

    @property
    def text(self) -> str:
        """Title and text, one below the other."""
        return f"{self._title.text()}\n{self._text.text()}".strip()

    def show_message(self, title: str, text: str, tone: Tone = Tone.ERROR) -> None:
        self._title.setText(title)
        self._title.setVisible(bool(title))
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self._icons.bind(self._icon, _ICON_OF[tone], tone)
        self.setProperty("tone", tone.value)
        self.style().unpolish(self)
        self.style().polish(self)
        self.show()

    def offer(self, text: str, action: Callable[[], object]) -> None:
        """Add a button beside the text."""
        self._action = action
        self.button.setText(text)
        self.button.show()

    def dismiss(self) -> None:
        self.hide()
        self.dismissed.emit()


class EmptyState(QWidget):
    """What an empty panel shows: an icon, a title, a hint, a button."""

    pressed = Signal()

    def __init__(
        self,
        icons: Icons,
        icon: str,
        title: str,
        hint: str = "",
        button: str = "",
        *,
        icon_size: int = 32,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        picture = IconLabel(icon_size)
        icons.bind(picture, icon, Tone.MUTED)
        self._title = named_label("emptyTitle", title)
        self._hint = named_label("muted", hint)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 12, 18, 12)
        column.setSpacing(8)
        column.addStretch(1)
        column.addWidget(picture, alignment=Qt.AlignmentFlag.AlignHCenter)
        for label in (self._title, self._hint):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            label.setWordWrap(True)
            column.addWidget(label)
        self._hint.setVisible(bool(hint))
        if button:
            press = QPushButton(button)
            press.setProperty("primary", "true")
            press.clicked.connect(self.pressed)
            column.addSpacing(4)
            column.addWidget(press, alignment=Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)

    def set_text(self, title: str, hint: str = "") -> None:
        self._title.setText(title)
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))


def open_file(path: Path) -> None:
    """Open it in the desktop's program for this type of file."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.absolute())))


def is_seen(widget: QWidget) -> bool:
    """Whether any part of it is in view, apart from other windows."""
    return widget.isVisible() and not widget.visibleRegion().isEmpty()


def first_control(widget: QWidget) -> QWidget | None:
    """The first widget in it that Tab reaches."""
    tab = Qt.FocusPolicy.TabFocus
    inner = (one for one in widget.findChildren(QWidget) if one.focusPolicy() & tab)
    return next((one for one in inner if one.isEnabled() and is_seen(one)), None)


def bring_to_front(window: QWidget) -> None:
    """Show a window that may be minimized or behind others, and give it the keyboard."""
    window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
    window.show()
    window.raise_()
    window.activateWindow()


def ask(
    parent: QWidget,
    title: str,
    text: str,
    consequence: str,
    yes: str,
    accepted: Callable[[], object],
    icon: QMessageBox.Icon = QMessageBox.Icon.Question,
) -> QMessageBox:
    """Ask before an action that cannot be undone. Enter and Escape cancel; it deletes itself."""
    box = QMessageBox(icon, title, text, parent=parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setInformativeText(consequence)
    box.addButton(yes, QMessageBox.ButtonRole.DestructiveRole).clicked.connect(accepted)
    box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
    # Not modal: guests may request access meanwhile.
    box.setModal(False)
    box.show()
    return box


class Panel(QWidget):
    """A rounded, framed box for the content of a dock. Add widgets to ``body``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(1, 1, 1, 1)
        self.body.setSpacing(0)


def tool_button(
    icons: Icons, icon: str, tip: str, *, checkable: bool = False, text: str = ""
) -> QToolButton:
    """A flat button with an icon; ``tip`` is also its accessible name."""
    button = QToolButton()
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setCheckable(checkable)
    button.setIconSize(QSize(16, 16))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if text:
        button.setText(text)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    icons.bind(button, icon)
    return button


def named_label(name: str, text: str = "") -> QLabel:
    """A label the style sheet knows by ``name``."""
    label = QLabel(text)
    label.setObjectName(name)
    return label
