"""aiortc's SCTP association with our data transfer in it (engine.transport.sctp).

Ours: packets in and out, timers, when a SACK leaves, the channels' queues, and that a
peer's malformed message does not end the association. Opening, stream resets and the data
channel protocol remain aiortc's.

Touches of aiortc's RTCSctpTransport:
- overrides its coroutines for packets in (``_handle_data``, ``_receive_forward_tsn_chunk``,
  ``_data_channel_receive``), for packets out (``_data_channel_send``, ``_data_channel_flush``,
  ``_send``, ``_send_chunk``, ``_send_sack``, ``_transmit``, ``_transmit_reconfig``), and for its
  timers and end (``_set_state``, ``_t3_cancel``): it calls them where ours must run;
- calls ``_receive``, ``_receive_chunk``, ``_reset_deferred_streams`` and ``_abort``, which remain
  its own; none of them may wait for anything but sending (see complete());
- reads ``_association_state``, ``_local_port``, ``_remote_port``, ``_local_verification_tag``,
  ``_remote_verification_tag``, ``_remote_max_message_size``, ``_ssthresh`` (the window in the
  peer's INIT), ``_reconfig_deferred``, ``_reconfig_queue``, ``_reconfig_request``,
  ``_data_channel_id``;
- keeps up to date what it reads itself: ``_local_tsn``, ``_last_received_tsn``, ``_srtt``,
  ``_outbound_stream_seq``, ``_data_channels``, ``_data_channel_queue``.
Of its RTCDataChannel: ``_addBufferedAmount``, ``_setId``. Of its DTLS transport: ``_send_data``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, cast

from aiortc import rtcsctptransport as stock
from aiortc.rtcsctptransport import (
    SCTP_TSN_MODULO,
    WEBRTC_DCEP,
    WEBRTC_STRING,
    ForwardTsnChunk,
    RTCSctpTransport,
)

from engine.core.errors import ProtocolError
from engine.transport.sctp.inbound import Chunk, Inbound
from engine.transport.sctp.outbound import Outbound
from engine.transport.sctp.pace import Pace
from engine.transport.sctp.packet import (
    DATA,
    IMMEDIATE,
    SACK,
    Sealer,
    open_packet,
    parse_data,
    parse_sack,
)
from engine.transport.sctp.path import HEARTBEAT_ACK, ROOM, PathSearch, largest_datagram, room_in

if TYPE_CHECKING:
    from aiortc import RTCDataChannel, RTCDtlsTransport

    from engine.transport.tuning.dtls import TunedDtlsTransport

logger = logging.getLogger(__name__)

SACK_EVERY = 2
SACKS_PER_BATCH = 8
SACK_DELAY_SECONDS = 0.02
"""RFC 9260 section 6.2: at least every second packet, and within 200 ms."""

TURN_BYTES = 33_000
"""Sent in one turn of the loop, less than a millisecond of work: others need it too."""

RESUME_AT = 0.75
"""The part of what may be in flight that must be left before a paced sender continues."""

TIMEOUTS_OF_A_HOLE = 2
"""After so many in a row the path may no longer take packets of that size (RFC 8899 section 3)."""

_INIT = 1


class TunedSctpTransport(RTCSctpTransport):
    """A channel emits ``malformed`` instead of ``message`` for text that is not UTF-8."""

    def __init__(self, transport: TunedDtlsTransport, port: int = 5000) -> None:
        super().__init__(transport, port)
        self._dtls = transport
        self._turns = asyncio.get_running_loop()
        self._inbound: Inbound | None = None
        self._outbound = Outbound(self._local_tsn, ROOM, _has_left)
        self._outbound_stream_seq = self._outbound.numbers
        self.peer_takes = 0
        """Bytes of the largest datagram the peer says it can receive; 0: it does not say."""
        self._path = PathSearch()
        self._sealer: Sealer | None = None
        self._unsacked = 0
        self._sack_every = SACK_EVERY
        self._sacks: list[bytes] = []  # made within a batch, sent at its end
        self._sack_now = False
        self._sack_timer: asyncio.TimerHandle | None = None
        self._retransmit_timer: asyncio.TimerHandle | None = None
        self._flush_handle: asyncio.Handle | None = None
        self._paces: dict[RTCDataChannel, Pace] = {}
        self._paced_senders: list[tuple[asyncio.Future[None], RTCDataChannel, int]] = []

    def setTransport(self, transport: RTCDtlsTransport) -> None:
        super().setTransport(transport)
        self._dtls = cast("TunedDtlsTransport", transport)

    @property
    def is_established(self) -> bool:
        return self._association_state == self.State.ESTABLISHED

    @property
    def is_idle(self) -> bool:
        """Everything sent has been acknowledged, and nothing is queued."""
        return self._outbound.idle

    @property
    def packet_room(self) -> int:
        """Bytes of chunks that fit into a packet; grows when larger packets are found to pass."""
        return self._outbound.room

    # Packets in.

    async def _handle_data(self, data: bytes) -> None:
        self.packets_received([data])

    def packets_received(self, packets: list[bytes]) -> None:
        """Process packets that arrived together; answer them together."""
        # Some senders let each SACK free a few packets only: a large batch gets several.
        self._sack_every = max(SACK_EVERY, len(packets) // SACKS_PER_BATCH)
        for packet in packets:
            try:
                self._packet_received(packet)
            except ConnectionError:
                raise
            except Exception as error:
                self._refuse(error)
            if self._unsacked >= self._sack_every and self._inbound is not None:
                self._sacks.append(self._take_sack(self._inbound))
        self._transmit_now()

    def _packet_received(self, packet: bytes) -> None:
        tag, chunks = open_packet(packet)
        expected = self._local_verification_tag
        if any(kind == _INIT for kind, _, _ in chunks):
            expected = 0 if len(chunks) == 1 else -1
        if tag != expected:
            return
        for kind, flags, body in chunks:
            if kind == DATA:
                self._data_received(flags, body)
            elif kind == SACK:
                self._sack_received(body)
            elif kind == HEARTBEAT_ACK:
                if self._path.answered(body):
                    self._outbound.set_room(self._path.room)
            elif kind in stock.CHUNK_TYPES:
                chunk = stock.CHUNK_TYPES[kind](flags=flags, body=body)
                complete(self._receive_chunk(chunk))

    @staticmethod
    def _refuse(error: Exception) -> None:
        """One bad packet costs nothing else; stock lets it end the whole peer connection."""
        if isinstance(error, ProtocolError):
            logger.debug("An SCTP packet was dropped: %s", error)
        else:
            logger.warning("An SCTP packet was refused: %r", error)

    def _data_received(self, flags: int, body: bytes) -> None:
        inbound = self._require_inbound()
        if inbound is None:
            return
        tsn, stream, protocol, data = parse_data(body)
        try:
            messages = inbound.add(tsn, Chunk(flags, stream, protocol, data))
        except ProtocolError as error:
            self._give_up(error)
            return
        self._unsacked += 1
        if flags & IMMEDIATE or inbound.has_gaps:
            self._sack_now = True
        self._deliver(inbound, messages)

    async def _receive_forward_tsn_chunk(self, chunk: ForwardTsnChunk) -> None:
        inbound = self._require_inbound()
        if inbound is not None:
            self._sack_now = True
            self._deliver(inbound, inbound.skip_to(chunk.cumulative_tsn))

    def _require_inbound(self) -> Inbound | None:
        if self._inbound is None and self._last_received_tsn is not None:
            self._inbound = Inbound(self._last_received_tsn)
        return self._inbound

    def _deliver(self, inbound: Inbound, messages: list[tuple[int, int, bytes]]) -> None:
        # aiortc reads it before it resets a stream.
        self._last_received_tsn = inbound.cumulative % SCTP_TSN_MODULO
        for message in messages:
            complete(self._receive(*message))
        if self._reconfig_deferred is not None:
            complete(self._reset_deferred_streams())

    def _sack_received(self, body: bytes) -> None:
        cumulative, window, gaps = parse_sack(body)
        self._outbound.acknowledge(cumulative, window, gaps, self._turns.time())
        self._srtt = self._outbound.congestion.srtt
        if self._paced_senders:
            self._wake_paced()

    async def _data_channel_receive(self, stream_id: int, pp_id: int, data: bytes) -> None:
        if pp_id == WEBRTC_STRING and (channel := self._data_channels.get(stream_id)):
            try:
                data.decode()
            except UnicodeDecodeError:
                channel.emit("malformed", "The text message is not UTF-8")
                return
        try:
            await super()._data_channel_receive(stream_id, pp_id, data)
        except ConnectionError:
            raise
        except Exception as error:
            logger.warning("A data channel message was refused: %r", error)

    # Packets out.

    def send_message(
        self, channel: RTCDataChannel, protocol: int, data: bytes, *, urgent: bool
    ) -> None:
        """Queue one message of an open channel; it is sent as soon as the window permits."""
        channel._addBufferedAmount(len(data))
        if self._association_state != self.State.ESTABLISHED or self._data_channel_queue:
            self._data_channel_queue.append((channel, protocol, data))
            self._flush()
            return
        self._outbound.enqueue(channel.id or 0, protocol, data, channel, urgent=urgent)
        if self._flush_handle is None:
            # The first leaves at once; those that follow in the same turn go together.
            self._flush_handle = self._turns.call_soon(self._flush_soon)
            self._transmit_contained()

    def send_data(self, channel: RTCDataChannel, data: bytes | str, *, urgent: bool) -> None:
        """Send a message on an open channel. Raises ValueError when the peer takes none so long."""
        protocol, encoded = _payload(data)
        limit = self._remote_max_message_size
        if limit and len(encoded) > limit:
            raise ValueError(f"The other side takes messages of {limit} bytes at most")
        self.send_message(channel, protocol, encoded, urgent=urgent)

    def _data_channel_send(self, channel: RTCDataChannel, data: bytes | str) -> None:
        self.send_data(channel, data, urgent=False)

    async def wait_for_pace(self, channel: RTCDataChannel) -> None:
        """Wait until the peer has read so much that another message will arrive soon
        (engine.transport.sctp.pace), or the association has ended."""
        pace = self._paces.setdefault(channel, Pace())
        rtt, now = self._outbound.congestion.least_rtt, self._turns.time()
        in_flight = self._in_flight(channel)
        limit = pace.update(in_flight, self._outbound.delivered, rtt, now)
        if in_flight < limit or not self.is_established:
            return
        taken: asyncio.Future[None] = self._turns.create_future()
        # Not as soon as one message fits: many then go in one turn.
        self._paced_senders.append((taken, channel, int(limit * RESUME_AT)))
        channel.on("close", self._wake_paced)
        try:
            await taken
        finally:
            with contextlib.suppress(KeyError):  # one that has closed has forgotten it
                channel.remove_listener("close", self._wake_paced)

    def _in_flight(self, channel: RTCDataChannel) -> int:
        return int(channel.bufferedAmount) + self._outbound.unacknowledged

    def _wake_paced(self) -> None:
        ended = not self.is_established
        waiting, self._paced_senders = self._paced_senders, []
        for entry in waiting:
            taken, channel, below = entry
            if taken.done():
                continue
            if ended or channel.readyState != "open" or self._in_flight(channel) <= below:
                taken.set_result(None)
            else:
                self._paced_senders.append(entry)

    async def _send(self, stream_id: int, pp_id: int, user_data: bytes, *_: Any, **__: Any) -> None:
        self._outbound.enqueue(stream_id, pp_id, user_data)
        self._transmit_now()

    async def _transmit(self) -> None:
        self._transmit_now()

    async def _data_channel_flush(self) -> None:
        self._flush()

    async def _send_chunk(self, chunk: stock.Chunk) -> None:
        try:
            if isinstance(chunk, stock.InitChunk):
                # aiortc repeats it with the peer's tag once it knows that one. Every peer has to
                # drop an INIT whose tag is not 0 (RFC 9260 section 8.5.1).
                ports = self._local_port, self._remote_port or 0
                await self._dtls._send_data(stock.serialize_packet(*ports, 0, chunk))
            else:
                await super()._send_chunk(chunk)
        except ConnectionError as error:  # nothing awaits aiortc's timers
            logger.debug("Not sent: %s", error)

    async def _send_sack(self) -> None:
        self._sack_now = True
        self._transmit_now()

    def _flush_soon(self) -> None:
        self._flush_handle = None
        self._transmit_contained()

    def _flush(self) -> None:
        """Queue what waited until the association was established."""
        if not self.is_established:
            return
        queue = self._data_channel_queue
        while queue:
            channel, protocol, data = queue.popleft()
            if channel.id is None:
                self._announce(channel)
            owner = None if protocol == WEBRTC_DCEP else channel
            self._outbound.enqueue(channel.id or 0, protocol, data, owner)
        self._transmit_contained()

    def _announce(self, channel: RTCDataChannel) -> None:
        """Give a new channel its stream: even or odd by the DTLS role (RFC 8832 section 6)."""
        stream = self._data_channel_id or 0
        while stream in self._data_channels:
            stream += 2
        self._data_channels[stream] = channel
        channel._setId(stream)

    def _transmit_contained(self) -> None:
        try:
            self._transmit_now()
        except ConnectionError as error:
            # DTLS has ended; the channels are notified on their own.
            logger.debug("Not sent: %s", error)

    def _transmit_now(self) -> None:
        """Send what may go, a due SACK in front. Raises ConnectionError."""
        if self._association_state == self.State.CLOSED:
            return
        established = self._association_state == self.State.ESTABLISHED
        outbound, sack = self._outbound, b""
        if self._inbound is not None and (self._unsacked or self._sack_now):
            if self._sack_now or (established and not outbound.idle):
                sack = self._take_sack(self._inbound)
            elif self._sack_timer is None:
                self._sack_timer = self._turns.call_later(SACK_DELAY_SECONDS, self._sack_late)
        if established:
            now = self._turns.time()
            most = TURN_BYTES // self._path.room
            bodies = outbound.packets(now, sack, most)
            if len(bodies) > most and self._flush_handle is None:
                self._flush_handle = self._turns.call_soon(self._flush_soon)
            if outbound.held_back:  # worth knowing now whether larger packets pass
                bodies += self._path.probes(now)
        else:
            bodies = [sack] if sack else []
        if self._sacks:
            bodies = self._sacks + bodies
            self._sacks = []
        if bodies:
            if self._sealer is None:
                tag = self._remote_verification_tag
                self._sealer = Sealer(self._local_port, self._remote_port or 0, tag)
            self._dtls.send_packets([self._sealer.seal(body) for body in bodies])
        if outbound.deadline is not None and self._retransmit_timer is None:
            self._retransmit_timer = self._turns.call_at(outbound.deadline, self._retransmit)
        if self._reconfig_queue and not self._reconfig_request:
            complete(self._transmit_reconfig())

    def _take_sack(self, inbound: Inbound) -> bytes:
        self._unsacked = 0
        self._sack_now = False
        return inbound.sack()

    async def _transmit_reconfig(self) -> None:
        # Messages that wait leave before their stream is reset (W3C WebRTC section 6.2.4).
        if any(self._outbound.waits(stream) for stream in self._reconfig_queue):
            return
        self._local_tsn = self._outbound.next_tsn % SCTP_TSN_MODULO
        await super()._transmit_reconfig()

    # Timers, states and the end.

    def _set_state(self, state: RTCSctpTransport.State) -> None:
        if state == self.State.ESTABLISHED and self._association_state != state:
            datagram = largest_datagram(self._dtls.ice.path_mtu(), self.peer_takes)
            self._path = PathSearch(room_in(datagram))
            # aiortc stores the window of the peer's INIT as the slow-start threshold, as RFC 9260
            # once had it. Without it, all but one packet would wait for the first SACK.
            self._outbound.window = int(self._ssthresh)
        super()._set_state(state)
        if state == self.State.CLOSED:
            self._paces.clear()
            self._wake_paced()

    def _sack_late(self) -> None:
        self._sack_timer = None
        if self._unsacked:
            self._sack_now = True
            self._transmit_contained()

    def _retransmit(self) -> None:
        self._retransmit_timer = None
        deadline, now = self._outbound.deadline, self._turns.time()
        if deadline is not None and now >= deadline:
            self._outbound.timed_out(now)
            if self._outbound.timeouts >= TIMEOUTS_OF_A_HOLE and self._path.give_up():
                # What was cut to the larger size has to pass as well, if need be in pieces.
                self._outbound.set_room(self._path.room)
                self._dtls.ice.allow_fragments()
            self._transmit_contained()
        elif deadline is not None:
            self._retransmit_timer = self._turns.call_at(deadline, self._retransmit)

    def _t3_cancel(self) -> None:
        # Called by aiortc when the association ends.
        for handle in (self._sack_timer, self._retransmit_timer, self._flush_handle):
            if handle is not None:
                handle.cancel()
        self._sack_timer = self._retransmit_timer = self._flush_handle = None

    def _give_up(self, error: ProtocolError) -> None:
        logger.warning("The association is ended: %s", error)
        complete(self._abort())
        self._set_state(self.State.CLOSED)


def _has_left(channel: RTCDataChannel | None, count: int) -> None:
    if channel is not None:
        channel._addBufferedAmount(-count)


def _payload(data: bytes | str) -> tuple[int, bytes]:
    """Payload protocol and bytes of a message (RFC 8831 section 6.6)."""
    if isinstance(data, str):
        return (WEBRTC_STRING, data.encode()) if data else (stock.WEBRTC_STRING_EMPTY, b"\0")
    return (stock.WEBRTC_BINARY, data) if data else (stock.WEBRTC_BINARY_EMPTY, b"\0")


def complete(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run one of aiortc's coroutines to its end at once.

    All they await is sending, which never waits here. Raises RuntimeError when one does wait.
    """
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("aiortc waits where it must not")
