"""Consent freshness (RFC 7675) for any number of peers at little cost.

Decides when a peer is sent a request, what counts as a sign of life, and when the peer is
given up; sends and recognizes requests and responses that only repeat earlier ones. The
first ones are parsed and answered by aioice, which also makes all other checks (ice).
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections import deque
from typing import TYPE_CHECKING, Protocol

from aioice.stun import Class, parse_message

from engine.transport.tuning.repeated import Repeated

if TYPE_CHECKING:
    from aioice.ice import CandidatePair, StunProtocol
    from aioice.stun import Message

logger = logging.getLogger(__name__)

CONSENT_FAILURES = 2
CONSENT_INTERVAL_SECONDS = 2
CONSENT_SECONDS = CONSENT_FAILURES * CONSENT_INTERVAL_SECONDS
"""A peer that is silent for so long in spite of requests is gone (RFC 7675: within 30 s)."""
BEATS = 4
"""Requests leave at one of so many moments of the interval, the same for all peers: one by
one they would wake an idle app a hundred times a second for 200 peers."""
AGAIN = (1, 3)
"""Beats after which a request is repeated, 0.5 s and 1.5 s: at 10 % loss, single requests
would end a good connection within minutes."""
ANSWERABLE = 2
"""Responses to so many of the last requests count: a round trip can outlast an interval."""
TRANSACTION_ID = slice(8, 20)


class Beats:
    """The moments shared by all connections of a loop: one timer for them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._members: set[Consent] = set()
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def join(cls, member: Consent) -> Beats:
        """Have ``member.beat()`` called from now on, until it leaves."""
        loop = asyncio.get_running_loop()
        beats = _beats.get(loop) or _beats.setdefault(loop, cls(loop))
        beats._members.add(member)
        if beats._timer is None:
            beats._plan()
        return beats

    @classmethod
    def running(cls) -> bool:
        """Whether the running loop has members."""
        return asyncio.get_running_loop() in _beats

    def leave(self, member: Consent) -> None:
        self._members.discard(member)
        if not self._members and self._timer is not None:
            self._timer.cancel()
            self._timer = None
            del _beats[self._loop]

    def number(self, now: float) -> int:
        return round(now * BEATS / CONSENT_INTERVAL_SECONDS)

    def _plan(self) -> None:
        following = self.number(self._loop.time()) + 1
        self._timer = self._loop.call_at(following * CONSENT_INTERVAL_SECONDS / BEATS, self._ring)

    def _ring(self) -> None:
        self._plan()
        now = self._loop.time()
        number = self.number(now)
        for member in tuple(self._members):
            try:
                member.beat(number, now)
            except Exception:  # one peer's; the others still get their request
                logger.exception("A peer could not be sent a consent request")


_beats: dict[asyncio.AbstractEventLoop, Beats] = {}
"""Of each loop with members."""


def next_question(beat: int) -> int:
    """The beat of the one after: RFC 7675's 0.8 to 1.2 intervals, to the nearest beat."""
    return round(beat + BEATS * random.uniform(0.8, 1.2))


class CheckedConnection(Protocol):
    """What consent needs of an ICE connection: names of aioice, and the selected pair."""

    @property
    def local_password(self) -> str: ...
    @property
    def remote_password(self) -> str | None: ...
    def build_request(self, pair: CandidatePair, nominate: bool) -> Message: ...
    def selected(self) -> CandidatePair | None: ...


class Consent:
    """One connection's consent, requested and given over its selected pair."""

    def __init__(self, connection: CheckedConnection) -> None:
        self.heard_at = 0.0
        """When the peer's last sign of life arrived, in seconds of the loop's clock."""
        self._connection = connection
        self._lost: asyncio.Future[None] | None = None
        self._due = 0  # the beat of the next question
        self._unanswered: list[float] = []
        self._asked = b""  # the last question, until it is answered
        self._asked_beat = 0
        self._asked_ids: deque[bytes] = deque(maxlen=ANSWERABLE)
        self.forget()

    @property
    def is_waiting(self) -> bool:
        """A request is out, and no response has come."""
        return bool(self._asked)

    @property
    def knows_responses(self) -> bool:
        """A response has been parsed: those like it are recognized by their bytes."""
        return self._answer is not None

    def forget(self) -> None:
        """Forget what was learned: it holds for one pair in one role (RFC 8445 section 7.3.1.1)."""
        self._pair: CandidatePair | None = None
        self._address: tuple[str, int] = ("", 0)
        self._question: Repeated | None = None
        self._answer: Repeated | None = None
        self._their_question: Repeated | None = None
        self._our_answer: Repeated | None = None

    def heard(self) -> None:
        """Something arrived that only the peer can have sent."""
        self.heard_at = asyncio.get_running_loop().time()

    async def lost(self) -> None:
        """Send a request each CONSENT_INTERVAL_SECONDS; return after CONSENT_SECONDS without a
        sign of life and CONSENT_FAILURES requests.

        Data that decrypts counts as well, and so does a request that only the peer can sign.
        """
        loop = asyncio.get_running_loop()
        self.heard_at = loop.time()
        self._unanswered = []
        self._lost = loop.create_future()
        beats = Beats.join(self)
        self._due = next_question(beats.number(self.heard_at))
        try:
            await self._lost
        finally:
            beats.leave(self)

    def beat(self, number: int, now: float) -> None:
        """Send a request, repeat it, or give up, if it is time."""
        if number < self._due:
            if self._asked and number - self._asked_beat in AGAIN:
                self._send(self._asked)
            return
        self._due = next_question(number)
        silence = now - self.heard_at
        self._unanswered = [asked_at for asked_at in self._unanswered if asked_at > self.heard_at]
        if silence > CONSENT_SECONDS and len(self._unanswered) >= CONSENT_FAILURES:
            if self._lost is not None and not self._lost.done():
                self._lost.set_result(None)
            return
        if silence < CONSENT_INTERVAL_SECONDS / 2:
            self._asked = b""
            return  # no need: the peer is sending
        self._unanswered.append(now)
        self._asked_beat = number
        self.ask()

    def ask(self) -> None:
        """Send a request now; does nothing without a selected pair."""
        pair = self._selected()
        if pair is None:
            return
        if self._question is None:
            key = (self._connection.remote_password or "").encode()
            question = self._connection.build_request(pair, nominate=False)
            question.add_message_integrity(key)
            self._question = Repeated(question, key)
        transaction_id = os.urandom(12)
        self._asked_ids.append(transaction_id)
        self._asked = self._question.with_id(transaction_id)
        self._send(self._asked)

    def received(self, data: bytes, address: tuple[object, ...], protocol: StunProtocol) -> bool:
        """Process a request or response that repeats an earlier one, or the first response.
        Returns False for anything else: aioice must parse it."""
        pair = self._selected()
        if pair is None or protocol is not pair.protocol or address[:2] != self._address:
            return False
        if data[TRANSACTION_ID] in self._asked_ids:
            return self._answered(data)
        question, answer = self._their_question, self._our_answer
        if question is None or answer is None or not question.is_this(data):
            return False
        self.heard()
        protocol.transport.sendto(answer.with_id(data[TRANSACTION_ID]), self._address)
        return True

    def learn(self, question: Message, answer: Message | None) -> None:
        """``question`` arrived over the selected pair with valid integrity, and ``answer`` was sent
        after it: the same question gets the same answer from now on."""
        if (
            self._selected() is not None
            and answer is not None
            and answer.message_class == Class.RESPONSE
            and answer.transaction_id == question.transaction_id
        ):
            key = self._connection.local_password.encode()
            self._their_question, self._our_answer = Repeated(question, key), Repeated(answer, key)

    def _answered(self, data: bytes) -> bool:
        if self._answer is None or not self._answer.is_this(data):
            key = (self._connection.remote_password or "").encode()
            try:
                message = parse_message(data)
            except ValueError:
                return False
            if not message.check_message_integrity(key):
                return False
            if message.message_class != Class.RESPONSE:
                self._asked = b""  # an error response: not repeated, and no sign of life
                return True
            self._answer = Repeated(message, key)
        self._asked = b""
        self.heard()
        return True

    def _selected(self) -> CandidatePair | None:
        """The selected pair. When it is another one than before, what was learned is forgotten."""
        pair = self._connection.selected()
        if pair is not self._pair:
            self.forget()
            self._pair = pair
            if pair is not None:
                self._address = pair.remote_addr
        return pair

    def _send(self, message: bytes) -> None:
        if (pair := self._selected()) is not None:
            pair.protocol.transport.sendto(message, self._address)
