"""DTLS records between two ends in memory, and the transport under real peers."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import time
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from engine.transport import connection as rtc
from engine.transport.tuning.dtls import (
    RECORD_BYTES,
    FastRecords,
    Records,
    TunedDtlsTransport,
    records,
)
from tests.engine.impairment import drop
from tests.engine.transport.test_channel import Inbox, rtc_pair
from tests.engine.until import until

if TYPE_CHECKING:
    pass

KINDS = [Records, FastRecords]
CHANGE_CIPHER_SPEC = 20
ALERT = 21
RECORD_HEADER = 13
"""RFC 6347 section 4.1; the last two bytes are the length of what follows."""


def context() -> SSL.Context:
    """DTLS with a certificate of its own, as WebRTC's, of which only the fingerprint counts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    made = SSL.Context(SSL.DTLS_METHOD)
    made.use_certificate(certificate)
    made.use_privatekey(key)
    return made


CONTEXT = context()


def ends() -> tuple[SSL.Connection, SSL.Connection]:
    """A client and a server that have not spoken yet."""
    client, server = SSL.Connection(CONTEXT), SSL.Connection(CONTEXT)
    client.set_connect_state()
    server.set_accept_state()
    return client, server


def flight(end: SSL.Connection) -> bytes:
    """What it says next; b"" when it has nothing to say, or is done."""
    with contextlib.suppress(SSL.WantReadError):
        end.do_handshake()
    try:
        return end.bio_read(RECORD_BYTES)
    except SSL.WantReadError:
        return b""


def shaken_hands(lose_last: bool = False) -> tuple[SSL.Connection, SSL.Connection]:
    """Both after the handshake, the client without the server's last flight if that is lost."""
    client, server = ends()
    while True:
        if words := flight(client):
            server.bio_write(words)
        answer = flight(server)
        if not answer or (lose_last and carries(answer, CHANGE_CIPHER_SPEC)):
            return client, server
        client.bio_write(answer)


def split(datagram: bytes) -> list[bytes]:
    """The records of a datagram."""
    found = []
    while datagram:
        end = RECORD_HEADER + int.from_bytes(datagram[RECORD_HEADER - 2 : RECORD_HEADER])
        found.append(datagram[:end])
        datagram = datagram[end:]
    return found


def carries(datagram: bytes, kind: int) -> bool:
    return any(record[0] == kind for record in split(datagram))


@pytest.fixture(scope="module")
def lasting() -> tuple[SSL.Connection, SSL.Connection]:
    return shaken_hands()


@pytest.mark.parametrize("kind", KINDS)
@given(packets=st.lists(st.binary(min_size=1, max_size=2000), min_size=1, max_size=5))
def test_each_packet_is_a_record_and_comes_back(
    lasting: tuple[SSL.Connection, SSL.Connection], kind: type[Records], packets: list[bytes]
) -> None:
    client, server = kind(lasting[0]), kind(lasting[1])
    for one, other in ((client, server), (server, client)):
        sealed = [one.seal(packet) for packet in packets]
        for packet, datagram in zip(packets, sealed, strict=True):
            assert len(packet) < 8 or packet not in datagram
        # Datagrams may overtake one another.
        assert [other.open(datagram) for datagram in reversed(sealed)] == packets[::-1]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_altered_repeated_or_noise_gives_nothing_and_costs_nothing(
    kind: type[Records],
) -> None:
    client, server = shaken_hands()
    one, other = kind(client), kind(server)
    datagram = one.seal(b"packet")
    for at in range(len(datagram)):
        assert other.open(datagram[:at] + bytes([datagram[at] ^ 1]) + datagram[at + 1 :]) == b""
        assert other.open(datagram[:at]) == b""
    for noise in (b"", b"\0", b"\x17" * 100, bytes(3000), b"\x16\xfe\xfd" + bytes(10)):
        assert other.open(noise) == b""
        assert other.answer() == b""
    assert other.open(datagram) == b"packet"
    assert other.open(datagram) == b""
    assert one.open(other.seal(b"answer")) == b"answer"


@pytest.mark.parametrize("kind", KINDS)
def test_a_goodbye_is_a_connection_error(kind: type[Records]) -> None:
    client, server = shaken_hands()
    other = kind(server)
    client.shutdown()
    with pytest.raises(ConnectionError, match="closed the connection"):
        other.open(client.bio_read(RECORD_BYTES))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_lost_last_flight_is_said_again_when_the_peer_repeats_its_own(
    kind: type[Records],
) -> None:
    client, server = shaken_hands(lose_last=True)
    other = kind(server)
    with pytest.raises(SSL.WantReadError):
        client.do_handshake()  # it still waits
    await until(client.DTLSv1_handle_timeout)
    assert other.open(client.bio_read(RECORD_BYTES)) == b""
    again = other.answer()
    assert carries(again, CHANGE_CIPHER_SPEC)
    assert other.answer() == b""
    client.bio_write(again)
    client.do_handshake()
    assert other.open(kind(client).seal(b"packet")) == b"packet"


class Public:
    """A connection of a pyOpenSSL that keeps its handles elsewhere."""

    def __init__(self, connection: SSL.Connection) -> None:
        self.send, self.recv = connection.send, connection.recv
        self.bio_read, self.bio_write = connection.bio_read, connection.bio_write


def test_an_unknown_pyopenssl_is_used_by_its_own_interface(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client, server = shaken_hands()
    assert type(records(client)) is FastRecords
    plain = records(Public(server))  # type: ignore[arg-type]
    assert type(plain) is Records
    assert "encryption is slower" in caplog.text
    assert plain.open(records(client).seal(b"x")) == b"x"


# Under real peers.


def dtls_of(pc: rtc.PeerConnection) -> TunedDtlsTransport:
    assert pc.sctp is not None
    transport = pc.sctp.transport
    assert isinstance(transport, TunedDtlsTransport)
    return transport


@pytest.mark.parametrize("kind", KINDS)
async def test_peers_connect_although_the_last_flight_is_lost(
    kind: type[Records], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.transport.tuning.dtls.records", kind)
    lost: list[bytes] = []

    def first_finished(data: bytes) -> bool:
        if lost or not 19 < data[0] < 64 or not carries(data, CHANGE_CIPHER_SPEC):
            return False
        lost.append(data)
        return True

    offerer, answerer = rtc.PeerConnection(), rtc.PeerConnection()
    channel = offerer.open_channel()
    answer = await answerer.answer_offer(await offerer.make_offer())
    # The answering side opens the handshake (RFC 8842), so the offering one has the last word.
    drop(offerer, first_finished)
    began = time.monotonic()
    await offerer.take_answer(answer)
    await channel.opened()
    assert lost
    assert 0.5 < time.monotonic() - began < 5  # the client's timer: 1 s
    await offerer.close()
    await answerer.close()


async def test_several_records_in_one_datagram_come_together() -> None:
    """RFC 6347 section 4.1.1 lets a sender do so."""
    (one, other), end, (offerer, answerer) = await rtc_pair()
    inbox = Inbox()
    other.attach(inbox)
    sending, receiving = dtls_of(offerer), dtls_of(answerer)
    sealed: list[bytes] = []
    sending.ice.send_now = sealed.extend  # type: ignore[method-assign]
    for text in ("one", "two", "three"):
        one.post(text)
        await until(lambda: sealed)
        await asyncio.sleep(0)
    receiving.datagrams([b"".join(sealed)])
    assert inbox.messages == ["one", "two", "three"]
    del sending.ice.send_now
    await end()


async def test_noise_on_an_open_connection_changes_nothing() -> None:
    (one, other), end, (_, answerer) = await rtc_pair()
    inbox = Inbox()
    other.attach(inbox)
    receiving = dtls_of(answerer)
    heard = receiving.ice.consent.heard_at
    receiving.datagrams([b"\x16" * 40, b"\x17\xfe\xfd" + bytes(60), b"\x3f", b"\x14" * 1500])
    assert receiving.ice.consent.heard_at == heard  # only the peer itself keeps consent fresh
    await one.send("still here")
    await until(lambda: inbox.messages == ["still here"])
    await end()


async def test_closing_says_goodbye_and_the_other_side_ends_at_once() -> None:
    (one, other), end, (offerer, answerer) = await rtc_pair()
    ended = dtls_of(answerer)
    began = time.monotonic()
    await offerer.close()
    await until(lambda: ended.state == "closed")
    await until(lambda: not other.is_open)
    assert time.monotonic() - began < 2
    with pytest.raises(ConnectionError):
        ended.send_packets([b"x"])
    ended.datagrams([b"late"])
    assert not one.is_open
    await end()


async def test_the_last_words_are_heard_when_the_goodbye_comes_with_them() -> None:
    """A busy reader takes both from its socket at once."""
    (one, other), end, (offerer, answerer) = await rtc_pair()
    inbox = Inbox()
    other.attach(inbox)
    receiving = dtls_of(answerer)
    held: list[bytes] = []
    receiving.datagrams = held.extend  # type: ignore[method-assign]
    one.post("the last words")
    await offerer.close()
    await until(lambda: held and held[-1][0] == ALERT)
    del receiving.datagrams
    receiving.datagrams(held)
    assert inbox.messages == ["the last words"]
    await until(lambda: receiving.state == "closed")
    await end()
