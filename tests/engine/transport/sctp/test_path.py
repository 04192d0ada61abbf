"""Which sizes of packets are asked for, and what their answers lead to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import ProtocolError
from engine.transport.sctp.packet import CHUNK_HEADER, COMMON_HEADER, Sealer, open_packet
from engine.transport.sctp.path import (
    ATTEMPTS,
    MAX_DATAGRAM,
    OVERHEAD,
    PLAIN_DATAGRAM,
    RETRY_SECONDS,
    ROOM,
    PathSearch,
    largest_datagram,
    room_in,
)

COMMON = room_in(PLAIN_DATAGRAM)
MOST = room_in(4096)
HEARTBEAT = 4
PAD = 0x84


def packet(chunks: bytes) -> bytes:
    return Sealer(5000, 5000, 7).seal(chunks)


def answer(probe: bytes) -> bytes:
    """The body of the HEARTBEAT ACK that any peer sends back: the same information."""
    (_, _, body), *_ = open_packet(packet(probe))[1]
    return body


def sizes(probes: list[bytes]) -> list[int]:
    return [len(probe) for probe in probes]


@pytest.mark.parametrize(
    ("mtu", "takes", "datagram"),
    [
        (0, 0, -48),
        (1280, 0, 1232),
        (1420, 0, 1372),
        (1500, 0, PLAIN_DATAGRAM),
        (1500, 4096, 1452),
        (9000, 4096, 4096),
        (9000, 16_384, 8952),
        (65_536, 0, PLAIN_DATAGRAM),
        (65_536, 999_999, MAX_DATAGRAM),
    ],
)
def test_a_datagram_is_within_the_path_the_peer_and_dtls(
    mtu: int, takes: int, datagram: int
) -> None:
    assert largest_datagram(mtu, takes) == datagram


def test_room_leaves_space_for_every_layer_and_for_padding() -> None:
    assert COMMON == 1376
    assert room_in(MAX_DATAGRAM) + COMMON_HEADER <= 16 * 1024
    for datagram in range(1200, 1300):
        assert room_in(datagram) % 4 == 0
        assert datagram - 4 < room_in(datagram) + OVERHEAD <= datagram


def test_a_question_is_a_packet_of_the_size_it_asks_for() -> None:
    probes = PathSearch(MOST).probes(0.0)
    assert sizes(probes) == [COMMON, MOST]
    for probe in probes:
        _, chunks = open_packet(packet(probe))
        assert [kind for kind, _, _ in chunks] == [HEARTBEAT, PAD]
        assert sum(CHUNK_HEADER + len(body) for _, _, body in chunks) == len(probe)


@pytest.mark.parametrize("most", [-80, 0, ROOM - 4, ROOM])
def test_nothing_is_asked_where_nothing_is_to_be_won(most: int) -> None:
    path = PathSearch(most)
    assert path.probes(0.0) == []
    assert path.room == ROOM


@pytest.mark.parametrize("most", [ROOM + 4, COMMON - 4, COMMON])
def test_one_question_where_there_is_one_size(most: int) -> None:
    assert sizes(PathSearch(most).probes(0.0)) == [most]


def test_the_room_is_the_largest_that_was_answered_for() -> None:
    path = PathSearch(MOST)
    small, large = path.probes(0.0)
    assert path.answered(answer(large))
    assert path.room == MOST
    assert not path.answered(answer(small))
    assert path.room == MOST
    assert path.probes(100.0) == []


def test_an_answer_counts_once() -> None:
    path = PathSearch(MOST)
    small, _ = path.probes(0.0)
    assert path.answered(answer(small))
    assert not path.answered(answer(small))
    assert path.room == COMMON


def test_what_is_not_answered_is_asked_for_a_few_times() -> None:
    path = PathSearch(MOST)
    small, large = path.probes(0.0)
    assert path.answered(answer(small))
    times = [0.0]
    for tick in range(1, 100):
        now = tick * RETRY_SECONDS / 4
        if asked := path.probes(now):
            assert asked == [large]
            times.append(now)
    assert times == [RETRY_SECONDS * number for number in range(ATTEMPTS)]
    assert path.answered(answer(large))  # late, and as good


def test_a_path_given_up_is_never_asked_about_again() -> None:
    path = PathSearch(MOST)
    small, large = path.probes(0.0)
    path.answered(answer(small))
    assert path.give_up()
    assert path.room == ROOM
    assert not path.answered(answer(large))
    assert path.probes(100.0) == []
    assert not path.give_up()


@given(st.binary(max_size=64) | st.builds(lambda tail: b"\0\1\0\x0c" + tail, st.binary(max_size=9)))
def test_an_answer_to_nothing_we_asked_changes_nothing(body: bytes) -> None:
    path = PathSearch(MOST)
    path.probes(0.0)
    assert not path.answered(body)
    assert path.room == ROOM


@given(st.data())
def test_a_cut_or_altered_question_answers_nothing(data: st.DataObject) -> None:
    path = PathSearch(MOST)
    _, large = path.probes(0.0)
    whole = packet(large)
    cut = whole[: data.draw(st.integers(COMMON_HEADER, len(whole) - 1))]
    with pytest.raises(ProtocolError):
        open_packet(cut)
    right = answer(large)
    at = data.draw(st.integers(0, len(right) - 1))
    wrong = right[:at] + bytes([right[at] ^ data.draw(st.integers(1, 255))]) + right[at + 1 :]
    assert not path.answered(wrong)
