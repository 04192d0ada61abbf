"""The resume tokens: by which participants come back to their shells.

One token names one participant of one shell. It lives as long as both, not as long as a
connection, and survives the expiry of the link by which the participant came. Whether an offer
with a token comes back is decided in engine.access.decide (Action.RESUME); the token alone is
not enough. Everything is in memory: a shell ends with the program.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from engine.access.decide import Kind, ParticipantFacts, Token
from engine.core.model import Role

TOKEN_BYTES = 16
"""Random bytes of a token."""
MAX_TOKENS = 20_000
"""Tokens stored, those of ended shells and of removed participants included."""
MAX_PER_SHELL = 256
"""Tokens of one shell. Beyond both limits the oldest of those that are not in use are void."""
MAX_DISPLACED = 1000
"""Session ids of displaced connections that are remembered; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True)
class Place:
    """A participant's place in a shell: how it came, and the role that it had last.

    ``session_id``: the session that uses the token now, or used it last. ``removed``: the host
    removed the participant, or its link was revoked. ``ended``: the shell has ended.
    """

    shell_id: str
    participant_id: str
    kind: Kind
    link_id: str
    role: Role
    session_id: str
    in_use: bool = False
    removed: bool = False
    ended: bool = False

    @property
    def is_void(self) -> bool:
        return self.removed or self.ended

    def facts(self) -> ParticipantFacts:
        """For a decision on a return, where the shell has no later facts."""
        return ParticipantFacts(
            self.participant_id, self.kind, self.link_id, self.role, removed=self.removed
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    token: str = field(repr=False)
    place: Place


class Returns:
    """All resume tokens of one agent. No method awaits or raises for a token it does not know."""

    def __init__(self, make: Callable[[], str] | None = None) -> None:
        """``make`` returns a new token; tests pass their own."""
        self._make = make or _make
        # By digest: how long a look-up takes says nothing about any token.
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._keys: dict[tuple[str, str], bytes] = {}
        self._displaced: OrderedDict[str, None] = OrderedDict()

    def issue(
        self,
        shell_id: str,
        participant_id: str,
        session_id: str,
        role: Role,
        kind: Kind = Kind.GUEST,
        link_id: str = "",
    ) -> str:
        """The token of a participant, for its ``welcome``; the same one as long as it is valid.

        The session uses it from now on. ``kind``, ``link_id``: how the participant came.
        """
        key = self._keys.get((shell_id, participant_id))
        if key is not None and not self._entries[key].place.is_void:
            place = self._entries[key].place
            self._put(key, replace(place, session_id=session_id, role=role, in_use=True))
            return self._entries[key].token
        self._make_room(shell_id)
        token = self._make()
        key = _digest(token)
        place = Place(shell_id, participant_id, kind, link_id, role, session_id, in_use=True)
        self._entries[key] = _Entry(token, place)
        self._keys[shell_id, participant_id] = key
        return token

    def find(self, token: str | None) -> Place | None:
        """Where a token leads, also one that is void now; None for an unknown one.

        A void token is known for a while, so that its guest learns why it is void.
        """
        entry = self._entries.get(_digest(token)) if token else None
        return entry.place if entry is not None else None

    def check(self, token: str | None) -> Token:
        """For a decision: RIGHT for a void token, too, whose place says why it is void."""
        if not token:
            return Token.ABSENT
        return Token.RIGHT if self.find(token) is not None else Token.WRONG

    def use(self, token: str, session_id: str) -> str:
        """A session has come back by the token: call it when its channel is open, not before.

        Returns the session that it displaces, to be ended with OfferReplacedError; "" if none.
        """
        key, place = _digest(token), self.find(token)
        if place is None or place.is_void:
            return ""
        self._put(key, replace(place, session_id=session_id, in_use=True))
        self._displaced.pop(session_id, None)
        if place.session_id == session_id:
            return ""
        # Also one whose connection is lost just now: it must not take the place back by itself.
        self._displaced[place.session_id] = None
        self._displaced.move_to_end(place.session_id)
        if len(self._displaced) > MAX_DISPLACED:
            self._displaced.popitem(last=False)
        return place.session_id

    def was_displaced(self, session_id: str) -> bool:
        """Whether another session came back in place of this one since it last did."""
        return session_id in self._displaced

    def lost(self, session_id: str) -> None:
        """The session's connection is gone; its participant may come back."""
        self._change(lambda p: p.session_id == session_id, lambda p: replace(p, in_use=False))

    def set_role(self, shell_id: str, participant_id: str, role: Role) -> None:
        """The host changed the participant's role: it comes back with that one."""
        key = self._keys.get((shell_id, participant_id))
        if key is not None:
            self._put(key, replace(self._entries[key].place, role=role))

    def removed(self, shell_id: str, participant_id: str) -> None:
        """The host removed the participant, or it left for good: its token is void."""
        self._change(
            lambda p: (p.shell_id, p.participant_id) == (shell_id, participant_id), _without_way
        )

    def session_removed(self, session_id: str) -> None:
        """As removed(), for the participant that a session is."""
        self._change(lambda p: p.session_id == session_id, _without_way)

    def link_revoked(self, link_id: str) -> None:
        """The tokens of all who came by the link are void."""
        self._change(lambda p: p.link_id == link_id, _without_way)

    def shell_ended(self, shell_id: str) -> None:
        """The tokens of all participants of the shell are void."""
        self._change(
            lambda p: p.shell_id == shell_id, lambda p: replace(p, ended=True, in_use=False)
        )

    def _put(self, key: bytes, place: Place) -> None:
        """The order is that of the last change: the oldest are dropped first."""
        self._entries[key] = _Entry(self._entries[key].token, place)
        self._entries.move_to_end(key)

    def _change(self, applies: Callable[[Place], bool], change: Callable[[Place], Place]) -> None:
        for key in [key for key, entry in self._entries.items() if applies(entry.place)]:
            self._put(key, change(self._entries[key].place))

    def _make_room(self, shell_id: str) -> None:
        mine = [key for key, one in self._entries.items() if one.place.shell_id == shell_id]
        if len(mine) >= MAX_PER_SHELL:
            self._drop_oldest(mine)
        if len(self._entries) >= MAX_TOKENS:
            self._drop_oldest(self._entries)

    def _drop_oldest(self, keys: Iterable[bytes]) -> None:
        places = ((key, self._entries[key].place) for key in keys)
        unused = [(not place.is_void, key) for key, place in places if not place.in_use]
        if not unused:
            return
        key = min(unused, key=lambda pair: pair[0])[1]
        place = self._entries.pop(key).place
        if self._keys.get((place.shell_id, place.participant_id)) == key:
            del self._keys[place.shell_id, place.participant_id]


def _without_way(place: Place) -> Place:
    return replace(place, removed=True, in_use=False)


def _make() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
