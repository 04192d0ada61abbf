"""The client under test with its states, and relays as somebody else would write them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import socketio
from aiohttp import web

from engine.core.events import EventBus, RelayStateChanged
from engine.core.model import RelayState
from engine.core.socketio_adapter import LibraryTasks
from engine.signaling.host import SignalingClient
from engine.signaling.retry import Backoff
from tests.engine.relay.peers import WAIT, answer
from tests.engine.until import until

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable

    from engine.core.events import Event

S = RelayState
QUICK = {"first": 0.02, "last": 0.05, "refused": 0.05}


class Host:
    """A client under test with its states and what its handlers saw."""

    def __init__(self, url: str, auth: Any = None, **options: Any) -> None:
        self.states: list[RelayStateChanged] = []
        self.offers: list[Any] = []
        self.targets = ["web-1"]
        self.handle: Callable[[Any], Any] = answer
        self.events = events = EventBus()
        events.subscribe(self._note)
        self.client = SignalingClient(
            url,
            auth=auth or {"token": "agent-secret", "role": "agent", "agent_id": "a1"},
            handlers={"webrtc:offer": self.offer},
            events=events,
            registration=self.registration,
            backoff=Backoff(**QUICK),
            **options,
        )

    def _note(self, event: Event) -> None:
        if isinstance(event, RelayStateChanged):
            self.states.append(event)

    def registration(self) -> dict[str, Any]:
        rows = [{"id": name, "kind": "container"} for name in self.targets]
        return {"agent_id": "a1", "name": "Host", "targets": rows}

    async def offer(self, payload: Any) -> dict[str, Any]:
        self.offers.append(payload)
        reply = self.handle(payload)
        return await reply if asyncio.iscoroutine(reply) else reply

    @property
    def sequence(self) -> list[RelayState]:
        return [event.state for event in self.states]

    async def reach(self, state: RelayState, times: int = 1) -> RelayStateChanged:
        await until(lambda: self.sequence.count(state) >= times, what=f"the state {state}")
        return [event for event in self.states if event.state is state][-1]


@asynccontextmanager
async def host(url: str, **options: Any) -> AsyncIterator[Host]:
    one = Host(url, **options)
    await one.client.start()
    try:
        yield one
    finally:
        async with asyncio.timeout(WAIT):
            await one.client.stop()


@asynccontextmanager
async def foreign_relay(
    sio: Any, port: int = 0, context: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """A relay as somebody else would write it: python-socketio on aiohttp, no more."""
    # What python-socketio leaves behind is not what is tested here.
    tasks = LibraryTasks("foreign relay")
    sio.eio.start_background_task = tasks.start
    before = asyncio.all_tasks()
    app = web.Application()
    sio.attach(app)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    scheme = "https" if context else "http"
    try:
        yield f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await sio.shutdown()
        await runner.cleanup()
        await tasks.close()
        # aiohttp leaves a long poll that nobody answers to its own time-out.
        polls = {t for t in asyncio.all_tasks() - before if "RequestHandler" in repr(t.get_coro())}
        for poll in polls:
            poll.cancel()
        if polls:
            await asyncio.wait(polls, timeout=5)


class ForeignServer:
    """Knows nothing of our auth or of agent:register."""

    def __init__(self) -> None:
        self.sio: Any = socketio.AsyncServer(async_mode="aiohttp")
        self.sids: list[str] = []
        self.tokens: list[Any] = []
        self.seen: list[tuple[str, Any]] = []
        self.sio.on("connect", self.connect)
        self.sio.on("*", self.receive)

    async def connect(self, sid: str, environ: Any, auth: Any) -> None:
        self.sids.append(sid)

    async def receive(self, event: str, sid: str, *args: Any) -> None:
        self.seen.append((event, args[0] if args else None))

    def of(self, event: str) -> list[Any]:
        return [payload for name, payload in self.seen if name == event]

    async def offer(self, payload: Any, timeout: float = WAIT) -> Any:
        return await self.sio.call("webrtc:offer", payload, to=self.sids[-1], timeout=timeout)


class OldServer(ForeignServer):
    """Its connect handler has no parameter for auth: python-socketio then fails silently."""

    async def connect(self, sid: str, environ: Any) -> None:
        self.tokens.append(environ.get("HTTP_AUTHORIZATION"))
        self.sids.append(sid)
