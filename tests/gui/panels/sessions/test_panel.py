"""The table of sessions, fed by real events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from engine.core.events import (
    CodeKnown,
    IceConnection,
    IcePairSelected,
    PtyConnected,
    SessionClosed,
    SessionCreated,
    SessionStateChanged,
    Traffic,
)
from engine.core.model import CandidatePair, Guest
from engine.core.session_state import SessionState
from gui.panels.sessions.model import COLUMNS, SORT_ROLE, SessionModel
from gui.panels.sessions.panel import SessionsPanel

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QModelIndex
    from pytestqt.modeltest import ModelTester
    from pytestqt.qtbot import QtBot

    from engine.core.events import (
        EventBus,
    )
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons

AT = {column.title: at for at, column in enumerate(COLUMNS)}
NOW = 1_000_000.0


def create(session_id: str = "s1", target: str = "web-1", at: float = NOW) -> SessionCreated:
    return SessionCreated(
        session_id=session_id, device_id=target, guest=Guest("Maria", "10.0.0.7"), at=at
    )


def traffic(session_id: str = "s1", **values: Any) -> Traffic:
    facts: dict[str, Any] = {
        "bytes_in": 10,
        "bytes_out": 5_000,
        "rate_in": 0.0,
        "rate_out": 1_234.0,
        "rtt": 0.0008,
        "idle": 2.0,
        "at": NOW,
    }
    return Traffic(session_id=session_id, **{**facts, **values})


@pytest.fixture
def panel(qtbot: QtBot, adapter: EngineAdapter, icons: Icons) -> SessionsPanel:
    panel = SessionsPanel(adapter, icons)
    qtbot.addWidget(panel)
    return panel


def texts(model: SessionModel, row: int = 0) -> dict[str, str]:
    return {title: model.index(row, at).data() for title, at in AT.items()}


def test_the_model_keeps_qts_contract(
    icons: Icons, qtmodeltester: ModelTester, bus: EventBus, panel: SessionsPanel
) -> None:
    qtmodeltester.check(panel.model)
    qtmodeltester.check(panel.proxy)
    for name in ("a", "b", "c"):
        bus.publish(create(name))
    bus.publish(traffic("b"))
    bus.publish(SessionClosed(session_id="b", reason="over"))
    assert [row.session_id for row in panel.model.sessions()] == ["a", "c"]
    qtmodeltester.check(panel.model)


def test_a_row_says_everything_in_human_units(panel: SessionsPanel, bus: EventBus) -> None:
    bus.publish(create())
    bus.publish(
        SessionStateChanged(session_id="s1", old=SessionState.CREATED, new=SessionState.CONNECTED)
    )
    bus.publish(IceConnection(session_id="s1", state="completed"))
    pair = CandidatePair("10.0.0.1:5", "10.0.0.7:6", "host", "relay")
    bus.publish(IcePairSelected(session_id="s1", pair=pair))
    bus.publish(traffic())
    shown = texts(panel.model)
    assert {k: shown[k] for k in shown if k not in ("Age", "Idle")} == {
        "Guest": "Maria",
        "Target": "web-1",
        "State": "Connected",
        "ICE": "Completed",
        "Path": "Relayed via 10.0.0.7",
        "RTT": "0.8 ms",
        "In": "–",
        "Out": "1.2 KB/s",
    }
    tip = panel.model.index(0, AT["Path"]).data(Qt.ItemDataRole.ToolTipRole)
    assert "10.0.0.1:5 (host)" in tip
    assert "Relayed via 10.0.0.7:6" in tip
    bus.publish(PtyConnected(session_id="s1", target="web-1", code="123 456"))
    tip = panel.model.index(0, AT["Guest"]).data(Qt.ItemDataRole.ToolTipRole)
    assert "Code 123 456, also on the guest’s screen" in tip
    # A guest without a link reveals its part of the code later, or never.
    bus.publish(PtyConnected(session_id="s1", target="web-1"))
    tip = panel.model.index(0, AT["Guest"]).data(Qt.ItemDataRole.ToolTipRole)
    assert "cannot be compared" in tip
    bus.publish(CodeKnown(session_id="s1", code="654 321"))
    tip = panel.model.index(0, AT["Guest"]).data(Qt.ItemDataRole.ToolTipRole)
    assert "Code 654 321, also on the guest’s screen" in tip


def test_ages_tick_only_while_there_are_sessions_and_only_where_they_read_differently(
    icons: Icons, qtbot: QtBot
) -> None:
    now = [NOW]
    model = SessionModel(icons, clock=lambda: now[0])
    assert not model.ticking
    model.created(create("young"))
    model.created(create("old", at=NOW - 3 * 3600))
    assert model.ticking
    model.traffic(traffic("old", idle=3600 * 2))
    model.tick()
    changed: list[int] = []
    model.dataChanged.connect(lambda top, _: changed.append(top.row()))
    now[0] += 1
    model.tick()
    # Hours are shown without seconds: only the young one reads differently.
    assert changed == [0]
    assert texts(model, 0)["Age"] == "1 s"
    assert texts(model, 1)["Age"] == "3 h 00 m"
    for session in ("young", "old"):
        model.closed(SessionClosed(session_id=session, reason="over"))
    assert not model.ticking


def test_a_traffic_sample_touches_its_own_cells_at_once(
    panel: SessionsPanel, bus: EventBus
) -> None:
    bus.publish(create("a"))
    bus.publish(create("b"))
    areas: list[tuple[int, int, int, int]] = []

    def note(top: QModelIndex, bottom: QModelIndex) -> None:
        areas.append((top.row(), top.column(), bottom.row(), bottom.column()))

    panel.model.dataChanged.connect(note)
    bus.publish(traffic("b"))
    assert areas == [(1, AT["RTT"], 1, AT["Idle"])]


@pytest.mark.parametrize(
    ("column", "make"),
    [
        ("Out", lambda n: traffic(f"s{n}", rate_out=[9.0, 80.0, 700.0][n])),
        ("RTT", lambda n: traffic(f"s{n}", rtt=[0.009, 0.08, None][n])),
    ],
)
def test_numbers_sort_as_numbers(
    panel: SessionsPanel, bus: EventBus, column: str, make: Callable[[int], Traffic]
) -> None:
    for number in (2, 0, 1):
        bus.publish(create(f"s{number}"))
        bus.publish(make(number))
    panel.view.sortByColumn(AT[column], Qt.SortOrder.AscendingOrder)
    order = [panel.proxy.index(row, 0).data(SORT_ROLE + 1) for row in range(3)]
    assert order == ["s0", "s1", "s2"]


def test_events_of_unknown_sessions_are_ignored(panel: SessionsPanel, bus: EventBus) -> None:
    bus.publish(traffic("ghost"))
    bus.publish(SessionClosed(session_id="ghost", reason="over"))
    assert panel.model.rowCount() == 0
    bus.publish(create())
    bus.publish(create())
    assert panel.model.rowCount() == 1


def test_the_empty_state_gives_way_to_the_table_and_returns(
    panel: SessionsPanel, bus: EventBus, qtbot: QtBot
) -> None:
    panel.show()
    assert panel.empty.isVisible()
    with qtbot.waitSignal(panel.countChanged, check_params_cb=lambda n: n == 1):
        bus.publish(create())
    assert panel.view.isVisible()
    bus.publish(SessionClosed(session_id="s1", reason="over"))
    assert panel.empty.isVisible()


def test_selected_ids_are_copied_in_the_order_shown(panel: SessionsPanel, bus: EventBus) -> None:
    for name in ("a", "b"):
        bus.publish(create(name, target=f"target-{name}"))
    panel.view.sortByColumn(AT["Target"], Qt.SortOrder.DescendingOrder)
    panel.view.selectAll()
    panel.copy_selected()
    assert QGuiApplication.clipboard().text() == "b\na"


def test_the_menu_offers_the_log_of_one_session_only(
    panel: SessionsPanel, bus: EventBus, qtbot: QtBot
) -> None:
    bus.publish(create("a"))
    bus.publish(create("b"))
    panel.select("b")
    actions = {action.text(): action for action in panel.menu().actions() if action.text()}
    assert list(actions) == [
        "Share this terminal…",
        "Close session",
        "Remove guest",
        "Copy ID",
        "Show ICE log",
    ]
    with qtbot.waitSignal(panel.shareWanted, check_params_cb=lambda s: s == "b"):
        actions["Share this terminal…"].trigger()
    with qtbot.waitSignal(panel.logWanted, check_params_cb=lambda s: s == "b"):
        actions["Show ICE log"].trigger()
    panel.view.selectAll()
    several = {action.text(): action for action in panel.menu().actions() if action.text()}
    assert not several["Show ICE log"].isEnabled()
    assert "Close sessions" in several
