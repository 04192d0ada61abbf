"""The dialog in which a link of somebody else is pasted, with the own name for its host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from gui.kit.widgets import named_label

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData, QSettings

NAME_KEY = "guest/name"
MAX_NAME = 64
"""Characters of a name that a host takes."""
MAX_LINK = 2000
HINT = (
    "Paste the link that somebody sent you. Its last part, after the # sign, is its secret: "
    "it never reaches the relay."
)
BAD = "This is not a Hatchway link. Copy the whole link, including everything after the # sign."


def looks_like_link(text: str) -> bool:
    """Whether it is worth trying to open; the engine checks it in full."""
    text = text.strip()
    if len(text) > MAX_LINK or any(sign.isspace() for sign in text):
        return False
    url = QUrl(text)
    return (
        url.scheme() in ("http", "https")
        and bool(url.host())
        and "/s/" in url.path()
        and bool(url.fragment())
    )


def link_in(data: QMimeData) -> str:
    """The link in what was dropped; "" when there is none."""
    if data.hasUrls() and len(data.urls()) == 1:
        text = data.urls()[0].toString()
    else:
        text = data.text() if data.hasText() else ""
    return text.strip() if looks_like_link(text) else ""


class OpenLinkDialog(QDialog):
    """``chosen`` carries the link and the name. The caller opens it; it deletes itself.

    The name is kept in ``store``, the link is not. A link in the clipboard is filled in.
    """

    chosen = Signal(str, str)

    def __init__(self, store: QSettings, link: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Open link")
        self.setMinimumWidth(520)
        self._store = store
        self.link = QLineEdit()
        self.link.setPlaceholderText("https://relay.example/s/…#…")
        self.link.setMaxLength(MAX_LINK)
        self.name = QLineEdit()
        self.name.setMaxLength(MAX_NAME)
        self.name.setPlaceholderText("Optional")
        self.name.setToolTip("The host and the other guests see this name")
        self.name.setText(str(store.value(NAME_KEY) or "")[:MAX_NAME])
        self.hint = named_label("muted", HINT)
        self.hint.setWordWrap(True)
        form = QFormLayout()
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(10)
        form.addRow("Link", self.link)
        form.addRow("Your name", self.name)
        buttons = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(buttons.Open | buttons.Cancel)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 14)
        column.setSpacing(12)
        column.addLayout(form)
        column.addWidget(self.hint)
        column.addWidget(self.buttons)
        self.link.textChanged.connect(lambda _: self._check())
        copied = QGuiApplication.clipboard().text()
        self.link.setText(link or (copied.strip() if looks_like_link(copied) else ""))
        self._check()
        (self.name if self.link.text() else self.link).setFocus()

    def _check(self) -> None:
        fits = looks_like_link(self.link.text())
        wrong = bool(self.link.text().strip()) and not fits
        self.hint.setText(BAD if wrong else HINT)
        self.buttons.button(QDialogButtonBox.StandardButton.Open).setEnabled(fits)

    def _accept(self) -> None:
        name = self.name.text().strip()
        self._store.setValue(NAME_KEY, name)
        self.accept()
        self.chosen.emit(self.link.text().strip(), name)
