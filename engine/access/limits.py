"""How many shells a host, a guest and a link may have, and what gives way at a limit.

Pure. The limits are the settings' (engine.core.settings.SessionSettings). Whose shell one is
says the key of its guest (engine.access.guests.key), so that never another's ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from engine.access.decide import Deny
from engine.core.errors import SessionLimitError
from engine.core.settings import SessionSettings

PENDING_PER_ADDRESS = 16
"""Offers of one address whose channel is not open yet. Nothing else is counted by address: many
people may share one."""


@dataclass(frozen=True, slots=True)
class Held:
    """A running shell, for counting. ``owner``: the key of the guest who opened it, "" for an
    own one, which counts for the host only and never gives way. ``link_id``: the link that
    opened it, or "". ``detached_at``: since when nobody is attached, on any clock; None while
    somebody is.
    """

    id: str
    owner: str
    link_id: str = ""
    detached_at: float | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """There is room for another shell once the shells in ``ends`` have been ended."""

    ends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Limit:
    """At most ``most`` of the shells that count."""

    counts: Callable[[Held], bool]
    most: int
    reached: str


def make_room(
    shells: Iterable[Held], owner: str, link_id: str, settings: SessionSettings
) -> Room | Deny:
    """Whether ``owner`` may open another shell with ``link_id``, and which shells end for it.

    At a limit the oldest detached shells of the same guest end, and no more of them than
    needed. ``owner`` and ``link_id`` as in Held.
    """
    left, ends = list(shells), list[str]()
    # The narrowest first: what makes room there makes room in the others, too.
    for limit in _limits(owner, link_id, settings):
        while sum(map(limit.counts, left)) >= limit.most:
            own = [
                (shell.detached_at, at)
                for at, shell in enumerate(left)
                if owner and shell.owner == owner and limit.counts(shell)
                if shell.detached_at is not None
            ]
            if not own:
                return Deny(SessionLimitError, limit.reached)
            ends.append(left.pop(min(own)[1]).id)
    return Room(tuple(ends))


def _limits(owner: str, link_id: str, settings: SessionSettings) -> Iterator[_Limit]:
    if owner and link_id:
        most = settings.max_shells_per_link
        yield _Limit(
            lambda shell: shell.link_id == link_id,
            most,
            f"The link has reached its limit of {most} terminals",
        )
    if owner:
        most_of_guest = settings.max_shells_per_guest
        yield _Limit(
            lambda shell: shell.owner == owner,
            most_of_guest,
            f"You have reached the limit of {most_of_guest} terminals per guest",
        )
    most_of_host = settings.max_shells
    yield _Limit(
        lambda shell: True,
        most_of_host,
        f"The host has reached its limit of {most_of_host} terminals",
    )
