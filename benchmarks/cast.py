"""The children of a run, each started once and shared by the suites that need it.

Owns their life, and the ways to a container: the app with a guest, the exec stream
alone, a WebSocket, stock aiortc. Does not own what is asked of them. Starting Qt and
aiortc anew for each suite would take longer than measuring.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from benchmarks.containers import Box
from benchmarks.process import Child
from benchmarks.stack import Pair, connect

OPEN_SECONDS = 40.0

Role = tuple[str, ...]
"""A module of benchmarks, its arguments, and ``#n`` for one more of the same."""
APP: Role = ("app_agent",)
PEER: Role = ("synthetic", "ldc")
"""A C++ peer of bare data channels."""
OURS: Role = ("synthetic", "ours")
STOCK: Role = ("synthetic", "stock")


class Way:
    """One way to terminals in the container: who opens them, and whose CPU it costs."""

    def __init__(self, opener: Child, agent: Child, box: Box, *, needs_ref: bool) -> None:
        self.opener = opener
        self.agent = agent
        self.box = box
        self._ref = {"ref": box.ref} if needs_ref else {}

    async def open(self, count: int = 1, at_once: int = 1, **size: int) -> dict[str, Any]:
        """See benchmarks.guest; ``size``, of a guest's terminals: cols and rows."""
        return await self.opener.call(
            "open", OPEN_SECONDS, target=self.box.name, count=count, at_once=at_once,
            **self._ref, **size,
        )  # fmt: skip

    async def run(self, program: str) -> str:
        """The key of a new terminal with ``program`` in it."""
        (key,) = (await self.open())["keys"]
        await self.opener.call("run", key=key, program=program)
        return str(key)

    async def close(self, *keys: str) -> None:
        await self.opener.call("close", OPEN_SECONDS, keys=keys)


@dataclass(slots=True)
class StockWay:
    """Stock aiortc on stock qasync with the same exec stream: no app, no relay."""

    opener: Child
    agent: Child
    box: Box
    _pairs: dict[str, Pair]

    async def run(self, program: str) -> str:
        pair = await connect(self.agent, self.opener)
        self._pairs[pair.peer_key] = pair
        await self.agent.call("attach", key=pair.agent_key, target=self.box.name,
                              ref=self.box.ref, program=program)  # fmt: skip
        return pair.peer_key

    async def close(self, *keys: str) -> None:
        for key in keys:
            await self._pairs.pop(key).close()


class Cast:
    """Children by role. One that is asked for runs until the end, or until dismiss()."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self._children: dict[Role, asyncio.Task[Child]] = {}
        self._prepared: dict[Role, asyncio.Task[None]] = {}

    async def child(self, *role: str) -> Child:
        """Start it unless it runs. Raises BenchError."""
        if role not in self._children:
            module, *arguments = (word for word in role if not word.startswith("#"))
            self._children[role] = asyncio.create_task(Child.start(module, *arguments))
        return await asyncio.shield(self._children[role])

    async def begin(self, *roles: Role) -> None:
        """Start several at the same time."""
        await asyncio.gather(*(self.child(*role) for role in roles))

    async def app(self, number: int = 1) -> Way:
        """The app in a process of its own, and guest ``number`` in another."""
        app = await self.child(*APP)
        guest = await self.child("guest", f"#{number}")

        async def reach() -> None:
            info = await app.call("info")
            await guest.call("relay", url=info["url"], token=info["token"],
                             agent_id=info["agent_id"])  # fmt: skip

        await self._prepare(("guest", f"#{number}"), reach())
        return Way(guest, app, self.box, needs_ref=False)

    async def raw(self, loop: str = "asyncio") -> Way:
        child = await self.child("raw_exec", loop)
        return Way(child, child, self.box, needs_ref=True)

    async def socket(self) -> Way:
        server = await self.child("websocket", "server")
        client = await self.child("websocket", "client")

        async def reach() -> None:
            await client.call("reach", url=(await server.call("listen"))["url"])

        await self._prepare(("websocket", "client"), reach())
        return Way(client, server, self.box, needs_ref=True)

    async def stock(self, number: int = 1) -> StockWay:
        agent = await self.child(*STOCK)
        peer = await self.child(*PEER, f"#{number}")
        return StockWay(peer, agent, self.box, {})

    async def dismiss(self) -> None:
        """Kill all: what a failed suite left in them is nobody's to know."""
        for task in self._prepared.values():
            task.cancel()
        self._prepared.clear()
        children = list(self._children.values())
        self._children.clear()
        for started in await asyncio.gather(*children, return_exceptions=True):
            if isinstance(started, Child):
                await started.kill()

    async def _prepare(self, role: Role, how: Any) -> None:
        if role in self._prepared:
            how.close()
        else:
            self._prepared[role] = asyncio.create_task(how)
        await asyncio.shield(self._prepared[role])
