"""Peer connections: offer and answer, candidates, mDNS, and a close that is bounded and complete.

A program calls ``engine.transport.tuning.apply()`` once before it makes the first one;
without it these are stock aiortc's, slower and with its faults, and they still work.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
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

from engine.core.errors import (
    BadRequestError,
    ChannelClosedError,
    LimitError,
    NoAddressError,
    NoTurnError,
)
from engine.core.model import CandidatePair
from engine.core.settings import IceSettings
from engine.core.tasks import start
from engine.transport import tuning
from engine.transport.data_channel import RtcChannel
from engine.transport.sdp import (
    candidate_lines,
    datagram_limit,
    ice_ufrag,
    parse_candidate,
    require_data_channel_only,
    split_mdns,
    with_datagram_limit,
    with_end_of_candidates,
)
from engine.transport.tuning import gathering, stack
from engine.wire.terminal import LABEL

logger = logging.getLogger(__name__)

MAX_CANDIDATES = 100
"""Remote candidates accepted per connection, including those in the description."""
CLOSE_TIMEOUT_SECONDS = 3.0
"""How long close() waits for aiortc before it gives up on it."""


@functools.lru_cache(maxsize=256)
def _warn_once(text: str) -> None:
    logger.warning(text)


class Observer(Protocol):
    """What a peer connection reports to its owner. Called on the loop; must not block."""

    def ice_gathering(self, state: str) -> None: ...
    def ice_connection(self, state: str) -> None: ...
    def connection(self, state: str) -> None: ...
    def candidate(self, side: str, candidate: str) -> None: ...
    def pair_selected(self, pair: CandidatePair) -> None: ...
    def server_failed(self, url: str, why: str) -> None:
        """A STUN or TURN server gave no candidate; ``why`` goes on after its address."""

    def channel_opened(self, channel: RtcChannel) -> None:
        """The other side opened a channel; it is already open."""


class PeerConnection(RTCPeerConnection):
    """aiortc's peer connection with a data channel, an Observer and a clean end."""

    def __init__(self, ice: IceSettings | None = None, observer: Observer | None = None) -> None:
        ice = ice or IceSettings()
        policy = RTCIceTransportPolicy.RELAY if ice.relay_only else RTCIceTransportPolicy.ALL
        self._server_problems: list[tuple[str, str]] = []
        servers = [
            RTCIceServer(s.urls, s.username or None, s.credential or None)
            for s in ice.servers
            if self._is_usable(s.urls)
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
        """Returns at once: callers may write ``await manager.create_session(…)``."""
        yield from ()
        return self

    @property
    def selected_pair(self) -> CandidatePair | None:
        return stack.selected_pair(self)

    @property
    def rtt(self) -> float | None:
        """Smoothed round trip in seconds, or None before the first measurement."""
        return stack.round_trip_seconds(self)

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
        """Add a remote candidate; None or "" means that no more will come.

        Raises BadRequestError for what cannot be parsed, LimitError beyond MAX_CANDIDATES.
        """
        if not candidate:
            if self._resolving:
                # Some may not have been added yet, and aioice accepts none after the end.
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
            # Resolving takes up to a second: it runs in the background.
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
        """Gathering runs to its end even when the caller is cancelled: otherwise aioice loses
        track of the sockets it is opening, and close() cannot close them."""
        self._gathering = asyncio.create_task(self.setLocalDescription(description))
        # A cancelled caller no longer retrieves the outcome.
        self._gathering.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._gathering)
        if self._observer:
            for url, why in (*self._server_problems, *stack.server_problems(self)):
                self._observer.server_failed(url, why)

    def _is_usable(self, url: str) -> bool:
        """A server that cannot be used is left out; the others still help."""
        try:
            gathering.parse(url)
        except ValueError as error:
            problem = str(error)
        else:
            if tuning.is_applied() or "[" not in url:
                return True
            problem = "has an IPv6 address, which this version of aiortc cannot use"
        self._server_problems.append((url, f"is not used: its address {problem}"))
        _warn_once(f"ice.servers: {url!r} is not used: its address {problem}")
        return False

    async def _apply(self, sdp: str, kind: str) -> None:
        sdp, hidden, ended = split_mdns(sdp)
        if self._relay_only and hidden:
            # A look-up on our network would reveal our address there and gain nothing: no TURN
            # server reaches such a candidate.
            sdp, hidden = with_end_of_candidates(sdp) if ended else sdp, []
        for line in candidate_lines(sdp):
            self._count(line)
        try:
            await self.setRemoteDescription(RTCSessionDescription(sdp, kind))
        except BadRequestError:
            raise
        except Exception as error:  # aiortc's parser raises anything
            logger.debug("The %s could not be applied", kind, exc_info=True)
            raise BadRequestError(f"Field 'sdp' cannot be used: {error}") from None
        limit = datagram_limit(sdp)
        if limit is not None:
            stack.limit_datagrams(self, limit)
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
        task = start(self._add_all(candidates, end, before), "resolve mDNS candidates")
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
        self._report_candidate("remote", candidate)

    def _local_sdp(self) -> str:
        sdp = str(self.localDescription.sdp)
        candidates = candidate_lines(sdp)
        if not candidates and self._relay_only:
            raise NoTurnError(
                "No TURN server could be reached, and only connections through one are allowed"
            )
        if not candidates:
            raise NoAddressError(
                "This machine has no network address to offer a peer; connect it to a network"
            )
        for candidate in candidates:
            self._report_candidate("local", candidate)
        limit = stack.datagram_limit(self)
        return with_datagram_limit(sdp, limit) if limit else sdp

    def _report_candidate(self, side: str, candidate: str) -> None:
        if self._observer:
            self._observer.candidate(side, candidate.removeprefix("candidate:"))

    def _on_gathering(self) -> None:
        if self._observer:
            self._observer.ice_gathering(self.iceGatheringState)

    def _on_ice(self) -> None:
        if self._observer:
            self._observer.ice_connection(self.iceConnectionState)
        self._check_pair()

    def _on_connection(self) -> None:
        self._check_pair()
        if self._observer:
            self._observer.connection(self.connectionState)

    def _check_pair(self) -> None:
        pair = self.selected_pair
        if pair is not None and pair != self._pair:
            self._pair = pair
            if self._observer:
                self._observer.pair_selected(pair)

    def _on_channel(self, channel: RTCDataChannel) -> None:
        if self._observer:
            with contextlib.suppress(ChannelClosedError):
                self._observer.channel_opened(RtcChannel(channel))
