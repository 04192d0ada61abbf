"""How large a path's packets may be, found by probing (RFC 8899). Sans-IO.

A probe is a HEARTBEAT padded to the size in question (RFC 4820). None is sent before there
is much to send, and data continues in the size known to pass: a lost probe costs nothing
but itself.
"""

from __future__ import annotations

import os
from struct import Struct

ROOM = 1176
"""Bytes of chunks in a packet that passes everywhere: the least MTU of IPv6 is 1280."""
PLAIN_DATAGRAM = 1425
"""The largest datagram for a peer of which nothing is known: its packet stays within
Ethernet's MTU on IPv6 too, and within the 1,500 bytes that some stacks (aiortc's) read.
They take the rest of a longer record for the next packet, and never recover."""
MAX_DATAGRAM = 16 * 1024
"""The largest size that is probed, and that we receive: DTLS has no larger record."""
OVERHEAD = 49
"""Bytes of a datagram beside its chunks: SCTP 12, DTLS 37 (RFC 6347, AES-GCM)."""
IP_AND_UDP = 48

ATTEMPTS = 3
RETRY_SECONDS = 1.0
"""How often a size is probed, and how long an answer may take."""

_HEARTBEAT = 4
HEARTBEAT_ACK = 5
_PAD = 0x84
_INFO = 1
_NONCE_BYTES = 8
_heads = Struct("!BBHHH")
_pad_head = Struct("!BBH")
_info_head = Struct("!HH")
_PROBE_BYTES = _heads.size + _NONCE_BYTES + _pad_head.size


def room_in(datagram: int) -> int:
    """Bytes of chunks that fit in a datagram of so many bytes."""
    return (datagram - OVERHEAD) & ~3


def largest_datagram(path_mtu: int, peer_takes: int) -> int:
    """Bytes: the lesser of what the path may take and what the peer says it can receive."""
    return min(path_mtu - IP_AND_UDP, peer_takes or PLAIN_DATAGRAM, MAX_DATAGRAM)


class PathSearch:
    """``most`` is the largest ``room``, in bytes of chunks, to probe."""

    def __init__(self, most: int = 0) -> None:
        self.room = ROOM
        """Bytes of chunks in the largest packet known to pass."""
        common = min(most, room_in(PLAIN_DATAGRAM))
        self._probes = {
            os.urandom(_NONCE_BYTES): size for size in sorted({common, most}) if size > ROOM
        }
        self._attempts = ATTEMPTS if self._probes else 0
        self._next_at = 0.0

    def probes(self, now: float) -> list[bytes]:
        """Chunks of the probes to send now, one for each size."""
        if not self._attempts or now < self._next_at:
            return []
        self._attempts -= 1
        self._next_at = now + RETRY_SECONDS
        return [_probe(nonce, size) for nonce, size in self._probes.items()]

    def answered(self, body: bytes) -> bool:
        """Process the body of a HEARTBEAT ACK. Returns whether ``room`` has grown."""
        size = self._probes.pop(_nonce(body), 0)
        if not self._probes:
            self._attempts = 0
        if size <= self.room:
            return False
        self.room = size
        return True

    def give_up(self) -> bool:
        """Nothing passes any more: use the least size for good. Returns whether that is smaller."""
        shrank = self.room > ROOM
        self.room = ROOM
        self._probes.clear()
        self._attempts = 0
        return shrank


def _probe(nonce: bytes, size: int) -> bytes:
    """HEARTBEAT and PAD (RFC 9260 section 3.3.5, RFC 4820 section 3): ``size`` bytes in all."""
    length = 4 + len(nonce)
    heads = _heads.pack(_HEARTBEAT, 0, 4 + length, _INFO, length)
    padding = size - _PROBE_BYTES
    return heads + nonce + _pad_head.pack(_PAD, 0, 4 + padding) + bytes(padding)


def _nonce(body: bytes) -> bytes:
    """The nonce of our probe, or b"" when the answer is to none of ours."""
    head = _info_head.size
    if len(body) < head or _info_head.unpack_from(body) != (_INFO, head + _NONCE_BYTES):
        return b""
    return body[head : head + _NONCE_BYTES]
