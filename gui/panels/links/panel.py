"""The share dialog: create, copy, list and revoke links for guests."""

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
from engine.control.queries import Host, Links, LinkUrl, Sessions, Shells, Targets
from engine.core.addresses import is_loopback
from engine.core.model import (
    LOCAL_TARGET,
    Role,
    Share,
    ShellInfo,
    Target,
    TargetKind,
)
from gui.kit import choices, people
from gui.kit.qr import QrCode
from gui.kit.rows import TwoLineDelegate
from gui.kit.widgets import IconButton, Panel, ask, named_label
from gui.panels.links.model import ROLES, SHARE_ROLE, LinkModel, people_by_link
from gui.panels.targets.model import key

if TYPE_CHECKING:
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from gui.kit.style import Theme

SIZE = QSize(760, 540)
TICK_MS = 1000
HOUR = 3600.0
DAY = 24 * HOUR
UNTIL_END = "Until Hatchway closes"
UNTIL_REVOKED = "Until revoked"
UNTIL_SHELL_ENDS = "Until the terminal ends"
EXPIRIES: tuple[tuple[str, float | None], ...] = (
    ("10 minutes", HOUR / 6),
    ("1 hour", HOUR),
    ("1 day", DAY),
    ("7 days", 7 * DAY),
    (UNTIL_END, None),
)
"""How long a link can open sessions, in seconds; None: until it is revoked, and without
KEEP_TEXT at most as long as the program runs."""
KEEP_TEXT = "Keep after restart"
KEEP_TIP = (
    "The link also works after Hatchway was closed and started again. It is stored with its "
    "secret in your configuration folder."
)
BY_NAME_TEXT = "Also for a later container of this name"
BY_NAME_TIP = (
    "When the container is replaced, for example by docker compose, the link opens the new one. "
    "Otherwise the link opens this very container."
)
KEEP_NOT = "A link to a running terminal ends with it."
RECORD_TEXT = "Record the terminal"
RECORD_TIP = (
    "Each terminal that a guest opens with this link is recorded from its start. Recordings hold "
    "everything a terminal prints, and stay on this computer."
)
RECORD_NOW_TIP = (
    "This terminal is recorded as soon as the link is created. Recordings hold everything a "
    "terminal prints, and stay on this computer."
)
DEFAULT_EXPIRY = 1
LOCAL_WARNING = (
    "I understand that guests get a shell as my user, with access to my files, keys and "
    "network, and without the isolation of a container."
)
HINT = "Anyone with this link can use it. Send it over a channel you trust."
ONLY_HERE = (
    "Links work on this computer only: the built-in relay listens on {host}. For guests "
    "elsewhere, set relay.url in the settings file, or let the built-in relay listen on the "
    "network."
)


class ShareDialog(QDialog):
    """Lists the links of all targets. The caller opens it; it deletes itself."""

    def __init__(
        self,
        adapter: EngineAdapter,
        theme: Theme,
        icons: Icons,
        targets: tuple[Target, ...],
        chosen: str = "",
        parent: QWidget | None = None,
        *,
        shell: ShellInfo | None = None,
    ) -> None:
        """``chosen``: the id of the target that is selected at first, unless a ``shell`` is."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Share by link")
        self.resize(SIZE)
        self._adapter = adapter
        self.target = QComboBox()
        self.target.setPlaceholderText("Choose a target")
        self._targets = targets
        self._shells: tuple[ShellInfo, ...] = ()
        """Running ones that were offered."""
        self._fill()
        if shell is not None:
            self.offer(shell)
        elif not self.select(chosen) and targets:
            self.target.setCurrentIndex(0)
        self.role = QComboBox()
        for role, words in ROLES.items():
            self.role.addItem(words, role)
        self.expiry = QComboBox()
        for words, seconds in EXPIRIES:
            self.expiry.addItem(words, seconds)
        self.expiry.setCurrentIndex(DEFAULT_EXPIRY)
        self.single_use = QCheckBox("Single use")
        self.approval = QCheckBox("Ask me before a guest connects")
        self.keep = QCheckBox(KEEP_TEXT)
        self.keep.setToolTip(KEEP_TIP)
        self.by_name = QCheckBox(BY_NAME_TEXT)
        self.by_name.setToolTip(BY_NAME_TIP)
        self.record = QCheckBox(RECORD_TEXT)
        self.accept_local = QCheckBox()
        self.create_button = IconButton("Create link", icons, "share")
        self.create_button.setProperty("primary", "true")
        self.create_button.setAutoDefault(False)
        self.links = LinkModel(icons, parent=self)
        self.view = self._list(theme)
        self.address = QLineEdit()
        self.address.setReadOnly(True)
        self.address.setAccessibleName("Link")
        self.copy = IconButton("Copy", icons, "copy", "Copied")
        self.revoke = IconButton("Revoke", icons, "close")
        self.qr = QrCode()
        self.hint = named_label("muted", HINT)
        self.hint.setWordWrap(True)
        self.local_warning = self._local_warning()
        self._arrange()
        self._connect()
        self.links.set_targets(adapter.ask(Targets(), ()))
        self.links.set_shares(adapter.ask(Links(), ()))
        self._show_first()
        self._target_changed()
        self._show_chosen()

    def offer(self, shell: ShellInfo) -> None:
        """Select a running shell: a link to it joins what runs there."""
        self._shells = (shell, *(one for one in self._shells if one.id != shell.id))
        self._fill()
        choices.choose(self.target, _shell_key(shell))

    def select(self, target_id: str) -> bool:
        """Select a target; False when there is none with that id."""
        target = next((one for one in self._targets if one.id == target_id), None)
        if target is not None:
            choices.choose(self.target, key(target))
        return target is not None

    def _fill(self) -> None:
        shells = [
            (_shell_key(one), f"This terminal: {people.title(one)}", one) for one in self._shells
        ]
        targets = [(key(one), one.name, one) for one in self._targets]
        choices.update(self.target, [*shells, *targets])

    def chosen(self) -> Share | None:
        """The link selected in the list."""
        share = self.view.currentIndex().data(SHARE_ROLE)
        return share if isinstance(share, Share) else None

    # -- actions

    def _create_link(self) -> None:
        shared = self.target.currentData()
        joins = isinstance(shared, ShellInfo)
        command = CreateLink(
            shared.target if joins else shared.id,
            # Qt returns it as plain text.
            Role(self.role.currentData()),
            approval=self.approval.isChecked(),
            seconds=self.expiry.currentData(),
            single_use=self.single_use.isChecked(),
            kept=self.keep.isChecked() and not joins,
            shell=shared.id if joins else "",
            by_name=self.by_name.isChecked() and self.by_name.isEnabled(),
            record=self.record.isChecked(),
        )
        # The acceptance is for this link only.
        self.accept_local.setChecked(False)
        self._adapter.run(self._create(command))

    async def _create(self, command: CreateLink) -> None:
        share = await self._adapter.perform(command)
        # The dialog may have been closed and deleted meanwhile.
        if isValid(self):
            self.view.setCurrentIndex(self.links.index(self.links.row_of(share.id)))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.address.text())
        self.copy.setText("Copied")

    def _revoke(self) -> None:
        """Revoke the selected link after a confirmation, because that cannot be undone."""
        share = self.chosen()
        if share is None:
            return
        sessions = self._adapter.ask(Sessions(), ())
        live = sum(session.guest.share == share.id for session in sessions)
        guests = {0: "No guest is connected through it.", 1: "1 guest is connected through it."}
        ends = {0: "", 1: " The guest’s session ends, too."}
        ask(
            self,
            "Revoke the link?",
            guests.get(live, f"{live} guests are connected through it."),
            f"Nobody can use it again.{ends.get(live, ' The guests’ sessions end, too.')}",
            "Revoke link",
            lambda: self._adapter.do(RevokeLink(share.id)),
        )

    # -- display

    def _target_changed(self) -> None:
        shared = self.target.currentData()
        joins = isinstance(shared, ShellInfo)
        types = Role(self.role.currentData()) is Role.CONTROL
        # Who only views this terminal gets no shell of their own.
        local = (joins and shared.target == LOCAL_TARGET and types) or (
            isinstance(shared, Target) and shared.kind is TargetKind.LOCAL
        )
        self.local_warning.setVisible(local)
        self.keep.setEnabled(not joins)
        self.by_name.setEnabled(isinstance(shared, Target) and shared.kind is TargetKind.CONTAINER)
        self.keep.setToolTip(KEEP_NOT if joins else KEEP_TIP)
        self.record.setToolTip(RECORD_NOW_TIP if joins else RECORD_TIP)
        self._name_expiries()
        self.create_button.setEnabled(
            shared is not None and (not local or self.accept_local.isChecked())
        )

    def _name_expiries(self) -> None:
        """A link that is not kept ends with the program, whatever time it has."""
        joins = isinstance(self.target.currentData(), ShellInfo)
        kept = self.keep.isChecked() and not joins
        end = UNTIL_SHELL_ENDS if joins else UNTIL_REVOKED if kept else UNTIL_END
        for at, (words, seconds) in enumerate(EXPIRIES):
            if seconds is None:
                words = end
            elif seconds >= DAY and not kept:
                words = f"{words}, or {end[0].lower()}{end[1:]}"
            self.expiry.setItemText(at, words)

    def _show_first(self) -> None:
        if self.links.rowCount() and self.chosen() is None:
            self.view.setCurrentIndex(self.links.index(0))

    def _show_chosen(self) -> None:
        share = self.chosen()
        usable = share is not None and not share.state(self.links.now()).is_over
        url = self._adapter.ask(LinkUrl(share.id), "") if share is not None and usable else ""
        if url != self.address.text():
            self.address.setText(url)
            self.address.setCursorPosition(0)
            self.qr.show_text(
                url, f"QR code of the link to {share.target}" if share and url else ""
            )
            self.copy.setText("Copy")
        self.address.setPlaceholderText("" if share is None else "This link is no longer valid")
        self.copy.setEnabled(bool(url))
        self.revoke.setEnabled(usable)
        # Before there is a link, too: it may be sent as soon as it is made.
        known = self._adapter.ask(Host(), None)
        relay = "" if known is None else known.relay.url
        host = QUrl(url or relay).host()
        here = is_loopback(host)
        self.hint.setText(ONLY_HERE.format(host=host) if here else HINT)
        self.hint.setVisible(bool(url) or here)

    def _people_changed(self, _: object = None) -> None:
        sessions, shells = self._adapter.ask(Sessions(), ()), self._adapter.ask(Shells(), ())
        self.links.set_people(people_by_link(sessions, shells))

    def _changed(self) -> None:
        self.links.set_shares(self._adapter.ask(Links(), ()))
        self._show_first()
        self._show_chosen()

    def _targets_changed(self) -> None:
        self._targets = self._adapter.ask(Targets(), ())
        self.links.set_targets(self._targets)
        self._fill()
        self._target_changed()

    def _shells_changed(self, _: object = None) -> None:
        """Those that were offered change their titles, and end."""
        if not self._shells:
            return
        running = {shell.id: shell for shell in self._adapter.ask(Shells(), ())}
        shells = tuple(running[one.id] for one in self._shells if one.id in running)
        if shells != self._shells:
            self._shells = shells
            self._fill()
            self._target_changed()

    def _tick(self) -> None:
        self.links.tick()
        self._show_chosen()

    # -- construction

    def _connect(self) -> None:
        self.target.currentIndexChanged.connect(lambda _: self._target_changed())
        self.accept_local.toggled.connect(lambda _: self._target_changed())
        self.keep.toggled.connect(lambda _: self._name_expiries())
        self.role.currentIndexChanged.connect(lambda _: self._target_changed())
        self.create_button.clicked.connect(self._create_link)
        self.copy.clicked.connect(self._copy)
        self.revoke.clicked.connect(self._revoke)
        self.view.selectionModel().currentChanged.connect(lambda *_: self._show_chosen())
        self._adapter.sharesChanged.connect(self._changed)
        self._adapter.targetsChanged.connect(self._targets_changed)
        self._adapter.shellChanged.connect(self._people_changed)
        self._adapter.shellEnded.connect(self._people_changed)
        self._adapter.shellChanged.connect(self._shells_changed)
        self._adapter.shellEnded.connect(self._shells_changed)
        self._adapter.sessionStateChanged.connect(self._people_changed)
        self._adapter.sessionClosed.connect(self._people_changed)
        self._people_changed()
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
        form.addRow("", self.keep)
        form.addRow("", self.by_name)
        form.addRow("", self.record)
        below = QHBoxLayout()
        below.addWidget(self.local_warning, 1)
        below.addStretch(0)
        below.addWidget(self.create_button, alignment=Qt.AlignmentFlag.AlignBottom)
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
        """A check box with wrapped text."""
        self.accept_local.setAccessibleName(LOCAL_WARNING)
        label = QLabel(LOCAL_WARNING)
        label.setWordWrap(True)
        label.setBuddy(self.accept_local)
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.accept_local, alignment=Qt.AlignmentFlag.AlignTop)
        row.addWidget(label, 1)
        return box


def _shell_key(shell: ShellInfo) -> str:
    # No key of a target has a colon.
    return f"shell:{shell.id}"
