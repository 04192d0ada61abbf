"""What a recorder has not written yet: bounded, with a mark where something had to be left out.

One thread adds and another takes. Neither waits for the other: a deque is safe for that, and
each counter is changed by one of the two only.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from engine.shells.asciicast import INPUT, MARKER, OUTPUT, RESIZE

MAX_WAITING = 8 * 1024 * 1024
"""Bytes that may wait. Beyond it there is a gap."""
ENTRY_BYTES = 200
"""What an event costs beside its data, so that millions of short ones are bounded too."""


class Entry(NamedTuple):
    """One event; ``seconds`` since the recording began."""

    seconds: float
    kind: str
    data: bytes


class Backlog:
    """A queue of events. In a gap nothing is added until half of the bound is free again."""

    def __init__(self, limit: int = MAX_WAITING) -> None:
        self._limit = limit
        self._entries: deque[Entry] = deque()
        self._added = 0  # by the one that adds
        self._written = 0  # by the one that takes
        self._gap: _Gap | None = None

    @property
    def waiting(self) -> int:
        """Bytes that were added and not yet reported as written."""
        return self._added - self._written

    def add(self, seconds: float, kind: str, data: bytes) -> bool:
        """Add an event, or count it as missing. Whether a gap has begun with it."""
        if self._gap is None:
            cost = len(data) + ENTRY_BYTES
            if self._added - self._written + cost <= self._limit:
                self._entries.append(Entry(seconds, kind, data))
                self._added += cost
                return False
            self._gap = _Gap(seconds)
            self._gap.missed(seconds, kind, data)
            return True
        if self.waiting > self._limit // 2:
            self._gap.missed(seconds, kind, data)
            return False
        self.end_gap()
        return self.add(seconds, kind, data)

    def end_gap(self) -> None:
        """Mark the gap, if there is one: a marker where it began, and the size at its end."""
        if self._gap is None:
            return
        for entry in self._gap.entries():
            self._entries.append(entry)
            self._added += len(entry.data) + ENTRY_BYTES
        self._gap = None

    def take(self, limit: int) -> list[Entry]:
        """The oldest events, about ``limit`` bytes of them; they wait until wrote()."""
        taken: list[Entry] = []
        size = 0
        while size < limit and self._entries:
            entry = self._entries.popleft()
            taken.append(entry)
            size += len(entry.data) + ENTRY_BYTES
        return taken

    def wrote(self, entries: list[Entry]) -> None:
        """These events were written."""
        self._written += sum(len(entry.data) + ENTRY_BYTES for entry in entries)


class _Gap:
    def __init__(self, began: float) -> None:
        self._began = began
        self._missing = {OUTPUT: 0, INPUT: 0, MARKER: 0}
        self._size: Entry | None = None

    def missed(self, seconds: float, kind: str, data: bytes) -> None:
        if kind == RESIZE:
            # What follows the gap is for this size.
            self._size = Entry(seconds, kind, data)
        else:
            self._missing[kind] += 1 if kind == MARKER else len(data)

    def entries(self) -> list[Entry]:
        names = {OUTPUT: "bytes of output", INPUT: "bytes of input", MARKER: "markers"}
        parts = [f"{n} {names[kind]}" for kind, n in self._missing.items() if n]
        found = []
        if parts:
            text = f"Gap: {', '.join(parts)} missing"
            found.append(Entry(self._began, MARKER, text.encode()))
        return found + ([self._size] if self._size else [])
