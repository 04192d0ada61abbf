"""The ICE log, fed by real events: wording, bounds, filter, pause, bursts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QGuiApplication

from engine.core.events import (
    Event,
    IceCandidate,
    IceConnection,
    IceGathering,
    IcePairSelected,
    OfferRefused,
    PeerConnection,
    PtyConnected,
    RelayStateChanged,
    SessionClosed,
    SessionCreated,
    SessionNote,
    SessionStateChanged,
    TargetsChanged,
    Traffic,
)
from engine.core.model import CandidatePair, Guest, RelayState
from engine.core.session_state import SessionState
from gui.kit.style import Tone
from gui.panels.log.model import LogLine, LogModel, line_of
from gui.panels.log.panel import IceLogPanel

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.modeltest import ModelTester
    from pytestqt.qtbot import QtBot

    from engine.core.events import (
        EventBus,
    )
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from gui.kit.style import Theme

S = "session-1"
PAIR = CandidatePair("10.0.0.1:5", "10.0.0.7:6", "host", "srflx")


@pytest.fixture
def panel(qtbot: QtBot, adapter: EngineAdapter, theme: Theme, icons: Icons) -> IceLogPanel:
    panel = IceLogPanel(adapter, theme, icons)
    qtbot.addWidget(panel)
    return panel


def created(session_id: str, target: str = "web-1") -> SessionCreated:
    return SessionCreated(session_id=session_id, device_id=target, guest=Guest(own=True))


@pytest.mark.parametrize(
    ("event", "text", "tone"),
    [
        (created(S), "Session created for web-1 by This app", Tone.ACCENT),
        (
            SessionStateChanged(
                session_id=S, old=SessionState.CONNECTED, new=SessionState.DISCONNECTED
            ),
            "Session connected → disconnected",
            Tone.WARN,
        ),
        (
            SessionClosed(session_id=S, reason="The shell exited", exit_code=3),
            "Session closed: The shell exited (exit code 3)",
            Tone.ACCENT,
        ),
        (
            OfferRefused(
                session_id=S,
                device_id="db",
                guest=Guest(),
                code="access_denied",
                text="No",
                count=3,
            ),
            "Refused Guest for db: No (2 more since the last line)",
            Tone.WARN,
        ),
        (PtyConnected(session_id=S, target="web-1"), "Terminal connected to web-1", Tone.OK),
        (IceGathering(session_id=S, state="complete"), "ICE gathering complete", Tone.TEXT),
        (IceConnection(session_id=S, state="failed"), "ICE failed", Tone.ERROR),
        (PeerConnection(session_id=S, state="connected"), "Peer connection connected", Tone.OK),
        (
            IceCandidate(session_id=S, side="remote", candidate="1 1 udp 1 10.0.0.7 6 typ host"),
            "Remote candidate: 1 1 udp 1 10.0.0.7 6 typ host",
            Tone.MUTED,
        ),
        (
            IceCandidate(session_id=S, side="local", candidate=""),
            "Local candidate: end of candidates",
            Tone.MUTED,
        ),
        (
            IcePairSelected(session_id=S, pair=PAIR),
            "Selected path (direct): UDP 10.0.0.1:5 (host) ↔ 10.0.0.7:6 (srflx)",
            Tone.OK,
        ),
        (SessionNote(session_id=S, text="two\nlines\x1b[0m"), "two lines\\x1b[0m", Tone.WARN),
        (
            RelayStateChanged(state=RelayState.REFUSED, url="http://r", detail="bad token"),
            "Relay refused http://r: bad token",
            Tone.ERROR,
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Event) else "",
)
def test_each_event_makes_one_line_of_words(event: Event, text: str, tone: Tone) -> None:
    line = line_of(event)
    assert line is not None
    assert (line.text, line.tone) == (text, tone)
    assert "\n" not in str(line)


def test_traffic_and_targets_make_no_line() -> None:
    sample = Traffic(session_id=S, bytes_in=0, bytes_out=0, rate_in=0, rate_out=0, rtt=None, idle=0)
    assert line_of(sample) is None
    assert line_of(TargetsChanged(targets=())) is None


def test_the_model_keeps_qts_contract(theme: Theme, qtmodeltester: ModelTester) -> None:
    model = LogModel(theme, limit=20)
    qtmodeltester.check(model)
    for batch in range(5):
        for number in range(7):
            model.add(LogLine(number, f"s{number % 2}", f"line {batch} {number}"))
        model.flush()
        if batch == 2:
            model.set_filter("s1", "line")
    model.clear()
    model.add(LogLine(1, "s1", "line again"))
    model.flush()
    assert model.rowCount() == 1
    qtmodeltester.check(model)


def test_a_cleared_log_comes_back_before_what_came_since(theme: Theme) -> None:
    model = LogModel(theme, limit=5)
    for number in range(4):
        model.add(LogLine(number, "s1", f"line {number}"))
    model.flush()
    gone = model.clear()
    assert model.rowCount() == 0
    for number in (4, 5):
        model.add(LogLine(number, "s1", f"line {number}"))
    model.flush()
    model.restore(gone)
    assert [line.text for line in model.lines()] == [f"line {number}" for number in range(1, 6)]


def test_the_oldest_lines_go_first_under_a_filter_too(theme: Theme) -> None:
    model = LogModel(theme, limit=10)
    model.set_filter("odd", "")
    for number in range(25):
        model.add(LogLine(number, "odd" if number % 2 else "even", str(number)))
        if number % 3 == 0:
            model.flush()
    model.flush()
    assert [line.text for line in model.lines()] == ["15", "17", "19", "21", "23"]
    model.set_filter(None, "")
    assert [line.text for line in model.lines()] == [str(n) for n in range(15, 25)]


def test_a_burst_larger_than_the_log_keeps_its_end(theme: Theme) -> None:
    model = LogModel(theme, limit=100)
    for number in range(1_000):
        model.add(LogLine(number, S, str(number)))
    model.flush()
    assert [line.text for line in model.lines()] == [str(n) for n in range(900, 1_000)]


def test_a_burst_is_added_in_one_go(panel: IceLogPanel, bus: EventBus, qtbot: QtBot) -> None:
    inserts: list[int] = []
    panel.model.rowsInserted.connect(lambda _, first, last: inserts.append(last - first + 1))
    for number in range(500):
        bus.publish(SessionNote(session_id=S, text=str(number)))
    assert panel.model.rowCount() == 0
    qtbot.waitUntil(lambda: panel.model.rowCount() == 500)
    assert inserts == [500]


def test_ten_thousand_lines_cost_less_than_a_few_frames(panel: IceLogPanel, bus: EventBus) -> None:
    panel.show()
    for number in range(10_000):
        bus.publish(SessionNote(session_id=S, text=f"note {number}"))
    started = time.perf_counter()
    panel.model.flush()
    panel.search.setText("note 99")
    took = time.perf_counter() - started
    assert panel.model.rowCount() == 111
    # About 10 ms on an idle machine; this leaves room for a busy one.
    assert took < 0.25


def test_lines_are_filtered_by_session_and_text(panel: IceLogPanel, bus: EventBus) -> None:
    bus.publish(created("aaaaaaaa-1", "web-1"))
    bus.publish(created("bbbbbbbb-2", "db"))
    bus.publish(IceConnection(session_id="aaaaaaaa-1", state="checking"))
    bus.publish(RelayStateChanged(state=RelayState.CONNECTED, url="http://r"))
    panel.model.flush()
    assert panel.model.rowCount() == 4
    panel.show_session("aaaaaaaa-1")
    assert panel.model.rowCount() == 2
    panel.search.setText("CHECKING")
    assert [line.text for line in panel.model.lines()] == ["ICE checking"]
    panel.search.clear()
    panel.show_session("")
    assert [line.session_id for line in panel.model.lines()] == [""]


def test_pausing_holds_lines_back_and_loses_none(
    panel: IceLogPanel, bus: EventBus, qtbot: QtBot
) -> None:
    panel.pause.setChecked(True)
    with qtbot.waitSignal(panel.model.waitingChanged, check_params_cb=lambda n: n == 2):
        bus.publish(SessionNote(session_id=S, text="one"))
        bus.publish(SessionNote(session_id=S, text="two"))
    panel.model.flush()
    assert panel.model.rowCount() == 0
    panel.pause.setChecked(False)
    assert [line.text for line in panel.model.lines()] == ["one", "two"]


def test_the_view_follows_until_one_scrolls_up(
    panel: IceLogPanel, bus: EventBus, qtbot: QtBot
) -> None:
    panel.resize(600, 200)
    panel.show()
    bar = panel.view.verticalScrollBar()

    def publish(count: int) -> None:
        for number in range(count):
            bus.publish(SessionNote(session_id=S, text=str(number)))
        panel.model.flush()
        panel.view.executeDelayedItemsLayout()

    publish(200)
    qtbot.waitUntil(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())
    bar.triggerAction(bar.SliderAction.SliderPageStepSub)
    assert not panel.follow.isChecked()
    at = bar.value()
    publish(50)
    assert bar.value() == at
    panel.follow.setChecked(True)
    qtbot.waitUntil(lambda: bar.value() == bar.maximum())


def test_copy_takes_the_selection_or_everything(panel: IceLogPanel, bus: EventBus) -> None:
    for text in ("one", "two", "three"):
        bus.publish(SessionNote(session_id=S, text=text))
    panel.model.flush()
    panel.copy()
    assert len(QGuiApplication.clipboard().text().splitlines()) == 3
    panel.view.setCurrentIndex(panel.model.index(1, 0))
    panel.copy()
    copied = QGuiApplication.clipboard().text()
    assert copied.endswith("session-  two")
    assert copied.count("\n") == 0


def test_what_is_shown_is_saved(panel: IceLogPanel, bus: EventBus, tmp_path: Path) -> None:
    bus.publish(SessionNote(session_id=S, text="ünïcödé"))
    panel.model.flush()
    panel.save_to(str(tmp_path / "log.txt"))
    assert (tmp_path / "log.txt").read_text(encoding="utf-8").endswith("ünïcödé\n")


def test_a_file_that_cannot_be_written_is_a_problem_in_words(
    panel: IceLogPanel, adapter: EngineAdapter, tmp_path: Path, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(adapter.problem) as problem:
        panel.save_to(str(tmp_path / "missing" / "log.txt"))
    assert problem.args is not None
    assert problem.args[0] == "The log could not be saved"


def test_the_list_of_sessions_is_bounded(panel: IceLogPanel, bus: EventBus) -> None:
    for number in range(250):
        bus.publish(created(f"{number:08}"))
    assert panel.session.count() == 202
    assert panel.session.findData("00000000") == -1
    assert panel.session.findData("00000249") > 0
    # The oldest one goes, but not while it is shown.
    panel.session.setCurrentIndex(2)
    chosen = panel.session.currentData()
    bus.publish(created("another"))
    assert panel.session.currentData() == chosen
    assert panel.session.count() == 202
