"""Links between two children, and how fast they are.

Owns connecting, and counting bytes and CPU time. Does not own which stack is at
either end, nor what the figures mean.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import psutil

from benchmarks.process import Child

MEGA = 1e6
SETTLE_SECONDS = 10.0


@dataclass(slots=True)
class Pair:
    """One link between an agent and a peer, with its key at either end."""

    agent: Child
    peer: Child
    agent_key: str
    peer_key: str

    async def close(self) -> None:
        await self.peer.call("close", keys=[self.peer_key])
        await self.agent.call("close", keys=[self.agent_key])

    async def settled(self) -> None:
        """Until what a flood left in the buffers has arrived."""
        seen = (-1, -1)
        async with asyncio.timeout(SETTLE_SECONDS):
            while True:
                now = (
                    (await self.agent.call("sample", key=self.agent_key))["received"],
                    (await self.peer.call("sample", key=self.peer_key))["received"],
                )
                if now == seen:
                    return
                seen = now
                await asyncio.sleep(0.05)


async def connect(agent: Child, peer: Child, impairment: dict[str, float] | None = None) -> Pair:
    """The peer offers, the agent answers, as in the app."""
    offer = await peer.call("offer")
    answer = await agent.call("answer", sdp=offer["sdp"], impairment=impairment)
    await peer.call("accept", key=offer["key"], sdp=answer["sdp"])
    await peer.call("opened", key=offer["key"])
    await agent.call("opened", key=answer["key"])
    return Pair(agent, peer, answer["key"], offer["key"])


@dataclass(frozen=True, slots=True)
class Rate:
    """``speed`` in MB/s; ``cpu`` in ms per MB of the agent and of the receiver; ``busy`` is
    the part of all cores that anything at all took meanwhile, 0..1."""

    speed: float
    cpu: float
    receiver_cpu: float
    busy: float


async def rate(receiver: Child, key: str, agent: Child, warm: float, seconds: float) -> Rate:
    """Of a flood under way, as the receiver counts the bytes."""
    await asyncio.sleep(warm)
    agent_from = await agent.call("sample")
    first = await receiver.call("sample", key=key)
    psutil.cpu_percent()
    await asyncio.sleep(seconds)
    busy = psutil.cpu_percent() / 100
    last = await receiver.call("sample", key=key)
    agent_to = await agent.call("sample")
    speed = (last["received"] - first["received"]) / (last["at"] - first["at"]) / MEGA
    per_mb = 1e3 / speed if speed else 0.0
    return Rate(
        speed,
        (agent_to["cpu"] - agent_from["cpu"]) / (agent_to["at"] - agent_from["at"]) * per_mb,
        (last["cpu"] - first["cpu"]) / (last["at"] - first["at"]) * per_mb,
        busy,
    )
