"""The peers of one relay, its directory of agents, and the routes of sessions.

Routes name an agent by its id, because its connection changes with every reconnect.
"""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from engine.core.errors import AgentOfflineError, LimitError, TargetNotFoundError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator

    from engine.core.errors import HatchwayError
    from engine.core.token_bucket import TokenBucket
    from engine.relay.admission.auth import PeerRole
    from engine.wire.signaling import OpenLink, Register, SharedTarget


@dataclass(eq=False, slots=True)
class Peer:
    """One authenticated connection. ``gone`` is done when it has ended.

    ``order`` numbers connections: a higher one is newer.
    """

    sid: str
    role: PeerRole
    name: str
    address: str
    bucket: TokenBucket
    gone: asyncio.Future[None]
    proven: asyncio.Future[None]
    """Done when an agent that claims a key has proven it, or failed to. Until then its
    ``agent_id`` must not be trusted: see ``is_proven``."""
    order: int = 0
    agent_id: str = ""
    link: str = ""
    """The id of a guest's link, which is all that the guest may access; empty with a token."""
    browser: str = ""
    relay: str = ""
    """The other relay that it is connected to; empty for this relay."""
    has_token: bool = True
    claims_key: bool = False
    public_key: str = ""
    """Of an agent: whether it claims a key, and the key once it is proven."""
    registrations: int = 0
    registered: int = 0
    """Of an agent: the number of registrations received, and which of them is in effect."""
    links: tuple[OpenLink, ...] = ()
    targets: tuple[SharedTarget, ...] = ()
    last_seen: float = field(default_factory=time.time)
    pending: int = 0
    refused: int = 0
    turn_nonce: str = ""
    turn_nonce_until: float = 0.0
    """Of a guest with a link: what it must sign to get TURN, and until when (monotonic)."""
    has_turn: bool = False
    """Whether the guest has proven its link and received TURN credentials."""

    @property
    def is_proven(self) -> bool:
        """Whether its identity is proven: an agent with a key has signed the challenge."""
        return self.proven.done() and self.proven.exception() is None

    def joined(self, order: int) -> None:
        """The connection is admitted, as the ``order``-th of this relay."""
        self.order = order

    def ended(self) -> None:
        """The connection has ended."""
        if not self.gone.done():
            self.gone.set_result(None)

    def proved(self, key: str, bucket: TokenBucket) -> None:
        """The agent signed the challenge with ``key``; ``bucket`` limits it from now on."""
        self.public_key, self.bucket = key, bucket
        if not self.proven.done():
            self.proven.set_result(None)

    def failed_to_prove(self, error: HatchwayError) -> None:
        """The agent did not prove its key; awaiting ``proven`` raises ``error``."""
        if not self.proven.done():
            self.proven.set_exception(error)
            # Mark it as retrieved: nobody may be waiting for it.
            self.proven.exception()

    def begin_registration(self) -> int:
        """The number of this registration, counted from 1."""
        self.registrations += 1
        return self.registrations

    def registered_as(self, number: int, message: Register) -> None:
        """Registration ``number`` takes effect."""
        self.registered = number
        self.name, self.targets, self.links = message.name, message.targets, message.links

    def known_as(self, agent_id: str) -> None:
        self.agent_id = agent_id

    def seen(self) -> None:
        """A heartbeat arrived."""
        self.last_seen = time.time()

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Counts a message as pending while it is being handled."""
        self.pending += 1
        try:
            yield
        finally:
            self.pending -= 1

    def rate_limited(self) -> int:
        """A message was refused for its rate; the number so far."""
        self.refused += 1
        return self.refused

    def challenged_for_turn(self, nonce: str, seconds: float) -> None:
        """The guest must sign ``nonce`` within ``seconds`` to get TURN credentials."""
        self.turn_nonce, self.turn_nonce_until = nonce, time.monotonic() + seconds

    def take_turn_nonce(self) -> str:
        """The nonce that the guest must sign, once; "" when there is none or it expired."""
        nonce, self.turn_nonce = self.turn_nonce, ""
        return nonce if time.monotonic() <= self.turn_nonce_until else ""

    def granted_turn(self) -> None:
        """The guest received TURN credentials."""
        self.has_turn = True


class Directory:
    """Agents by id; of two connections with the same id the newer counts."""

    def __init__(self) -> None:
        self._agents: dict[str, Peer] = {}

    def join(self, agent: Peer, agent_id: str) -> None:
        """``agent_id`` means ``agent`` from now on."""
        if agent.agent_id != agent_id:
            self.leave(agent)
        agent.known_as(agent_id)
        self._agents[agent_id] = agent

    def leave(self, agent: Peer) -> None:
        if self.is_current(agent):
            del self._agents[agent.agent_id]

    def is_current(self, agent: Peer) -> bool:
        return self._agents.get(agent.agent_id) is agent

    def holder(self, agent_id: str) -> Peer | None:
        return self._agents.get(agent_id)

    def lone(self, device_id: str) -> Peer:
        """The only agent: it may have targets that it does not list.

        Raises AgentOfflineError when there is none, TargetNotFoundError when there are several.
        """
        if not self._agents:
            raise AgentOfflineError("No agent is connected to the relay")
        if len(self._agents) > 1:
            raise TargetNotFoundError(device_id)
        return next(iter(self._agents.values()))

    def sharing(self, device_id: str) -> list[Peer]:
        """The agents that list the device."""
        return [agent for agent in self._agents.values() if lists(agent, device_id)]

    def of_link(self, link_id: str) -> Peer | None:
        """The agent that has registered a link."""
        for agent in self._agents.values():
            if any(link.id == link_id for link in agent.links):
                return agent
        return None

    def all(self) -> tuple[Peer, ...]:
        return tuple(self._agents.values())


class ListedAgent(Protocol):
    """The public facts of an agent, connected to this relay or another."""

    @property
    def agent_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def targets(self) -> tuple[SharedTarget, ...]: ...
    @property
    def links(self) -> tuple[OpenLink, ...]: ...


def lists(agent: ListedAgent, device_id: str) -> bool:
    """Whether the agent's list of targets contains the device."""
    return any(target.id == device_id for target in agent.targets)


def listing(agents: Iterable[ListedAgent]) -> list[dict[str, Any]]:
    """The list for guests with the relay's token: all shared targets, sorted."""
    rows = [_row(agent, target) for agent in agents for target in agent.targets]
    return sorted(rows, key=lambda row: (row["agent_name"], row["agent_id"], row["id"]))


def link_listing(agent: ListedAgent, link_id: str) -> list[dict[str, Any]]:
    """The list for a link's holder: its one target."""
    return [
        {**_row(agent, link, link.target), "role": link.role, "approval": link.approval}
        for link in agent.links
        if link.id == link_id
    ]


def _row(agent: ListedAgent, shown: SharedTarget | OpenLink, target: str = "") -> dict[str, Any]:
    target = target or shown.id
    return {
        "agent_id": agent.agent_id,
        "agent_name": agent.name or agent.agent_id,
        "id": target,
        "kind": shown.kind,
        "name": shown.name or target,
        "state": shown.state,
    }


@dataclass(eq=False, slots=True)
class Route:
    """Where a session's messages go. ``confirmed``: the agent has accepted the offer."""

    session_id: str
    guest: str
    agent_id: str
    confirmed: bool = False
    ended_at: float | None = None

    def moves_to(self, agent_id: str) -> None:
        """From now on its messages go to that agent."""
        self.agent_id = agent_id

    def accepted_by(self, agent_id: str) -> None:
        """That agent has said yes."""
        self.agent_id, self.confirmed = agent_id, True

    def ended(self, at: float) -> None:
        """The session has ended; what still comes for it is routed for a while."""
        self.ended_at = at


class Routes:
    """Routes by session id, bounded in total and per guest."""

    def __init__(
        self,
        limit: int,
        per_guest: int,
        keep_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._per_guest = per_guest
        self._keep = keep_seconds
        self._clock = clock
        self._routes: dict[str, Route] = {}
        self._of_guest: dict[str, set[str]] = {}
        # Routes whose guest has left, oldest first.
        self._ended: OrderedDict[str, Route] = OrderedDict()

    def __len__(self) -> int:
        return len(self._routes)

    def get(self, session_id: str) -> Route | None:
        return self._routes.get(session_id)

    def open(self, session_id: str, guest: str, agent_id: str) -> Route:
        """A route for a session that has none. Raises LimitError when there are too many."""
        self._make_room(guest)
        route = Route(session_id, guest, agent_id)
        self._routes[session_id] = route
        self._of_guest.setdefault(guest, set()).add(session_id)
        return route

    def confirm(self, session_id: str, guest: str, agent_id: str, connected: bool) -> None:
        """The agent accepted ``guest``'s offer: the session is that guest's from now on.

        ``connected`` is False when the guest left before the agent answered.
        """
        route = self._routes.get(session_id)
        if route is not None and route.guest != guest:
            self.close(route)
            route = None
        if route is None:
            try:
                route = self.open(session_id, guest, agent_id)
            except LimitError:
                return
        route.accepted_by(agent_id)
        if not connected:
            self._end(route)

    def close(self, route: Route) -> None:
        if self._routes.get(route.session_id) is not route:
            return
        del self._routes[route.session_id]
        self._ended.pop(route.session_id, None)
        sessions = self._of_guest.get(route.guest)
        if sessions is not None:
            sessions.discard(route.session_id)
            if not sessions:
                del self._of_guest[route.guest]

    def guest_left(self, guest: str) -> None:
        """The guest's connection ended. Its sessions are peer to peer and may continue."""
        for session_id in self._of_guest.pop(guest, set()):
            self._end(self._routes[session_id])

    def sweep(self) -> None:
        """Close the routes whose guest left more than ``keep_seconds`` ago."""
        now = self._clock()
        for route in tuple(self._ended.values()):
            if route.ended_at is not None and now - route.ended_at < self._keep:
                break
            self.close(route)

    def _end(self, route: Route) -> None:
        route.ended(self._clock())
        self._ended[route.session_id] = route

    def _make_room(self, guest: str) -> None:
        if len(self._of_guest.get(guest, ())) >= self._per_guest:
            raise LimitError(f"A guest may have at most {self._per_guest} sessions at this relay")
        if len(self._routes) >= self._limit:
            if not self._ended:
                raise LimitError(f"The relay has reached its limit of {self._limit} sessions")
            self.close(next(iter(self._ended.values())))
