"""The wire: against RFC 9260's layout, aiortc's own parser, and noise."""

from __future__ import annotations

import struct

import pytest
from aiortc import rtcsctptransport as stock
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import ProtocolError
from engine.transport.sctp.packet import (
    DATA,
    FIRST_FRAGMENT,
    LAST_FRAGMENT,
    SACK,
    Sealer,
    data_chunk,
    open_packet,
    parse_data,
    parse_sack,
    sack_chunk,
    unwrap,
)

WHOLE = FIRST_FRAGMENT | LAST_FRAGMENT
sealer = Sealer(5000, 5001, 0xDEADBEEF)
numbers = st.integers(0, 0xFFFFFFFF)
short = st.integers(0, 0xFFFF)


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5), numbers)
def test_data_chunks_come_back_as_they_were(pieces: list[bytes], tsn: int) -> None:
    body = b"".join(data_chunk(WHOLE, tsn + n, 3, n, 51, piece) for n, piece in enumerate(pieces))
    assert len(body) % 4 == 0
    tag, chunks = open_packet(sealer.seal(body))
    assert tag == 0xDEADBEEF
    assert [(kind, flags, parse_data(rest)) for kind, flags, rest in chunks] == [
        (DATA, WHOLE, ((tsn + n) & 0xFFFFFFFF, 3, 51, piece)) for n, piece in enumerate(pieces)
    ]


@given(
    numbers, numbers, st.lists(st.tuples(short, short), max_size=9), st.lists(numbers, max_size=9)
)
def test_sacks_come_back_as_they_were(
    tsn: int, window: int, gaps: list[tuple[int, int]], duplicates: list[int]
) -> None:
    _, chunks = open_packet(sealer.seal(sack_chunk(tsn, window, gaps, duplicates)))
    assert [(kind, parse_sack(body)) for kind, _, body in chunks] == [(SACK, (tsn, window, gaps))]


def test_aiortc_reads_what_we_write() -> None:
    body = data_chunk(WHOLE, 2**32 + 5, 3, 4, 51, b"hello") + sack_chunk(9, 77, [(2, 3)], [8])
    source, destination, tag, chunks = stock.parse_packet(sealer.seal(body))
    assert (source, destination, tag) == (5000, 5001, 0xDEADBEEF)
    data, sack = chunks
    assert isinstance(data, stock.DataChunk)
    assert (data.tsn, data.stream_id, data.stream_seq) == (5, 3, 4)
    assert (data.protocol, data.user_data, data.flags) == (51, b"hello", WHOLE)
    assert isinstance(sack, stock.SackChunk)
    assert (sack.cumulative_tsn, sack.advertised_rwnd) == (9, 77)
    assert (sack.gaps, sack.duplicates) == ([(2, 3)], [8])


@given(st.binary(max_size=80))
def test_noise_is_a_protocol_error_or_chunks(noise: bytes) -> None:
    # With a right checksum, so that what lies behind it is read as well.
    packet = sealer.seal(noise)
    try:
        _, chunks = open_packet(packet)
    except ProtocolError:
        return
    for kind, _, body in chunks:
        for parse in (parse_data, parse_sack):
            try:
                parse(body)
            except ProtocolError:
                continue
        assert 0 <= kind < 256


@given(st.integers(0, 59), st.integers(1, 255))
def test_no_changed_byte_passes_the_checksum(at: int, change: int) -> None:
    packet = bytearray(sealer.seal(data_chunk(WHOLE, 1, 1, 1, 51, bytes(32))))
    packet[at] ^= change
    with pytest.raises(ProtocolError):
        open_packet(bytes(packet))


def test_the_checksum_is_crc32c() -> None:
    """Castagnoli's check value, as RFC 3720 appendix B.4 lists it for 32 zero bytes."""
    zeros = Sealer(0, 0, 0).seal(bytes(20))
    assert struct.unpack_from("<L", zeros, 8)[0] == 0x8A9136AA


@pytest.mark.parametrize("near", [0, 1, 2**31, 2**32 - 1, 2**32, 5 * 2**32 + 17])
@pytest.mark.parametrize("step", [-(2**31) + 1, -1, 0, 1, 1000, 2**31 - 1])
def test_serials_unwrap_to_the_nearest(near: int, step: int) -> None:
    assert unwrap((near + step) & 0xFFFFFFFF, near) == near + step


def test_an_empty_or_short_chunk_is_refused() -> None:
    for body in (b"", bytes(12), bytes(11)):
        with pytest.raises(ProtocolError):
            parse_data(body)
    with pytest.raises(ProtocolError):
        parse_sack(bytes(11))
    with pytest.raises(ProtocolError):
        parse_sack(struct.pack("!LLHH", 1, 1, 1, 0))
