"""The list of links: order, words, and what time does to them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt

from engine.core.model import (
    Guest,
    ParticipantInfo,
    ParticipantKind,
    Role,
    SessionInfo,
    Share,
    ShellInfo,
    Size,
    Target,
    TargetKind,
)
from engine.core.session_state import SessionState
from gui.kit.rows import DETAIL_ROLE, FADED_ROLE, NOTE_ROLE
from gui.panels.links.model import SHARE_ROLE, LinkModel, detail, people_by_link

if TYPE_CHECKING:
    from pytestqt.modeltest import ModelTester

    from gui.kit.icons import Icons

NOW = 1_000_000.0
PLAIN = Share("a", "web-1", Role.CONTROL, b"secret", NOW)


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (PLAIN, "Guests can type"),
        (replace(PLAIN, role=Role.VIEW), "Guests can only view"),
        (
            replace(PLAIN, approval=True, single_use=True, expires_at=NOW + 90),
            "Guests can type · needs approval · single use · expires in 1 m 30 s",
        ),
        (replace(PLAIN, kept=True), "Guests can type · kept after restart"),
        (
            replace(PLAIN, single_use=True, kept=True, record=True),
            "Guests can type · single use · recorded · kept after restart",
        ),
        (replace(PLAIN, uses=1), "Guests can type · used once"),
        (replace(PLAIN, uses=7, expires_at=NOW - 1), "Guests can type · used 7 times"),
    ],
)
def test_a_link_in_words(share: Share, words: str) -> None:
    assert detail(share, NOW) == words


def test_newest_first_and_each_stays_who_it_is(icons: Icons, qtmodeltester: ModelTester) -> None:
    model = LinkModel(icons, Clock())
    qtmodeltester.check(model)
    model.set_shares((PLAIN,))
    kept = QPersistentModelIndex(model.index(0))
    second, third = replace(PLAIN, id="b"), replace(PLAIN, id="c")
    model.set_shares((PLAIN, second, third))
    assert [model.index(row).data(SHARE_ROLE).id for row in range(3)] == ["c", "b", "a"]
    assert kept.row() == 2
    model.set_shares((PLAIN, third))
    assert (kept.row(), model.row_of("a"), model.row_of("b")) == (1, 1, -1)
    qtmodeltester.check(model)


def test_ended_links_say_so(icons: Icons) -> None:
    clock = Clock()
    model = LinkModel(icons, clock)
    timed = replace(PLAIN, expires_at=NOW + 10)
    model.set_shares((timed,))
    index = model.index(0)
    assert (index.data(NOTE_ROLE), index.data(FADED_ROLE)) == ("", False)
    clock.now += 11
    assert (index.data(NOTE_ROLE), index.data(FADED_ROLE)) == ("Expired", True)
    model.set_shares((replace(timed, revoked=True),))
    assert index.data(NOTE_ROLE) == "Revoked"
    model.set_shares((replace(PLAIN, single_use=True, uses=1, used_by="s1"),))
    assert index.data(NOTE_ROLE) == "Used"
    words = index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert words == "web-1, Guests can type · single use · used once, Used"
    assert index.data(DETAIL_ROLE) in words


def test_a_link_whose_container_was_replaced_says_so(icons: Icons) -> None:
    model = LinkModel(icons, Clock())
    model.set_shares((replace(PLAIN, kept=True, ref="first"), replace(PLAIN, id="b")))
    notes = [model.index(row).data(NOTE_ROLE) for row in range(2)]
    assert notes == ["", ""]
    first = Target("web-1", TargetKind.CONTAINER, "web-1", ref="first")
    for ref, note in (("first", ""), ("second", "Target is gone"), ("first", "")):
        model.set_targets((replace(first, ref=ref),))
        bound, by_name = model.index(1), model.index(0)
        assert (bound.data(NOTE_ROLE), by_name.data(NOTE_ROLE)) == (note, "")
        assert bound.data(FADED_ROLE) is bool(note)
        assert (note in bound.data(Qt.ItemDataRole.AccessibleTextRole)) is True


def test_each_link_says_who_is_in(icons: Icons) -> None:
    def session(name: str, share: str, state: SessionState = SessionState.CONNECTED) -> SessionInfo:
        return SessionInfo(name, "web-1", Guest(name=name, share=share), state, 0.0, 0.0)

    person = ParticipantInfo("p", "Ann", ParticipantKind.GUEST, Role.VIEW, session_id="a")
    shell = ShellInfo("s", "web-1", True, "", Size(), 0.0, participants=(person,))
    sessions = (
        session("a", "one"),
        session("Bob", "one"),
        session("gone", "one", SessionState.DISCONNECTED),
        session("no link", ""),
        *(session(f"guest {n}", "many") for n in range(5)),
    )
    people = people_by_link(sessions, (shell,))
    assert people["one"] == ("Ann", "Bob")
    assert set(people) == {"one", "many"}
    link = Share("one", "web-1", Role.VIEW, b"", 0.0)
    assert detail(link, 0.0, people["one"]) == "Ann, Bob are in · Guests can only view"
    assert detail(link, 0.0, people["many"]).startswith("guest 0, guest 1, guest 2 and 2 more are")
    assert detail(link, 0.0, ("Ann",)).startswith("Ann is in")
    model = LinkModel(icons)
    model.set_shares((link,))
    changed: list[object] = []
    model.dataChanged.connect(lambda *_: changed.append(1))
    model.set_people(people)
    model.set_people(people)
    assert len(changed) == 1
    assert model.index(0).data(DETAIL_ROLE).startswith("Ann, Bob are in")
