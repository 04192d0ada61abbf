"""The dialog of links: making one, sharing it, revoking it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QGuiApplication, qGray
from PySide6.QtWidgets import QApplication, QMessageBox

from engine.control.commands import CreateLink, RevokeLink
from engine.control.queries import Host as HostQuery
from engine.control.queries import Links, LinkUrl, Sessions, Targets
from engine.core.errors import LimitError
from engine.core.events import SharesChanged, TargetsChanged
from engine.core.model import (
    LOCAL_TARGET,
    Guest,
    RelayInfo,
    Role,
    SessionInfo,
    Share,
    ShellInfo,
    Size,
    Target,
    TargetKind,
)
from engine.core.session_state import SessionState
from engine.wire.proof import Link
from gui.kit.rows import NOTE_ROLE
from gui.kit.style import Mode
from gui.panels.links.panel import DEFAULT_EXPIRY, EXPIRIES, ShareDialog
from tests.gui.fake_control import HOST

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from engine.control.commands import Command
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from gui.kit.style import Theme
    from tests.gui.fake_control import FakeControl

    Make = Callable[[str], ShareDialog]

DESTRUCTIVE = QMessageBox.ButtonRole.DestructiveRole
LOCAL = Target(LOCAL_TARGET, TargetKind.LOCAL, LOCAL_TARGET)
SECRET = bytes(16)
WEB = Target("web-1", TargetKind.CONTAINER, "web-1")


class Host:
    """The links an engine has, as a test says, and what it is asked to do."""

    relay = "https://relay.example"

    def __init__(self, control: FakeControl, settle: Callable[[], None]) -> None:
        self._control = control
        self._settle = settle
        self._made = 0
        self.links: tuple[Share, ...] = ()
        control.answers[Links] = lambda _: self.links
        control.answers[LinkUrl] = lambda query: self.link(query.link_id).url
        control.answers[CreateLink] = lambda command: self.add(command.target)

    @property
    def done(self) -> list[Command[Any]]:
        self._settle()
        return self._control.commands

    def link(self, share_id: str) -> Link:
        return Link(self.relay, share_id, SECRET)

    def add(self, target: str) -> Share:
        """Another link appears."""
        self._made += 1
        share = Share(f"link-{self._made:07}", target, Role.CONTROL, SECRET, time.time())
        self.show(*self.links, share)
        return share

    def show(self, *links: Share) -> None:
        """The engine has these links from now on."""
        self.links = links
        self._control.publish(SharesChanged(shares=links))

    def connected(self, *link_ids: str) -> None:
        """Guests are connected with these links, one each."""
        self._control.answers[Sessions] = tuple(
            SessionInfo(str(at), "web-1", Guest(share=one), SessionState.CONNECTED, 0.0, 0.0)
            for at, one in enumerate(link_ids)
        )


@pytest.fixture
def host(control: FakeControl, settle: Callable[[], None]) -> Host:
    return Host(control, settle)


@pytest.fixture
def make(qtbot: QtBot, adapter: EngineAdapter, theme: Theme, icons: Icons, host: Host) -> Make:
    def made(chosen: str) -> ShareDialog:
        dialog = ShareDialog(adapter, theme, icons, (LOCAL, WEB), chosen)
        # The fixture has it longer than a window would.
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        dialog.show()
        return dialog

    return made


def test_a_link_is_made_shown_and_copied(make: Make, host: Host) -> None:
    dialog = make("web-1")
    assert dialog.address.text() == ""
    assert not dialog.copy.isEnabled()
    assert not dialog.revoke.isEnabled()
    dialog.create_button.click()
    assert host.done == [CreateLink("web-1", Role.CONTROL, seconds=EXPIRIES[DEFAULT_EXPIRY][1])]
    (share,) = host.links
    assert dialog.chosen() == share
    dialog.copy.click()
    assert QGuiApplication.clipboard().text() == host.link(share.id).url
    assert dialog.qr.accessibleName() == "QR code of the link to web-1"
    assert dialog.copy.text() == "Copied"


@pytest.mark.parametrize(
    ("relay", "only_here"),
    [
        ("http://127.0.0.1:4000", True),
        ("http://localhost:4000", True),
        ("http://[::1]:4000", True),
        ("http://192.168.1.20:4000", False),
        ("https://relay.example", False),
    ],
)
def test_a_link_that_works_on_this_computer_only_says_so(
    make: Make, host: Host, relay: str, only_here: bool
) -> None:
    host.relay = relay
    host.add("web-1")
    dialog = make("web-1")
    assert dialog.address.text().startswith(relay)
    assert ("this computer only" in dialog.hint.text()) is only_here


def test_every_condition_of_a_link_can_be_chosen(make: Make, host: Host) -> None:
    dialog = make("web-1")
    dialog.role.setCurrentIndex(dialog.role.findData(Role.VIEW))
    dialog.expiry.setCurrentText("Until Hatchway closes")
    dialog.approval.click()
    dialog.single_use.click()
    dialog.create_button.click()
    assert host.done == [CreateLink("web-1", Role.VIEW, True, None, True)]


def test_a_link_is_kept_after_a_restart_only_if_that_is_chosen(make: Make, host: Host) -> None:
    dialog = make("web-1")
    assert not dialog.keep.isChecked()
    assert "configuration folder" in dialog.keep.toolTip()
    dialog.keep.click()
    # It does not end with the program then.
    assert dialog.expiry.findText("Until Hatchway closes") == -1
    dialog.expiry.setCurrentText("Until revoked")
    dialog.create_button.click()
    assert host.done == [CreateLink("web-1", Role.CONTROL, kept=True)]
    dialog.keep.click()
    assert dialog.expiry.currentText() == "Until Hatchway closes"


def test_a_link_is_for_one_container_unless_its_name_is_chosen(make: Make, host: Host) -> None:
    dialog = make("web-1")
    dialog.create_button.click()
    dialog.by_name.click()
    dialog.create_button.click()
    assert [command.by_name for command in host.done if isinstance(command, CreateLink)] == [
        False,
        True,
    ]
    dialog.select(LOCAL_TARGET)
    assert not dialog.by_name.isEnabled(), "there is only one"
    dialog.accept_local.click()
    dialog.create_button.click()
    assert host.done[-1] == CreateLink(
        LOCAL_TARGET, Role.CONTROL, seconds=EXPIRIES[DEFAULT_EXPIRY][1]
    )


def test_how_long_a_link_works_is_said_before_it_is_made(make: Make) -> None:
    dialog = make("web-1")

    def offered() -> list[str]:
        return [dialog.expiry.itemText(at) for at in range(dialog.expiry.count())]

    assert offered() == [
        "10 minutes",
        "1 hour",
        "1 day, or until Hatchway closes",
        "7 days, or until Hatchway closes",
        "Until Hatchway closes",
    ]
    dialog.keep.click()
    assert offered()[2:] == ["1 day", "7 days", "Until revoked"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:4000", "https://relay.example"])
def test_that_links_work_here_only_is_said_before_one_is_made(
    make: Make, control: FakeControl, url: str
) -> None:
    control.answers[HostQuery] = replace(HOST, relay=RelayInfo(url, "guest", True))
    dialog = make("web-1")
    assert dialog.hint.isVisible() is ("127.0.0.1" in url)
    assert ("this computer only" in dialog.hint.text()) is ("127.0.0.1" in url)


def test_the_targets_are_those_there_are(
    make: Make, host: Host, control: FakeControl, theme: Theme
) -> None:
    dialog = make("web-1")

    def are(*targets: Target) -> None:
        control.answers[Targets] = targets
        control.publish(TargetsChanged(targets=targets))

    web = replace(WEB, ref="ref-1")
    are(LOCAL, web)
    dialog.select("web-1")
    are(LOCAL, replace(web, id="web-1", name="web-1", ref="ref-2"), replace(web, id="z", name="z"))
    assert dialog.target.currentText() == "z", "the container was renamed"
    dialog.create_button.click()
    assert isinstance(command := host.done[-1], CreateLink)
    assert command.target == "z"
    are(LOCAL, replace(web, ref="ref-2"))
    # Nothing is shared in place of what is gone.
    assert dialog.target.currentText() == ""
    assert not dialog.create_button.isEnabled()
    assert dialog.select("web-1")
    assert dialog.create_button.isEnabled()


def test_a_terminal_that_has_ended_is_no_longer_offered(make: Make, control: FakeControl) -> None:
    dialog = make("web-1")
    shell_id = control.start_shell("web-1", own=True)
    dialog.offer(control.shells[shell_id])
    control.change_shell(shell_id, title="vim")
    assert dialog.target.currentText() == "This terminal: vim"
    control.end_shell(shell_id)
    assert dialog.target.currentText() == ""
    assert not dialog.create_button.isEnabled()


def test_a_link_records_only_if_that_is_chosen(make: Make, host: Host) -> None:
    dialog = make("web-1")
    assert not dialog.record.isChecked()
    assert "from its start" in dialog.record.toolTip()
    dialog.expiry.setCurrentIndex(dialog.expiry.count() - 1)
    dialog.record.click()
    dialog.create_button.click()
    assert host.done == [CreateLink("web-1", Role.CONTROL, record=True)]


def test_the_list_follows_the_targets(make: Make, host: Host, control: FakeControl) -> None:
    host.show(replace(host.add("web-1"), kept=True, ref="first"))
    dialog = make("web-1")
    index = dialog.links.index(0)
    assert index.data(NOTE_ROLE) == ""
    targets = (replace(WEB, ref="second"),)
    control.answers[Targets] = targets
    control.publish(TargetsChanged(targets=targets))
    assert index.data(NOTE_ROLE) == "Target is gone"


def test_this_computer_only_after_the_warning_is_accepted_and_each_time(
    make: Make, host: Host
) -> None:
    dialog = make(LOCAL_TARGET)
    assert dialog.local_warning.isVisible()
    assert not dialog.create_button.isEnabled()
    dialog.accept_local.click()
    dialog.create_button.click()
    assert [command.target for command in host.done] == [LOCAL_TARGET]
    assert not dialog.create_button.isEnabled()
    dialog.target.setCurrentText("web-1")
    assert not dialog.local_warning.isVisible()
    assert dialog.create_button.isEnabled()


def test_all_links_are_listed_and_the_chosen_one_is_shown(make: Make, host: Host) -> None:
    first, second = host.add("db"), host.add("web-1")
    dialog = make("web-1")
    chosen = dialog.chosen()
    assert chosen is not None
    assert chosen.id == second.id
    dialog.view.setCurrentIndex(dialog.links.index(1))
    assert dialog.address.text() == host.link(first.id).url
    # Made elsewhere meanwhile: it is listed, and what is chosen stays.
    host.add("other")
    assert dialog.links.rowCount() == 3
    assert dialog.address.text() == host.link(first.id).url


def test_a_link_is_revoked(make: Make, host: Host) -> None:
    share = host.add("web-1")
    dialog = make("web-1")
    dialog.revoke.click()
    assert host.done == []
    (box,) = dialog.findChildren(QMessageBox)
    assert box.text() == "No guest is connected through it."
    assert not box.isModal()
    next(b for b in box.buttons() if box.buttonRole(b) is DESTRUCTIVE).click()
    assert host.done == [RevokeLink(share.id)]
    host.show(replace(share, revoked=True))
    assert dialog.address.text() == ""
    assert dialog.address.placeholderText() == "This link is no longer valid"
    assert not dialog.copy.isEnabled()
    assert not dialog.revoke.isEnabled()


@pytest.mark.parametrize(
    ("others", "live", "words"), [(2, 1, "1 guest"), (0, 2, "2 guests")], ids=["one", "two"]
)
def test_who_has_a_terminal_by_a_link_keeps_it_until_the_host_is_sure(
    make: Make,
    host: Host,
    qtbot: QtBot,
    others: int,
    live: int,
    words: str,
) -> None:
    share = host.add("web-1")
    host.connected(*["another"] * others, *[share.id] * live)
    dialog = make("web-1")

    def question() -> QMessageBox:
        dialog.revoke.click()
        (box,) = dialog.findChildren(QMessageBox)
        assert box.text().startswith(words)
        return box

    box = question()
    with qtbot.waitSignal(box.destroyed):
        box.button(QMessageBox.StandardButton.Cancel).click()
    assert host.done == []
    box = question()
    with qtbot.waitSignal(box.destroyed):
        (yes,) = (b for b in box.buttons() if box.buttonRole(b) is DESTRUCTIVE)
        yes.click()
    assert host.done == [RevokeLink(share.id)]


@pytest.mark.parametrize("mode", [Mode.LIGHT, Mode.DARK])
def test_icons_on_filled_buttons_have_the_color_of_the_words(
    make: Make, host: Host, theme: Theme, mode: Mode
) -> None:
    theme.set_mode(mode)
    host.add("web-1")
    dialog = make("web-1")
    dialog.copy.setDefault(True)
    ground = qGray(QColor(theme.colors.accent).rgb())
    for button in (dialog.create_button, dialog.copy):
        picture = button.grab().toImage()
        inside = [
            qGray(picture.pixel(x, y))
            for x in range(6, picture.width() - 6)
            for y in range(6, picture.height() - 6)
        ]
        lighter, darker = max(inside) - ground, ground - min(inside)
        right, wrong = (lighter, darker) if mode is Mode.LIGHT else (darker, lighter)
        assert (right > 60, wrong < 15) == (True, True), (button.text(), right, wrong)


def test_a_limit_is_reported_in_words(
    make: Make, control: FakeControl, adapter: EngineAdapter, settle: Callable[[], None]
) -> None:
    control.answers[CreateLink] = LimitError("There are 1000 links already; revoke some first")
    problems: list[tuple[str, str]] = []
    adapter.problem.connect(lambda *words: problems.append(words))
    make("web-1").create_button.click()
    settle()
    ((title, text),) = problems
    assert title == "A limit was reached"
    assert text.startswith("There are 1000 links already; revoke some first. ")


def test_a_link_that_is_made_while_the_dialog_closes_is_no_problem(
    make: Make, host: Host, adapter: EngineAdapter, qapp: QApplication
) -> None:
    problems: list[tuple[str, str]] = []
    adapter.problem.connect(lambda *words: problems.append(words))
    dialog = make("web-1")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.create_button.click()
    dialog.close()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert [command.target for command in host.done] == ["web-1"]
    assert problems == []


SHELL = ShellInfo("shell-1", "web-1", True, "vim", Size(), 0.0)


@pytest.fixture
def for_shell(
    qtbot: QtBot, adapter: EngineAdapter, theme: Theme, icons: Icons, host: Host
) -> Callable[[ShellInfo], ShareDialog]:
    def made(shell: ShellInfo) -> ShareDialog:
        dialog = ShareDialog(adapter, theme, icons, (LOCAL, WEB), shell=shell)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        dialog.show()
        return dialog

    return made


def test_a_running_terminal_is_shared_by_a_link_that_joins_it(
    for_shell: Callable[[ShellInfo], ShareDialog], host: Host
) -> None:
    dialog = for_shell(SHELL)
    assert dialog.target.currentText() == "This terminal: vim"
    assert not dialog.keep.isEnabled()
    dialog.role.setCurrentIndex(1)
    dialog.expiry.setCurrentIndex(dialog.expiry.count() - 1)
    assert dialog.expiry.currentText() == "Until the terminal ends"
    assert "as soon as the link is created" in dialog.record.toolTip()
    dialog.record.click()
    dialog.create_button.click()
    assert host.done == [CreateLink("web-1", Role.VIEW, shell="shell-1", record=True)]


def test_whoever_only_views_a_local_terminal_gets_no_shell_of_the_hosts(
    for_shell: Callable[[ShellInfo], ShareDialog],
) -> None:
    dialog = for_shell(replace(SHELL, target=LOCAL_TARGET))
    assert dialog.local_warning.isVisible()
    assert not dialog.create_button.isEnabled()
    dialog.role.setCurrentIndex(1)
    assert not dialog.local_warning.isVisible()
    assert dialog.create_button.isEnabled()


def test_another_terminal_can_be_chosen_while_the_dialog_is_open(
    for_shell: Callable[[ShellInfo], ShareDialog],
) -> None:
    dialog = for_shell(SHELL)
    count = dialog.target.count()
    dialog.offer(replace(SHELL, id="shell-2", title="top"))
    assert dialog.target.currentText() == "This terminal: top"
    dialog.offer(SHELL)
    dialog.offer(SHELL)
    assert dialog.target.currentText() == "This terminal: vim"
    assert dialog.target.count() == count + 1
    dialog.target.setCurrentIndex(dialog.target.findText("web-1"))
    assert dialog.keep.isEnabled()
