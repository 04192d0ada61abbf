"""Who shares a guest's terminal, and who may type in it: sentences for the guest. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.core.model import Asked, KeyboardState, KeyboardView, ParticipantKind, Person, Role
from engine.core.text import shown

if TYPE_CHECKING:
    from engine.control.api import LinkTerminal

MAX_NAME: Final = 40
"""Characters of a person's name."""
MAX_PEOPLE: Final = 10
"""People that the status names."""


@dataclass(frozen=True, slots=True)
class Company:
    """What a host says to one of its guests, whose own id among ``people`` is ``me``."""

    me: str = ""
    role: Role = Role.CONTROL
    people: tuple[Person, ...] = ()
    keyboard: KeyboardView | None = None
    recorded: bool = False

    @classmethod
    def of(cls, terminal: LinkTerminal) -> Company:
        return cls(
            terminal.participant,
            terminal.role,
            terminal.people,
            terminal.keyboard,
            terminal.recording is not None,
        )

    @property
    def has_keyboard(self) -> bool:
        """Whether it is this guest's alone."""
        view = self.keyboard
        return view is not None and view.state is KeyboardState.TAKEN and view.holder == self.me

    @property
    def asks(self) -> bool:
        """Whether this guest has asked for the keyboard, and nobody has answered."""
        return self.keyboard is not None and self.keyboard.asked is Asked.WAITING

    @property
    def others(self) -> tuple[Person, ...]:
        return tuple(one for one in self.people if one.id != self.me)

    @property
    def standing(self) -> str:
        """Why nothing that is typed arrives, in a few words; "" if that is not the keyboard."""
        view = self.keyboard
        if view is None or view.state is KeyboardState.OPEN or self.has_keyboard:
            return ""
        if view.state is KeyboardState.FROZEN:
            return "The host has frozen the keyboard"
        return f"{self._name_of(view.holder)} has the keyboard"

    @property
    def refusal(self) -> str:
        """The same with what can be done, for somebody who types."""
        if self.keyboard is not None and self.keyboard.state is KeyboardState.FROZEN:
            return self.standing
        ask = "press Enter, then ~k, to ask for it"
        return f"{self.standing}: {ask}" if self.standing else f"You can only watch: {ask}"

    def status(self) -> tuple[str, ...]:
        """Everything, as lines."""
        can = "watch" if self.role is Role.VIEW else "type"
        lines = [f"You can {can}."]
        if self.has_keyboard:
            lines = ["You have the keyboard."]
        elif self.standing:
            lines = [f"{self.standing}."]
        if self.asks:
            lines.append("You have asked for the keyboard.")
        if self.recorded:
            lines.append("This terminal is recorded.")
        others = self.others
        lines += [f"  {name(one)} {_does(one)}" for one in others[:MAX_PEOPLE]]
        if len(others) > MAX_PEOPLE:
            lines.append(f"  and {len(others) - MAX_PEOPLE} more")
        return tuple(lines)

    def _name_of(self, who: str) -> str:
        return next((name(one) for one in self.people if one.id == who), "Somebody else")


def changes(before: Company, after: Company) -> list[str]:
    """Sentences about what has changed."""
    found = _keyboard(before, after)
    # With the keyboard comes a role, and goes with it.
    if before.me and before.role is not after.role and not found:
        found.append("You only watch now" if after.role is Role.VIEW else "You can type now")
    if before.recorded is not after.recorded:
        found.append(f"This terminal is {'' if after.recorded else 'no longer '}recorded")
    return found + _people(before, after)


def _keyboard(before: Company, after: Company) -> list[str]:
    if after.has_keyboard and not before.has_keyboard:
        return ["You have the keyboard: press Enter, then ~k, to hand it back"]
    if after.standing and after.standing != before.standing:
        return [after.standing]
    if (before.standing or before.has_keyboard) and not (after.standing or after.has_keyboard):
        return ["You only watch again" if after.role is Role.VIEW else "Everybody can type again"]
    was, now = before.keyboard, after.keyboard
    if (
        now is not None
        and now.asked is Asked.DENIED
        and (was is None or was.asked is not now.asked)
    ):
        return ["The host does not give you the keyboard"]
    return []


def _people(before: Company, after: Company) -> list[str]:
    if not before.people:
        # This guest has just come.
        names = [name(one) for one in after.others]
        if not names:
            return []
        if len(names) == 1:
            return [f"{names[0]} is here"]
        more = "1 other" if len(names) == 2 else f"{len(names) - 1} others"
        return [f"{names[0]} and {more} are here"]
    known = {one.id: one for one in before.others}
    found = []
    for one in after.others:
        earlier = known.pop(one.id, None)
        if earlier is None:
            found.append(f"{name(one)} has joined and {_does(one)}")
        elif earlier.role is not one.role:
            found.append(f"{name(one)} now {_does(one)}")
    return found + [f"{name(one)} has left" for one in known.values()]


def name(person: Person) -> str:
    unnamed = "A guest" if person.kind is ParticipantKind.GUEST else "The host"
    return shown(person.name, MAX_NAME) or unnamed


def _does(person: Person) -> str:
    return "types" if person.role is Role.CONTROL else "watches"
