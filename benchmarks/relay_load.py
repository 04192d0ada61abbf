"""Agents and guests by the thousand, as cheap as they can be: the load on a relay.

Owns bare Engine.IO over WebSocket, just what an agent and a guest say, in one
process. Does not own the relays or what is made of the times.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from engine.access.agent_key import AgentKey, host_of

HEARTBEAT_SECONDS = 5.0
AT_ONCE = 64
"""Connections being made at a time."""
SDP = "v=0\r\n" + "a=candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host\r\n" * 24
"""As long as a browser's description of a data channel."""
BEAT = {
    "cpu_usage": 12.5, "memory_usage": 3.2, "memory_total": 16.0, "disk_usage": 100.0,
    "disk_total": 500.0, "uptime": 100000, "status": "online",
    "timestamp": "2026-01-01T00:00:00+00:00",
}  # fmt: skip
KEY = AgentKey.make()


@dataclass(slots=True)
class Times:
    """Seconds: guest to agent (``routed``), and guest to guest with the answer (``answered``)."""

    routed: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    """The codes of what was refused."""


class _Peer:
    """One connection. ``event`` gets each event with the number of its acknowledgement."""

    def __init__(self, url: str, auth: dict[str, Any]) -> None:
        self._url = url
        self._auth = auth
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._numbers = itertools.count(1)
        self._acks: dict[int, asyncio.Future[Any]] = {}
        self._reader: asyncio.Task[None] | None = None

    async def connect(self, http: aiohttp.ClientSession) -> None:
        self._ws = await http.ws_connect(f"{self._url}/socket.io/?EIO=4&transport=websocket")
        await self._ws.receive_str()
        await self._ws.send_str("40" + json.dumps(self._auth))
        self._reader = asyncio.create_task(self._read())

    async def call(self, event: str, payload: Any) -> Any:
        number = next(self._numbers)
        reply = self._acks[number] = asyncio.get_running_loop().create_future()
        await self.send(f"42{number}" + json.dumps([event, payload]))
        return await reply

    async def send(self, text: str) -> None:
        assert self._ws is not None
        await self._ws.send_str(text)

    async def close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
        if self._ws is not None:
            await self._ws.close()

    async def event(self, number: str, name: str, payload: Any) -> None:
        pass

    async def _read(self) -> None:
        assert self._ws is not None
        async for message in self._ws:
            text = str(message.data)
            if text == "2":
                await self.send("3")
            elif text.startswith("42"):
                at = text.index("[")
                name, *rest = json.loads(text[at:])
                await self.event(text[2:at], name, rest[0] if rest else None)
            elif text.startswith("43"):
                at = text.index("[")
                waiting = self._acks.pop(int(text[2:at]), None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(json.loads(text[at:])[0])


class _Agent(_Peer):
    def __init__(self, url: str, token: str, agent_id: str, load: Load) -> None:
        auth = {"role": "agent", "token": token, "agent_id": agent_id, "public_key": KEY.public}
        super().__init__(url, auth)
        self.agent_id = agent_id
        self._load = load

    async def register(self) -> None:
        shown = [{"id": f"web-{self.agent_id}", "kind": "container", "state": "running"}]
        registration = {"agent_id": self.agent_id, "name": self.agent_id, "targets": shown}
        reply = await self.call("agent:register", registration)
        if reply["status"] != "success":
            raise RuntimeError(f"The relay refused an agent: {reply}")

    async def beat(self) -> None:
        await self.send("42" + json.dumps(["heartbeat", {"agent_id": self.agent_id, **BEAT}]))

    async def event(self, number: str, name: str, payload: Any) -> None:
        if name == "webrtc:offer":
            self._load.arrived(payload["session_id"])
            answer = {"status": "success", "session_id": payload["session_id"],
                      "sdp": SDP, "sdp_type": "answer"}  # fmt: skip
            await self.send(f"43{number}" + json.dumps([answer]))
        elif name == "webrtc:disconnect":
            reply = {"status": "success", "session_id": payload["session_id"]}
            await self.send(f"43{number}" + json.dumps([reply]))
        elif name == "agent:challenge":
            signed = KEY.answer(payload["nonce"], self.agent_id, host_of(self._url))
            await self.send(f"43{number}" + json.dumps([{"signature": signed}]))


class Load:
    """Agents spread evenly over the relays; each guest at the relay after its agent's."""

    def __init__(self, urls: Sequence[str], agent_token: str, guest_token: str) -> None:
        self._urls = urls
        self._agent_token = agent_token
        self._guest_token = guest_token
        self._http: aiohttp.ClientSession | None = None
        self._agents: list[_Agent] = []
        self._guests: list[_Peer] = []
        self._beating: asyncio.Task[None] | None = None
        self._sent: dict[str, float] = {}
        self._times = Times()
        self._sessions = itertools.count()

    async def connect_agents(self, count: int) -> float:
        """``count`` registered agents; the seconds it took."""
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        http, gate = self._http, asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> _Agent:
            url = self._urls[number % len(self._urls)]
            agent = _Agent(url, self._agent_token, f"agent-{number}", self)
            async with gate:
                await agent.connect(http)
                await agent.register()
            return agent

        began = time.perf_counter()
        self._agents = await asyncio.gather(*(one(number) for number in range(count)))
        took = time.perf_counter() - began
        self._beating = asyncio.create_task(self._beat())
        return took

    async def connect_guests(self, each: int) -> None:
        """``each`` at every relay."""
        assert self._http is not None
        auth = {"role": "guest", "token": self._guest_token}
        self._guests = [_Peer(url, auth) for _ in range(each) for url in self._urls]
        for guest in self._guests:
            await guest.connect(self._http)

    async def offers(self, per_second: float, seconds: float) -> Times:
        """Offers at a steady rate, whether answers come or not."""
        times = self._times = Times()
        self._sent.clear()
        calls: list[asyncio.Task[None]] = []
        began = time.perf_counter()
        for number in range(int(per_second * seconds)):
            due = began + number / per_second
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            calls.append(asyncio.create_task(self._offer(times)))
        await asyncio.gather(*calls)
        return times

    def arrived(self, session_id: str) -> None:
        sent = self._sent.pop(session_id, None)
        if sent is not None:
            self._times.routed.append(time.perf_counter() - sent)

    async def close(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
        peers = [*self._agents, *self._guests]
        await asyncio.gather(*(peer.close() for peer in peers), return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    async def _offer(self, times: Times) -> None:
        at = random.randrange(len(self._agents))
        agent = self._agents[at]
        # Guests come in rounds of one per relay.
        relay = (at + 1) % len(self._urls)
        rounds = len(self._guests) // len(self._urls)
        guest = self._guests[relay + random.randrange(rounds) * len(self._urls)]
        session_id = f"s{next(self._sessions)}"
        payload = {"session_id": session_id, "device_id": f"web-{agent.agent_id}", "sdp": SDP,
                   "sdp_type": "offer", "agent_id": agent.agent_id}  # fmt: skip
        began = self._sent[session_id] = time.perf_counter()
        reply = await guest.call("webrtc:offer", payload)
        if reply["status"] != "success":
            times.errors.append(str(reply.get("code")))
            return
        times.answered.append(time.perf_counter() - began)
        await guest.send("42" + json.dumps(["webrtc:disconnect", {"session_id": session_id}]))

    async def _beat(self) -> None:
        """Every agent each HEARTBEAT_SECONDS, spread over the time."""
        while True:
            pause = HEARTBEAT_SECONDS / max(1, len(self._agents))
            due = time.perf_counter()
            for agent in self._agents:
                due += pause
                if (wait := due - time.perf_counter()) > 0:
                    await asyncio.sleep(wait)
                await agent.beat()
