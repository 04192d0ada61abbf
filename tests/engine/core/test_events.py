"""The event bus: order, containment, bounded history."""

from __future__ import annotations

import pytest

from engine.core.events import (
    Event,
    EventBus,
    OfferRefused,
    SessionClosed,
    SessionCreated,
    SessionNote,
    Traffic,
)
from engine.core.model import Guest


def note(session: str, text: str = "x") -> SessionNote:
    return SessionNote(session_id=session, text=text)


def test_handlers_are_called_in_order_until_they_unsubscribe() -> None:
    bus, seen = EventBus(), []
    end = bus.subscribe(lambda event: seen.append(1))
    bus.subscribe(lambda event: seen.append(2))
    bus.publish(note("a"))
    end()
    end()
    bus.publish(note("a"))
    assert seen == [1, 2, 2]


def test_a_handler_that_raises_costs_nobody_else_the_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bus, seen = EventBus(), list[Event]()

    def broken(event: Event) -> None:
        raise ValueError("broken")

    bus.subscribe(broken)
    bus.subscribe(seen.append)
    bus.publish(note("a"))
    assert len(seen) == 1
    assert "An event handler failed on SessionNote" in caplog.text
    caplog.clear()


def test_history_is_bounded_per_session_and_in_sessions() -> None:
    bus = EventBus(history_per_session=3, history_sessions=2)
    for number in range(5):
        bus.publish(note("a", str(number)))
    assert [event.text for event in bus.history("a") if isinstance(event, SessionNote)] == [
        "2",
        "3",
        "4",
    ]
    bus.publish(note("b"))
    bus.publish(note("c"))
    assert bus.history("a") == ()
    assert len(bus.history("c")) == 1


def test_whoever_comes_with_new_ids_pushes_out_no_live_session() -> None:
    bus = EventBus(history_sessions=2)
    guest = Guest()
    bus.publish(SessionCreated(session_id="live", device_id="web-1", guest=guest))
    for number in range(10):
        name = f"short {number}"
        bus.publish(SessionCreated(session_id=name, device_id="web-1", guest=guest))
        bus.publish(SessionClosed(session_id=name, reason="left"))
        bus.publish(note(f"unknown {number}"))
        for session_id in ("live", f"refused {number}"):
            bus.publish(
                OfferRefused(session_id=session_id, device_id="x", guest=guest, code="c", text="t")
            )
    assert [type(event) for event in bus.history("live")] == [SessionCreated]
    assert bus.history("refused 9") == ()
    stored = [f"{kind} {n}" for kind in ("short", "unknown") for n in range(10)]
    assert [name for name in stored if bus.history(name)] == ["short 9", "unknown 9"]
    # Once it has ended it is one of the others.
    bus.publish(SessionClosed(session_id="live", reason="left"))
    for number in range(3):
        bus.publish(note(f"later {number}"))
    assert bus.history("live") == ()


def test_traffic_does_not_push_the_rest_out_of_the_history() -> None:
    bus = EventBus()
    sample = Traffic(
        session_id="a", bytes_in=0, bytes_out=0, rate_in=0, rate_out=0, rtt=None, idle=0
    )
    bus.publish(sample)
    assert bus.history("a") == ()
