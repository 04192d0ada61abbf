"""The address where guests find the targets that are shared without a link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QLineEdit, QVBoxLayout

from engine.core.addresses import is_loopback
from gui.kit.qr import QrCode
from gui.kit.widgets import IconButton, named_label

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from engine.core.model import RelayInfo
    from gui.kit.icons import Icons

HINT = "Everyone with this address can open the targets that are shared with guests."
WITHOUT_TOKEN = (
    "Guests also need the guest token of this relay. Its operator has it; with relay.guest_token "
    "in the settings file it is part of the address."
)
ONLY_HERE = (
    "This address works on this computer only: the built-in relay listens on {host}. For guests "
    "elsewhere, set relay.url in the settings file, or let the built-in relay listen on the "
    "network."
)


class AddressDialog(QDialog):
    """The caller opens it; it deletes itself."""

    def __init__(self, icons: Icons, relay: RelayInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Address for guests")
        self.address = QLineEdit(relay.guest_address)
        self.address.setReadOnly(True)
        self.address.setAccessibleName("Address for guests")
        self.address.setCursorPosition(0)
        self.address.setMinimumWidth(380)
        self.copy = IconButton("Copy", icons, "copy", "Copied")
        self.copy.clicked.connect(self._copy)
        self.qr = QrCode()
        self.qr.show_text(relay.guest_address, "QR code of the address for guests")
        host = QUrl(relay.url).host()
        words = [HINT if relay.guest_token else WITHOUT_TOKEN]
        if is_loopback(host):
            words.append(ONLY_HERE.format(host=host))
        self.hint = named_label("muted", "\n\n".join(words))
        self.hint.setWordWrap(True)
        line = QHBoxLayout()
        line.addWidget(self.address, 1)
        line.addWidget(self.copy)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 14)
        column.setSpacing(12)
        column.addWidget(self.qr, alignment=Qt.AlignmentFlag.AlignHCenter)
        column.addLayout(line)
        column.addWidget(self.hint)
        column.addWidget(buttons)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.address.text())
        self.copy.setText("Copied")
