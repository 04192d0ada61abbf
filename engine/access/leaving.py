"""Who ends a shell: what follows when a participant leaves. Pure.

Leaving always detaches the participant; the answer is what becomes of the shell. No message
ends a shell that somebody else opened.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Left(enum.StrEnum):
    """How a participant left."""

    CLOSED = "closed"
    """It said ``close`` over its channel, or the host closed its own tab."""
    LOST = "lost"
    """The connection was lost, or the relay sent ``webrtc:disconnect``, which it can forge."""


class Fate(enum.StrEnum):
    """What becomes of the shell."""

    STAYS = "stays"
    """Nothing changes for it."""
    WAITS = "waits"
    """Nobody is attached: its grace time starts now, until somebody attaches."""
    ENDS = "ends"
    """At once."""


@dataclass(frozen=True, slots=True)
class Leaver:
    """The participant. ``opener``: it opened the shell. ``can_return``: it speaks hatchway.v1
    and has a resume token.
    """

    opener: bool
    can_return: bool


@dataclass(frozen=True, slots=True)
class Others:
    """Who is attached besides. The recorder never counts; a watch panel of the host does, as a
    viewer unless it types.
    """

    controllers: int = 0
    viewers: int = 0


def fate(how: Left, who: Leaver, others: Others, *, own: bool = False) -> Fate:
    """What becomes of a shell when ``who`` leaves. ``own``: the host itself opened the shell.

    Ask for each who leaves: the grace time starts with the last one.
    """
    for_good = how is Left.CLOSED or not who.can_return
    if who.opener and for_good and not others.controllers:
        return Fate.ENDS
    if own or others.controllers or others.viewers:
        return Fate.STAYS
    return Fate.WAITS
