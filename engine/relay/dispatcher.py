"""Handles each message: register, list, offer, candidates, disconnect.

It calls peers through ``Calls``. An offer is recorded before the first await, so that
candidates sent right after it wait for its route.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Protocol

from engine.core.errors import (
    AccessDeniedError,
    AgentOfflineError,
    AgentTimeoutError,
    BadReplyError,
    BadRequestError,
    ProtocolError,
    RelayDegradedError,
    SessionNotFoundError,
)
from engine.relay import turn as turns
from engine.relay.admission.agents import claim
from engine.relay.admission.auth import PeerRole
from engine.relay.cluster.routing import Route, Routes
from engine.wire.signaling import (
    DISCONNECT,
    HEARTBEAT,
    ICE,
    ICE_SERVERS,
    MAX_DEPTH,
    OFFER,
    REGISTER,
    TARGETS,
    Answer,
    Disconnect,
    Ice,
    Offer,
    Register,
    Reply,
    accepted,
    is_plain,
    parse,
    warning,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.relay.admission.agents import KeyPins
    from engine.relay.admission.limits import Limits
    from engine.relay.cluster.lookup import PresenceLookup
    from engine.relay.cluster.routing import Peer
    from engine.relay.turn import Turn


class Calls(Protocol):
    """Calls to connected peers."""

    async def ask(self, peer: Peer, event: str, payload: object, seconds: float) -> object:
        """The peer's acknowledgement. Raises AgentOfflineError or AgentTimeoutError."""

    def find(self, sid: str) -> Peer | None:
        """The peer of a connection that has not ended."""


class _Pending:
    """An unanswered offer: whether its route exists, whether the agent has answered."""

    def __init__(self) -> None:
        self.routed = asyncio.Event()
        self.decided = asyncio.Event()


class Dispatcher:
    def __init__(
        self,
        calls: Calls,
        limits: Limits,
        changed: Callable[[], None],
        lookup: PresenceLookup,
        pins: KeyPins,
        turn: Turn,
    ) -> None:
        self._calls = calls
        self._limits = limits
        self._changed = changed
        self._connections = 0
        self._lookup = lookup
        self._pins = pins
        self._turn = turn
        self.directory = lookup.directory
        self.routes = Routes(limits.routes, limits.routes_per_guest, limits.route_seconds)
        # Offers that the agent has not answered yet, by the guest's sid and the session id.
        self._undecided: dict[tuple[str, str], _Pending] = {}

    def connected(self, peer: Peer) -> None:
        self._connections += 1
        peer.joined(self._connections)
        if peer.role is PeerRole.AGENT and not peer.claims_key:
            # A foreign agent may never register: it is known by its connection.
            self.directory.join(peer, peer.agent_id or peer.sid)
            self._changed()

    def disconnected(self, peer: Peer) -> None:
        """The connection has ended. Sessions are peer to peer and continue: nobody is notified."""
        if peer.role is PeerRole.AGENT:
            self.directory.leave(peer)
            self._changed()
        else:
            self.routes.guest_left(peer.sid)

    async def register(self, agent: Peer, payload: object) -> dict[str, Any]:
        message = parse(Register, payload)
        number = agent.begin_registration()
        await asyncio.shield(agent.proven)
        if message.agent_id != agent.agent_id:
            if agent.claims_key:
                raise AccessDeniedError("The agent proved its key for another agent id")
            await claim(self._pins, message.agent_id, "")
        if number < agent.registered:
            # It waited for the proof; a later registration did not, and has finished.
            return self._registered(payload)
        holder = self.directory.holder(message.agent_id)
        if holder is not None and holder.order > agent.order:
            raise AccessDeniedError("A newer connection of this agent has replaced this one")
        self.directory.join(agent, message.agent_id)
        agent.registered_as(number, message)
        await self.announce(agent)
        self._changed()
        return self._registered(payload)

    def _registered(self, payload: object) -> dict[str, Any]:
        """The reply. It says, before any offer, whether only TURN is allowed."""
        return accepted(REGISTER, payload, relay_only=self._turn.relay_only)

    async def announce(self, agent: Peer) -> None:
        """Publish ``agent``'s place to the other relays; repeated when Redis is back."""
        if self._lookup.presence is not None:
            with contextlib.suppress(RelayDegradedError):
                await self._lookup.presence.announce(agent)

    async def heartbeat(self, agent: Peer, payload: object) -> dict[str, Any]:
        agent.seen()
        return accepted(HEARTBEAT, payload)

    async def targets(self, guest: Peer, payload: object) -> dict[str, Any]:
        return accepted(TARGETS, payload, targets=await self._lookup.listing(guest))

    async def ice_servers(self, peer: Peer, payload: object) -> dict[str, Any]:
        """STUN servers for all; TURN for agents, and guests with the token or a link's proof.

        Raises BadProofError, LinkUnknownError, RelayDegradedError.
        """
        turn, nonce = self._turn, ""
        servers = turn.stun_servers()
        if not turn.has_turn:
            pass
        elif not peer.link:
            servers = turn.servers(peer.agent_id or "guest")
        elif access := await self._lookup.link_access(peer.link):
            claimed = payload.get("proof") if isinstance(payload, dict) else None
            if claimed is None:
                nonce = turns.challenge(peer, access)
            else:
                turns.check_access(peer, access, claimed)
                servers = turn.servers(peer.link)
                peer.granted_turn()
        more: dict[str, Any] = {"nonce": nonce} if nonce else {}
        return accepted(
            ICE_SERVERS,
            payload,
            ice_servers=servers,
            relay_only=turn.relay_only,
            ttl=turn.ttl,
            **more,
        )

    async def offer(self, guest: Peer, payload: object) -> dict[str, Any]:
        offer = parse(Offer, payload)
        if guest.link and (offer.proof is None or offer.proof.share != guest.link):
            # A link gives no access to targets that are shared with the token's holders.
            raise AccessDeniedError("A guest with a link must send its proof with the offer")
        turns.check_path(guest, self._turn, offer.sdp)
        forwarded = {
            **_plain(payload),
            "guest_name": guest.name,
            "guest_address": guest.address,
            "guest_browser": guest.browser,
        }
        key = guest.sid, offer.session_id
        pending = self._undecided[key] = _Pending()
        route, own = None, False
        try:
            agent = await self._lookup.choose(guest, offer)
            others = await self._is_others(guest, offer.session_id)
            route = self.routes.get(offer.session_id)
            if route is None and not others:
                route = self.routes.open(offer.session_id, guest.sid, agent.agent_id)
            # Another guest's session: the agent decides by the resume token, and
            # the route moves only when the agent accepts.
            own = route is not None and route.guest == guest.sid
            if route is not None and own:
                route.moves_to(agent.agent_id)
                if agent.relay:
                    # Before the answer: the agent's candidates may arrive before it.
                    await self._share_route(offer.session_id, guest, agent, confirmed=False)
            pending.routed.set()
            reply = await self._calls.ask(agent, OFFER, forwarded, self._limits.agent_reply_seconds)
            answer, success = _checked(OFFER, offer, reply)
            if success:
                self.routes.confirm(
                    offer.session_id,
                    guest.sid,
                    agent.agent_id,
                    connected=self._calls.find(guest.sid) is not None,
                )
                await self._share_route(offer.session_id, guest, agent, confirmed=True)
            return answer
        finally:
            if route is not None and own and not route.confirmed:
                await self._close(route)
            pending.routed.set()
            pending.decided.set()
            if self._undecided.get(key) is pending:
                del self._undecided[key]

    async def ice(self, sender: Peer, payload: object) -> dict[str, Any]:
        message = parse(Ice, payload)
        forwarded = _plain(payload)
        if sender.role is PeerRole.AGENT:
            guest, _ = await self._guest_of(sender, message.session_id)
            return await self._forward_to_guest(guest, ICE, message, forwarded)
        agent, _ = await self._agent_of(sender, message.session_id, confirmed=False)
        return await self._forward_to_agent(agent, ICE, message, forwarded)

    async def disconnect(self, sender: Peer, payload: object) -> dict[str, Any]:
        message = parse(Disconnect, payload)
        forwarded = _plain(payload)
        try:
            if sender.role is PeerRole.AGENT:
                peer, route = await self._guest_of(sender, message.session_id)
            else:
                # An unconfirmed session may be another guest's.
                peer, route = await self._agent_of(sender, message.session_id, confirmed=True)
        except SessionNotFoundError as error:
            return warning(DISCONNECT, message, error=str(error), code=error.code)
        if sender.role is PeerRole.AGENT:
            await self._close(route)
            return await self._forward_to_guest(peer, DISCONNECT, message, forwarded)
        reply = await self._forward_to_agent(peer, DISCONNECT, message, forwarded)
        if reply["status"] != "error":
            await self._close(route)
        return reply

    async def _agent_of(
        self, guest: Peer, session_id: str, *, confirmed: bool
    ) -> tuple[Peer, Route]:
        route = self._own_route(guest, session_id)
        undecided = self._undecided.get((guest.sid, session_id))
        if undecided is not None:
            await undecided.routed.wait()
            route = self._own_route(guest, session_id)
            if route is None or (confirmed and not route.confirmed):
                await undecided.decided.wait()
                route = self._own_route(guest, session_id)
        if route is None:
            raise SessionNotFoundError(f"Session {session_id} not found")
        agent = await self._lookup.holder(route.agent_id)
        if agent is None:
            raise AgentOfflineError("The agent of this session is not connected to the relay")
        return agent, route

    def _own_route(self, guest: Peer, session_id: str) -> Route | None:
        route = self.routes.get(session_id)
        return route if route is not None and route.guest == guest.sid else None

    async def _guest_of(self, agent: Peer, session_id: str) -> tuple[Peer, Route]:
        presence, route = self._lookup.presence, self.routes.get(session_id)
        if route is None and presence is not None:
            entry = await presence.route(session_id)
            if entry is not None and entry.agent_id == agent.agent_id:
                remote = Route(session_id, entry.guest, entry.agent_id, confirmed=True)
                return self._lookup.guest_at(entry.guest, entry.relay), remote
        if route is None or route.agent_id != agent.agent_id:
            raise SessionNotFoundError(f"Session {session_id} not found")
        guest = self._calls.find(route.guest)
        if guest is None:
            raise SessionNotFoundError(f"The guest of session {session_id} has left the relay")
        return guest, route

    async def _is_others(self, guest: Peer, session_id: str) -> bool:
        """Whether a guest of another relay has the session, or may have it."""
        if self._lookup.presence is None:
            return False
        try:
            entry = await self._lookup.presence.route(session_id)
        except RelayDegradedError:
            # Unknown counts as another's: the agent decides first.
            return True
        return entry is not None and entry.guest != guest.sid

    async def _share_route(
        self, session_id: str, guest: Peer, agent: Peer, *, confirmed: bool
    ) -> None:
        """Publish a route, before the answer: candidates may come through another relay."""
        if self._lookup.presence is not None:
            with contextlib.suppress(RelayDegradedError):
                await self._lookup.presence.set_route(
                    session_id, guest.sid, agent.agent_id, confirmed=confirmed
                )

    async def _close(self, route: Route) -> None:
        self.routes.close(route)
        if self._lookup.presence is not None:
            with contextlib.suppress(RelayDegradedError):
                await self._lookup.presence.drop_route(route.session_id, route.guest)

    async def _forward_to_agent(
        self, agent: Peer, event: str, message: Ice | Disconnect, payload: Mapping[str, Any]
    ) -> dict[str, Any]:
        reply = await self._calls.ask(agent, event, payload, self._limits.agent_reply_seconds)
        answer, _ = _checked(event, message, reply)
        return answer

    async def _forward_to_guest(
        self, guest: Peer, event: str, message: Ice | Disconnect, payload: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The guest's reply if it comes soon; otherwise success."""
        try:
            reply = await self._calls.ask(guest, event, payload, self._limits.guest_reply_seconds)
            answer, _ = _checked(event, message, reply)
        except (AgentTimeoutError, AgentOfflineError, BadReplyError):
            return accepted(event, payload)
        return answer


def _checked(
    event: str, message: Offer | Ice | Disconnect, reply: object
) -> tuple[dict[str, Any], bool]:
    """A reply with the ids of its message, and whether it is a success.

    Raises BadReplyError when it is not a valid reply.
    """
    try:
        fields = _plain(reply)
        parsed = parse(Reply, reply)
        if event == OFFER and parsed.status == "success":
            parse(Answer, reply)
    except ProtocolError as error:
        raise BadReplyError(f"The answer to {event} cannot be used: {error}") from None
    ids: dict[str, Any] = {
        "action": event,
        "correlation_id": message.correlation_id,
        "session_id": message.session_id,
    }
    if parsed.status == "error":
        # Guests show the error and compare the code: make both text, whatever came.
        ids |= {"error": parsed.error or "Refused", "code": parsed.code or "refused"}
    return {**fields, **ids}, parsed.status == "success"


def _plain(payload: object) -> dict[str, Any]:
    """The payload, which must be an object of plain JSON values. Raises BadRequestError."""
    if not isinstance(payload, dict):
        raise BadRequestError("The payload must be an object")
    if not is_plain(payload):
        raise BadRequestError(f"The payload must be plain JSON, at most {MAX_DEPTH} levels deep")
    return payload
