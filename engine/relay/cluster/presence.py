"""The shared state of all relays in Redis: agents, links, routes and key pins.

Everything expires: a relay that is killed counts as gone after RELAY_SECONDS, and its
agents' entries expire after AGENT_SECONDS. Redis may lose everything at any time: relays
publish it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from redis.exceptions import RedisError

from engine.core.errors import HatchwayError, RelayDegradedError
from engine.relay.cluster.bus import PREFIX, connect
from engine.relay.cluster.routing import lists
from engine.wire.signaling import OpenLink, SharedTarget

if TYPE_CHECKING:
    from engine.relay.cluster.routing import Directory, Peer

logger = logging.getLogger(__name__)

COMMAND_SECONDS = 2.0
"""For one answer of Redis; after that this relay is degraded."""
TICK_SECONDS = 1.0
"""Between two heartbeats of a relay."""
RELAY_SECONDS = 4
"""A relay that is silent for longer counts as gone, and so do its agents."""
REFRESH_SECONDS = 10.0
AGENT_SECONDS = 30
"""How often a relay publishes its agents, and how long an entry lives."""
ROUTE_SECONDS = 3600
PIN_SECONDS = 90 * 24 * 3600
"""How long an agent id stays bound to its key after the last proof."""
BATCH = 200
"""Agents refreshed in one round trip; the event loop runs other tasks in between."""
MAX_SHARING = 16
"""Agents that are checked at once for sharing a device."""
MAX_LISTED = 200
"""Agents whose targets are shown to guests who hold the relay's token."""

T = TypeVar("T")

# The clock is Redis's own: relays' clocks may differ.
_TICK = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]) - 1)
redis.call('SET', KEYS[2], ARGV[3], 'NX')
redis.call('EXPIRE', KEYS[2], ARGV[4])
return {redis.call('GET', KEYS[2]), redis.call('ZRANGE', KEYS[1], 0, -1)}
"""
# An entry that a newer connection of the agent has written is not overwritten.
_REFRESH = """
local old = redis.call('GET', KEYS[1])
if old and string.sub(old, 1, string.len(ARGV[1]) + 1) ~= ARGV[1] .. '\\n' then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. '\\n' .. ARGV[2], 'EX', ARGV[3])
redis.call('ZADD', KEYS[2], tonumber(redis.call('TIME')[1]) + tonumber(ARGV[3]), ARGV[4])
return 1
"""
_LEAVE = """
local old = redis.call('GET', KEYS[1])
if old and string.sub(old, 1, string.len(ARGV[1]) + 1) == ARGV[1] .. '\\n' then
    redis.call('DEL', KEYS[1])
    redis.call('ZREM', KEYS[2], ARGV[2])
end
"""
# A guest removes only its own routes.
_DROP_ROUTE = """
local old = redis.call('GET', KEYS[1])
if old and string.sub(old, 1, string.len(ARGV[1])) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""
_LISTED = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1)
"""


class Entry(msgspec.Struct, frozen=True):
    """An agent, as published to other relays."""

    sid: str
    relay: str
    agent_id: str
    name: str = ""
    targets: tuple[SharedTarget, ...] = ()
    links: tuple[OpenLink, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """A session's route, as published: the guest's sid and relay, and the agent."""

    guest: str
    relay: str
    agent_id: str


class Presence:
    """Every query raises RelayDegradedError while Redis is unreachable."""

    def __init__(
        self,
        url: str,
        relay_id: str,
        directory: Directory,
        expel: Callable[[Peer], Awaitable[None]],
    ) -> None:
        """``expel(agent)`` ends a connection whose agent id belongs to another key."""
        self._redis = connect(url, COMMAND_SECONDS)
        self._relay = relay_id
        self._agents = directory.all
        self._superseded = directory.leave
        self._expel = expel
        self._live: frozenset[str] = frozenset()
        # A random mark stored in Redis. It changes when Redis has lost its data, even if
        # that happened between two of our queries.
        self._memory = ""
        self.up = False
        self.losses = 0
        """How often Redis became unreachable: answers requested before may be lost."""

    async def run(self) -> None:
        """Publish this relay and its agents until cancelled."""
        # The mark and the losses at the last publication. ``up`` is not enough: guests'
        # queries also set it when Redis is back.
        published: tuple[str, int] | None = None
        refreshed = 0.0
        loop = asyncio.get_running_loop()
        while True:
            try:
                await self._tick()
                now = self._memory, self.losses
                if now != published or loop.time() - refreshed >= REFRESH_SECONDS:
                    if now != published:
                        await self._check_pins(list(self._agents()))
                    await self._refresh(list(self._agents()))
                    published, refreshed = now, loop.time()
            except RelayDegradedError:
                pass
            await asyncio.sleep(TICK_SECONDS)

    async def close(self) -> None:
        """Remove this relay and its agents, if Redis is reachable, and disconnect."""
        if self.up:
            await self._quietly(self._redis.zrem(_key("relays"), self._relay))
            for agent in list(self._agents()):
                await self._quietly(self.leave(agent))
        await self._redis.aclose()

    # -- publishing

    async def announce(self, agent: Peer) -> None:
        """Publish ``agent``, replacing any other entry with its id."""
        key = _key("agent", agent.agent_id)
        pipe = self._redis.pipeline(transaction=False)
        pipe.set(key, f"{agent.sid}\n{self._document(agent)}", ex=AGENT_SECONDS)
        self._publish_links_and_targets(pipe, agent)
        pipe.eval(_REFRESH, 2, key, _key("agents"), *self._arguments(agent))
        await self._asked(pipe.execute())

    async def leave(self, agent: Peer) -> None:
        """``agent``'s connection has ended; the entry of a newer connection stays."""
        keys = _key("agent", agent.agent_id), _key("agents")
        await self._asked(self._redis.eval(_LEAVE, 2, *keys, agent.sid, agent.agent_id))

    async def set_route(
        self, session_id: str, guest: str, agent_id: str, *, confirmed: bool
    ) -> None:
        """Publish a route; an unconfirmed one does not replace another."""
        value = json.dumps([guest, self._relay, agent_id])
        name = _key("route", session_id)
        await self._asked(self._redis.set(name, value, ex=ROUTE_SECONDS, nx=not confirmed))

    async def drop_route(self, session_id: str, guest: str) -> None:
        """Remove a session's route if it is ``guest``'s."""
        begin = json.dumps([guest])[:-1] + ","
        await self._asked(self._redis.eval(_DROP_ROUTE, 1, _key("route", session_id), begin))

    # -- asking

    async def agent(self, agent_id: str) -> Entry | None:
        """An agent's entry; None when there is none, or its relay is gone."""
        text = await self._asked(self._redis.get(_key("agent", agent_id)))
        entry = _read(text)
        return entry if entry is not None and await self.alive(entry.relay) else None

    async def agents_of_device(self, device_id: str) -> list[Entry]:
        """The agents that share a device of this name, at most MAX_SHARING."""
        key = _key("devices", device_id)
        while ids := await self._asked(self._redis.srandmember(key, MAX_SHARING)):
            entries = {str(one): await self.agent(str(one)) for one in ids}
            found = [one for one in entries.values() if one and lists(one, device_id)]
            if len(found) == len(ids):
                return found
            # The others no longer share it.
            stale = entries.keys() - {one.agent_id for one in found}
            await self._asked(self._redis.srem(key, *stale))
        return []

    async def agent_of_link(self, link_id: str) -> Entry | None:
        agent_id = await self._asked(self._redis.get(_key("link", link_id)))
        return await self.agent(str(agent_id)) if agent_id else None

    async def listed(self) -> list[Entry]:
        """The agents of all live relays, at most MAX_LISTED."""
        await self._tick()
        ids = await self._asked(self._redis.eval(_LISTED, 1, _key("agents"), MAX_LISTED))
        if not ids:
            return []
        texts = await self._asked(self._redis.mget([_key("agent", one) for one in ids]))
        entries = (_read(text) for text in texts)
        return [entry for entry in entries if entry is not None and entry.relay in self._live]

    async def route(self, session_id: str) -> RouteEntry | None:
        text = await self._asked(self._redis.get(_key("route", session_id)))
        return RouteEntry(*json.loads(text)) if text else None

    async def pin(self, agent_id: str, key: str) -> str:
        """See engine.relay.admission.agents.KeyPins."""
        name = _key("pin", agent_id)
        if not key:
            return str(await self._asked(self._redis.get(name)) or "")
        pipe = self._redis.pipeline(transaction=False)
        pipe.set(name, key, nx=True, ex=PIN_SECONDS)
        pipe.expire(name, PIN_SECONDS)
        pipe.get(name)
        return str((await self._asked(pipe.execute()))[-1])

    # -- upkeep

    async def _tick(self) -> None:
        keys = _key("relays"), _key("memory")
        mark = secrets.token_hex(8)
        self._memory, live = await self._asked(
            self._redis.eval(_TICK, 2, *keys, self._relay, RELAY_SECONDS, mark, AGENT_SECONDS)
        )
        self._live = frozenset(live)

    async def alive(self, relay: str) -> bool:
        if relay != self._relay and relay not in self._live:
            # It may have started after our last tick.
            await self._tick()
        return relay == self._relay or relay in self._live

    async def _refresh(self, agents: list[Peer]) -> None:
        for at in range(0, len(agents), BATCH):
            batch = agents[at : at + BATCH]
            pipe = self._redis.pipeline(transaction=False)
            for agent in batch:
                keys = _key("agent", agent.agent_id), _key("agents")
                pipe.eval(_REFRESH, 2, *keys, *self._arguments(agent))
            for agent, current in zip(batch, await self._asked(pipe.execute()), strict=True):
                if not current:
                    self._superseded(agent)
            pipe = self._redis.pipeline(transaction=False)
            for agent in batch:
                self._publish_links_and_targets(pipe, agent)
            if len(pipe):
                await self._asked(pipe.execute())
            await asyncio.sleep(0)

    async def _check_pins(self, agents: list[Peer]) -> None:
        """Claim our agents' ids again after Redis was unreachable or lost its data.

        Connections of agents whose id belongs to another key by now are ended.
        """
        for at in range(0, len(agents), BATCH):
            batch = agents[at : at + BATCH]
            pipe = self._redis.pipeline(transaction=False)
            for agent in batch:
                if agent.public_key:
                    pipe.set(_key("pin", agent.agent_id), agent.public_key, nx=True, ex=PIN_SECONDS)
            for agent in batch:
                pipe.get(_key("pin", agent.agent_id))
            owners = (await self._asked(pipe.execute()))[-len(batch) :]
            for agent, owner in zip(batch, owners, strict=True):
                if (owner or "") != agent.public_key:
                    logger.warning("Ended an agent's connection: its id belongs to another key")
                    self._superseded(agent)
                    with contextlib.suppress(HatchwayError):
                        await self._expel(agent)
            await asyncio.sleep(0)

    def _publish_links_and_targets(self, pipe: Any, agent: Peer) -> None:
        for link in agent.links:
            pipe.set(_key("link", link.id), agent.agent_id, ex=AGENT_SECONDS)
        for target in agent.targets:
            pipe.sadd(_key("devices", target.id), agent.agent_id)
            pipe.expire(_key("devices", target.id), AGENT_SECONDS)

    def _arguments(self, agent: Peer) -> tuple[str, str, int, str]:
        return agent.sid, self._document(agent), AGENT_SECONDS, agent.agent_id

    def _document(self, agent: Peer) -> str:
        entry = Entry(
            agent.sid, self._relay, agent.agent_id, agent.name, agent.targets, agent.links
        )
        return msgspec.json.encode(entry).decode()

    async def _asked(self, answer: Awaitable[T]) -> T:
        try:
            result = await answer
        except (RedisError, OSError, TimeoutError) as error:
            if self.up:
                logger.warning(
                    "Redis is unreachable; only peers of this relay can connect to each other: %s",
                    error,
                )
                self.losses += 1
            self.up = False
            raise RelayDegradedError(
                "This relay cannot reach the other relays at the moment; try again soon"
            ) from None
        if not self.up:
            logger.info("Redis is reachable")
            self.up = True
        return result

    async def _quietly(self, doing: Awaitable[object]) -> None:
        try:
            await doing
        except (RedisError, OSError, TimeoutError, RelayDegradedError) as error:
            logger.info("Could not remove this relay's entries from Redis: %s", error)


def _key(kind: str, name: str = "") -> str:
    return f"{PREFIX}:{kind}:{name}" if name else f"{PREFIX}:{kind}"


def _read(text: object) -> Entry | None:
    if not isinstance(text, str):
        return None
    try:
        return msgspec.json.decode(text.partition("\n")[2], type=Entry)
    except msgspec.DecodeError:
        return None
