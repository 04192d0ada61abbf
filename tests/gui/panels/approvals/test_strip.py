"""A guest waits: the question, its answers, those who wait behind, and being noticed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMainWindow, QPushButton, QStatusBar

from engine.control.commands import CloseSession, DecideApproval
from engine.core.events import ApprovalRequested, ApprovalSettled, SessionClosed
from engine.core.model import EndCode, Guest, Role
from gui.kit.attention import Attention
from gui.panels.approvals.strip import ApprovalStrip, Approver, note
from gui.terminal.widget import TerminalWidget
from tests.gui.keyboard import activate, press, spin

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from engine.control.commands import Command
    from engine.core.events import EventBus
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from tests.gui.fake_control import FakeControl

LEFT = Qt.MouseButton.LeftButton
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Safari/537.36"
)
ADA = Guest("Ada", "203.0.113.7", browser=CHROME, share="link-1")


def question(
    session_id: str = "s1",
    role: Role = Role.CONTROL,
    guest: Guest = ADA,
    seconds: float = 118.5,
) -> ApprovalRequested:
    return ApprovalRequested(
        session_id=session_id,
        target="web-1",
        guest=guest,
        role=role,
        code="123 456",
        waits_until=time.time() + seconds,
    )


class Host:
    """A window with a terminal one types into, and what the engine was asked to do."""

    def __init__(
        self,
        qtbot: QtBot,
        adapter: EngineAdapter,
        icons: Icons,
        control: FakeControl,
        settle: Callable[[], None],
    ) -> None:
        self._control = control
        self._settle = settle
        self.window = QMainWindow()
        self.terminal = TerminalWidget()
        self.typed = b""
        self.terminal.typed.connect(self._typed)
        self.window.setCentralWidget(self.terminal)
        bar = QStatusBar()
        self.window.setStatusBar(bar)
        self.attention = Attention(icons, bar)
        self.approver = Approver(adapter, icons, self.attention, self.window)
        self.window.resize(1100, 400)
        qtbot.addWidget(self.window)
        activate(self.window)
        self.terminal.setFocus()

    @property
    def strip(self) -> ApprovalStrip:
        shown = self.attention.shown
        assert isinstance(shown, ApprovalStrip)
        return shown

    @property
    def done(self) -> list[Command[Any]]:
        """What the engine was asked to do."""
        self._settle()
        return self._control.commands

    def live(self) -> None:
        """Until what is shown can be answered."""
        shown = self.attention.shown
        assert shown is not None
        spin(lambda: all(control.isEnabled() for control in shown.controls))

    def click(self, text: str) -> None:
        self.live()
        assert self.attention.shown is not None
        buttons = self.attention.shown.findChildren(QPushButton)
        QTest.mouseClick(next(b for b in buttons if b.text() == text), LEFT)

    def _typed(self, data: bytes) -> None:
        self.typed += data


@pytest.fixture
def host(
    qtbot: QtBot,
    adapter: EngineAdapter,
    icons: Icons,
    control: FakeControl,
    settle: Callable[[], None],
) -> Host:
    return Host(qtbot, adapter, icons, control, settle)


def test_it_says_who_from_where_with_what_and_the_code(host: Host, bus: EventBus) -> None:
    bus.publish(question())
    strip = host.strip
    assert strip.isVisible()
    assert strip.accessibleName() == (
        "Ada asks to type in web-1. 203.0.113.7 · Chrome 140 on Windows. Code 123 456"
    )
    assert strip.who.text() == "Ada"
    assert strip.request.text() == "asks to type in web-1"
    assert strip.where.text() == "203.0.113.7 · Chrome 140 on Windows"
    assert strip.code.text() == "123 456"
    assert strip.time.text() == "1 m 58 s left"
    in_menu = [action.text() for action in strip.more.menu().actions()]
    assert {"Ada", "203.0.113.7", "Chrome 140 on Windows", "Code 123 456"} <= set(in_menu)


def test_where_there_is_little_room_the_name_the_code_and_the_answers_stay(
    host: Host, bus: EventBus
) -> None:
    host.window.resize(620, 400)
    for name in ("a", "b"):
        bus.publish(question(name))
    QApplication.processEvents()
    strip = host.strip
    inside = strip.rect()
    for widget in (strip.who, strip.request, strip.code, strip.more, strip.deny, strip.allow):
        assert widget.isVisible()
        assert inside.contains(widget.geometry())
    assert strip.who.width() >= strip.who.sizeHint().width()
    assert not strip.where.isVisible()


def test_what_a_guest_calls_itself_is_text_of_one_short_line(host: Host, bus: EventBus) -> None:
    bus.publish(question(guest=Guest("<h1>host</h1>\n\u202eadA\x1b[31m" + "x" * 500)))
    who = host.strip.who
    assert who.text().startswith(r"<h1>host</h1>\n\u202eadA\x1b[31")
    assert len(who.text()) == 40
    assert who.textFormat() is Qt.TextFormat.PlainText
    assert host.strip.where.text() == "unknown address"
    # Nothing to remember for one who came by no link.
    assert not host.strip.remember.isEnabled()


@pytest.mark.parametrize(("words", "role"), [("Allow", Role.CONTROL), ("View only", Role.VIEW)])
def test_each_yes_is_answered_at_once(host: Host, bus: EventBus, words: str, role: Role) -> None:
    bus.publish(question())
    host.click(words)
    assert host.done == [DecideApproval("s1", role)]
    assert host.approver.waiting == ()
    assert host.terminal.hasFocus()


def test_who_was_let_in_by_mistake_can_be_removed(host: Host, bus: EventBus) -> None:
    bus.publish(question("s1"))
    host.click("Allow")
    host.click("Remove guest")
    removal = CloseSession("s1", "Removed by the host", EndCode.REMOVED)
    assert host.done == [DecideApproval("s1", Role.CONTROL), removal]
    bus.publish(question("s2"))
    host.click("View only")
    assert host.attention.isVisible()
    bus.publish(SessionClosed(session_id="s2", reason="The guest left"))
    assert not host.attention.isVisible()
    assert host.done.count(removal) == 1


def test_an_answer_for_the_link_is_named_on_the_buttons(host: Host, bus: EventBus) -> None:
    bus.publish(question())
    host.strip.remember.trigger()
    host.click("Always allow")
    assert host.done == [DecideApproval("s1", Role.CONTROL, remember=True)]
    bus.publish(SessionClosed(session_id="s1", reason="over"))
    bus.publish(question("s2"))
    # It was for that guest's question only.
    assert host.strip.allow.text() == "Allow"
    host.strip.remember.trigger()
    host.click("Deny and revoke link")
    host.attention.finish()
    assert host.done[1:] == [DecideApproval("s2", None, remember=True)]


def test_a_no_can_be_taken_back_until_the_guest_hears_it(host: Host, bus: EventBus) -> None:
    bus.publish(question())
    host.click("Deny")
    assert host.done == []
    host.click("Undo")
    assert host.done == []
    assert host.strip.who.text() == "Ada"
    host.click("Deny")
    host.attention.finish()
    assert host.done == [DecideApproval("s1", None)]


def test_a_no_comes_before_the_guest_stops_waiting(host: Host, bus: EventBus) -> None:
    bus.publish(question(seconds=4.0))
    host.click("Deny")
    assert host.attention.shown is not None
    assert host.attention.shown.left < 2.0
    spin(lambda: host.done == [DecideApproval("s1", None)])


def test_a_guest_who_left_after_a_no_needs_no_answer(host: Host, bus: EventBus) -> None:
    bus.publish(question())
    host.click("Deny")
    bus.publish(ApprovalSettled(session_id="s1", role=None, reason="The guest left"))
    assert not host.attention.isVisible()
    assert host.done == []


def test_every_key_goes_to_the_terminal_and_none_answers(host: Host, bus: EventBus) -> None:
    text = "git commit -m 'a b c'\x1b:wq\ryes no\t  "
    keys: dict[str, Qt.Key] = {
        "\x1b": Qt.Key.Key_Escape,
        "\r": Qt.Key.Key_Return,
        "\t": Qt.Key.Key_Tab,
        " ": Qt.Key.Key_Space,
    }
    waiting = 0
    for at, sign in enumerate(text * 2):
        if at % 9 == 4:
            waiting += 1
            bus.publish(question(f"s{waiting}"))
        if at == len(text):
            # From here on the answers can be given, and still no key does.
            host.live()
        press(host.window, keys.get(sign, sign))
        assert host.terminal.hasFocus()
    assert host.typed.decode() == text * 2
    assert host.done == []
    assert len(host.approver.waiting) == waiting
    assert host.attention.count.text() == f"1 of {waiting}"
    assert not any(strip.remembers for strip in host.approver.waiting)


def test_the_window_is_neither_raised_nor_activated(host: Host, bus: EventBus) -> None:
    other = QMainWindow()
    activate(other)
    bus.publish(question())
    QApplication.processEvents()
    assert other.isActiveWindow()
    assert not host.window.isActiveWindow()
    other.close()


def test_a_link_to_view_offers_nothing_more(host: Host, bus: EventBus) -> None:
    bus.publish(question(role=Role.VIEW))
    assert host.strip.request.text() == "asks to view web-1"
    assert not host.strip.view.isVisible()
    host.click("Allow")
    assert host.done == [DecideApproval("s1", Role.VIEW)]


def test_guests_are_counted_and_each_is_answered_by_itself(host: Host, bus: EventBus) -> None:
    counts: list[int] = []
    host.approver.changed.connect(counts.append)
    for session_id in ("s1", "s2", "s3"):
        bus.publish(question(session_id))
    assert host.attention.count.text() == "1 of 3"
    # The second left before its turn.
    bus.publish(ApprovalSettled(session_id="s2", role=None, reason="The guest left"))
    assert host.attention.count.text() == "1 of 2"
    host.click("View only")
    bus.publish(ApprovalSettled(session_id="s1", role=Role.VIEW, reason="Allowed: view"))
    # The second half of a double click is no answer for the next one.
    QTest.mouseClick(host.strip.view, LEFT)
    assert host.done == [DecideApproval("s1", Role.VIEW)]
    host.click("Allow")
    assert host.done[1:] == [DecideApproval("s3", Role.CONTROL)]
    assert counts == [1, 2, 3, 2, 1, 1, 0]


def test_the_question_goes_when_the_guest_does(host: Host, bus: EventBus) -> None:
    bus.publish(question())
    bus.publish(ApprovalSettled(session_id="s1", role=None, reason="The guest left"))
    assert not host.attention.isVisible()
    assert host.done == []


def test_who_answers_by_key_types_nothing_when_the_guest_leaves(host: Host, bus: EventBus) -> None:
    bus.publish(question())
    host.live()
    host.attention.enter()
    press(host.window, Qt.Key.Key_Tab)
    bus.publish(ApprovalSettled(session_id="s1", role=None, reason="The guest left"))
    press(host.window, Qt.Key.Key_Space, Qt.Key.Key_Return, "y")
    assert host.typed == b""
    press(host.window, Qt.Key.Key_Escape, "z")
    assert host.typed == b"z"
    assert host.done == []


def test_the_desktop_is_told_where_it_listens_and_nobody_looks(
    host: Host, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "gui.panels.approvals.strip.QSystemTrayIcon.isSystemTrayAvailable",
        staticmethod(lambda: True),
    )
    monkeypatch.setattr(
        "gui.panels.approvals.strip.QSystemTrayIcon.showMessage",
        lambda _tray, title, text, *_more: shown.append((title, text)),
    )
    bus.publish(question("s0"))
    assert shown == []
    other = QMainWindow()
    activate(other)
    bus.publish(question())
    assert shown == [note(ADA, "web-1")]
    tray = host.approver.tray
    assert tray is not None
    assert tray.isVisible()
    assert tray.toolTip() == "Hatchway: 2 guests are waiting"
    for session_id in ("s0", "s1"):
        bus.publish(ApprovalSettled(session_id=session_id, role=None, reason="The guest left"))
    assert not tray.isVisible()
    other.close()


def test_a_hidden_window_without_a_tray_comes_back_minimized(host: Host, bus: EventBus) -> None:
    host.window.hide()
    bus.publish(question())
    assert host.window.isVisible()
    assert host.window.isMinimized()


def test_the_note_names_the_guest_as_well_as_it_can() -> None:
    assert note(ADA, "web-1") == ("A guest is waiting for web-1", "Ada requests access.")
    assert note(Guest(address="203.0.113.7"), "db")[1] == "203.0.113.7 requests access."
    assert note(Guest(), "db")[1] == "Someone requests access."
