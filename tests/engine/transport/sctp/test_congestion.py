"""The numbers of one path: growth, loss, time-outs, and the ceiling."""

from __future__ import annotations

import pytest

from engine.transport.sctp.congestion import (
    BETA,
    CEILING_BYTES,
    CEILING_RATE,
    INITIAL_PACKETS,
    MAX_CEILING,
    MIN_PACKETS,
    RTO_INITIAL,
    RTO_MAX,
    RTO_MIN,
    Congestion,
)

PACKET = 1200


def test_slow_start_doubles_each_round_trip() -> None:
    path = Congestion(PACKET)
    for round_trip in range(4):
        assert path.window == INITIAL_PACKETS * PACKET * 2**round_trip
        path.acknowledged(int(path.window), now=float(round_trip))


def test_a_loss_keeps_most_and_growth_returns_to_where_it_was() -> None:
    path = Congestion(PACKET)
    path.window = 1000.0 * PACKET
    path.measured(0.1, now=0.0)
    path.lost()
    assert path.window == pytest.approx(BETA * 1000 * PACKET)
    # RFC 9438 section 4.2: K = cubic root of (W_max - cwnd) / C, here 300 / 0.4. On the
    # plateau before it a packet each round trip is faster.
    back_at = (300 / 0.4) ** (1 / 3)
    now = 0.0
    while path.window < 1000 * PACKET:
        path.acknowledged(int(path.window), now)
        now += 0.1
    assert 0.7 * back_at < now < back_at + 0.2
    # Beyond the old top it goes on, faster and faster.
    top = path.window
    for _ in range(150):
        path.acknowledged(int(path.window), now)
        now += 0.1
    assert path.window > 1.3 * top


def test_growth_is_never_slower_than_a_packet_each_round_trip() -> None:
    path = Congestion(PACKET)
    path.window = 1000.0 * PACKET
    path.lost()
    before = path.window
    path.acknowledged(int(before), now=0.0)
    assert path.window >= before + PACKET


def test_a_sinking_top_gives_way_faster() -> None:
    path = Congestion(PACKET)
    path.window = 100.0 * PACKET
    path.lost()
    path.lost()
    assert path.window_max == pytest.approx(70 * PACKET * (1 + BETA) / 2)


def test_the_window_never_falls_below_its_least_but_by_silence() -> None:
    path = Congestion(PACKET)
    for _ in range(50):
        path.lost()
    assert path.window == MIN_PACKETS * PACKET
    path.timed_out()
    assert path.window == PACKET


def test_each_time_out_waits_twice_as_long_up_to_a_bound() -> None:
    path = Congestion(PACKET)
    waits = []
    for _ in range(6):
        waits.append(path.rto)
        path.timed_out()
    assert waits == [RTO_INITIAL, 2, 4, 8, RTO_MAX, RTO_MAX]


def test_the_time_out_follows_the_round_trip() -> None:
    path = Congestion(PACKET)
    path.measured(0.5, now=0.0)
    assert path.srtt == 0.5
    assert path.rto == pytest.approx(0.5 + 4 * 0.25)
    for second in range(60):
        path.measured(0.01, now=float(second))
    assert path.rto == RTO_MIN
    path.measured(60.0, now=61.0)
    assert path.rto == RTO_MAX


def test_the_ceiling_grows_with_the_least_round_trip_and_forgets_it() -> None:
    path = Congestion(PACKET)
    path.window = 1e9
    path.measured(0.0, now=0.0)
    assert path.allowed() == CEILING_BYTES
    path.measured(0.1, now=1.0)
    assert path.allowed() == CEILING_BYTES
    path.measured(0.1, now=12.0)  # the path has changed
    assert path.allowed() == int(CEILING_BYTES + 0.1 * CEILING_RATE)
    path.measured(10.0, now=30.0)
    assert path.allowed() == MAX_CEILING
