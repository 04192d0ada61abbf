"""Input on its way to the program: bounded, in order, each byte exactly once.

It stores input until the program has taken it, over any number of connections.
Positions count bytes since the session began. The page's outbox.js does the same.
"""

from __future__ import annotations

from engine.core.errors import LimitError
from engine.wire.terminal import MAX_V1_MESSAGE, WINDOW

LIMIT = 8 * 1024 * 1024
"""Bytes that may wait, sent or not; room for a large paste."""


class Outbox:
    def __init__(self) -> None:
        self._held = bytearray()  # from the position _taken on
        self._taken = 0
        self._sent = 0
        self._window = WINDOW

    @property
    def waiting(self) -> int:
        """Bytes that the program has not taken, sent or not."""
        return len(self._held)

    def push(self, data: bytes) -> None:
        """Raises LimitError beyond LIMIT; nothing of ``data`` is queued then."""
        if len(self._held) + len(data) > LIMIT:
            raise LimitError(f"More than {LIMIT // 2**20} MiB of input is waiting")
        self._held += data

    def next(self, most: int = MAX_V1_MESSAGE) -> bytes | None:
        """At most ``most`` bytes, counted as sent; None while nothing may be sent."""
        begin = self._sent - self._taken
        data = bytes(self._held[begin : begin + min(most, self._window - begin)])
        self._sent += len(data)
        return data or None

    def acknowledge(self, position: int) -> None:
        """The program has taken everything before ``position``."""
        taken = min(position, self._sent)
        del self._held[: max(0, taken - self._taken)]
        self._taken = max(self._taken, taken)

    def take_sent(self) -> None:
        """Count everything sent as taken: the plain dialect has no acknowledgement."""
        self.acknowledge(self._sent)

    def resume(self, position: int, window: int = WINDOW) -> None:
        """Continue on a new connection, whose agent has everything before ``position``.

        The rest is sent (again) from there, at most ``window`` bytes unacknowledged.
        """
        self._window = window
        self.acknowledge(position)
        self._taken = self._sent = position

    def withdraw(self) -> bytes:
        """Everything that the program has not taken: it is sent no more."""
        data = bytes(self._held)
        self._held.clear()
        self._sent = self._taken
        return data

    def restart(self) -> int:
        """Start with another program: input for the last one is dropped. Returns how many bytes
        were never sent."""
        dropped = len(self._held) - (self._sent - self._taken)
        self._held.clear()
        self._taken = self._sent = 0
        return dropped
