"""``webrtc:offer``: from an offer to exactly one reply, an answer or an error.

There are three steps: *decide* whether the guest may have what it requests, *open* a session
or *resume* one, and *answer*. A guest opens a session for a new shell, for a running one that its
link joins, or to come back to its place in a shell from elsewhere. If a step fails, only the
attempt made for this offer, if any, is dropped. Never raises: every offer is answered.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from engine.access.admission import look_up
from engine.access.authentication import Authenticator, Offerer, guest_of
from engine.access.decide import Action, Allow, Resource, Subject, Token, decide, require
from engine.access.links import Links
from engine.access.returns import Place
from engine.agent.candidates import HeldCandidates
from engine.agent.repetitions import Repetitions, Work
from engine.core import events as ev
from engine.core.errors import (
    AccessDeniedError,
    HatchwayError,
    OfferSupersededError,
    ShellEndedError,
)
from engine.core.model import Size, Target
from engine.core.token_bucket import TokenBucket
from engine.sessions.guest_connection import EarlyCandidate, GuestConnection
from engine.sessions.manager import WebRTCSessionManager
from engine.sessions.session import Session
from engine.transport import sdp as sdp_text
from engine.transport.ice_servers import require_turn
from engine.wire import signaling as wire
from engine.wire.proof import NONCE_BYTES, answer_proof, committed_code, short_code

logger = logging.getLogger(__name__)

REPORTS_PER_SECOND, REPORTS_AT_ONCE = 1.0, 10.0
"""Reports of refused offers; refusals in between are counted."""
NEGOTIATION_SECONDS = 20.0
"""For applying the offer, gathering and answering; STUN alone may take 5 s."""

Answer = dict[str, str]
"""The answer's fields of the reply: ``sdp``, ``proof`` if the offer had one, and ``code_nonce``
if it had ``commit``."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """An offer that was allowed. ``session``: the one it returns to, if any; ``before``: the one
    whose participant the new session becomes; ``shell``: the running shell that it joins."""

    offer: wire.Offer
    offerer: Offerer
    allow: Allow
    fingerprint: str
    size: Size
    session: Session | None
    before: Session | None = None
    shell: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A session, and its connection that answers the offer."""

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
        self._unreported = 0
        self._reports = TokenBucket(REPORTS_PER_SECOND, REPORTS_AT_ONCE)

    async def __call__(self, payload: object) -> dict[str, Any]:
        try:
            offer = wire.parse(wire.Offer, payload)
            answer = await self._reply(offer)
        except HatchwayError as error:
            return wire.failure(wire.OFFER, payload, error)
        return wire.success(wire.OFFER, offer, sdp_type="answer", **answer)

    async def close(self) -> None:
        """Answer no offers any more; those under way get an error."""
        await self._replies.close()

    async def _reply(self, offer: wire.Offer) -> Answer:
        """The reply to an offer. A repeated one (a relay may lose the first reply) gets the same
        answer or error, even while the first is still being worked on."""

        async def do(work: Work[Answer]) -> Answer:
            try:
                await self._manager.paths_known()
                # Whoever comes back at once does not meet the end of its own session.
                await self._manager.settled(offer.session_id)
                return await self._handle(offer, work)
            except HatchwayError as error:
                self._report_refusal(offer, error)
                raise

        return await self._replies.once(_key(offer), do, f"offer of {offer.session_id}")

    async def _handle(self, offer: wire.Offer, work: Work[Answer]) -> Answer:
        # No await before _answer(): offers of one session are handled in the order in which
        # they came.
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
        target = look_up(self._find_target, offer.device_id)
        usage = self._manager.usage(offer.guest_address or "")
        if session is None and not offer.resume and not offer.proof and target is None:
            # Refused at once, without reading the SDP.
            require(decide(Subject(), Action.OPEN, Resource(offer.device_id)))
        fingerprint = sdp_text.fingerprint(offer.sdp)
        sdp_text.require_data_channel_only(offer.sdp)
        # Before a nonce is used: without a usable path this offer changes nothing.
        require_turn(self._manager.ice)
        offerer = self._authenticator.identify(offer, fingerprint)
        if offerer.secret is not None:
            work.changed_something()
        size = _size(offer)
        resource = Resource(offer.device_id, target, usage=usage)
        if session is not None:
            subject = replace(offerer.subject, token=session.check_token(offer.resume))
            resource = replace(resource, session=session.facts())
            allow = require(decide(subject, Action.RETURN, resource))
            return Admitted(offer, offerer, allow, fingerprint, size, session)
        if (place := self._manager.returns.find(offer.resume)) is not None:
            return self._come_back(offer, offerer, place, resource, fingerprint)
        link = offerer.subject.link
        if link is not None and link.shell:
            resource = replace(resource, shell=self._manager.shell_facts(link.shell))
            allow = require(decide(offerer.subject, Action.JOIN, resource))
            return Admitted(offer, offerer, allow, fingerprint, size, None, shell=link.shell)
        allow = require(decide(offerer.subject, Action.OPEN, resource))
        return Admitted(offer, offerer, allow, fingerprint, size, None)

    def _come_back(
        self,
        offer: wire.Offer,
        offerer: Offerer,
        place: Place,
        resource: Resource,
        fingerprint: str,
    ) -> Admitted:
        """By the token of a participant, with a session id that is not in use."""
        displaced = self._manager.returns.was_displaced(offer.session_id) and not offer.again
        subject = replace(offerer.subject, token=Token.RIGHT, displaced=displaced)
        resource = replace(
            resource,
            shell=self._manager.shell_facts(place.shell_id),
            participant=place.facts(),
        )
        allow = require(decide(subject, Action.RESUME, resource))
        before = self._manager.session_at(place)
        if before is None:
            raise ShellEndedError
        return Admitted(offer, offerer, allow, fingerprint, _size(offer), None, before)

    def _open(self, admitted: Admitted) -> Attempt:
        offer, offerer, allow = admitted.offer, admitted.offerer, admitted.allow
        self._manager.create_session(
            offer.session_id,
            offer.device_id,
            guest=offerer.guest,
            role=allow.role,
            approval=allow.approval,
            shell=admitted.shell,
            successor_of=admitted.before,
        )
        # Who comes back uses no link.
        if offerer.subject.link is not None and admitted.before is None:
            self._links.use(offerer.subject.link.id, offer.session_id)
        session = self._manager.require_session(offer.session_id)
        return Attempt(session, session.offered())

    def _resume(self, session: Session) -> Attempt:
        return Attempt(session, session.begin_attempt())

    async def _answer(self, admitted: Admitted, attempt: Attempt) -> Answer:
        offer, secret = admitted.offer, admitted.offerer.secret
        connection, session_id = attempt.connection, attempt.session.id

        def early(ufrag: str) -> Iterator[EarlyCandidate]:
            return iter(self._held.release(session_id, ufrag))

        try:
            async with asyncio.timeout(NEGOTIATION_SECONDS):
                sdp = await connection.answer(offer.sdp, admitted.size, early)
        except TimeoutError:
            raise HatchwayError("The offer could not be answered in time") from None
        if not connection.in_use:
            raise OfferSupersededError("The session ended before its offer was answered")
        answer = {"sdp": sdp}
        own = sdp_text.fingerprint(sdp)
        ends = own, admitted.fingerprint
        if secret is not None:
            connection.show_code(short_code(secret, session_id, *ends))
        elif offer.commit is not None:
            nonce = answer["code_nonce"] = secrets.token_hex(NONCE_BYTES)
            connection.awaits_reveal(
                offer.commit, lambda revealed: committed_code(session_id, *ends, revealed, nonce)
            )
        if secret is not None and offer.proof is not None:
            answer["proof"] = answer_proof(secret, session_id, *ends, offer.proof.nonce)
        return answer

    def _report_refusal(self, offer: wire.Offer, error: HatchwayError) -> None:
        """Log and publish a refused offer, of which the host sees no session.

        Anybody can cause refusals at any rate: beyond a few, one a second is reported.
        """
        self._unreported += 1
        if not self._reports.take():
            return
        count, self._unreported = self._unreported, 0
        more = f" ({count - 1} more since the last report)" if count > 1 else ""
        level = logging.WARNING if isinstance(error, AccessDeniedError) else logging.INFO
        logger.log(level, "Refused an offer for %s: %s%s", offer.device_id, error, more)
        share = offer.proof.share if offer.proof else ""
        self._manager.events.publish(
            ev.OfferRefused(
                session_id=offer.session_id,
                device_id=offer.device_id,
                guest=guest_of(offer, share),
                code=error.code,
                text=str(error),
                count=count,
            )
        )


def _key(offer: wire.Offer) -> bytes:
    """Equal for an offer and its repetition: without the fields the relay sets."""
    bare = msgspec.structs.replace(
        offer, correlation_id=None, guest_name=None, guest_address=None, guest_browser=None
    )
    # Not JSON: an unpaired surrogate in an id has no UTF-8, but its repr has.
    return hashlib.sha256(repr(bare).encode()).digest()


def _size(offer: wire.Offer) -> Size:
    default = Size()
    return Size(offer.cols or default.cols, offer.rows or default.rows)
