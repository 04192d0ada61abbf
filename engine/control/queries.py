"""The engine's queries: one frozen value per query, answered at once from memory.

Each class names its result type: ``class Sessions(Query[tuple[SessionInfo, ...]])``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from engine.core.model import (
    DockerStatus,
    Orphan,
    RelayInfo,
    Restrictions,
    SessionInfo,
    Share,
    ShellInfo,
    Target,
)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class HostInfo:
    """This agent's identity and relay.

    ``identity_problem``: why id and key are valid for this run only; empty when they are stored.
    ``links_problem``: why kept links do not work in this run; empty when they do.
    ``attended``: somebody can approve guests, such as a window.
    """

    agent_id: str
    name: str
    relay: RelayInfo
    identity_problem: str = ""
    links_problem: str = ""
    attended: bool = False


class Query(msgspec.Struct, Generic[Result], frozen=True, tag=True):
    """Base of all queries. ``Result`` is what ``ControlApi.ask`` returns."""


class Host(Query[HostInfo], frozen=True, tag=True):
    """This agent and its relay. The URL of an own relay is known once the engine has started."""


class Targets(Query[tuple[Target, ...]], frozen=True, tag=True):
    """The catalogue, sorted."""


class SharedTargets(Query[tuple[str, ...]], frozen=True, tag=True):
    """Ids of targets that guests may open without a link; "*" is every container."""


class DockerStatuses(Query[tuple[DockerStatus, ...]], frozen=True, tag=True):
    """Every configured Docker engine; empty when Docker is switched off."""


class Sessions(Query[tuple[SessionInfo, ...]], frozen=True, tag=True):
    """Live sessions, our own terminals included."""


class Shells(Query[tuple[ShellInfo, ...]], frozen=True, tag=True):
    """Running shells, oldest first."""


class GuestRestrictions(Query[Restrictions], frozen=True, tag=True):
    """What holds for all guests: see the commands Freeze and Lock."""


class Orphans(Query[tuple[Orphan, ...]], frozen=True, tag=True):
    """Shells that earlier runs left, and pending ends that fail, sorted by target.

    Looked for at the start and once a minute; each is listed once its processes were found,
    or could not be.
    """


class Links(Query[tuple[Share, ...]], frozen=True, tag=True):
    """Every link, oldest first; ended ones stay for a while."""


class LinkUrl(Query[str], frozen=True, tag=True):
    """The URL of a link, which holds its secret. Raises LinkUnknownError."""

    link_id: str
