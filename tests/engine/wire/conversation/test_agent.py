"""The agent's end by itself: positions of the log, and snapshots to any guest. The order of
messages is in tests/engine/wire/test_conversation.py."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import ProtocolError
from engine.core.model import Role
from engine.wire import terminal as wire
from engine.wire.conversation.agent import AgentConversation
from engine.wire.conversation.positions import Positions

SNAPSHOTS = (wire.SNAPSHOT,)


def greeted(
    caps: tuple[str, ...] = (),
    *,
    received: int = 0,
    shell: str = "",
    positions: Positions | None = None,
) -> AgentConversation:
    agent = AgentConversation(v1=True, positions=positions)
    agent.receive_text(wire.encode(wire.Hello(received=received, caps=caps, shell=shell)))
    return agent


def welcome(start: int = 0) -> wire.Welcome:
    return wire.Welcome("s", "t", Role.CONTROL, "token", wire.WINDOW, start, shell="sh1")


@pytest.mark.parametrize("caps", [(), SNAPSHOTS])
@pytest.mark.parametrize(
    ("received", "shell", "found"),
    [(0, "", 0), (70, "", 70), (70, "sh1", 70), (100, "sh1", 100), (101, "sh1", None)],
)
def test_what_a_guest_needs_of_the_log(
    caps: tuple[str, ...], received: int, shell: str, found: int | None
) -> None:
    assert greeted(caps, received=received, shell=shell).received("sh1", 100) == found


@pytest.mark.parametrize("caps", [(), SNAPSHOTS])
def test_what_it_has_of_another_shell_counts_as_nothing(caps: tuple[str, ...]) -> None:
    assert greeted(caps, received=70, shell="sh0").received("sh1", 100) == 0


def test_half_a_snapshot_as_output_needs_another() -> None:
    positions = Positions().snapshot(50, 30, 90)
    assert greeted(received=50, positions=positions).received("sh1", 100) == 50
    assert greeted(received=51, positions=positions).received("sh1", 100) is None
    assert greeted(received=80, positions=positions).received("sh1", 100) == 90


def test_a_page_that_learned_snapshots_meanwhile_has_positions_of_the_log() -> None:
    positions = Positions().snapshot(50, 30, 90)
    agent = greeted(SNAPSHOTS, received=0, positions=positions)
    assert agent.received("sh1", 100) == 0
    agent.welcome(welcome(100), screen_first=True)
    agent.snapshot(wire.Snapshot(100, 80, 24, 1))
    assert agent.screen(1)
    assert agent.receive_text(wire.encode(wire.Ack(100))) == wire.Ack(100)


def test_a_position_beyond_the_log_is_never_reported_as_rendered() -> None:
    agent = greeted(received=5000)
    assert agent.received("sh1", 100) is None
    agent.welcome(welcome(100), screen_first=True)
    assert agent.rendered_to == 0
    agent.snapshot(wire.Snapshot(100, 80, 24, 50_000))
    assert agent.screen(20_000)
    assert agent.receive_text(wire.encode(wire.Ack(20_000))) == wire.Ack(0)


def test_a_small_snapshot_as_output_is_not_waited_for() -> None:
    """A guest that does not know snapshots acknowledges 16 KiB at a time: in a silent shell its
    acknowledgement never comes."""
    agent = greeted()
    agent.welcome(welcome(0))
    assert agent.output(5)
    agent.snapshot(wire.Snapshot(1_000_000, 80, 24, 100))
    assert agent.screen(102)
    assert agent.rendered_to == 1_000_000
    assert agent.may_snapshot


def test_a_large_snapshot_as_output_is_waited_for() -> None:
    agent = greeted()
    agent.welcome(welcome(0))
    agent.snapshot(wire.Snapshot(1_000_000, 80, 24, 50_000))
    assert agent.screen(50_002)
    assert agent.rendered_to == 0
    assert not agent.may_snapshot
    agent.receive_text(wire.encode(wire.Ack(49_152)))
    assert agent.rendered_to == 1_000_000
    assert agent.may_snapshot


def test_a_snapshot_drops_the_character_that_it_cuts() -> None:
    agent = AgentConversation(v1=False)
    assert agent.plain_output("é".encode()[:1]) == ""
    lead = agent.snapshot(wire.Snapshot(1, 80, 24, 1))
    assert agent.screen(len(lead))
    assert agent.plain_output(lead) == wire.encode(wire.Output("\x1bc"))


@given(
    st.lists(
        st.tuples(st.sampled_from(["output", "snapshot", "ack"]), st.integers(0, 400_000)),
        max_size=30,
    ),
    st.sampled_from([(), SNAPSHOTS]),
)
def test_whatever_is_acknowledged_no_position_goes_back_or_beyond_what_was_sent(
    steps: list[tuple[str, int]], caps: tuple[str, ...]
) -> None:
    agent = greeted(caps)
    agent.welcome(welcome())
    cursor = before = 0
    for step, number in steps:
        match step:
            case "output" if number and agent.output(number):
                cursor += number
            case "snapshot" if agent.may_snapshot:
                lead = agent.snapshot(wire.Snapshot(cursor + number, 80, 24, 5))
                if agent.screen(len(lead) + 5):
                    cursor += number
                else:
                    return  # the window is full; more acknowledgements would make room
            case "ack":
                with contextlib.suppress(ProtocolError):
                    agent.receive_text(wire.encode(wire.Ack(number)))
        assert before <= agent.rendered_to <= cursor
        before = agent.rendered_to
