"""A shell's people in words: who they are, what they may do, who has the keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.core.model import KeyboardState, ParticipantKind, Role
from engine.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.core.model import ParticipantInfo, Person, ShellInfo

MAX_NAME = 40
"""Characters of a name that are shown."""
MAX_NAMED = 3
"""People who are named before the others are only counted."""
ROLES = {Role.CONTROL: "types", Role.VIEW: "views"}


def name(person: ParticipantInfo) -> str:
    """The name for people, escaped; the host's own participants are "You"."""
    if person.kind is ParticipantKind.HOST:
        return "You"
    if person.kind is ParticipantKind.TTY:
        return "You (in a terminal)"
    words = shown(person.name, MAX_NAME).strip()
    if f"{words.lower()} ".startswith("you "):
        # A guest who says so is not the host.
        return f"“{words}”"
    return words or "Unnamed guest"


def seen(person: Person) -> str:
    """The name of somebody in a terminal of another host."""
    if person.kind.is_host:
        return "The host"
    words = shown(person.name, MAX_NAME).strip()
    if f"{words.lower()} ".startswith(("you ", "the host ")):
        return f"“{words}”"
    return words or "Unnamed guest"


def guests(shell: ShellInfo) -> tuple[ParticipantInfo, ...]:
    """Those who are not the host."""
    return tuple(one for one in shell.participants if not one.kind.is_host)


def who(shell: ShellInfo, participant: str) -> str:
    """The name of a participant, "" for nobody."""
    found = (one for one in shell.participants if one.id == participant)
    return next((name(one) for one in found), "")


def listed(names: Sequence[str]) -> str:
    """``Ann``, ``Ann and Bob``, ``Ann, Bob, Carol and 2 others``."""
    if len(names) > MAX_NAMED:
        more = len(names) - MAX_NAMED
        last = "1 other" if more == 1 else f"{more} others"
        return f"{', '.join(names[:MAX_NAMED])} and {last}"
    if len(names) > 1:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    return "".join(names)


def counted(number: int, one: str, many: str = "") -> str:
    """``1 guest``, ``2 guests``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def does(person: ParticipantInfo) -> str:
    """What a participant may do or does at the moment."""
    if not person.attached:
        return "connection lost"
    return "is typing" if person.typing else ROLES[person.role]


def keyboard(shell: ShellInfo) -> str:
    """Who may type, as a short sentence."""
    match shell.keyboard:
        case KeyboardState.FROZEN:
            return "Guests are frozen"
        case KeyboardState.TAKEN:
            if host_has_keyboard(shell):
                return "You have the keyboard"
            return f"{who(shell, shell.holder) or 'Somebody'} has the keyboard"
    return "Open to everyone who types"


def host_has_keyboard(shell: ShellInfo) -> bool:
    holder = next((one for one in shell.participants if one.id == shell.holder), None)
    return holder is not None and holder.kind.is_host


def title(shell: ShellInfo) -> str:
    """The program's title, or the target."""
    return shown(shell.title, MAX_NAME) or shown(shell.target, MAX_NAME)
