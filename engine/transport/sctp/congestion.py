"""How much may be on its way: congestion window, round trip, retransmission time-out. Sans-IO.

Slow start and CUBIC (RFC 9438) in place of RFC 9260's Reno, with appropriate
byte counting (RFC 3465), and a ceiling: on a path without loss a window that
only ever grows would fill every queue on it, and a keystroke would wait in them.
"""

from __future__ import annotations

INITIAL_PACKETS = 10
"""The window at the start, and after silence (RFC 6928)."""
MIN_PACKETS = 4
BETA = 0.7
CUBIC = 0.4
"""RFC 9438 section 4: the part of the window left after a loss, and the growth in packets per
second cubed."""
CEILING_BYTES = 256 * 1024
CEILING_RATE = 16 * 1024 * 1024
"""Bytes, and bytes per second of round trip: the most that is ever on its way."""
MAX_CEILING = 8 * 1024 * 1024
RTT_MEMORY_SECONDS = 10.0
"""How long the least round trip is valid: a path may change."""
RTO_INITIAL = 1.0
RTO_MIN = 0.4
RTO_MAX = 10.0
"""Seconds. RFC 9260 says at least 1 s, from times of coarse clocks; a lost keystroke
cannot wait that long. Delayed SACKs of 200 ms stay below."""


class Congestion:
    """One path. Sizes are bytes, times are seconds of one monotonic clock."""

    def __init__(self, packet: int) -> None:
        self.packet = packet
        self.window = float(INITIAL_PACKETS * packet)
        self.rto = RTO_INITIAL
        self.srtt: float | None = None
        self._rttvar = 0.0
        self._threshold = float("inf")
        self.least_rtt = 0.0
        self._least_at = float("-inf")
        self.window_max = 0.0  # CUBIC's W_max
        self._epoch: float | None = None
        self._back_in = 0.0  # CUBIC's K

    def allowed(self) -> int:
        """Bytes that may be on their way."""
        ceiling = min(CEILING_BYTES + self.least_rtt * CEILING_RATE, MAX_CEILING)
        return int(min(self.window, ceiling))

    def measured(self, rtt: float, now: float) -> None:
        """A round trip was measured (RFC 9260 section 6.3.1)."""
        if self.srtt is None:
            self.srtt, self._rttvar = rtt, rtt / 2
        else:
            self._rttvar += (abs(self.srtt - rtt) - self._rttvar) / 4
            self.srtt += (rtt - self.srtt) / 8
        self.rto = min(max(self.srtt + 4 * self._rttvar, RTO_MIN), RTO_MAX)
        if rtt <= self.least_rtt or now - self._least_at > RTT_MEMORY_SECONDS:
            self.least_rtt, self._least_at = rtt, now

    def acknowledged(self, count: int, now: float) -> None:
        """``count`` bytes arrived while the window was in full use."""
        if self.window < self._threshold:
            self.window += count
            return
        if self._epoch is None:
            self._epoch = now
            packets = max(0.0, self.window_max - self.window) / self.packet
            self._back_in = (packets / CUBIC) ** (1 / 3)
        since = now + (self.srtt or 0.0) - self._epoch - self._back_in
        target = self.window_max + CUBIC * since**3 * self.packet
        # Never slower than a packet per round trip, as Reno grows; and no leaps.
        least = self.window + self.packet * count / self.window
        self.window = max(least, min(target, self.window + count / 2))

    def lost(self) -> None:
        """Something was lost; once per round trip."""
        # Fast convergence (RFC 9438 section 4.7): yield faster when W_max keeps falling.
        sinking = self.window < self.window_max
        self.window_max = self.window * (1 + BETA) / 2 if sinking else self.window
        self.window = max(self.window * BETA, float(MIN_PACKETS * self.packet))
        self._threshold = self.window
        self._epoch = None

    def timed_out(self) -> None:
        """Nothing was heard for ``rto``: begin anew, and wait longer the next time."""
        self._threshold = max(self.window / 2, float(MIN_PACKETS * self.packet))
        self.window_max = self.window
        self.window = float(self.packet)
        self._epoch = None
        self.rto = min(self.rto * 2, RTO_MAX)
