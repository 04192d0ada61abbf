"""The sending side of an association: messages in, packets' worth of DATA chunks out.

Owns fragments, what is on its way, what is lost (by packets that overtook it, RFC
9002 section 6.1.1; SCTP's SACKs show it just as well) and when to send it again.
Sans-IO: ``deadline`` says when its owner must call ``timed_out()``.

A message gets its TSNs only as it leaves. So an urgent one can go ahead of what
is still queued.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.transport.sctp.congestion import Congestion
from engine.transport.sctp.packet import (
    DATA_HEADER,
    FIRST_FRAGMENT,
    LAST_FRAGMENT,
    data_chunk,
    unwrap,
)

OVERTAKEN = 3
"""Later packets that arrive before a chunk counts as lost (kPacketThreshold)."""
MANY_PACKETS = 1_000_000
BURST_PACKETS = 16
BURST_BYTES = 64 * 1024
"""Sent at once beyond what was just acknowledged: queues on the way are finite."""


@dataclass(slots=True)
class _Message:
    stream: int
    protocol: int
    data: bytes
    owner: Any
    urgent: bool


class _Sent:
    """One chunk that has left at least once."""

    __slots__ = ("arrived", "chunk", "lost", "order", "sent_at", "size", "times", "tsn")

    def __init__(self, tsn: int, chunk: bytes, size: int) -> None:
        self.tsn = tsn
        self.chunk = chunk
        self.size = size
        self.times = 0
        self.order = 0
        self.sent_at = 0.0
        self.lost = False
        self.arrived = False


class Outbound:
    """``room`` is the bytes of chunks that fit into one packet.

    ``taken(owner, count)`` is called when ``count`` bytes of an owner's messages are sent.
    """

    def __init__(self, first_tsn: int, room: int, taken: Callable[[Any, int], None]) -> None:
        self.next_tsn = first_tsn
        self.window = 0
        """Bytes the peer can still take: its window, less what is on the way (RFC 9260 6.2.1)."""
        self.deadline: float | None = None
        """When timed_out() is due; None while nothing is on its way."""
        self.numbers: dict[int, int] = {}
        """The next stream sequence number of each stream; a reset stream leaves it."""
        self.on_the_way = 0
        """Bytes sent, not acknowledged, and not considered lost."""
        self.unacknowledged = 0
        """Bytes sent and not acknowledged, including lost ones."""
        self.delivered = 0
        """Bytes acknowledged since the beginning."""
        self.timeouts = 0
        """In a row, without an acknowledgement in between."""
        self.room = room
        self._taken = taken
        self.congestion = Congestion(room)
        self._cumulative = first_tsn - 1
        self._queue: deque[_Message] = deque()
        self._at = 0  # bytes of the first message that have left
        self._sent: deque[_Sent] = deque()  # all above the cumulative TSN
        self._newer: deque[_Sent] = deque()  # of those, all above the highest one acknowledged
        self._holes: dict[int, _Sent] = {}  # below it, and not acknowledged
        self._lost: deque[_Sent] = deque()
        self._order = 0
        self._newest_order = 0  # of what was acknowledged
        self._recovery_order = 0  # losses of chunks sent before it belong to one event
        self._at_once = False  # the first loss is mended whatever the window (section 7.2.4)
        self._burst = 0

    @property
    def idle(self) -> bool:
        """Everything has arrived."""
        return not (self._queue or self._sent)

    @property
    def held_back(self) -> bool:
        """More waits than the windows, or the share of a turn, have let leave."""
        return bool(self._queue)

    def set_room(self, room: int) -> None:
        """The path takes packets with ``room`` bytes of chunks."""
        self.room = room
        self.congestion.packet = room

    def waits(self, stream: int) -> bool:
        """Whether a message of ``stream`` has not left yet."""
        return any(message.stream == stream for message in self._queue)

    def enqueue(
        self, stream: int, protocol: int, data: bytes, owner: Any = None, *, urgent: bool = False
    ) -> None:
        """Queue a message; an ``urgent`` one goes ahead of those not begun that are not."""
        message = _Message(stream, protocol, data, owner, urgent)
        if not urgent:
            self._queue.append(message)
            return
        at = 1 if self._at else 0
        while at < len(self._queue) and self._queue[at].urgent:
            at += 1
        self._queue.insert(at, message)

    def packets(self, now: float, first: bytes = b"", most: int = MANY_PACKETS) -> list[bytes]:
        """What may leave now: chunks joined into packets; ``first`` goes into the first one.

        After ``most`` packets it stops; more may then be had at once.
        """
        out: list[bytes] = []
        parts = [first] if first else []
        filled = len(first)
        limit = min(self.congestion.allowed(), self.on_the_way + self._burst_limit())
        before = self.on_the_way
        oldest = self._sent[0] if self._sent else None
        while len(out) < most:
            sent = self._next(limit, self.room - filled if parts else self.room)
            if sent is None:
                break
            sent.times += 1
            self._order += 1
            sent.order = self._order
            sent.sent_at = now
            self.on_the_way += sent.size
            self.window -= sent.size
            length = len(sent.chunk)
            if parts and filled + length > self.room:
                out.append(b"".join(parts) if len(parts) > 1 else parts[0])
                parts, filled = [], 0
            parts.append(sent.chunk)
            filled += length
            if self.deadline is None or sent is oldest:
                self.deadline = now + self.congestion.rto
        # Stopped by ``most``, what is left of the burst is for the next call.
        self._burst = 0 if len(out) < most else self._burst - (self.on_the_way - before)
        if parts:
            out.append(b"".join(parts) if len(parts) > 1 else parts[0])
        return out

    def acknowledge(
        self, cumulative: int, window: int, gaps: list[tuple[int, int]], now: float
    ) -> None:
        """Take a SACK in. One that is older than the last, or impossible, changes nothing."""
        cumulative = unwrap(cumulative, self._cumulative)
        if not self._cumulative <= cumulative < self.next_tsn:
            return
        in_full_use = self.on_the_way + self.room >= self.congestion.allowed()
        before = self.on_the_way
        arrived = 0
        newest: _Sent | None = None
        sent_queue, newer, holes = self._sent, self._newer, self._holes
        progress = cumulative > self._cumulative
        self._cumulative = cumulative
        while sent_queue and sent_queue[0].tsn <= cumulative:
            sent = sent_queue.popleft()
            if newer and newer[0] is sent:
                newer.popleft()
            elif holes:
                holes.pop(sent.tsn, None)
            if not sent.arrived:
                arrived += self._arrive(sent)
                newest = sent
        if gaps:
            for sent in self._covered(cumulative, gaps):
                arrived += self._arrive(sent)
                newest = sent
        if newest is not None:
            self.timeouts = 0
            if newest.times == 1:  # Karn: a retransmitted one measures no round trip
                self.congestion.measured(now - newest.sent_at, now)
            if in_full_use and self._newest_order >= self._recovery_order:
                self.congestion.acknowledged(arrived, now)
        if holes:
            self._find_lost()
        self.window = window - self.on_the_way
        self._burst += max(0, before - self.on_the_way)
        if not sent_queue:
            self.deadline = None
        elif progress:
            self.deadline = now + self.congestion.rto

    def timed_out(self, now: float) -> None:
        """The deadline has passed: all that has not been acknowledged counts as lost."""
        self.congestion.timed_out()
        self.timeouts += 1
        self._recovery_order = self._order + 1
        self.on_the_way = 0
        self.window = max(self.window, 0)
        # A peer may give up what it acknowledged beyond a gap (RFC 9260 section 6.2): then
        # nothing is missing but what it has said to have.
        given_up = bool(self._sent) and self._sent[0].arrived
        for sent in self._sent:
            sent.arrived = sent.arrived and not given_up
            sent.lost = not sent.arrived
        if given_up:
            self.unacknowledged = sum(sent.size for sent in self._sent)
        self._newer.clear()
        self._lost = deque(sent for sent in self._sent if sent.lost)
        self._holes = {sent.tsn: sent for sent in self._lost}
        self.deadline = now + self.congestion.rto if self._sent else None

    def _next(self, limit: int, left: int) -> _Sent | None:
        """The next chunk that may leave: a lost one first, then of the first message."""
        while self._lost:
            sent = self._lost[0]
            if sent.lost:
                if self.on_the_way + sent.size > limit and self.on_the_way and not self._at_once:
                    return None
                self._at_once = False
                self._lost.popleft()
                sent.lost = False
                return sent
            self._lost.popleft()  # it has arrived after all
        if not self._queue:
            return None
        message = self._queue[0]
        at = self._at
        # In a packet that is begun a fragment fills what is left, if that is worth a chunk.
        room = self.room - DATA_HEADER
        if left < self.room:
            room_left = (left - DATA_HEADER) & ~3
            if room_left >= len(message.data) - at or room_left >= self.room // 2:
                room = room_left
        piece = message.data[at : at + room] if at or len(message.data) > room else message.data
        size = len(piece)
        if self.on_the_way and (
            self.on_the_way + size + DATA_HEADER > limit or size + DATA_HEADER > self.window
        ):
            return None
        flags = 0 if at else FIRST_FRAGMENT
        number = self.numbers.get(message.stream, 0)
        if at + size == len(message.data):
            flags |= LAST_FRAGMENT
            self.numbers[message.stream] = (number + 1) & 0xFFFF
            self._queue.popleft()
            self._at = 0
        else:
            self._at = at + size
        tsn = self.next_tsn
        self.next_tsn = tsn + 1
        chunk = data_chunk(flags, tsn, message.stream, number, message.protocol, piece)
        sent = _Sent(tsn, chunk, len(chunk))
        self._sent.append(sent)
        self._newer.append(sent)
        self.unacknowledged += sent.size
        self._taken(message.owner, size)
        return sent

    def _arrive(self, sent: _Sent) -> int:
        """Note an arrival; the bytes that are no longer on their way."""
        sent.arrived = True
        self.unacknowledged -= sent.size
        self.delivered += sent.size
        if sent.order > self._newest_order:
            self._newest_order = sent.order
        if sent.lost:
            sent.lost = False
        else:
            self.on_the_way -= sent.size
        return sent.size

    def _covered(self, cumulative: int, gaps: list[tuple[int, int]]) -> list[_Sent]:
        """Chunks that the gap blocks newly acknowledge; what they pass over becomes a hole."""
        found: list[_Sent] = []
        blocks = [(cumulative + first, cumulative + last) for first, last in gaps]
        highest = min(blocks[-1][1], self.next_tsn - 1)
        at = 0
        for sent in tuple(self._holes.values()):
            while at < len(blocks) and blocks[at][1] < sent.tsn:
                at += 1
            if at == len(blocks):
                return found
            if blocks[at][0] <= sent.tsn:
                del self._holes[sent.tsn]
                found.append(sent)
        newer = self._newer
        while newer and newer[0].tsn <= highest:
            sent = newer.popleft()
            while at < len(blocks) and blocks[at][1] < sent.tsn:
                at += 1
            if at < len(blocks) and blocks[at][0] <= sent.tsn:
                found.append(sent)
            else:
                self._holes[sent.tsn] = sent
        return found

    def _find_lost(self) -> None:
        overtaken = self._newest_order - OVERTAKEN
        anew = False
        for sent in self._holes.values():
            if not sent.lost and sent.order <= overtaken:
                sent.lost = True
                self.on_the_way -= sent.size
                self._lost.append(sent)
                anew = anew or sent.order >= self._recovery_order
        if anew:
            self._recovery_order = self._order + 1
            self._at_once = True
            self.congestion.lost()

    def _burst_limit(self) -> int:
        return self._burst + min(BURST_PACKETS * self.room, BURST_BYTES)
