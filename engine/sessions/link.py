"""One connection of a guest to a session, from the offer it answers to its close.

Owns the peer connection, the data channel's service, and the work of answering.
Does not own what its success or failure means: the session decides.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from engine.core import events as ev
from engine.core.errors import OfferReplacedError
from engine.core.model import CandidatePair, Size
from engine.core.session_state import SessionState
from engine.core.settings import IceSettings, Settings
from engine.sessions.terminal_channel import TerminalChannel, TerminalHost
from engine.transport.connection import PeerConnection
from engine.transport.data_channel import RtcChannel
from engine.wire import terminal as wire

logger = logging.getLogger(__name__)

Early = tuple[str | None, str | None, int | None]
"""A remote candidate, its sdp_mid and its sdp_mline_index."""


class LinkedSession(TerminalHost, Protocol):
    """What a link needs of its session."""

    @property
    def id(self) -> str: ...

    @property
    def state(self) -> SessionState: ...

    def take_over(self, link: Link) -> None:
        """The data channel of ``link`` is open: it is the one in use."""

    def channel_opened(self) -> None: ...

    def link_failed(self, link: Link, reason: str) -> None:
        """``link`` never came to be, or is lost."""


class LinkOwner(Protocol):
    """What a link needs of the manager."""

    settings: Settings
    events: ev.EventBus

    @property
    def ice(self) -> IceSettings:
        """For connections that are made now."""


class Link:
    """One connection of a guest to a session: a peer connection and its data channel.

    That of a returning guest is an attempt until its data channel opens; until then the
    link of before, and the shell, know nothing of it. What a dropped link says is ignored.
    """

    def __init__(self, session: LinkedSession, owner: LinkOwner) -> None:
        self._session = session
        self._owner = owner
        self.channel: TerminalChannel | None = None
        self.pc = PeerConnection(owner.ice, self)
        self.size = Size()
        self.code = ""
        """The short code that both ends show."""
        self._dropped = ""
        self._answering: asyncio.Task[str] | None = None
        self._closing: asyncio.Task[None] | None = None
        seconds = owner.settings.session.connect_timeout
        self._timer = asyncio.get_running_loop().call_later(seconds, self._timed_out)

    @property
    def in_use(self) -> bool:
        return not self._dropped and self._session.state is not SessionState.CLOSED

    async def answer(self, sdp: str, size: Size, held: Callable[[str], Iterable[Early]]) -> str:
        """The SDP of the answer to an offer. ``held(ufrag)`` gives candidates that came early.

        Raises BadRequestError, LimitError, NoAddressError; OfferReplacedError when this link
        was dropped meanwhile. Cancelling ends the work.
        """
        self.size = size
        work = self._answering = asyncio.create_task(
            self._answer(sdp, held), name=f"answer an offer of {self._session.id}"
        )
        try:
            # Whoever drops this link cancels the work, and not whoever waits for it.
            await asyncio.wait([work])
        except asyncio.CancelledError:
            work.cancel()
            raise
        if self._dropped:
            raise OfferReplacedError(self._dropped)
        return work.result()

    async def _answer(self, sdp: str, held: Callable[[str], Iterable[Early]]) -> str:
        answer = await self.pc.answer_offer(sdp)
        for candidate in held(self.pc.remote_ufrag):
            await self.pc.add_candidate(*candidate)
        return answer

    def show_code(self, code: str) -> None:
        self.code = code

    def stop_watching(self) -> None:
        self._timer.cancel()

    def drop(self, reason: str) -> None:
        """Out of use for good; its connection is closed meanwhile. Idempotent."""
        if self._dropped:
            return
        self._dropped = reason
        self.stop_watching()
        if self._answering is not None:
            self._answering.cancel()
        if self.channel is not None:
            self.channel.abandon()
        self._closing = asyncio.create_task(self._close(), name="close a connection")

    @property
    def is_closed(self) -> bool:
        """Whether it was dropped and its connection is closed."""
        return self._closing is not None and self._closing.done()

    async def closed(self) -> None:
        """Until the connection of a dropped link is closed."""
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def _close(self) -> None:
        if self._answering is not None:
            await asyncio.wait([self._answering])
            # Nobody asks for its outcome any more.
            _ = self._answering.cancelled() or self._answering.exception()
        if self.channel is not None:
            await self.channel.close()
        await self.pc.close()

    # engine.transport.connection.Observer

    def ice_gathering(self, state: str) -> None:
        self._publish(ev.IceGathering(session_id=self._session.id, state=state))

    def ice_connection(self, state: str) -> None:
        self._publish(ev.IceConnection(session_id=self._session.id, state=state))

    def connection(self, state: str) -> None:
        self._publish(ev.PeerConnection(session_id=self._session.id, state=state))
        if state in ("failed", "closed") and self.in_use:
            reason = "ICE found no path" if self.channel is None else "Connection lost"
            self._session.link_failed(self, reason)

    def candidate(self, side: str, candidate: str) -> None:
        self._publish(ev.IceCandidate(session_id=self._session.id, side=side, candidate=candidate))

    def pair_selected(self, pair: CandidatePair) -> None:
        self._publish(ev.IcePairSelected(session_id=self._session.id, pair=pair))

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
            self._session.link_failed(self, f"The guest did not connect within {seconds:.0f} s")

    def _publish(self, event: ev.SessionEvent) -> None:
        if self.in_use:
            self._owner.events.publish(event)
