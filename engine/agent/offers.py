"""``webrtc:offer``: from a validated offer to an answer, or to an error that says why.

Owns the order of questions: is the target there, may this guest have it, is the
session new, the same again, or returning; and that each offer is worked on once.
Does not own the session afterwards. Never raises: every offer is answered.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from engine.access.policy import Admission, Policy, guest_of
from engine.core import events as ev
from engine.core.errors import (
    AccessDeniedError,
    BadRequestError,
    HatchwayError,
    HostStoppedError,
    OfferReplacedError,
    SessionExistsError,
    TargetNotRunningError,
)
from engine.core.model import Size, Target, TargetState
from engine.core.session_state import SessionState
from engine.sessions.link import Early, Link
from engine.sessions.manager import WebRTCSessionManager
from engine.sessions.session import Session
from engine.transport import connection as rtc
from engine.transport import sdp as sdp_text
from engine.transport.ice_servers import require_turn
from engine.wire import signaling as wire
from engine.wire.proof import answer_proof, short_code

logger = logging.getLogger(__name__)

NEGOTIATION_SECONDS = 20.0
"""How long describing, gathering and answering may take; STUN alone may take 5 s."""
REPEAT_SECONDS = 20.0
"""How long the error of an offer that changed something is kept for its repetition."""
MAX_REPLIES = 512
"""Replies kept for repetitions; the oldest go first."""


@dataclass(slots=True, eq=False)
class _Work:
    """What is done for one offer, however often it comes."""

    task: asyncio.Task[dict[str, str]] | None = None
    session: Session | None = None
    """The session that was answered."""
    spent: bool = False
    """It used up a nonce, or made a connection: doing it again would not be the same."""
    done_at: float = 0.0


class OfferHandler:
    """Called with the raw payload; returns the acknowledgement. close() at the end."""

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
        self._work: OrderedDict[bytes, _Work] = OrderedDict()
        self._closed = False

    async def __call__(self, payload: object) -> dict[str, Any]:
        try:
            offer = wire.parse(wire.Offer, payload)
            answer = await self._once(offer)
        except HatchwayError as error:
            return wire.failure(wire.OFFER, payload, error)
        return wire.success(wire.OFFER, offer, sdp_type="answer", **answer)

    async def close(self) -> None:
        """Answer nothing any more; what is under way gets an error."""
        self._closed = True
        tasks = [work.task for work in self._work.values() if work.task and not work.task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _once(self, offer: wire.Offer) -> dict[str, str]:
        """The same offer again, such as after a relay that lost the first reply, gets the same
        answer or the same error, also while the first is still being worked on."""
        if self._closed:
            raise HostStoppedError()
        self._forget()
        key = _identity(offer)
        work = self._work.get(key)
        if work is None or work.task is None:
            work = self._work[key] = _Work()
            work.task = asyncio.create_task(
                self._answer(offer, work), name=f"offer of {offer.session_id}"
            )
        # A caller that is cancelled takes the answer from nobody else.
        await asyncio.wait([work.task])
        if work.task.cancelled():
            raise HostStoppedError()
        return work.task.result()

    def _forget(self) -> None:
        now = asyncio.get_running_loop().time()
        for key, work in tuple(self._work.items()):
            if work.task is None or not work.task.done():
                continue
            if work.task.cancelled() or work.task.exception() is not None:
                kept = work.spent and now - work.done_at < REPEAT_SECONDS
            else:
                session = work.session
                kept = session is not None and self._manager.get_session(session.id) is session
            if not kept or len(self._work) > MAX_REPLIES:
                del self._work[key]

    async def _answer(self, offer: wire.Offer, work: _Work) -> dict[str, str]:
        try:
            await self._manager.paths_known()
            return await self._admit(offer, work)
        except HatchwayError as error:
            self._tell_host(offer, error)
            raise
        finally:
            work.done_at = asyncio.get_running_loop().time()

    async def _admit(self, offer: wire.Offer, work: _Work) -> dict[str, str]:
        """Up to the link that is to be answered nothing waits: offers of one session are taken
        up one after another, in the order in which they came."""
        target = self._find_target(offer.device_id)
        fingerprint = sdp_text.fingerprint(offer.sdp)
        sdp_text.require_data_channel_only(offer.sdp)
        size = _size(offer)
        # Before anything is counted or ended: without a path this offer changes nothing.
        require_turn(self._manager.ice)
        session = self._manager.get_session(offer.session_id)
        admission = self._policy.admit(offer, target, fingerprint, returning=session is not None)
        work.spent = offer.proof is not None
        if session is None:
            session = self._open(offer, target, admission)
            link, failed = session.link, self._close_new
        else:
            _require_running(target)
            _check_return(session, offer, admission)
            link, failed = session.begin_attempt(), self._drop_attempt
        work.spent, work.session = True, session
        try:
            return await self._negotiate(session, link, offer, admission, fingerprint, size)
        except BaseException as error:
            reason = str(error) if isinstance(error, HatchwayError) else "The offer failed"
            await failed(session, link, reason)
            raise

    def _open(self, offer: wire.Offer, target: Target, admission: Admission) -> Session:
        try:
            _require_running(target)
            self._manager.create_session(
                offer.session_id, offer.device_id, guest=admission.guest, role=admission.role
            )
        except HatchwayError:
            self._policy.release(offer)
            raise
        session = self._manager.require_session(offer.session_id)
        session.needs_approval = admission.approval
        self._manager.update_session_state(session.id, SessionState.CONNECTING)
        return session

    async def _close_new(self, session: Session, link: Link, reason: str) -> None:
        # Its id may be another session's by now: only the one made for this offer goes.
        if self._manager.get_session(session.id) is session:
            await self._manager.close_session(session.id, reason)

    async def _drop_attempt(self, session: Session, link: Link, reason: str) -> None:
        session.attempt_failed(link, reason)

    async def _negotiate(
        self,
        session: Session,
        link: Link,
        offer: wire.Offer,
        admission: Admission,
        fingerprint: str,
        size: Size,
    ) -> dict[str, str]:
        def early(ufrag: str) -> Iterator[Early]:
            return iter(self._held.release(session.id, ufrag))

        try:
            async with asyncio.timeout(NEGOTIATION_SECONDS):
                sdp = await link.answer(offer.sdp, size, early)
        except TimeoutError:
            raise HatchwayError("The offer could not be answered in time") from None
        if not link.in_use:
            raise OfferReplacedError("The session ended before its offer was answered")
        answer = {"sdp": sdp}
        own = sdp_text.fingerprint(sdp)
        link.show_code(short_code(admission.secret, session.id, own, fingerprint))
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


def _identity(offer: wire.Offer) -> bytes:
    """The same for an offer and its repetition: not what the relay stamps on each."""
    bare = msgspec.structs.replace(
        offer, correlation_id=None, guest_name=None, guest_address=None, guest_browser=None
    )
    # Not as JSON: half a surrogate pair in an id has no UTF-8, and its repr has.
    return hashlib.sha256(repr(bare).encode()).digest()


def _require_running(target: Target) -> None:
    if target.state is not TargetState.RUNNING:
        raise TargetNotRunningError(f"{target.id} is {target.state}; start it first")


def _check_return(session: Session, offer: wire.Offer, admission: Admission) -> None:
    """A guest returns to its session, or somebody tries the id of another's."""
    if offer.resume is None:
        raise SessionExistsError(f"Session {session.id} exists already")
    session.check_resume(offer.resume)
    if session.guest.share != admission.guest.share:
        raise AccessDeniedError("The session was opened with another link")
    if session.device_id != offer.device_id:
        raise BadRequestError("Field 'device_id' is not the one this session has")
    if session.state is SessionState.CLOSED:
        raise SessionExistsError(f"Session {session.id} is being closed")


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
        self._held: dict[str, list[Early]] = {}

    def hold(self, message: wire.Ice) -> None:
        waiting = self._held.setdefault(message.session_id, [])
        if len(waiting) < self.MAX_PER_SESSION:
            waiting.append((message.candidate, message.sdp_mid, message.sdp_mline_index))
        while len(self._held) > self.MAX_SESSIONS:
            del self._held[next(iter(self._held))]

    def release(self, session_id: str, ufrag: str = "") -> list[Early]:
        """What came for the offer with this ICE user fragment; candidates that name another
        one belong to another connection of the session and are dropped."""
        held = self._held.pop(session_id, [])
        return [one for one in held if not ufrag or sdp_text.ice_ufrag(one[0] or "") in ("", ufrag)]
