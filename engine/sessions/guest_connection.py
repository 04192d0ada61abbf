"""One connection of a guest to a session, from its offer to its close.

Owns the peer connection, the terminal channel, and answering the offer. The session
decides what its success or failure means.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from engine.core import events as ev
from engine.core.errors import BadProofError, OfferSupersededError
from engine.core.model import CandidatePair, Size
from engine.core.session_state import SessionState
from engine.core.settings import IceSettings, Settings
from engine.core.tasks import start
from engine.sessions.terminal_channel import TerminalChannel, TerminalHost
from engine.transport.connection import PeerConnection
from engine.transport.data_channel import RtcChannel
from engine.wire import terminal as wire
from engine.wire.proof import commitment, genuine

logger = logging.getLogger(__name__)

CHANNEL_CLOSE_SECONDS = 2.0
"""How long the data channel of a dropped connection may take to close."""

EarlyCandidate = tuple[str | None, str | None, int | None]
"""A remote candidate, its sdp_mid and its sdp_mline_index."""


class ConnectedSession(TerminalHost, Protocol):
    """What a connection needs from its session."""

    @property
    def id(self) -> str: ...

    @property
    def state(self) -> SessionState: ...

    def take_over(self, connection: GuestConnection) -> None:
        """The data channel of ``connection`` is open: it becomes the one in use."""

    def channel_opened(self) -> None: ...

    def connection_failed(self, connection: GuestConnection, reason: str) -> None:
        """``connection`` could not be established, or is lost."""


class ConnectionOwner(Protocol):
    """What a connection needs from the manager."""

    settings: Settings
    events: ev.EventBus

    @property
    def ice(self) -> IceSettings:
        """The settings for a new connection."""


class GuestConnection:
    """One connection of a guest to a session: a peer connection and its data channel.

    The connection of a returning guest is an attempt until its data channel opens; until
    then it does not affect the earlier connection or the shell. Reports of a dropped
    connection are ignored.
    """

    def __init__(self, session: ConnectedSession, owner: ConnectionOwner) -> None:
        self._session = session
        self._owner = owner
        self.channel: TerminalChannel | None = None
        self.pc = PeerConnection(owner.ice, self)
        self.size = Size()
        self.code = ""
        """The short code that both ends show; empty while or where there is none to compare."""
        self._commit = ""
        self._code_of: Callable[[str], str] = lambda nonce: ""
        self._dropped = ""
        self._answering: asyncio.Task[str] | None = None
        self._closing: asyncio.Task[None] | None = None
        seconds = owner.settings.session.connect_timeout
        self._timer = asyncio.get_running_loop().call_later(seconds, self._timed_out)

    @property
    def in_use(self) -> bool:
        return not self._dropped and self._session.state is not SessionState.CLOSED

    async def answer(
        self, sdp: str, size: Size, held: Callable[[str], Iterable[EarlyCandidate]]
    ) -> str:
        """The SDP of the answer to an offer. ``held(ufrag)`` returns candidates that came early.

        Raises BadRequestError, LimitError, NoAddressError; OfferSupersededError when this
        connection was dropped meanwhile. Cancelling stops the work.
        """
        self.size = size
        work = self._answering = asyncio.create_task(
            self._answer(sdp, held), name=f"answer an offer of {self._session.id}"
        )
        try:
            # drop() cancels the work, but not the caller that waits for it.
            await asyncio.wait([work])
        except asyncio.CancelledError:
            work.cancel()
            raise
        if self._dropped:
            raise OfferSupersededError(self._dropped)
        return work.result()

    async def _answer(self, sdp: str, held: Callable[[str], Iterable[EarlyCandidate]]) -> str:
        answer = await self.pc.answer_offer(sdp)
        for candidate in held(self.pc.remote_ufrag):
            await self.pc.add_candidate(*candidate)
        return answer

    def show_code(self, code: str) -> None:
        self.code = code

    def awaits_reveal(self, commit: str, code_of: Callable[[str], str]) -> None:
        """The short code is ``code_of(nonce)``, once the guest reveals what it committed to."""
        self._commit, self._code_of = commit, code_of

    def revealed(self, nonce: str) -> bool:
        """Whether the short code is known only now. Raises BadProofError for another nonce."""
        commit, self._commit = self._commit, ""
        if not commit:
            return False
        if not genuine(commit, commitment(nonce)):
            raise BadProofError("The revealed nonce is not the one that the offer committed to")
        self.code = self._code_of(nonce)
        return True

    def stop_watching(self) -> None:
        self._timer.cancel()

    def drop(self, reason: str) -> None:
        """Stop using this connection and close it in the background. Idempotent."""
        if self._dropped:
            return
        self._dropped = reason
        self.stop_watching()
        if self._answering is not None:
            self._answering.cancel()
        self._closing = start(self._close(), "close a connection")
        if self.channel is not None:
            try:
                self.channel.abandon()
            except Exception as error:
                self._warn("data channel", error)

    @property
    def is_closed(self) -> bool:
        """Whether it was dropped and its connection is closed."""
        return self._closing is not None and self._closing.done()

    async def closed(self) -> None:
        """Wait until a dropped connection is closed. Errors are logged."""
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def _close(self) -> None:
        if self._answering is not None:
            await asyncio.wait([self._answering])
            # Nobody needs its result any more: retrieved, so that asyncio does not complain.
            _ = self._answering.cancelled() or self._answering.exception()
        # Even if closing the channel fails, the connection is closed.
        if self.channel is not None:
            try:
                async with asyncio.timeout(CHANNEL_CLOSE_SECONDS):
                    await self.channel.close()
            except Exception as error:
                self._warn("data channel", error)
        try:
            await self.pc.close()
        except Exception as error:
            self._warn("peer connection", error)

    def _warn(self, what: str, error: Exception) -> None:
        logger.warning("Session %s: closing the %s failed: %r", self._session.id, what, error)

    # engine.transport.connection.Observer

    def ice_gathering(self, state: str) -> None:
        self._publish(ev.IceGathering(session_id=self._session.id, state=state))

    def ice_connection(self, state: str) -> None:
        self._publish(ev.IceConnection(session_id=self._session.id, state=state))

    def connection(self, state: str) -> None:
        self._publish(ev.PeerConnection(session_id=self._session.id, state=state))
        if state in ("failed", "closed") and self.in_use:
            reason = "ICE found no connection path" if self.channel is None else "Connection lost"
            self._session.connection_failed(self, reason)

    def candidate(self, side: str, candidate: str) -> None:
        self._publish(ev.IceCandidate(session_id=self._session.id, side=side, candidate=candidate))

    def pair_selected(self, pair: CandidatePair) -> None:
        self._publish(ev.IcePairSelected(session_id=self._session.id, pair=pair))

    def server_failed(self, url: str, why: str) -> None:
        text = f"The ICE server {url} {why}"
        self._publish(ev.SessionNote(session_id=self._session.id, text=text))

    def channel_opened(self, channel: RtcChannel) -> None:
        if not self.in_use or self.channel is not None or channel.label != wire.LABEL:
            logger.info("Session %s: closing an extra data channel", self._session.id)
            channel.close()
            return
        self.stop_watching()
        self._session.take_over(self)
        self.channel = TerminalChannel(
            channel, self._session, input_limit=self._owner.settings.terminal.input_queue
        )
        self._session.channel_opened()
        self.channel.start()

    def _timed_out(self) -> None:
        if self.channel is None and self.in_use:
            seconds = self._owner.settings.session.connect_timeout
            self._session.connection_failed(
                self, f"The guest did not connect within {seconds:.0f} s"
            )

    def _publish(self, event: ev.SessionEvent) -> None:
        if self.in_use:
            self._owner.events.publish(event)
