"""The receiving side of an association: DATA chunks in, whole messages and SACKs out.

Order, duplicates, reassembly and the advertised window. Sans-IO: the owner decides when a
SACK is sent. Messages come out in the order of their TSNs, which preserves each channel's
order and delays nothing where there is one channel. Within a message TSNs are consecutive
(RFC 9260 section 6.9), so fragments are joined as they come.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from engine.core.errors import ProtocolError
from engine.transport.sctp.packet import FIRST_FRAGMENT, LAST_FRAGMENT, sack_chunk, unwrap

WINDOW = 1024 * 1024
"""Bytes held while an earlier chunk is missing; beyond that later ones are dropped."""
MAX_MESSAGE = 256 * 1024
"""Bytes of one message, as our SDP says (a=max-message-size)."""
CHUNK_OVERHEAD = 256
"""Bytes of memory a held chunk costs besides its data, counted so that many small ones
are bounded as well."""
MAX_GAPS = 200
MAX_DUPLICATES = 20
"""The most one SACK reports: it must fit a packet; the rest is reported later."""

MAX_SKIP = 0xFFFF
"""TSNs one FORWARD TSN may skip: more than any sender has on its way."""


class Chunk(NamedTuple):
    """One DATA chunk's worth."""

    flags: int
    stream: int
    protocol: int
    data: bytes


Message = tuple[int, int, bytes]
"""Stream, payload protocol, data."""


class Inbound:
    """``add()`` every DATA chunk; ``sack()`` whenever the policy says so."""

    def __init__(self, last_tsn: int) -> None:
        self.cumulative = last_tsn
        """The highest TSN up to which all has come (not wrapped)."""
        self._held: dict[int, Chunk] = {}
        self._held_bytes = 0
        self._ranges: list[list[int]] = []  # of held TSNs, inclusive, ascending
        self._duplicates: list[int] = []
        self._parts: list[bytes] = []
        self._parts_bytes = 0

    @property
    def has_gaps(self) -> bool:
        """Something is missing, or arrived twice: the sender should know at once."""
        return bool(self._held or self._duplicates)

    def add(self, tsn: int, chunk: Chunk) -> list[Message]:
        """Take a chunk; return the messages it completes, in order.

        Raises ProtocolError for a message longer than MAX_MESSAGE.
        """
        tsn = unwrap(tsn, self.cumulative)
        if tsn == self.cumulative + 1:
            self.cumulative = tsn
            done: list[Message] = []
            self._join(chunk, done)
            if self._held:
                self._join_held(done)
            return done
        if tsn <= self.cumulative or tsn in self._held:
            if len(self._duplicates) < MAX_DUPLICATES:
                self._duplicates.append(tsn)
        elif self._held_bytes + len(chunk.data) + CHUNK_OVERHEAD <= WINDOW:
            self._held[tsn] = chunk
            self._held_bytes += len(chunk.data) + CHUNK_OVERHEAD
            self._note_held(tsn)
        return []

    def skip_to(self, tsn: int) -> list[Message]:
        """FORWARD TSN (RFC 3758 section 3.6): what is missing up to ``tsn`` will not come."""
        tsn = unwrap(tsn, self.cumulative)
        done: list[Message] = []
        if tsn > self.cumulative + MAX_SKIP:
            raise ProtocolError("A FORWARD TSN leaps too far")
        while self.cumulative < tsn:
            self.cumulative += 1
            chunk = self._held.pop(self.cumulative, None)
            if chunk is None:
                self._parts.clear()
                self._parts_bytes = 0
            else:
                self._held_bytes -= len(chunk.data) + CHUNK_OVERHEAD
                self._join(chunk, done)
        self._join_held(done)
        self._ranges = [r for r in self._ranges if r[1] > self.cumulative]
        return done

    def sack(self) -> bytes:
        """The SACK chunk that reports what has arrived so far."""
        at = self.cumulative
        # An offset has 16 bits; what lies further is reported when it comes nearer.
        gaps = [
            (first - at, last - at)
            for first, last in self._ranges[:MAX_GAPS]
            if last - at <= 0xFFFF
        ]
        window = max(0, WINDOW - self._held_bytes - self._parts_bytes)
        duplicates, self._duplicates = self._duplicates, []
        return sack_chunk(at, window, gaps, duplicates)

    def _join_held(self, done: list[Message]) -> None:
        while (chunk := self._held.pop(self.cumulative + 1, None)) is not None:
            self.cumulative += 1
            self._held_bytes -= len(chunk.data) + CHUNK_OVERHEAD
            self._join(chunk, done)
        while self._ranges and self._ranges[0][1] <= self.cumulative:
            self._ranges.pop(0)

    def _join(self, chunk: Chunk, done: list[Message]) -> None:
        flags = chunk.flags
        if flags & FIRST_FRAGMENT:
            if flags & LAST_FRAGMENT:
                done.append((chunk.stream, chunk.protocol, chunk.data))
                return
            self._parts = [chunk.data]
            self._parts_bytes = len(chunk.data)
            return
        if not self._parts:
            return  # the beginning was skipped
        self._parts.append(chunk.data)
        self._parts_bytes += len(chunk.data)
        if self._parts_bytes > MAX_MESSAGE:
            raise ProtocolError(f"A message is longer than {MAX_MESSAGE} bytes")
        if flags & LAST_FRAGMENT:
            done.append((chunk.stream, chunk.protocol, b"".join(self._parts)))
            self._parts = []
            self._parts_bytes = 0

    def _note_held(self, tsn: int) -> None:
        ranges = self._ranges
        if ranges and ranges[-1][1] + 1 == tsn:
            ranges[-1][1] = tsn
            return
        at = bisect_right(ranges, tsn, key=lambda r: r[0])
        joins_left = at > 0 and ranges[at - 1][1] + 1 == tsn
        joins_right = at < len(ranges) and ranges[at][0] - 1 == tsn
        if joins_left and joins_right:
            ranges[at - 1][1] = ranges[at][1]
            del ranges[at]
        elif joins_left:
            ranges[at - 1][1] = tsn
        elif joins_right:
            ranges[at][0] = tsn
        else:
            ranges.insert(at, [tsn, tsn])
