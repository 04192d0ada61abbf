"""Links for guests: making one, sharing it, the list of them, revoking them.

Owns the dialog. Does not own the links (the engine's) or their rows (gui.panels.links.model).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from engine.control.commands import CreateLink, RevokeLink
from engine.control.queries import Links, LinkUrl, Sessions
from engine.core.addresses import is_loopback
from engine.core.model import Role, Share, ShareState, Target, TargetKind
from gui.kit.qr import QrCode
from gui.kit.rows import TwoLineDelegate
from gui.kit.widgets import IconButton, Panel, ask, named_label
from gui.panels.links.model import ROLES, SHARE_ROLE, LinkModel

if TYPE_CHECKING:
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from gui.kit.style import Theme

SIZE = QSize(760, 540)
TICK_MS = 1000
HOUR = 3600.0
EXPIRIES: tuple[tuple[str, float | None], ...] = (
    ("10 minutes", HOUR / 6),
    ("1 hour", HOUR),
    ("1 day", 24 * HOUR),
    ("7 days", 7 * 24 * HOUR),
    ("Until this app ends", None),
)
"""How long a link lets sessions begin, in seconds."""
DEFAULT_EXPIRY = 1
LOCAL_WARNING = (
    "I know what that is: a shell as my own user, with my files, my keys and my network, "
    "and no container around it"
)
HINT = "Whoever has the link can use it. Hand it over by a way you trust."
ONLY_HERE = (
    "It works on this computer only: the app’s own relay listens on {host}. For guests "
    "elsewhere, name a relay in the settings, or let your own listen to the network."
)


class ShareDialog(QDialog):
    """The caller opens it; it deletes itself. One for all targets: it lists every link."""

    def __init__(
        self,
        adapter: EngineAdapter,
        theme: Theme,
        icons: Icons,
        targets: tuple[Target, ...],
        chosen: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Share by link")
        self.resize(SIZE)
        self._adapter = adapter
        self.target = QComboBox()
        for target in targets:
            self.target.addItem(target.name, target)
            if target.id == chosen:
                self.target.setCurrentIndex(self.target.count() - 1)
        self.role = QComboBox()
        for role, words in ROLES.items():
            self.role.addItem(words, role)
        self.expiry = QComboBox()
        for words, seconds in EXPIRIES:
            self.expiry.addItem(words, seconds)
        self.expiry.setCurrentIndex(DEFAULT_EXPIRY)
        self.single_use = QCheckBox("Works once")
        self.approval = QCheckBox("Ask me before anyone gets in")
        self.accept_local = QCheckBox()
        self.make = IconButton("Make link", icons, "share")
        self.make.setProperty("primary", "true")
        self.make.setAutoDefault(False)
        self.links = LinkModel(icons, parent=self)
        self.view = self._list(theme)
        self.address = QLineEdit()
        self.address.setReadOnly(True)
        self.address.setAccessibleName("Link")
        self.copy = IconButton("Copy", icons, "copy")
        self.revoke = IconButton("Revoke", icons, "close")
        self.qr = QrCode()
        self.hint = named_label("muted", HINT)
        self.hint.setWordWrap(True)
        self.local_warning = self._local_warning()
        self._arrange()
        self._connect()
        self.links.set_shares(adapter.ask(Links(), ()))
        self._show_first()
        self._consider_target()
        self._show_chosen()

    def chosen(self) -> Share | None:
        """The link that is selected in the list."""
        share = self.view.currentIndex().data(SHARE_ROLE)
        return share if isinstance(share, Share) else None

    # -- what is done

    def _make_link(self) -> None:
        command = CreateLink(
            self.target.currentData().id,
            # Qt returns it as plain text.
            Role(self.role.currentData()),
            approval=self.approval.isChecked(),
            seconds=self.expiry.currentData(),
            single_use=self.single_use.isChecked(),
        )
        # The acceptance is for this link only.
        self.accept_local.setChecked(False)
        self._adapter.run(self._create(command))

    async def _create(self, command: CreateLink) -> None:
        share = await self._adapter.perform(command)
        # Closed meanwhile, and deleted.
        if isValid(self):
            self.view.setCurrentIndex(self.links.index(self.links.row_of(share.id)))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.address.text())
        self.copy.setText("Copied")

    def _revoke(self) -> None:
        """Revoke it, asking first: those who were given it cannot be given it back."""
        share = self.chosen()
        if share is None:
            return
        sessions = self._adapter.ask(Sessions(), ())
        live = sum(session.guest.share == share.id for session in sessions)
        guests = {0: "Nobody is connected with it.", 1: "1 guest is connected with it."}
        ends = {0: "", 1: " Its session ends, too."}
        ask(
            self,
            "Revoke the link?",
            guests.get(live, f"{live} guests are connected with it."),
            f"Nobody can use it again.{ends.get(live, ' Their sessions end, too.')}",
            "Revoke link",
            lambda: self._adapter.do(RevokeLink(share.id)),
        )

    # -- what is shown

    def _consider_target(self) -> None:
        target = self.target.currentData()
        local = isinstance(target, Target) and target.kind is TargetKind.LOCAL
        self.local_warning.setVisible(local)
        self.make.setEnabled(target is not None and (not local or self.accept_local.isChecked()))

    def _show_first(self) -> None:
        if self.links.rowCount() and self.chosen() is None:
            self.view.setCurrentIndex(self.links.index(0))

    def _show_chosen(self) -> None:
        share = self.chosen()
        usable = share is not None and share.state(self.links.now()) is ShareState.ACTIVE
        url = self._adapter.ask(LinkUrl(share.id), "") if share is not None and usable else ""
        if url != self.address.text():
            self.address.setText(url)
            self.address.setCursorPosition(0)
            self.qr.show_text(
                url, f"QR code of the link to {share.target}" if share and url else ""
            )
            self.copy.setText("Copy")
        self.address.setPlaceholderText("" if share is None else "This link has ended")
        self.copy.setEnabled(bool(url))
        self.revoke.setEnabled(usable)
        host = QUrl(url).host()
        here = is_loopback(host)
        self.hint.setText(ONLY_HERE.format(host=host) if here else HINT)
        self.hint.setVisible(bool(url))

    def _changed(self) -> None:
        self.links.set_shares(self._adapter.ask(Links(), ()))
        self._show_first()
        self._show_chosen()

    def _tick(self) -> None:
        self.links.tick()
        self._show_chosen()

    # -- how it is put together

    def _connect(self) -> None:
        self.target.currentIndexChanged.connect(lambda _: self._consider_target())
        self.accept_local.toggled.connect(lambda _: self._consider_target())
        self.make.clicked.connect(self._make_link)
        self.copy.clicked.connect(self._copy)
        self.revoke.clicked.connect(self._revoke)
        self.view.selectionModel().currentChanged.connect(lambda *_: self._show_chosen())
        self._adapter.sharesChanged.connect(self._changed)
        ticker = QTimer(self)
        ticker.setInterval(TICK_MS)
        ticker.timeout.connect(self._tick)
        ticker.start()

    def _list(self, theme: Theme) -> QListView:
        view = QListView()
        view.setModel(self.links)
        view.setItemDelegate(TwoLineDelegate(theme, view))
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setMouseTracking(True)
        view.setAccessibleName("Links")
        return view

    def _arrange(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        for text, control in (
            ("Target", self.target),
            ("Role", self.role),
            ("Valid for", self.expiry),
        ):
            control.setAccessibleName(text)
            form.addRow(text, control)
        form.addRow("", self.approval)
        form.addRow("", self.single_use)
        below = QHBoxLayout()
        below.addWidget(self.local_warning, 1)
        below.addStretch(0)
        below.addWidget(self.make, alignment=Qt.AlignmentFlag.AlignBottom)
        frame = Panel()
        frame.body.addWidget(self.view)
        left = QVBoxLayout()
        left.setSpacing(10)
        left.addLayout(form)
        left.addLayout(below)
        left.addWidget(named_label("dockTitle", "Links"))
        left.addWidget(frame, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.copy, 1)
        buttons.addWidget(self.revoke, 1)
        right = QVBoxLayout()
        right.setSpacing(10)
        right.addWidget(self.qr, alignment=Qt.AlignmentFlag.AlignHCenter)
        right.addWidget(self.address)
        right.addLayout(buttons)
        right.addWidget(self.hint)
        right.addStretch(1)
        columns = QHBoxLayout()
        columns.setSpacing(18)
        columns.addLayout(left, 3)
        columns.addLayout(right, 2)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.reject)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 16, 16, 14)
        whole.setSpacing(12)
        whole.addLayout(columns, 1)
        whole.addWidget(close)

    def _local_warning(self) -> QWidget:
        """A check box whose words wrap."""
        self.accept_local.setAccessibleName(LOCAL_WARNING)
        words = QLabel(LOCAL_WARNING)
        words.setWordWrap(True)
        words.setBuddy(self.accept_local)
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.accept_local, alignment=Qt.AlignmentFlag.AlignTop)
        row.addWidget(words, 1)
        return box
