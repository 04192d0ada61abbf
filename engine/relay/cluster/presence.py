"""Which agent is at which relay, which link is whose, which session goes where: in Redis.

Owns the keys, their lifetimes and the state of the way to Redis. Does not own
connections or any rule of passing on. Everything expires by itself: a relay
that is killed leaves nothing that outlives AGENT_SECONDS, and is known to be
gone within RELAY_SECONDS. Redis may forget everything at any time: relays tell
it again.
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
"""For one answer of Redis; without it we are degraded."""
TICK_SECONDS = 1.0
"""Between two signs of life of a relay."""
RELAY_SECONDS = 4
"""A relay silent for longer is gone, and so are its agents until they come back."""
REFRESH_SECONDS = 10.0
AGENT_SECONDS = 30
"""How often a relay publishes its agents, and how long an entry lives."""
ROUTE_SECONDS = 3600
PIN_SECONDS = 90 * 24 * 3600
"""How long an id stays with the key that proved it last."""
BATCH = 200
"""Agents refreshed in one round trip; the loop breathes between."""
MAX_SHARING = 16
"""Agents asked about at once, whether they share a device."""
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
# An entry another connection of the agent has written since is not taken back.
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
# A guest takes back its own routes only.
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
    """An agent as other relays see it."""

    sid: str
    relay: str
    agent_id: str
    name: str = ""
    targets: tuple[SharedTarget, ...] = ()
    links: tuple[OpenLink, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteEntry:
    guest: str
    relay: str
    agent_id: str


class Presence:
    """``start()`` once; every question raises RelayDegradedError while Redis is away."""

    def __init__(
        self,
        url: str,
        relay_id: str,
        directory: Directory,
        expel: Callable[[Peer], Awaitable[None]],
    ) -> None:
        """``expel(agent)`` ends a connection whose id turned out to be another's."""
        self._redis = connect(url, COMMAND_SECONDS)
        self._relay = relay_id
        self._agents = directory.all
        self._superseded = directory.leave
        self._expel = expel
        self._live: frozenset[str] = frozenset()
        # Redis's own mark, which goes when it forgets, perhaps between two of our questions.
        self._memory = ""
        self.up = False
        self.losses = 0
        """How many times Redis went away: an answer asked for before may be lost."""

    async def run(self) -> None:
        """Publish this relay and its agents until cancelled."""
        # What was published last, to which memory, before which loss: guests' questions notice
        # that Redis is back as well, so ``up`` alone says nothing.
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
        """Say that this relay is gone, when Redis hears it, and disconnect."""
        if self.up:
            await self._quietly(self._redis.zrem(_key("relays"), self._relay))
            for agent in list(self._agents()):
                await self._quietly(self.leave(agent))
        await self._redis.aclose()

    # -- publishing

    async def announce(self, agent: Peer) -> None:
        """``agent`` is here, whoever was known by its id before."""
        key = _key("agent", agent.agent_id)
        pipe = self._redis.pipeline(transaction=False)
        pipe.set(key, f"{agent.sid}\n{self._document(agent)}", ex=AGENT_SECONDS)
        self._tell_rest(pipe, agent)
        pipe.eval(_REFRESH, 2, key, _key("agents"), *self._arguments(agent))
        await self._asked(pipe.execute())

    async def leave(self, agent: Peer) -> None:
        """``agent``'s connection has ended; a newer one of it elsewhere stays."""
        keys = _key("agent", agent.agent_id), _key("agents")
        await self._asked(self._redis.eval(_LEAVE, 2, *keys, agent.sid, agent.agent_id))

    async def set_route(
        self, session_id: str, guest: str, agent_id: str, *, confirmed: bool
    ) -> None:
        """One that the agent has not confirmed takes nobody's place."""
        value = json.dumps([guest, self._relay, agent_id])
        name = _key("route", session_id)
        await self._asked(self._redis.set(name, value, ex=ROUTE_SECONDS, nx=not confirmed))

    async def drop_route(self, session_id: str, guest: str) -> None:
        """Forget where a session's messages go, if it is ``guest``'s."""
        begin = json.dumps([guest])[:-1] + ","
        await self._asked(self._redis.eval(_DROP_ROUTE, 1, _key("route", session_id), begin))

    # -- asking

    async def agent(self, agent_id: str) -> Entry | None:
        """Where an agent is; None when nowhere, or at a relay that is gone."""
        text = await self._asked(self._redis.get(_key("agent", agent_id)))
        entry = _read(text)
        return entry if entry is not None and await self.alive(entry.relay) else None

    async def agents_of_device(self, device_id: str) -> list[Entry]:
        """Agents that share a device of this name: none, one, or more of them than one."""
        key = _key("devices", device_id)
        while ids := await self._asked(self._redis.srandmember(key, MAX_SHARING)):
            entries = {str(one): await self.agent(str(one)) for one in ids}
            found = [one for one in entries.values() if one and lists(one, device_id)]
            if len(found) == len(ids):
                return found
            # The others shared it once.
            stale = entries.keys() - {one.agent_id for one in found}
            await self._asked(self._redis.srem(key, *stale))
        return []

    async def agent_of_link(self, link_id: str) -> Entry | None:
        agent_id = await self._asked(self._redis.get(_key("link", link_id)))
        return await self.agent(str(agent_id)) if agent_id else None

    async def listed(self) -> list[Entry]:
        """Agents of all relays that are there, at most MAX_LISTED."""
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
            # It may have started a moment ago.
            await self._tick()
        return relay == self._relay or relay in self._live

    async def _refresh(self, agents: list[Peer]) -> None:
        for at in range(0, len(agents), BATCH):
            batch = agents[at : at + BATCH]
            pipe = self._redis.pipeline(transaction=False)
            for agent in batch:
                keys = _key("agent", agent.agent_id), _key("agents")
                pipe.eval(_REFRESH, 2, *keys, *self._arguments(agent))
            for agent, kept in zip(batch, await self._asked(pipe.execute()), strict=True):
                if not kept:
                    self._superseded(agent)
            pipe = self._redis.pipeline(transaction=False)
            for agent in batch:
                self._tell_rest(pipe, agent)
            if len(pipe):
                await self._asked(pipe.execute())
            await asyncio.sleep(0)

    async def _check_pins(self, agents: list[Peer]) -> None:
        """Ids belong to their first key also when Redis was away or has forgotten: claim those
        of our agents anew, and end connections of agents that came meanwhile with another's."""
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
                    logger.warning("The id of a connected agent belongs to another key")
                    self._superseded(agent)
                    with contextlib.suppress(HatchwayError):
                        await self._expel(agent)
            await asyncio.sleep(0)

    def _tell_rest(self, pipe: Any, agent: Peer) -> None:
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
                logger.warning("Redis is away; only peers of this relay can meet: %s", error)
                self.losses += 1
            self.up = False
            raise RelayDegradedError(
                "This relay cannot reach the others at the moment; try again soon"
            ) from None
        if not self.up:
            logger.info("Redis is there")
            self.up = True
        return result

    async def _quietly(self, doing: Awaitable[object]) -> None:
        try:
            await doing
        except (RedisError, OSError, TimeoutError, RelayDegradedError) as error:
            logger.info("Redis did not hear our goodbye: %s", error)


def _key(kind: str, name: str = "") -> str:
    return f"{PREFIX}:{kind}:{name}" if name else f"{PREFIX}:{kind}"


def _read(text: object) -> Entry | None:
    if not isinstance(text, str):
        return None
    try:
        return msgspec.json.decode(text.partition("\n")[2], type=Entry)
    except msgspec.DecodeError:
        return None
