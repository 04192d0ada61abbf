"""What a peer's person has typed and pasted and has not been sent yet.

Owns the bytes, their order and their bound. Does not own when they may go.
"""

from __future__ import annotations

from collections import deque

from engine.errors import LimitError

INPUT_LIMIT = 8 * 1024 * 1024
"""Input that may wait to be sent, in bytes: a large paste."""


class InputQueue:
    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._held = 0

    def __len__(self) -> int:
        return self._held

    def put(self, data: bytes) -> None:
        """Raises LimitError beyond INPUT_LIMIT; nothing is queued then."""
        if self._held + len(data) > INPUT_LIMIT:
            raise LimitError(f"More than {INPUT_LIMIT // 2**20} MiB of input is waiting")
        self._pieces.append(data)
        self._held += len(data)

    def take(self, room: int) -> bytes:
        """The next message's worth, ``room`` bytes at most, keystrokes merged."""
        parts: list[bytes] = []
        while self._pieces and room:
            head = self._pieces.popleft()
            if len(head) > room:
                self._pieces.appendleft(head[room:])
                head = head[:room]
            parts.append(head)
            room -= len(head)
        data = b"".join(parts)
        self._held -= len(data)
        return data
