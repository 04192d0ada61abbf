"""The window's book of shells follows the engine's events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.control.queries import Shells
from engine.core.events import (
    IcePairSelected,
    SessionClosed,
    SessionCreated,
    ShellChanged,
    ShellStarted,
    Traffic,
)
from engine.core.model import (
    CandidatePair,
    ExitStatus,
    Guest,
    ParticipantInfo,
    ParticipantKind,
    Role,
    ShellInfo,
    Size,
)
from gui.control.shells import Route, ShellBook

if TYPE_CHECKING:
    from gui.control.adapter import EngineAdapter
    from tests.gui.fake_control import FakeControl

PAIR = CandidatePair("1.2.3.4:5", "5.6.7.8:9", "host", "host")


@pytest.fixture
def book(adapter: EngineAdapter) -> ShellBook:
    return ShellBook(adapter)


@pytest.fixture
def told(book: ShellBook) -> list[str]:
    told: list[str] = []
    book.started.connect(lambda shell: told.append(f"started {shell}"))
    book.changed.connect(lambda shell: told.append(f"changed {shell}"))
    book.ended.connect(lambda shell: told.append(f"ended {shell}"))
    return told


def test_shells_start_change_and_end(
    book: ShellBook, told: list[str], control: FakeControl
) -> None:
    shell_id = control.start_shell("web")
    control.change_shell(shell_id, title="vim")
    assert [shell.title for shell in book.all()] == ["vim"]
    control.end_shell(shell_id)
    assert told == [f"started {shell_id}", f"changed {shell_id}", f"ended {shell_id}"]
    assert book.all() == ()
    assert book.shell(shell_id) is None


def test_a_shell_that_has_ended_does_not_come_back(
    book: ShellBook, told: list[str], control: FakeControl
) -> None:
    shell_id = control.start_shell("web")
    info = control.shells[shell_id]
    control.end_shell(shell_id)
    control.publish(ShellChanged(shell=info))
    over = ShellInfo("x", "web", False, "", Size(), 0.0, exit=ExitStatus(0, "over"))
    control.publish(ShellStarted(shell=over))
    assert book.all() == ()
    assert len(told) == 2


def test_what_ran_before_is_there_from_the_start(
    adapter: EngineAdapter, control: FakeControl
) -> None:
    running = ShellInfo("a", "web", False, "", Size(), 0.0)
    control.answers[Shells] = (running,)
    assert ShellBook(adapter).all() == (running,)


def test_the_route_of_a_session_lasts_as_long_as_it(book: ShellBook, control: FakeControl) -> None:
    def traffic(rtt: float) -> Traffic:
        return Traffic(
            session_id="s", bytes_in=0, bytes_out=0, rate_in=0, rate_out=0, rtt=rtt, idle=0
        )

    told: list[str] = []
    book.routesChanged.connect(told.append)
    control.publish(traffic(0.5))
    assert book.route("s") == Route()
    control.publish(SessionCreated(session_id="s", device_id="web", guest=Guest("Ann")))
    shell_id = control.start_shell("web")
    control.come(shell_id, ParticipantInfo("p", "Ann", ParticipantKind.GUEST, Role.VIEW, "s"))
    control.publish(IcePairSelected(session_id="s", pair=PAIR))
    control.publish(traffic(0.01))
    control.publish(traffic(0.01))
    assert book.route("s") == Route(PAIR, 0.01)
    assert told == [shell_id, shell_id]
    control.publish(SessionClosed(session_id="s", reason="over"))
    control.publish(IcePairSelected(session_id="s", pair=PAIR))
    assert book.route("s") == Route()


def test_whose_a_shell_is(book: ShellBook, control: FakeControl) -> None:
    control.publish(SessionCreated(session_id="tab", device_id="w", guest=Guest(own=True)))
    own = control.start_shell("web", own=True)
    theirs = control.start_shell("web")
    peer = control.start_shell("web")
    for shell_id, session_id in ((theirs, "guest"), (peer, "tab")):
        guest = ParticipantInfo("p", "Ann", ParticipantKind.GUEST, Role.CONTROL, session_id)
        control.come(shell_id, guest)
    ours = [shell.id for shell in book.all() if book.is_ours(shell)]
    assert ours == [own, peer]
