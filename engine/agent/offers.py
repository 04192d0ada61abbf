"""``webrtc:offer``: from a validated offer to an answer, or to an error that says why.

An offer goes three steps: *decide* whether its guest may have what it asks for, *open* a
session or *resume* one, and *answer*. A step that fails ends the offer; the attempt that was
made for it, if any, is dropped, and nothing else.

Owns that order and the one reply of each offer. Does not own the decision
(engine.access.decide) or the session afterwards. Never raises: every offer is answered.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from engine.access.admission import look_up
from engine.access.authentication import Authenticator, Offerer, guest_of
from engine.access.decide import Action, Allow, Resource, Subject, decide, require
from engine.access.links import Links
from engine.agent.candidates import HeldCandidates
from engine.agent.repetitions import Repetitions, Work
from engine.core import events as ev
from engine.core.errors import AccessDeniedError, HatchwayError, OfferReplacedError
from engine.core.model import Size, Target
from engine.sessions.guest_connection import Early, GuestConnection
from engine.sessions.manager import WebRTCSessionManager
from engine.sessions.session import Session
from engine.transport import sdp as sdp_text
from engine.transport.ice_servers import require_turn
from engine.wire import signaling as wire
from engine.wire.proof import answer_proof, short_code

logger = logging.getLogger(__name__)

NEGOTIATION_SECONDS = 20.0
"""How long describing, gathering and answering may take; STUN alone may take 5 s."""

Answer = dict[str, str]
"""The fields of the reply that are the answer's: ``sdp``, and ``proof`` where the offer had one."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """An offer whose guest may have what it asks for. ``session``: the one it returns to."""

    offer: wire.Offer
    offerer: Offerer
    allow: Allow
    fingerprint: str
    size: Size
    session: Session | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A session that is there, and the connection that answers the offer."""

    session: Session
    connection: GuestConnection


class OfferHandler:
    """Called with the raw payload; returns the acknowledgement. close() at the end."""

    def __init__(
        self,
        manager: WebRTCSessionManager,
        find_target: Callable[[str], Target],
        authenticator: Authenticator,
        links: Links,
        held: HeldCandidates,
    ) -> None:
        self._manager = manager
        self._find_target = find_target
        self._authenticator = authenticator
        self._links = links
        self._held = held
        self._replies: Repetitions[Answer] = Repetitions()

    async def __call__(self, payload: object) -> dict[str, Any]:
        try:
            offer = wire.parse(wire.Offer, payload)
            answer = await self._reply(offer)
        except HatchwayError as error:
            return wire.failure(wire.OFFER, payload, error)
        return wire.success(wire.OFFER, offer, sdp_type="answer", **answer)

    async def close(self) -> None:
        """Answer nothing any more; what is under way gets an error."""
        await self._replies.close()

    async def _reply(self, offer: wire.Offer) -> Answer:
        """The same offer again, such as after a relay that lost the first reply, gets the same
        answer or the same error, also while the first is still being worked on."""

        async def do(work: Work[Answer]) -> Answer:
            try:
                await self._manager.paths_known()
                return await self._take(offer, work)
            except HatchwayError as error:
                self._report_refusal(offer, error)
                raise

        return await self._replies.once(_key(offer), do, f"offer of {offer.session_id}")

    async def _take(self, offer: wire.Offer, work: Work[Answer]) -> Answer:
        # Nothing waits before the answer: offers of one session are taken up one after another,
        # in the order in which they came.
        admitted = self._decide(offer, work)
        session = admitted.session
        attempt = self._open(admitted) if session is None else self._resume(session)
        work.changed_something()
        work.holds_while(lambda: self._manager.get_session(attempt.session.id) is attempt.session)
        try:
            return await self._answer(admitted, attempt)
        except BaseException as error:
            reason = str(error) if isinstance(error, HatchwayError) else "The offer failed"
            await self._manager.attempt_failed(attempt.session, attempt.connection, reason)
            raise

    def _decide(self, offer: wire.Offer, work: Work[Answer]) -> Admitted:
        session = self._manager.get_session(offer.session_id)
        action = Action.OPEN if session is None else Action.RETURN
        resource = Resource(
            offer.device_id,
            look_up(self._find_target, offer.device_id),
            session.facts() if session is not None else None,
            self._manager.usage(offer.guest_address or ""),
        )
        if resource.target is None:
            # Nobody has what is not there: neither its SDP nor its proof needs to be read.
            require(decide(Subject(), action, resource))
        fingerprint = sdp_text.fingerprint(offer.sdp)
        sdp_text.require_data_channel_only(offer.sdp)
        # Before a nonce is used: without a path this offer changes nothing.
        require_turn(self._manager.ice)
        offerer = self._authenticator.identify(offer, fingerprint)
        if offerer.secret is not None:
            work.changed_something()
        subject = offerer.subject
        if session is not None:
            subject = replace(subject, token=session.check_token(offer.resume))
        allow = require(decide(subject, action, resource))
        return Admitted(offer, offerer, allow, fingerprint, _size(offer), session)

    def _open(self, admitted: Admitted) -> Attempt:
        offer, offerer, allow = admitted.offer, admitted.offerer, admitted.allow
        self._manager.create_session(
            offer.session_id,
            offer.device_id,
            guest=offerer.guest,
            role=allow.role,
            approval=allow.approval,
        )
        if offerer.subject.link is not None:
            self._links.use(offerer.subject.link.id, offer.session_id)
        session = self._manager.require_session(offer.session_id)
        return Attempt(session, session.offered())

    def _resume(self, session: Session) -> Attempt:
        return Attempt(session, session.begin_attempt())

    async def _answer(self, admitted: Admitted, attempt: Attempt) -> Answer:
        offer, secret = admitted.offer, admitted.offerer.secret
        connection, session_id = attempt.connection, attempt.session.id

        def early(ufrag: str) -> Iterator[Early]:
            return iter(self._held.release(session_id, ufrag))

        try:
            async with asyncio.timeout(NEGOTIATION_SECONDS):
                sdp = await connection.answer(offer.sdp, admitted.size, early)
        except TimeoutError:
            raise HatchwayError("The offer could not be answered in time") from None
        if not connection.in_use:
            raise OfferReplacedError("The session ended before its offer was answered")
        answer = {"sdp": sdp}
        own = sdp_text.fingerprint(sdp)
        connection.show_code(short_code(secret, session_id, own, admitted.fingerprint))
        if secret is not None and offer.proof is not None:
            answer["proof"] = answer_proof(
                secret, session_id, own, admitted.fingerprint, offer.proof.nonce
            )
        return answer

    def _report_refusal(self, offer: wire.Offer, error: HatchwayError) -> None:
        """A refused guest leaves no session: the host learns of it all the same."""
        level = logging.WARNING if isinstance(error, AccessDeniedError) else logging.INFO
        logger.log(level, "Refused an offer for %s: %s", offer.device_id, error)
        share = offer.proof.share if offer.proof else ""
        self._manager.events.publish(
            ev.OfferRefused(
                session_id=offer.session_id,
                device_id=offer.device_id,
                guest=guest_of(offer, share),
                code=error.code,
                text=str(error),
            )
        )


def _key(offer: wire.Offer) -> bytes:
    """The same for an offer and its repetition: not what the relay stamps on each."""
    bare = msgspec.structs.replace(
        offer, correlation_id=None, guest_name=None, guest_address=None, guest_browser=None
    )
    # Not as JSON: half a surrogate pair in an id has no UTF-8, and its repr has.
    return hashlib.sha256(repr(bare).encode()).digest()


def _size(offer: wire.Offer) -> Size:
    default = Size()
    return Size(offer.cols or default.cols, offer.rows or default.rows)
