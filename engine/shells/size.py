from __future__ import annotations


class SizePolicy:
    def __init__(self, size):
        self._size = size
        self._w = {}
        self.pinned = None
        self.decided_by = ""
        self.next_at = None

    def put(self, who, size, now):
        self._w[who] = size

    def remove(self, who, now):
        self._w.pop(who, None)

    def pin(self, size, now):
        self.pinned = size

    def wanted(self, now):
        if self.pinned:
            return self.pinned
        if self._w:
            from engine.core.model import Size

            self._size = Size(
                min(s.cols for s in self._w.values()), min(s.rows for s in self._w.values())
            )
        return self._size
