"""A guest waits: the question, its answers, the queue, and being noticed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from engine.events import ApprovalRequested, ApprovalSettled
from engine.model import Guest, Role
from gui.approvals import ApprovalDialog, Approver, note

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from engine.events import EventBus
    from gui.engine_adapter import EngineAdapter
    from gui.icons import Icons

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Safari/537.36"
)
ADA = Guest("Ada", "203.0.113.7", browser=CHROME, share="link-1")


def question(
    session_id: str = "s1", role: Role = Role.CONTROL, guest: Guest = ADA
) -> ApprovalRequested:
    return ApprovalRequested(
        session_id=session_id,
        target="web-1",
        guest=guest,
        role=role,
        code="123 456",
        waits_until=time.time() + 118.5,
    )


class Answers:
    """What the window decided, in place of an engine."""

    def __init__(self, adapter: EngineAdapter, patch: pytest.MonkeyPatch) -> None:
        self.given: list[tuple[str, Role | None, bool]] = []
        patch.setattr(adapter, "decide", self._decide)

    def _decide(self, session_id: str, role: Role | None, *, remember: bool = False) -> None:
        self.given.append((session_id, role, remember))


@pytest.fixture
def answers(adapter: EngineAdapter, monkeypatch: pytest.MonkeyPatch) -> Answers:
    return Answers(adapter, monkeypatch)


@pytest.fixture
def approver(qtbot: QtBot, adapter: EngineAdapter, icons: Icons) -> Approver:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    return Approver(adapter, icons, window)


def ready(approver: Approver, session_id: str = "s1") -> ApprovalDialog:
    """The dialog for that guest, once its buttons may be pressed.

    Not by qtbot.waitUntil: its loops end at once, before any timer, where an earlier test has
    ended the application's own.
    """

    def there() -> bool:
        dialog = approver.dialog
        return dialog is not None and dialog.session_id == session_id and dialog.deny.isEnabled()

    deadline = time.monotonic() + 5
    while not there():
        assert time.monotonic() < deadline
        QTest.qWait(10)
    assert approver.dialog is not None
    return approver.dialog


def test_it_says_who_from_where_with_what_and_the_code(approver: Approver, bus: EventBus) -> None:
    bus.publish(question())
    dialog = approver.dialog
    assert dialog is not None
    assert dialog.isVisible()
    assert dialog.title.text() == "A guest wants to type in web-1"
    assert {name: label.text() for name, label in dialog.facts.items()} == {
        "Who": "Ada",
        "From": "203.0.113.7",
        "Browser": "Chrome 140 on Windows",
        "Code": "123 456",
    }
    assert dialog.left.text() == "Waits for 1 m 58 s more"


def test_what_a_guest_calls_itself_is_text(approver: Approver, bus: EventBus) -> None:
    bus.publish(question(guest=Guest("<h1>host</h1>")))
    assert approver.dialog is not None
    facts = approver.dialog.facts
    assert facts["Who"].text() == "<h1>host</h1>"
    assert facts["Who"].textFormat() is Qt.TextFormat.PlainText
    assert facts["From"].text() == "Unknown"
    # Nothing to remember for one who came by no link.
    assert not approver.dialog.remember.isEnabled()


@pytest.mark.parametrize(
    ("button", "role"), [("control", Role.CONTROL), ("view", Role.VIEW), ("deny", None)]
)
@pytest.mark.parametrize("remember", [False, True])
def test_each_button_is_an_answer(
    approver: Approver, bus: EventBus, answers: Answers,
    button: str, role: Role | None, remember: bool,
) -> None:  # fmt: skip
    bus.publish(question())
    dialog = ready(approver)
    dialog.remember.setChecked(remember)
    getattr(dialog, button).click()
    assert answers.given == [("s1", role, remember)]
    assert approver.dialog is None


def test_closing_it_is_a_no(approver: Approver, bus: EventBus, answers: Answers) -> None:
    bus.publish(question())
    QTest.keyClick(ready(approver), Qt.Key.Key_Escape)
    assert answers.given == [("s1", None, False)]


def test_keys_meant_for_a_terminal_decide_nothing(
    approver: Approver, bus: EventBus, answers: Answers
) -> None:
    bus.publish(question())
    assert approver.dialog is not None
    approver.dialog.control.click()
    assert answers.given == []
    dialog = ready(approver)
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    assert answers.given == []


def test_a_link_to_watch_offers_nothing_more(approver: Approver, bus: EventBus) -> None:
    bus.publish(question(role=Role.VIEW))
    assert approver.dialog is not None
    assert not approver.dialog.control.isVisible()
    assert approver.dialog.title.text() == "A guest wants to watch web-1"


def test_guests_are_asked_for_one_after_the_other(
    approver: Approver, bus: EventBus, answers: Answers
) -> None:
    bus.publish(question("s1"))
    bus.publish(question("s2"))
    bus.publish(question("s3"))
    # The second left before its turn.
    bus.publish(ApprovalSettled(session_id="s2", role=None, reason="The guest left"))
    ready(approver, "s1").view.click()
    bus.publish(ApprovalSettled(session_id="s1", role=Role.VIEW, reason="Allowed: view"))
    ready(approver, "s3").deny.click()
    assert answers.given == [("s1", Role.VIEW, False), ("s3", None, False)]


def test_the_question_goes_when_the_guest_does(
    approver: Approver, bus: EventBus, answers: Answers
) -> None:
    bus.publish(question())
    bus.publish(ApprovalSettled(session_id="s1", role=None, reason="The guest left"))
    assert approver.dialog is None
    assert answers.given == []


def test_the_desktop_is_told_where_it_listens(
    approver: Approver, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "gui.approvals.QSystemTrayIcon.isSystemTrayAvailable", staticmethod(lambda: True)
    )
    monkeypatch.setattr(
        "gui.approvals.QSystemTrayIcon.showMessage",
        lambda _tray, title, text, *_more: told.append((title, text)),
    )
    bus.publish(question())
    assert told == [note(ADA, "web-1")]
    assert approver.tray is not None
    assert approver.tray.isVisible()
    bus.publish(ApprovalSettled(session_id="s1", role=None, reason="The guest left"))
    assert not approver.tray.isVisible()


def test_the_note_names_the_guest_as_well_as_it_can() -> None:
    assert note(ADA, "web-1") == ("A guest waits for web-1", "Ada wants to be let in.")
    assert note(Guest(address="203.0.113.7"), "db")[1] == "203.0.113.7 wants to be let in."
    assert note(Guest(), "db")[1] == "Somebody wants to be let in."
