"""What may be in flight to a peer without acknowledgements, over simulated paths."""

from __future__ import annotations

import pytest

from engine.transport.sctp.pace import FIRST, LAG_SECONDS, MOST, Pace
from tests.engine.transport.sctp.simulation import Association, Network

MESSAGE = 8000


class _Sum(list[int]):
    """Adds up; a flood has too many to add anew each time."""

    total = 0

    def append(self, count: int) -> None:
        self.total += count


class Paced(Association):
    """Sends what its pace allows, as much as there is, and notes what was in flight."""

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.pace = Pace()
        self.left: _Sum = _Sum()
        self.handed = 0
        self.until = 0.0
        self.most: list[tuple[float, int]] = []

    @property
    def in_flight(self) -> int:
        return self.handed - self.left.total + self.sender.unacknowledged

    def _transmit(self) -> None:
        sender = self.sender
        while self.now < self.until:
            rtt = sender.congestion.least_rtt
            if self.in_flight >= self.pace.update(self.in_flight, sender.delivered, rtt, self.now):
                break
            self.handed += MESSAGE
            self.send(bytes(MESSAGE))
        self.most.append((self.now, self.in_flight))
        super()._transmit()

    def flood(self, seconds: float) -> None:
        self.until = self.now + seconds
        self.run(seconds)


@pytest.mark.parametrize("rate", [50_000.0, 300_000.0, 1_000_000.0, 3_000_000.0])
@pytest.mark.parametrize("delay", [0.0005, 0.02])
def test_what_is_in_flight_is_what_the_path_takes_in_a_tenth_of_a_second(
    rate: float, delay: float
) -> None:
    path = Paced(Network(delay=delay, rate=rate, queue=2_000_000))
    path.flood(8.0)
    late = [count for at, count in path.most if at > 3.0]
    bound = max(rate * (2 * delay + LAG_SECONDS) * 1.3, 16 * 1024) + MESSAGE
    assert max(late) <= min(bound, MOST + MESSAGE)
    assert path.sender.delivered >= 0.9 * rate * 8.0


def test_a_long_fast_path_is_filled_up_to_the_most() -> None:
    path = Paced(Network(delay=0.15, rate=20_000_000.0, queue=2_000_000))
    path.flood(10.0)
    assert max(count for _, count in path.most) <= MOST + MESSAGE
    assert path.sender.delivered >= 0.7 * MOST / 0.3 * 10.0


def test_losses_do_not_make_it_small_for_good() -> None:
    path = Paced(Network(delay=0.01, rate=1_000_000.0, queue=500_000, loss=0.01))
    path.flood(8.0)
    assert path.sender.delivered >= 0.5 * 1_000_000.0 * 8.0


def test_rest_says_nothing_about_the_path() -> None:
    path = Paced(Network(delay=0.0005, rate=3_000_000.0, queue=2_000_000))
    path.flood(2.0)
    path.run(2.0)
    before = path.pace.limit
    assert before > FIRST
    for _ in range(50):  # a key now and then
        path.now += 0.5
        path.until = path.now + 1e-6
        path.run(0.4)
    assert path.pace.limit >= before * 0.9


def test_what_is_not_acknowledged_is_counted_through_losses_and_timeouts() -> None:
    path = Association(Network(delay=0.05, loss=0.2, seed=3))
    for _ in range(100):
        path.send(bytes(5000))
    path.run(300.0)
    assert path.timeouts > 0
    assert path.sender.idle
    assert path.sender.unacknowledged == 0
    assert path.sender.delivered >= 100 * 5000
