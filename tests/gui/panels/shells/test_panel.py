"""The panel of terminals and people: what it shows, and what it asks the engine to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QMenu, QPushButton, QStatusBar

from engine.control.commands import (
    DenyKeyboard,
    EndShell,
    Freeze,
    GrantKeyboard,
    Lock,
    OpenKeyboard,
    PinSize,
    Record,
    RemoveGuest,
    SetRole,
)
from engine.control.queries import Sessions
from engine.core.events import IcePairSelected, SessionCreated, Traffic
from engine.core.model import (
    AfterRemoval,
    CandidatePair,
    Guest,
    KeyboardState,
    ParticipantInfo,
    ParticipantKind,
    Role,
    SessionInfo,
    Size,
)
from engine.core.session_state import SessionState
from gui.control.shells import ShellBook
from gui.kit.attention import Attention
from gui.panels.shells.model import COLUMNS, PERSON_ROLE, SHELL_ROLE, ShellModel
from gui.panels.shells.panel import ShellsPanel
from tests.gui.keyboard import spin

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from tests.gui.conftest import Run
    from tests.gui.fake_control import FakeControl

    Settle = Callable[[], None]

ANN = ParticipantInfo("ann", "Ann", ParticipantKind.GUEST, Role.CONTROL, "s-ann")
BOB = ParticipantInfo("bob", "Bob", ParticipantKind.GUEST, Role.VIEW, "s-bob")
ME = ParticipantInfo("me", "", ParticipantKind.HOST, Role.CONTROL)


@pytest.fixture
def book(adapter: EngineAdapter) -> ShellBook:
    return ShellBook(adapter)


@pytest.fixture
def attention(qtbot: QtBot, icons: Icons) -> Attention:
    bar = QStatusBar()
    bar.resize(900, 30)
    qtbot.addWidget(bar)
    bar.show()
    return Attention(icons, bar)


@pytest.fixture
def panel(
    qtbot: QtBot, adapter: EngineAdapter, icons: Icons, book: ShellBook, attention: Attention
) -> ShellsPanel:
    panel = ShellsPanel(adapter, icons, book, attention)
    QAbstractItemModelTester(panel.model, panel)
    qtbot.addWidget(panel)
    panel.resize(1200, 300)
    panel.show()
    return panel


@pytest.fixture
def shell_id(panel: ShellsPanel, control: FakeControl) -> str:
    """A shell with Ann, who types, and Bob, who views."""
    shell_id = control.start_shell("web-1", own=True)
    for person in (ME, ANN, BOB):
        control.come(shell_id, person)
    return shell_id


def row(panel: ShellsPanel, shell_id: str, person: str = "") -> dict[str, str]:
    index = panel.model.index_of(shell_id, person)
    assert index.isValid()
    return {c.title: index.siblingAtColumn(at).data() for at, c in enumerate(COLUMNS)}


def actions(menu: QMenu) -> dict[str, QAction]:
    found = {}
    for action in menu.actions():
        if (below := action.menu()) is not None:
            assert isinstance(below, QMenu)
            found.update(actions(below))
        elif action.text():
            found[action.text()] = action
    return found


def test_without_terminals_it_says_what_appears_here(
    panel: ShellsPanel, control: FakeControl
) -> None:
    assert panel.empty.isVisible()
    assert not panel.watch.isEnabled()
    shell_id = control.start_shell("web-1")
    assert panel.view.isVisible()
    control.end_shell(shell_id)
    assert panel.empty.isVisible()


def test_every_shell_with_its_people_below(
    panel: ShellsPanel, control: FakeControl, shell_id: str
) -> None:
    control.publish(SessionCreated(session_id="s-ann", device_id="web-1", guest=Guest("Ann")))
    pair = CandidatePair("1.1.1.1:1", "2.2.2.2:2", "host", "relay")
    control.publish(IcePairSelected(session_id="s-ann", pair=pair))
    control.publish(
        Traffic(
            session_id="s-ann", bytes_in=0, bytes_out=0, rate_in=0, rate_out=0, rtt=0.04, idle=0
        )
    )
    top = row(panel, shell_id)
    assert (top["Terminal"], top["Size"]) == ("web-1", "80×24")
    ann = row(panel, shell_id, "ann")
    assert (ann["Terminal"], ann["Keyboard"]) == ("Ann", "Types")
    assert (ann["Path"], ann["RTT"]) == ("Relayed via 2.2.2.2", "40 ms")
    me = row(panel, shell_id, "me")
    assert (me["Terminal"], me["Path"], me["RTT"]) == ("You", "This window", "")
    spin(lambda: panel.view.isExpanded(panel.model.index_of(shell_id)))


def test_what_changes_is_shown(panel: ShellsPanel, control: FakeControl, shell_id: str) -> None:
    control.change_shell(
        shell_id,
        title="vim",
        keyboard=KeyboardState.TAKEN,
        holder="ann",
        asking=("bob",),
        pinned=Size(100, 30),
        size=Size(100, 30),
        recording_since=0.0,
    )
    top = row(panel, shell_id)
    assert top["Terminal"] == "vim · web-1"
    assert top["Keyboard"] == "Ann has the keyboard"
    assert top["Size"] == "100×30 pinned"
    assert top["Recording"].startswith("● ")
    assert row(panel, shell_id, "ann")["Keyboard"] == "Types · has the keyboard"
    assert row(panel, shell_id, "bob")["Keyboard"] == "Asks for the keyboard"


def test_the_selection_stays_with_its_person(
    panel: ShellsPanel, control: FakeControl, shell_id: str
) -> None:
    panel.select(shell_id, "bob")
    dave = ParticipantInfo("dave", "Dave", ParticipantKind.GUEST, Role.VIEW)
    control.change_shell(shell_id, participants=(dave, BOB, ME))
    shell, person = panel.selected()
    assert shell is not None
    assert person == BOB
    # Those who stay keep their places, who has come is last.
    above = panel.model.index_of(shell_id)
    names = [panel.model.index(at, 0, above).data() for at in range(3)]
    assert names == ["You", "Bob", "Dave"]


def test_people_of_several_shells_stay_apart(
    panel: ShellsPanel, control: FakeControl, shell_id: str
) -> None:
    other = control.start_shell("web-2")
    control.come(other, ParticipantInfo("eve", "Eve", ParticipantKind.GUEST, Role.VIEW))
    eve = panel.model.index_of(other, "eve")
    assert panel.model.parent(eve) == panel.model.index_of(other)
    control.end_shell(shell_id)
    assert panel.model.rowCount() == 1
    assert row(panel, other, "eve")["Terminal"] == "Eve"


def test_a_hostile_name_and_title_are_escaped(
    panel: ShellsPanel, control: FakeControl, shell_id: str
) -> None:
    evil = "<b>x\u202e\n\x1b[31m"
    control.change_shell(
        shell_id,
        title=evil,
        participants=(ParticipantInfo("x", evil, ParticipantKind.GUEST, Role.VIEW, evil),),
    )
    for person in ("", "x"):
        index = panel.model.index_of(shell_id, person)
        assert r"\u202e\n\x1b[31m" in index.data()
        tip = index.data(Qt.ItemDataRole.ToolTipRole)
        assert "<b>" not in tip
        assert "\u202e" not in tip


def test_a_shell_is_watched_by_enter_and_by_its_button(
    panel: ShellsPanel, shell_id: str, qtbot: QtBot
) -> None:
    panel.select(shell_id, "ann")
    with qtbot.waitSignal(panel.watchWanted, check_params_cb=lambda s: s == shell_id):
        QTest.keyClick(panel.view, Qt.Key.Key_Return)
    for button, signal in (
        (panel.watch, panel.watchWanted),
        (panel.take, panel.takeOverWanted),
        (panel.share, panel.shareWanted),
    ):
        with qtbot.waitSignal(signal, check_params_cb=lambda s: s == shell_id):
            button.click()


def done(control: FakeControl, settle: Settle) -> list[Any]:
    settle()
    commands, control.commands[:] = list(control.commands), []
    return commands


def test_what_can_be_done_with_a_shell(
    panel: ShellsPanel, control: FakeControl, shell_id: str, settle: Settle
) -> None:
    panel.select(shell_id)
    menu = actions(panel.menu())
    for words in ("Freeze guests", "Record", "Pin 120×40"):
        menu[words].trigger()
    assert done(control, settle) == [
        Freeze(shell_id, True),
        Record(shell_id, True),
        PinSize(shell_id, Size(120, 40)),
    ]
    control.change_shell(
        shell_id,
        keyboard=KeyboardState.TAKEN,
        holder="me",
        recording_since=1.0,
        pinned=Size(120, 40),
    )
    menu = actions(panel.menu())
    assert menu["Pin 120×40"].isChecked()
    automatic = next(action for text, action in menu.items() if text.startswith("Automatic"))
    automatic.trigger()
    for words in ("Hand the keyboard back", "Stop recording"):
        menu[words].trigger()
    control.change_shell(shell_id, keyboard=KeyboardState.FROZEN, holder="")
    actions(panel.menu())["Unfreeze guests"].trigger()
    assert done(control, settle) == [
        PinSize(shell_id, None),
        OpenKeyboard(shell_id),
        Record(shell_id, False),
        Freeze(shell_id, False),
    ]


def test_what_can_be_done_with_somebody(
    panel: ShellsPanel, control: FakeControl, shell_id: str, settle: Settle
) -> None:
    panel.select(shell_id, "ann")
    actions(panel.menu())["View only"].trigger()
    panel.select(shell_id, "bob")
    menu = actions(panel.menu())
    assert "Not now" not in menu
    menu["Let type"].trigger()
    control.change_shell(shell_id, asking=("bob",))
    menu = actions(panel.menu())
    menu["Not now"].trigger()
    menu["Give the keyboard"].trigger()
    assert done(control, settle) == [
        SetRole(shell_id, "ann", Role.VIEW),
        SetRole(shell_id, "bob", Role.CONTROL),
        DenyKeyboard(shell_id, "bob"),
        GrantKeyboard(shell_id, "bob"),
    ]
    panel.select(shell_id, "me")
    assert "View only" not in actions(panel.menu()), "the host is not among the guests"


@pytest.mark.parametrize(
    ("link", "words", "then"),
    [
        ("link", "And ask me about everyone with this link", AfterRemoval.ASK),
        ("link", "And revoke the link for everyone", AfterRemoval.REVOKE),
        ("link", "Only this guest", AfterRemoval.NOTHING),
        ("", "And refuse this address for 10 minutes", AfterRemoval.ADDRESS),
        ("", "Only this guest", AfterRemoval.NOTHING),
    ],
)
def test_removing_somebody_offers_what_follows(
    panel: ShellsPanel,
    control: FakeControl,
    shell_id: str,
    settle: Settle,
    link: str,
    words: str,
    then: AfterRemoval,
) -> None:
    guest = Guest("Ann", share=link)
    control.answers[Sessions] = (
        SessionInfo("s-ann", "web-1", guest, SessionState.CONNECTED, 0.0, 0.0),
    )
    panel.select(shell_id, "ann")
    actions(panel.menu())[words].trigger()
    assert done(control, settle) == [RemoveGuest(shell_id, "ann", then)]


def test_ending_a_shell_asks_and_says_for_whom(
    panel: ShellsPanel,
    control: FakeControl,
    shell_id: str,
    attention: Attention,
    settle: Settle,
) -> None:
    panel.select(shell_id)
    actions(panel.menu())["End…"].trigger()
    shown = attention.shown
    assert shown is not None
    assert "End web-1?" in shown.accessibleName()
    assert "also for Ann and Bob" in shown.accessibleName()
    assert done(control, settle) == []
    button = next(b for b in shown.findChildren(QPushButton) if b.text() == "End it")
    spin(button.isEnabled)
    button.click()
    assert done(control, settle) == [EndShell(shell_id)]


def test_all_guests_are_frozen_and_freed_by_one_button(
    panel: ShellsPanel, control: FakeControl, settle: Settle
) -> None:
    own = control.start_shell("web-0", own=True)
    assert not panel.freeze.isEnabled(), "there is nobody to freeze"
    control.come(own, ANN)
    panel.freeze.click()
    settle()
    assert panel.freeze.text() == "Unfreeze all guests"
    panel.freeze.click()
    settle()
    assert panel.freeze.text() == "Freeze all guests"
    panel.freeze.click()
    settle()
    # Thawed one by one.
    control.change_shell(own, keyboard=KeyboardState.OPEN)
    assert panel.freeze.text() == "Freeze all guests"
    assert done(control, settle) == [Freeze("", True), Freeze("", False), Freeze("", True)]


def test_locking_is_undone_by_the_same_button(
    panel: ShellsPanel, control: FakeControl, shell_id: str, settle: Settle
) -> None:
    panel.lock.click()
    settle()
    assert panel.lock.text() == "Unlock"
    assert not panel.freeze.isEnabled()
    panel.lock.click()
    settle()
    assert panel.lock.text() == "Lock"
    assert panel.freeze.isEnabled()
    assert done(control, settle) == [Lock(True), Lock(False)]


def test_what_others_freeze_and_lock_is_shown(
    panel: ShellsPanel, control: FakeControl, qt_run: Run, shell_id: str, settle: Settle
) -> None:
    """Another program of the profile: the command line, for one."""
    qt_run(control.do(Freeze()))
    assert panel.freeze.text() == "Unfreeze all guests"
    qt_run(control.do(Lock()))
    assert (panel.lock.text(), panel.freeze.isEnabled()) == ("Unlock", False)
    assert panel.lock.toolTip() == "Let guests type and links work again"
    control.commands.clear()
    panel.lock.click()
    assert done(control, settle) == [Lock(False)]
    assert panel.lock.text() == "Lock"
    assert panel.freeze.text() == "Freeze all guests"


def test_what_was_locked_before_the_window_opened_is_shown(
    qtbot: QtBot,
    adapter: EngineAdapter,
    icons: Icons,
    book: ShellBook,
    control: FakeControl,
    attention: Attention,
) -> None:
    """Links that are kept stay paused over a restart."""
    control.restrict(locked=True)
    panel = ShellsPanel(adapter, icons, book, attention)
    qtbot.addWidget(panel)
    assert panel.lock.text() == "Unlock"


def test_buttons_do_not_change_their_size_with_their_text(
    panel: ShellsPanel, control: FakeControl, qt_run: Run, shell_id: str
) -> None:
    before = panel.freeze.sizeHint(), panel.lock.sizeHint()
    qt_run(control.do(Freeze()))
    qt_run(control.do(Lock()))
    assert (panel.freeze.sizeHint(), panel.lock.sizeHint()) == before


def test_a_narrow_panel_shows_fewer_columns(panel: ShellsPanel, shell_id: str) -> None:
    assert not panel.view.isColumnHidden(len(COLUMNS) - 1)
    panel.resize(600, 300)
    assert panel.view.isColumnHidden(len(COLUMNS) - 1)
    assert not panel.view.isColumnHidden(1)


def test_a_route_that_changes_concerns_one_shell(
    icons: Icons, book: ShellBook, control: FakeControl
) -> None:
    model = ShellModel(icons, book)
    first, second = control.start_shell("web-1"), control.start_shell("web-2")
    for shell_id, somebody in ((first, ANN), (second, BOB)):
        control.publish(
            SessionCreated(session_id=somebody.session_id, device_id="", guest=Guest("x"))
        )
        control.come(shell_id, somebody)
    pair = CandidatePair("10.0.0.1:1", "10.0.0.2:2", "host", "host")
    changed: list[tuple[str, str]] = []
    model.dataChanged.connect(
        lambda start, *_: changed.append((start.data(SHELL_ROLE), start.data(PERSON_ROLE)))
    )
    control.publish(IcePairSelected(session_id=BOB.session_id, pair=pair))
    assert changed == [(second, BOB.id)]
    # Also once another has ended.
    control.end_shell(first)
    changed.clear()
    control.publish(
        Traffic(
            session_id=BOB.session_id,
            bytes_in=0,
            bytes_out=0,
            rate_in=0,
            rate_out=0,
            rtt=0.1,
            idle=0,
        )
    )
    assert changed == [(second, BOB.id)]


def test_times_go_on(icons: Icons, book: ShellBook, control: FakeControl) -> None:
    now = [100.0]
    model = ShellModel(icons, book, lambda: now[0])
    control.start_shell("web")
    age = model.index(0, len(COLUMNS) - 1, QModelIndex())
    assert age.data() == "1 m 40 s"
    now[0] = 160.0
    changed: list[bool] = []
    model.dataChanged.connect(lambda *_: changed.append(True))
    model.tick()
    assert changed
    assert age.data() == "2 m 40 s"
