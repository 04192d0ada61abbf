"""Who may type into a shell: the lease of its keyboard.

The keyboard is *open* (every controller types), *taken* (one participant types) or *frozen* (no
guest types). A lease lies on top of open or frozen: when it ends, keyboard and roles are what they
were before it. No I/O; times are seconds of a monotonic clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from engine.core.model import Asked, KeyboardState, KeyboardView, ParticipantKind, Role

ASK_SECONDS = 30.0
"""Between two requests of one participant."""
LOST_SECONDS = 30.0
"""How long a holder whose connection was lost keeps the keyboard."""


@dataclass(frozen=True, slots=True)
class _Person:
    """``role`` is its own, without the lease. ``lost_at``: when its connection was lost."""

    role: Role
    is_host: bool
    asked: Asked = Asked.NO
    may_ask_at: float = -math.inf
    lost_at: float | None = None


class Keyboard:
    """The keyboard of one shell and the participants who share it.

    All methods that change something return whether a participant can see a difference: state,
    holder, a role, a request, or who is here. Those that name somebody who is no participant
    (any more) change nothing.

    The host is a participant like others, but need not ask. The acts of the host are ``take``,
    ``grant``, ``deny``, ``freeze``, ``thaw`` and ``set_role``; the caller checks who calls them.
    """

    def __init__(self) -> None:
        self._people: dict[str, _Person] = {}
        self._holder = ""
        self._frozen = False
        # The host's key took the frozen keyboard, so thawing it ends that lease as well.
        self._until_thaw = False

    @property
    def state(self) -> KeyboardState:
        if self._holder:
            return KeyboardState.TAKEN
        return KeyboardState.FROZEN if self._frozen else KeyboardState.OPEN

    @property
    def holder(self) -> str:
        """The participant who has taken it; "" for nobody."""
        return self._holder

    @property
    def frozen(self) -> bool:
        """Whether it is frozen, or will be when the present lease ends."""
        return self._frozen

    def role(self, who: str) -> Role:
        """The role that counts now: a viewer is a controller while it holds the keyboard."""
        if who and who == self._holder:
            return Role.CONTROL
        person = self._people.get(who)
        return Role.VIEW if person is None else person.role

    def may_type(self, who: str) -> bool:
        """Whether input of ``who`` is accepted now.

        All the host's participants are one person: any of them may type while one has the
        keyboard, or while it is frozen. ``typed()`` moves the lease to the one that did.
        """
        person = self._people.get(who)
        if person is None:
            return False
        if self._holder:
            return who == self._holder or (person.is_host and self._people[self._holder].is_host)
        return person.is_host or (person.role is Role.CONTROL and not self._frozen)

    def view(self, who: str, now: float) -> KeyboardView:
        """What ``who`` is told."""
        person = self._people.get(who)
        if person is None:
            return KeyboardView(self.state, self._holder)
        wait = max(0.0, person.may_ask_at - now)
        return KeyboardView(self.state, self._holder, person.asked, math.ceil(wait))

    def asking(self) -> list[str]:
        """Those who are here and wait for the keyboard, the longest attached first."""
        return [
            who
            for who, person in self._people.items()
            if person.asked is Asked.WAITING and person.lost_at is None
        ]

    # -- participants come and go

    def join(self, who: str, role: Role, kind: ParticipantKind) -> None:
        """Raises ValueError if ``who`` is empty or a participant already."""
        if not who or who in self._people:
            raise ValueError(f"{who!r} cannot join")
        self._people[who] = _Person(role, kind.is_host)

    def leave(self, who: str, now: float, *, lost: bool) -> bool:
        """``lost``: its connection was lost, so it may ``return_()`` with role and request.

        A lost holder keeps the keyboard for LOST_SECONDS, unless the host acts.
        """
        before = self._seen()
        person = self._people.get(who)
        if person is not None and not lost:
            if who == self._holder:
                self._hold("")
            del self._people[who]
        elif person is not None and person.lost_at is None:
            self._people[who] = replace(person, lost_at=now)
        return self._seen() != before

    def return_(self, who: str, now: float) -> bool:
        """The connection of somebody lost is back."""
        before = self._seen()
        self.tick(now)
        if (person := self._people.get(who)) is not None:
            self._people[who] = replace(person, lost_at=None)
        return self._seen() != before

    def set_role(self, who: str, role: Role) -> bool:
        """Make ``who`` a controller or a viewer. A holder who is made a viewer loses it."""
        before = self._seen()
        if (person := self._people.get(who)) is not None:
            self._people[who] = replace(person, role=role)
            if role is Role.VIEW and who == self._holder:
                self._hold("")
            self._settle()
        return self._seen() != before

    # -- the lease

    def typed(self, who: str) -> bool:
        """Somebody who may type did: call it before the input enters, but not for mouse or focus.

        A key of the host takes a keyboard that is frozen or that the host has elsewhere, and
        makes a viewer of the host's a controller.
        """
        if who == self._holder:
            return False
        person = self._people.get(who)
        if person is None or not person.is_host or not self.may_type(who):
            return False
        if self._holder:
            return self._change_holder(who, until_thaw=self._until_thaw)
        if self._frozen:
            return self._change_holder(who, until_thaw=True)
        return person.role is Role.VIEW and self.set_role(who, Role.CONTROL)

    def take(self, who: str) -> bool:
        """``who``, of the host, takes the keyboard from whoever has it."""
        person = self._people.get(who)
        return person is not None and person.is_host and self._change_holder(who)

    def grant(self, who: str) -> bool:
        """Give it to ``who``, unless its connection is lost."""
        person = self._people.get(who)
        return person is not None and person.lost_at is None and self._change_holder(who)

    def hand_back(self, who: str) -> bool:
        """End the lease: by its holder, or by the host, whoever has it."""
        person = self._people.get(who)
        if person is None or not (who == self._holder or person.is_host):
            return False
        return self._change_holder("")

    def freeze(self) -> bool:
        """No guest types from now on. A guest's lease ends; the host keeps its own."""
        before = self._seen()
        self._frozen = True
        if self._holder and not self._people[self._holder].is_host:
            self._hold("")
        return self._seen() != before

    def thaw(self) -> bool:
        """Undo ``freeze()``, and the lease that the host's keys took meanwhile."""
        before = self._seen()
        self._frozen = False
        if self._until_thaw:
            self._hold("")
        self._settle()
        return self._seen() != before

    # -- requests

    def ask(self, who: str, on: bool, now: float) -> bool:
        """Ask for the keyboard, or not any more; a holder hands it back with ``on`` false.

        Not more than once in ASK_SECONDS: ``view()`` says when again. Those who may type, and
        the host, have nothing to ask for.
        """
        person = self._people.get(who)
        if person is None:
            return False
        if not on:
            if who == self._holder:
                return self.hand_back(who)
            return person.asked is Asked.WAITING and self._answer(who, Asked.NO)
        if person.asked is Asked.WAITING or now < person.may_ask_at:
            return False
        if person.is_host or self.may_type(who):
            return False
        self._people[who] = replace(person, may_ask_at=now + ASK_SECONDS)
        return self._answer(who, Asked.WAITING)

    def deny(self, who: str) -> bool:
        """Refuse the request of ``who``."""
        person = self._people.get(who)
        if person is None or person.asked is not Asked.WAITING:
            return False
        return self._answer(who, Asked.DENIED)

    # -- time

    @property
    def next_at(self) -> float | None:
        """When ``tick()`` has something to do, if nothing else happens."""
        holder = self._people.get(self._holder)
        if holder is None or holder.lost_at is None:
            return None
        return holder.lost_at + LOST_SECONDS

    def tick(self, now: float) -> bool:
        """End the lease of a holder who was lost for too long."""
        due = self.next_at
        return due is not None and now >= due and self._change_holder("")

    # --

    def _change_holder(self, who: str, *, until_thaw: bool = False) -> bool:
        before = self._seen()
        self._hold(who, until_thaw=until_thaw)
        return self._seen() != before

    def _hold(self, who: str, *, until_thaw: bool = False) -> None:
        self._holder = who
        self._until_thaw = until_thaw
        self._settle()

    def _answer(self, who: str, asked: Asked) -> bool:
        self._people[who] = replace(self._people[who], asked=asked)
        return True

    def _settle(self) -> None:
        """Who may type has nothing left to ask for."""
        for who, person in self._people.items():
            if person.asked is not Asked.NO and self.may_type(who):
                self._answer(who, Asked.NO)

    def _seen(self) -> object:
        """All that a participant can see, to compare."""
        return (
            self._holder,
            self._frozen,
            [
                (who, self.role(who), person.asked, person.lost_at is None)
                for who, person in self._people.items()
            ],
        )
