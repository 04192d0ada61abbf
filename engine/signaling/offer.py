"""``webrtc:offer``: from a validated offer to an answer, or to an error that says why.

Owns the order of questions: is the target there, may this guest have it, is the
session new, the same again, or returning. Does not own the session afterwards.
Never raises: every offer is answered.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from engine import events as ev
from engine import rtc
from engine.errors import (
    AccessDeniedError,
    BadRequestError,
    HatchwayError,
    SessionExistsError,
    TargetNotRunningError,
)
from engine.model import Size, Target, TargetState
from engine.policy import Admission, Policy, guest_of
from engine.sessions.manager import WebRTCSessionManager
from engine.sessions.session import Session
from engine.sessions.state import SessionState
from engine.wire import signaling as wire
from engine.wire.proof import answer_proof, short_code

logger = logging.getLogger(__name__)

NEGOTIATION_SECONDS = 20.0
"""How long describing, gathering and answering may take; STUN alone may take 5 s."""


class OfferHandler:
    """Called with the raw payload; returns the acknowledgement."""

    def __init__(
        self,
        manager: WebRTCSessionManager,
        find_target: Callable[[str], Target],
        policy: Policy,
        held: HeldCandidates,
    ) -> None:
        self._manager = manager
        self._find_target = find_target
        self._policy = policy
        self._held = held

    async def __call__(self, payload: object) -> dict[str, Any]:
        try:
            offer = wire.parse(wire.Offer, payload)
        except HatchwayError as error:
            return wire.failure(wire.OFFER, payload, error)
        try:
            answer = await self._answer(offer)
        except HatchwayError as error:
            self._tell_host(offer, error)
            return wire.failure(wire.OFFER, payload, error)
        return wire.success(wire.OFFER, offer, sdp_type="answer", **answer)

    async def _answer(self, offer: wire.Offer) -> dict[str, str]:
        session = self._manager.get_session(offer.session_id)
        if session is not None and session.offer_sdp == offer.sdp and session.answer is not None:
            # The same offer again, after a relay that lost the first reply.
            return await asyncio.shield(session.answer)
        target = self._find_target(offer.device_id)
        fingerprint = rtc.fingerprint(offer.sdp)
        rtc.require_data_channel_only(offer.sdp)
        size = _size(offer)
        admission = self._policy.admit(offer, target, fingerprint, returning=session is not None)
        if target.state is not TargetState.RUNNING:
            raise TargetNotRunningError(f"{target.id} is {target.state}; start it first")
        if session is None:
            self._manager.create_session(
                offer.session_id, offer.device_id, guest=admission.guest, role=admission.role
            )
            session = self._manager.require_session(offer.session_id)
            session.needs_approval = admission.approval
        else:
            await self._take_up(session, offer, admission)
        session.size = size
        session.offer_sdp = offer.sdp
        session.answer = asyncio.get_running_loop().create_future()
        try:
            answer = await self._negotiate(session, offer, admission, fingerprint)
        except HatchwayError as error:
            # Nobody may be waiting for a copy of this answer: that is no mistake.
            session.answer.cancel()
            await self._manager.close_session(session.id, str(error))
            raise
        except BaseException:
            session.answer.cancel()
            self._manager.end_soon(session.id, "The offer could not be answered")
            raise
        session.answer.set_result(answer)
        return answer

    async def _take_up(self, session: Session, offer: wire.Offer, admission: Admission) -> None:
        """A guest returns to its session, or somebody tries the id of another's."""
        if offer.resume is None:
            raise SessionExistsError(f"Session {session.id} exists already")
        session.check_resume(offer.resume)
        if session.guest.share != admission.guest.share:
            raise AccessDeniedError("The session was opened with another link")
        if session.device_id != offer.device_id:
            raise BadRequestError("Field 'device_id' is not the one this session has")
        if session.current_state() is SessionState.CLOSED:
            raise SessionExistsError(f"Session {session.id} is being closed")
        if session.current_state() is SessionState.CONNECTED:
            self._manager.update_session_state(session.id, SessionState.DISCONNECTED)
        await session.new_link()

    async def _negotiate(
        self, session: Session, offer: wire.Offer, admission: Admission, fingerprint: str
    ) -> dict[str, str]:
        self._manager.update_session_state(session.id, SessionState.CONNECTING)
        pc = session.pc
        try:
            async with asyncio.timeout(NEGOTIATION_SECONDS):
                sdp = await pc.answer_offer(offer.sdp)
                for candidate in self._held.release(session.id):
                    await pc.add_candidate(*candidate)
        except TimeoutError:
            raise HatchwayError("The offer could not be answered in time") from None
        answer = {"sdp": sdp}
        own = rtc.fingerprint(sdp)
        session.code = short_code(admission.secret, session.id, own, fingerprint)
        if admission.secret is not None and offer.proof is not None:
            answer["proof"] = answer_proof(
                admission.secret, session.id, own, fingerprint, offer.proof.nonce
            )
        return answer

    def _tell_host(self, offer: wire.Offer, error: HatchwayError) -> None:
        """A refused guest leaves no session: the host hears of it all the same."""
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


def _size(offer: wire.Offer) -> Size:
    default = Size()
    return Size(offer.cols or default.cols, offer.rows or default.rows)


class HeldCandidates:
    """Candidates that came before their offer was applied.

    Bounded: MAX_SESSIONS sessions, MAX_PER_SESSION each; the oldest session goes first.
    """

    MAX_SESSIONS = 256
    MAX_PER_SESSION = rtc.MAX_CANDIDATES

    def __init__(self) -> None:
        self._held: dict[str, list[tuple[str | None, str | None, int | None]]] = {}

    def hold(self, message: wire.Ice) -> None:
        waiting = self._held.setdefault(message.session_id, [])
        if len(waiting) < self.MAX_PER_SESSION:
            waiting.append((message.candidate, message.sdp_mid, message.sdp_mline_index))
        while len(self._held) > self.MAX_SESSIONS:
            del self._held[next(iter(self._held))]

    def release(self, session_id: str) -> list[tuple[str | None, str | None, int | None]]:
        return self._held.pop(session_id, [])
