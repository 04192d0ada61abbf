"""Peer connections and data channels: all of WebRTC that the rest of the engine sees.

The only module (with engine.transport.tuning) that imports aiortc. Owns offer/answer
negotiation, candidates, mDNS, and a close that is bounded and leaves nothing.
Does not own sessions, permission, or what a data channel carries.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Generator
from typing import Any, Protocol, Self

from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceCandidate,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from aiortc.sdp import candidate_from_sdp

from engine.core.errors import (
    BadRequestError,
    ChannelClosedError,
    LimitError,
    NoAddressError,
    NoTurnError,
)
from engine.core.model import CandidatePair
from engine.core.settings import IceSettings
from engine.transport import tuning as rtc_tuning
from engine.transport.channel import HIGH_WATER, LOW_WATER, Contained, Message, Receiver
from engine.wire.terminal import LABEL

logger = logging.getLogger(__name__)

MAX_CANDIDATES = 100
"""Remote candidates taken per connection, those of the description included."""
CLOSE_TIMEOUT_SECONDS = 3.0
"""How long closing a peer connection may take before it is left to itself."""

DATAGRAM_ATTRIBUTE = "hatchway-datagram"
"""An attribute of our SDP: the bytes of the largest UDP datagram that its author reads
whole. Others pass it over (RFC 8866 section 5.13). Without it Ethernet's size is the most:
there are stacks that never recover from a record longer than they expect."""

rtc_tuning.apply()


class Observer(Protocol):
    """What a peer connection tells its owner. Called on the loop; must not block."""

    def ice_gathering(self, state: str) -> None: ...
    def ice_connection(self, state: str) -> None: ...
    def connection(self, state: str) -> None: ...
    def candidate(self, side: str, candidate: str) -> None: ...
    def pair_selected(self, pair: CandidatePair) -> None: ...
    def channel_opened(self, channel: RtcChannel) -> None:
        """The other side opened a channel; it is already open."""


class RtcChannel:
    """aiortc's data channel as a MessageChannel."""

    def __init__(self, channel: RTCDataChannel) -> None:
        self._channel = channel
        self._inbox = Contained()
        self._low = asyncio.Event()
        self._low.set()
        self._opened = asyncio.Event()
        channel.bufferedAmountLowThreshold = LOW_WATER
        channel.on("message", self._inbox.message)
        channel.on("malformed", self._inbox.malformed)
        channel.on("bufferedamountlow", self._low.set)
        channel.on("open", self._opened.set)
        channel.on("close", self._on_close)
        # On the answering side it is open before anyone can listen for "open".
        if channel.readyState == "open":
            self._opened.set()

    @property
    def label(self) -> str:
        return str(self._channel.label)

    @property
    def protocol(self) -> str:
        return str(self._channel.protocol)

    @property
    def is_open(self) -> bool:
        return bool(self._channel.readyState == "open")

    @property
    def buffered(self) -> int:
        return int(self._channel.bufferedAmount)

    def attach(self, receiver: Receiver) -> None:
        self._inbox.attach(receiver)

    async def opened(self) -> None:
        """Wait until it is open. Raises ChannelClosedError when it closes instead."""
        await self._opened.wait()
        if not self.is_open:
            raise ChannelClosedError("The data channel closed before it opened")

    def post(self, message: Message, *, urgent: bool = False) -> bool:
        if not self.is_open:
            return False
        rtc_tuning.send(self._channel, message, urgent=urgent)
        return True

    async def send(self, message: Message, *, paced: bool = False) -> None:
        if paced:
            await rtc_tuning.wait_for_pace(self._channel)
        if self.buffered > HIGH_WATER:
            self._low.clear()
            # The low-water event may have come before clear(): look again.
            if self.buffered > HIGH_WATER:
                await self._low.wait()
        if not self.post(message):
            raise ChannelClosedError("The data channel is closed")

    def close(self) -> None:
        if self._channel.readyState in ("connecting", "open"):
            self._channel.close()
        # Whoever waits to send learns it now, not when the other side has agreed.
        self._low.set()

    def _on_close(self) -> None:
        self._low.set()
        self._opened.set()
        self._inbox.closed()


class PeerConnection(RTCPeerConnection):
    """aiortc's peer connection with a data channel, an Observer and a clean end."""

    def __init__(self, ice: IceSettings | None = None, observer: Observer | None = None) -> None:
        ice = ice or IceSettings()
        policy = RTCIceTransportPolicy.RELAY if ice.relay_only else RTCIceTransportPolicy.ALL
        servers = [
            RTCIceServer(s.urls, s.username or None, s.credential or None) for s in ice.servers
        ]
        # An explicit empty list: unset would mean a public STUN server.
        super().__init__(RTCConfiguration(iceServers=servers, iceTransportPolicy=policy))
        self._observer = observer
        self._relay_only = ice.relay_only
        self._resolving: set[asyncio.Task[None]] = set()
        self._taken = 0
        self._pair: CandidatePair | None = None
        self._gathering: asyncio.Task[None] | None = None
        self.on("icegatheringstatechange", self._on_gathering)
        self.on("iceconnectionstatechange", self._on_ice)
        self.on("connectionstatechange", self._on_connection)
        self.on("datachannel", self._on_channel)

    def __await__(self) -> Generator[None, None, Self]:
        """Nothing to wait for: lets ``await manager.create_session(…)`` read as it always did."""
        yield from ()
        return self

    @property
    def selected_pair(self) -> CandidatePair | None:
        return rtc_tuning.selected_pair(self)

    @property
    def rtt(self) -> float | None:
        """Smoothed round trip in seconds, or None before the first measurement."""
        return rtc_tuning.round_trip_seconds(self)

    @property
    def remote_ufrag(self) -> str:
        """The other side's ICE user fragment; empty until its description is applied."""
        described: Any = self.remoteDescription
        return ice_ufrag(described.sdp) if described else ""

    def open_channel(self, protocol: str = "") -> RtcChannel:
        return RtcChannel(self.createDataChannel(LABEL, ordered=True, protocol=protocol))

    async def make_offer(self) -> str:
        """The SDP of an offer with all local candidates in it. Raises NoAddressError."""
        await self._gather(await self.createOffer())
        return self._local_sdp()

    async def take_answer(self, sdp: str) -> None:
        """Apply the answer. Raises BadRequestError when it cannot be read."""
        await self._apply(sdp, "answer")

    async def answer_offer(self, sdp: str) -> str:
        """Apply the offer and return the answer's SDP with all local candidates in it.

        Candidates under ``.local`` names (RFC 8828 mDNS) do not delay the answer:
        they are resolved meanwhile. Raises BadRequestError, NoAddressError.
        """
        require_data_channel_only(sdp)
        await self._apply(sdp, "offer")
        await self._gather(await self.createAnswer())
        return self._local_sdp()

    async def add_candidate(
        self, candidate: str | None, sdp_mid: str | None, sdp_mline_index: int | None
    ) -> None:
        """Add a remote candidate; None or "" says that no more will come.

        Raises BadRequestError for what cannot be parsed, LimitError beyond MAX_CANDIDATES.
        """
        if not candidate:
            if self._resolving:
                # Those under way may not have begun, and after the end none is taken.
                self._resolve([], end=True)
            else:
                await self.addIceCandidate(None)
            return
        parsed = parse_candidate(candidate)
        parsed.sdpMid = sdp_mid
        parsed.sdpMLineIndex = sdp_mline_index
        if sdp_mid is None and sdp_mline_index is None:
            parsed.sdpMLineIndex = 0
        self._count(candidate)
        if parsed.ip.endswith(".local") and self._relay_only:
            return
        if parsed.ip.endswith(".local"):
            # Resolving takes up to a second: nobody waits for it.
            self._resolve([parsed], end=False)
        else:
            await self.addIceCandidate(parsed)

    async def close(self) -> None:
        """End everything, within CLOSE_TIMEOUT_SECONDS; idempotent."""
        for task in tuple(self._resolving):
            task.cancel()
        if self._gathering is not None and not self._gathering.done():
            await asyncio.wait([self._gathering], timeout=CLOSE_TIMEOUT_SECONDS)
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                await super().close()
        except TimeoutError:
            logger.warning("A peer connection did not close in %.0f s", CLOSE_TIMEOUT_SECONDS)
        if self._resolving:
            await asyncio.wait(tuple(self._resolving))

    async def _gather(self, description: RTCSessionDescription) -> None:
        """Gathering goes on to its end when the caller is cancelled: aioice loses the
        sockets it is just opening, and close() can only close what it knows."""
        self._gathering = asyncio.create_task(self.setLocalDescription(description))
        # A cancelled caller asks for no outcome any more.
        self._gathering.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._gathering)

    async def _apply(self, sdp: str, kind: str) -> None:
        sdp, hidden, ended = split_mdns(sdp)
        if self._relay_only and hidden:
            # Looking a name up on our network would show our address there, for nothing:
            # no TURN server reaches such a candidate.
            sdp, hidden = sdp + ("a=end-of-candidates\r\n" if ended else ""), []
        for line in _CANDIDATE_LINE.findall(sdp):
            self._count(line)
        try:
            await self.setRemoteDescription(RTCSessionDescription(sdp, kind))
        except BadRequestError:
            raise
        except Exception as error:  # aiortc's parser raises whatever it trips over
            logger.debug("The %s could not be applied", kind, exc_info=True)
            raise BadRequestError(f"Field 'sdp' cannot be used: {error}") from None
        if largest := _DATAGRAM_LINE.search(sdp):
            rtc_tuning.peer_takes_datagrams(self, int(largest[1]))
        candidates = []
        for line in hidden:
            self._count(line)
            parsed = parse_candidate(line)
            parsed.sdpMLineIndex = 0
            candidates.append(parsed)
        if candidates:
            self._resolve(candidates, end=ended)

    def _resolve(self, candidates: list[RTCIceCandidate], *, end: bool) -> None:
        before = tuple(self._resolving)
        task = asyncio.create_task(
            self._add_all(candidates, end, before), name="resolve mDNS candidates"
        )
        self._resolving.add(task)
        task.add_done_callback(self._resolving.discard)

    async def _add_all(
        self,
        candidates: list[RTCIceCandidate],
        end: bool,
        before: tuple[asyncio.Task[None], ...],
    ) -> None:
        results = await asyncio.gather(
            *(self.addIceCandidate(candidate) for candidate in candidates), return_exceptions=True
        )
        for candidate, result in zip(candidates, results, strict=True):
            if isinstance(result, Exception):
                logger.info("Candidate %s could not be resolved: %s", candidate.ip, result)
        if end:
            if before:
                await asyncio.wait(before)
            await self.addIceCandidate(None)

    def _count(self, candidate: str) -> None:
        self._taken += 1
        if self._taken > MAX_CANDIDATES:
            raise LimitError(f"More than {MAX_CANDIDATES} candidates")
        self._tell_candidate("remote", candidate)

    def _local_sdp(self) -> str:
        sdp = str(self.localDescription.sdp)
        candidates = _CANDIDATE_LINE.findall(sdp)
        if not candidates and self._relay_only:
            raise NoTurnError(
                "No TURN server could be reached, and only connections through one are allowed"
            )
        if not candidates:
            raise NoAddressError(
                "This machine has no network address to offer a peer; connect it to a network"
            )
        for candidate in candidates:
            self._tell_candidate("local", candidate)
        largest = rtc_tuning.takes_datagrams(self)
        return f"{sdp}a={DATAGRAM_ATTRIBUTE}:{largest}\r\n" if largest else sdp

    def _tell_candidate(self, side: str, candidate: str) -> None:
        if self._observer:
            self._observer.candidate(side, candidate.removeprefix("candidate:"))

    def _on_gathering(self) -> None:
        if self._observer:
            self._observer.ice_gathering(self.iceGatheringState)

    def _on_ice(self) -> None:
        if self._observer:
            self._observer.ice_connection(self.iceConnectionState)
        self._look_for_pair()

    def _on_connection(self) -> None:
        self._look_for_pair()
        if self._observer:
            self._observer.connection(self.connectionState)

    def _look_for_pair(self) -> None:
        pair = self.selected_pair
        if pair is not None and pair != self._pair:
            self._pair = pair
            if self._observer:
                self._observer.pair_selected(pair)

    def _on_channel(self, channel: RTCDataChannel) -> None:
        if self._observer:
            with contextlib.suppress(ChannelClosedError):
                self._observer.channel_opened(RtcChannel(channel))


_CANDIDATE_LINE = re.compile(r"^a=(candidate:[^\r\n]+)", re.MULTILINE)
_DATAGRAM_LINE = re.compile(rf"^a={DATAGRAM_ATTRIBUTE}:([0-9]{{1,6}})\r?$", re.MULTILINE)
_UFRAG_LINE = re.compile(r"^a=ice-ufrag:(\S+)", re.MULTILINE)
_UFRAG_WORD = re.compile(r"^(?:a=)?(?:candidate:)?[^\r\n]* ufrag (\S+)")
_MEDIA_LINE = re.compile(r"^m=(\w+)", re.MULTILINE)
_FINGERPRINT = re.compile(r"^a=fingerprint:\s*(sha-256)\s+([0-9A-Fa-f:]{95})\s*$", re.MULTILINE)


def require_data_channel_only(sdp: str) -> None:
    """Refuse audio and video: nobody serves them, and each would cost a decoder."""
    kinds = _MEDIA_LINE.findall(sdp)
    if kinds != ["application"]:
        raise BadRequestError("Field 'sdp' must offer one data channel section and nothing else")


def split_mdns(sdp: str) -> tuple[str, list[str], bool]:
    """The SDP without ``.local`` candidates, those candidates, and whether it was complete.

    ``a=end-of-candidates`` goes with them: nothing may be added after it.
    """
    kept: list[str] = []
    hidden: list[str] = []
    for line in sdp.splitlines():
        fields = line.split()
        if line.startswith("a=candidate:") and len(fields) > 4 and fields[4].endswith(".local"):
            hidden.append(line.removeprefix("a="))
        else:
            kept.append(line)
    if not hidden:
        return sdp, [], "a=end-of-candidates" in kept
    complete = "a=end-of-candidates" in kept
    kept = [line for line in kept if line != "a=end-of-candidates"]
    return "\r\n".join(kept) + "\r\n", hidden, complete


def parse_candidate(candidate: str) -> RTCIceCandidate:
    """A candidate line, with or without its ``candidate:`` prefix. Raises BadRequestError."""
    try:
        return candidate_from_sdp(candidate.removeprefix("a=").removeprefix("candidate:"))
    except (ValueError, AssertionError, IndexError):
        raise BadRequestError("Field 'candidate' is not an ICE candidate") from None


def ice_ufrag(text: str) -> str:
    """The ICE user fragment (RFC 8839 section 5.4) in an SDP, or in a candidate as browsers
    write it; empty where there is none."""
    found = _UFRAG_LINE.search(text) or _UFRAG_WORD.search(text)
    return found[1] if found else ""


def fingerprint(sdp: str) -> str:
    """The SHA-256 DTLS fingerprint in an SDP, upper case. Raises BadRequestError."""
    found = {value.upper() for _, value in _FINGERPRINT.findall(sdp)}
    if len(found) != 1:
        raise BadRequestError("Field 'sdp' must carry exactly one SHA-256 fingerprint")
    return str(found.pop())
