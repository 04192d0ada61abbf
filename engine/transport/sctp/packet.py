"""SCTP packets on the wire: header, checksum, chunks, serial numbers.

Owns the layout (RFC 9260 section 3). Does not own what a chunk means.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from google_crc32c import extend, value

from engine.core.errors import ProtocolError

DATA = 0
SACK = 3
LAST_FRAGMENT = 0x01
FIRST_FRAGMENT = 0x02
IMMEDIATE = 0x08
"""Flag of a DATA chunk whose sender wants its SACK at once (RFC 7053)."""

COMMON_HEADER = 12
CHUNK_HEADER = 4
DATA_HEADER = 16
"""Bytes of a DATA chunk before its user data."""

_header = Struct("!HHL")
_checksum = Struct("<L")
_chunk = Struct("!BBH")
_data = Struct("!BBHLHHL")
_data_fields = Struct("!LHHL")
_sack = Struct("!BBHLLHH")
_sack_fields = Struct("!LLHH")
_pair = Struct("!HH")
_tsn = Struct("!L")

_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")
_ZERO = b"\0\0\0\0"


def unwrap(number: int, near: int) -> int:
    """The 32-bit serial ``number`` as the unbounded integer closest to ``near`` (RFC 1982)."""
    return near + ((number - near + 0x80000000) & 0xFFFFFFFF) - 0x80000000


class Sealer:
    """Makes packets of one association: same ports, same tag."""

    def __init__(self, source: int, destination: int, tag: int) -> None:
        self._header = _header.pack(source, destination, tag)
        self._start = value(self._header + _ZERO)

    def seal(self, chunks: bytes) -> bytes:
        return self._header + _checksum.pack(extend(self._start, chunks)) + chunks


def open_packet(packet: bytes) -> tuple[int, list[tuple[int, int, bytes]]]:
    """The verification tag and the chunks as (type, flags, body).

    Raises ProtocolError when the checksum or a length is wrong.
    """
    if len(packet) < COMMON_HEADER + CHUNK_HEADER:
        raise ProtocolError("The SCTP packet is too short")
    body = packet[COMMON_HEADER:]
    if _checksum.unpack_from(packet, 8)[0] != extend(value(packet[:8] + _ZERO), body):
        raise ProtocolError("The SCTP packet's checksum is wrong")
    return _header.unpack_from(packet)[2], list(_chunks(body))


def _chunks(body: bytes) -> Iterator[tuple[int, int, bytes]]:
    position, end = 0, len(body)
    while position <= end - CHUNK_HEADER:
        kind, flags, length = _chunk.unpack_from(body, position)
        if length < CHUNK_HEADER or position + length > end:
            raise ProtocolError("An SCTP chunk has a wrong length")
        yield kind, flags, body[position + CHUNK_HEADER : position + length]
        position += length + (-length & 3)


def data_chunk(flags: int, tsn: int, stream: int, number: int, protocol: int, data: bytes) -> bytes:
    """A DATA chunk, padded (section 3.3.1)."""
    length = DATA_HEADER + len(data)
    head = _data.pack(DATA, flags, length, tsn & 0xFFFFFFFF, stream, number, protocol)
    return head + data + _PADDING[length & 3]


def parse_data(body: bytes) -> tuple[int, int, int, bytes]:
    """TSN, stream, payload protocol and user data of a DATA chunk's body."""
    if len(body) <= DATA_HEADER - CHUNK_HEADER:
        raise ProtocolError("A DATA chunk carries no data")
    tsn, stream, _, protocol = _data_fields.unpack_from(body)
    return tsn, stream, protocol, body[12:]


def sack_chunk(
    cumulative: int, window: int, gaps: list[tuple[int, int]], duplicates: list[int]
) -> bytes:
    """A SACK chunk (section 3.3.4); gaps are inclusive offsets from ``cumulative``."""
    length = 16 + 4 * (len(gaps) + len(duplicates))
    head = _sack.pack(SACK, 0, length, cumulative & 0xFFFFFFFF, window, len(gaps), len(duplicates))
    if not gaps and not duplicates:
        return head
    parts = [head]
    parts += [_pair.pack(first, last) for first, last in gaps]
    parts += [_tsn.pack(tsn & 0xFFFFFFFF) for tsn in duplicates]
    return b"".join(parts)


def parse_sack(body: bytes) -> tuple[int, int, list[tuple[int, int]]]:
    """Cumulative TSN, advertised window and gap blocks of a SACK chunk's body."""
    if len(body) < 12:
        raise ProtocolError("A SACK chunk is too short")
    cumulative, window, count, duplicates = _sack_fields.unpack_from(body)
    if len(body) < 12 + 4 * (count + duplicates):
        raise ProtocolError("A SACK chunk is too short")
    return cumulative, window, [_pair.unpack_from(body, 12 + 4 * n) for n in range(count)]
