"""The dialog of links: making, handing over, withdrawing; with the engine's own shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, qGray
from PySide6.QtWidgets import QMessageBox

from engine.access.links import Links
from engine.core.model import LOCAL_TARGET, Guest, Role, Target, TargetKind
from engine.core.session_state import SessionState
from engine.sessions.session import SessionInfo
from engine.wire.proof import Link, parse_link
from gui.kit.style import Mode
from gui.panels.links.panel import DEFAULT_EXPIRY, EXPIRIES, ShareDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from engine.core.events import EventBus
    from engine.core.model import Share
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from gui.kit.style import Theme

    Make = Callable[[str], ShareDialog]

DESTRUCTIVE = QMessageBox.ButtonRole.DestructiveRole
LOCAL = Target(LOCAL_TARGET, TargetKind.LOCAL, LOCAL_TARGET)
WEB = Target("web-1", TargetKind.CONTAINER, "web-1")


class Admission:
    """What the adapter asks of an agent, with real links and no network."""

    def __init__(self, bus: EventBus) -> None:
        self.admission = self
        self.links = Links(bus)
        self.guests: list[Guest] = []

    def sessions(self) -> tuple[SessionInfo, ...]:
        return tuple(
            SessionInfo(str(at), "web-1", guest, SessionState.CONNECTED, 0.0, 0.0)
            for at, guest in enumerate(self.guests)
        )

    relay = "https://relay.example"

    def url(self, share: Share) -> str:
        return Link(self.relay, share.id, share.secret).url

    async def revoke(self, share_id: str) -> None:
        self.links.revoke(share_id)


@pytest.fixture
def agent(adapter: EngineAdapter, bus: EventBus, monkeypatch: pytest.MonkeyPatch) -> Admission:
    agent = Admission(bus)
    monkeypatch.setattr(adapter, "_agent", agent)
    return agent


@pytest.fixture
def shares(agent: Admission) -> Links:
    return agent.links


@pytest.fixture
def make(qtbot: QtBot, adapter: EngineAdapter, theme: Theme, icons: Icons, shares: Links) -> Make:
    def made(chosen: str) -> ShareDialog:
        dialog = ShareDialog(adapter, theme, icons, (LOCAL, WEB), chosen)
        # The fixture has it longer than a window would.
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        qtbot.addWidget(dialog)
        dialog.show()
        return dialog

    return made


def test_a_link_is_made_shown_and_copied(make: Make, shares: Links) -> None:
    dialog = make("web-1")
    assert dialog.address.text() == ""
    assert not dialog.copy.isEnabled()
    assert not dialog.revoke.isEnabled()
    dialog.make.click()
    (share,) = shares.list()
    assert (share.target, share.role, share.approval, share.single_use) == (
        "web-1", Role.CONTROL, False, False
    )  # fmt: skip
    assert share.expires_at == share.created_at + (EXPIRIES[DEFAULT_EXPIRY][1] or 0)
    dialog.copy.click()
    link = parse_link(QGuiApplication.clipboard().text())
    assert (link.id, link.secret) == (share.id, share.secret)
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
    make: Make, monkeypatch: pytest.MonkeyPatch, relay: str, only_here: bool
) -> None:
    monkeypatch.setattr(Admission, "relay", relay)
    dialog = make("web-1")
    dialog.make.click()
    assert dialog.address.text().startswith(relay)
    assert ("this computer only" in dialog.hint.text()) is only_here


def test_every_condition_of_a_link_can_be_chosen(make: Make, shares: Links) -> None:
    dialog = make("web-1")
    dialog.role.setCurrentIndex(dialog.role.findData(Role.VIEW))
    dialog.expiry.setCurrentText("Until this app ends")
    dialog.approval.click()
    dialog.single_use.click()
    dialog.make.click()
    (share,) = shares.list()
    assert share.role is Role.VIEW
    assert (share.expires_at, share.approval, share.single_use) == (None, True, True)


def test_this_computer_only_after_the_warning_is_accepted_and_each_time(
    make: Make, shares: Links
) -> None:
    dialog = make(LOCAL_TARGET)
    assert dialog.local_warning.isVisible()
    assert not dialog.make.isEnabled()
    dialog.accept_local.click()
    dialog.make.click()
    assert [share.target for share in shares.list()] == [LOCAL_TARGET]
    assert not dialog.make.isEnabled()
    dialog.target.setCurrentText("web-1")
    assert not dialog.local_warning.isVisible()
    assert dialog.make.isEnabled()


def test_all_links_are_listed_and_the_chosen_one_is_shown(make: Make, shares: Links) -> None:
    first, second = shares.create("db"), shares.create("web-1")
    dialog = make("web-1")
    chosen = dialog.chosen()
    assert chosen is not None
    assert chosen.id == second.id
    dialog.view.setCurrentIndex(dialog.links.index(1))
    assert parse_link(dialog.address.text()).id == first.id
    # Made elsewhere meanwhile: it is listed, and what is chosen stays.
    shares.create("other")
    assert dialog.links.rowCount() == 3
    assert parse_link(dialog.address.text()).id == first.id


def test_a_link_is_revoked(
    make: Make, shares: Links, adapter: EngineAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares.create("web-1")
    dialog = make("web-1")
    asked: list[str] = []
    monkeypatch.setattr(adapter, "revoke_link", asked.append)
    dialog.revoke.click()
    assert asked == []
    (box,) = dialog.findChildren(QMessageBox)
    assert box.text() == "Nobody is connected with it."
    assert not box.isModal()
    next(b for b in box.buttons() if box.buttonRole(b) is DESTRUCTIVE).click()
    (share,) = shares.list()
    assert asked == [share.id]
    shares.revoke(share.id)
    assert dialog.address.text() == ""
    assert dialog.address.placeholderText() == "This link has ended"
    assert not dialog.copy.isEnabled()
    assert not dialog.revoke.isEnabled()


@pytest.mark.parametrize(
    ("others", "live", "words"), [(2, 1, "1 guest"), (0, 2, "2 guests")], ids=["one", "two"]
)
def test_who_has_a_terminal_by_a_link_keeps_it_until_the_host_is_sure(
    make: Make,
    agent: Admission,
    adapter: EngineAdapter,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
    others: int,
    live: int,
    words: str,
) -> None:
    share = agent.links.create("web-1")
    agent.guests = [Guest(share="another")] * others + [Guest(share=share.id)] * live
    revoked: list[str] = []
    monkeypatch.setattr(adapter, "revoke_link", revoked.append)
    dialog = make("web-1")

    def question() -> QMessageBox:
        dialog.revoke.click()
        (box,) = dialog.findChildren(QMessageBox)
        assert box.text().startswith(words)
        return box

    box = question()
    with qtbot.waitSignal(box.destroyed):
        box.button(QMessageBox.StandardButton.Cancel).click()
    assert revoked == []
    box = question()
    with qtbot.waitSignal(box.destroyed):
        (yes,) = (b for b in box.buttons() if box.buttonRole(b) is DESTRUCTIVE)
        yes.click()
    assert revoked == [share.id]


@pytest.mark.parametrize("mode", [Mode.LIGHT, Mode.DARK])
def test_icons_on_filled_buttons_have_the_colour_of_the_words(
    make: Make, theme: Theme, mode: Mode
) -> None:
    theme.set_mode(mode)
    dialog = make("web-1")
    dialog.make.click()
    dialog.copy.setDefault(True)
    ground = qGray(QColor(theme.colors.accent).rgb())
    for button in (dialog.make, dialog.copy):
        picture = button.grab().toImage()
        inside = [
            qGray(picture.pixel(x, y))
            for x in range(6, picture.width() - 6)
            for y in range(6, picture.height() - 6)
        ]
        lighter, darker = max(inside) - ground, ground - min(inside)
        right, wrong = (lighter, darker) if mode is Mode.LIGHT else (darker, lighter)
        assert (right > 60, wrong < 15) == (True, True), (button.text(), right, wrong)


def test_a_limit_is_told_in_words(
    make: Make, adapter: EngineAdapter, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.access.links.MAX_ACTIVE", 0)
    dialog = make("web-1")
    with qtbot.waitSignal(adapter.problem) as told:
        dialog.make.click()
    assert told.args is not None
    assert all(told.args)
