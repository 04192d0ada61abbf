"""The tail of a session's output, stored until the guest has rendered it and somewhat longer.

Positions count output bytes since the session began, so that a returning guest can
continue exactly where it stopped.
"""

from __future__ import annotations

from collections import deque


class ReplayBuffer:
    """Stores every unacknowledged byte and at least the last ``keep`` bytes.

    Its user bounds it: the bridge stops reading the PTY when too much is
    unacknowledged, so this holds at most that much plus ``keep``.
    """

    def __init__(self, keep: int, start: int = 0) -> None:
        self._keep = keep
        self._chunks: deque[bytes] = deque()
        self._start = self._end = self._acked = start

    @property
    def start(self) -> int:
        """Position of the oldest stored byte."""
        return self._start

    @property
    def end(self) -> int:
        """Position after the newest byte: the total since the session began."""
        return self._end

    @property
    def unacked(self) -> int:
        return self._end - self._acked

    def append(self, data: bytes) -> None:
        self._chunks.append(data)
        self._end += len(data)
        self._trim()

    def ack(self, position: int) -> None:
        """The guest has rendered everything before ``position``; a smaller one is ignored."""
        self._acked = max(self._acked, min(position, self._end))
        self._trim()

    def since(self, position: int) -> tuple[int, list[bytes]]:
        """Where the replay begins (``position``, or later), and its chunks."""
        position = min(max(position, self._start), self._end)
        skip = position - self._start
        chunks: list[bytes] = []
        for chunk in self._chunks:
            if skip >= len(chunk):
                skip -= len(chunk)
                continue
            chunks.append(chunk[skip:])
            skip = 0
        return position, chunks

    def _trim(self) -> None:
        while self._chunks:
            after = self._start + len(self._chunks[0])
            if after > self._acked or self._end - after < self._keep:
                return
            self._chunks.popleft()
            self._start = after
