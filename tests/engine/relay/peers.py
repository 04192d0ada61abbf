"""Foreign peers for tests: plain python-socketio, none of our client code."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import socketio

from engine.core.socketio_adapter import LibraryTasks
from engine.relay import Limits, Relay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from engine.access.agent_key import AgentKey

WAIT = 10.0


class Foreign:
    """A connected client that records every event; ``on`` answers some."""

    def __init__(self, sio: Any) -> None:
        self.sio = sio
        self.seen: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.all: list[tuple[str, Any]] = []
        self.answers: dict[str, Callable[[Any], Any]] = {}

    async def receive(self, event: str, *args: Any) -> Any:
        payload = args[0] if args else None
        self.all.append((event, payload))
        self.seen.put_nowait((event, payload))
        answer = self.answers.get(event)
        if answer is None:
            return None
        reply = answer(payload)
        return await reply if asyncio.iscoroutine(reply) else reply

    async def next(self, event: str) -> Any:
        """The payload of the next ``event``, letting others go by."""
        async with asyncio.timeout(WAIT):
            while True:
                name, payload = await self.seen.get()
                if name == event:
                    return payload

    async def call(self, event: str, payload: Any = None, timeout: float = WAIT) -> Any:
        return await self.sio.call(event, payload, timeout=timeout)


@asynccontextmanager
async def foreign(
    url: str,
    auth: Any,
    headers: dict[str, str] | None = None,
    transports: list[str] | None = None,
    signing: tuple[AgentKey, str] | None = None,
    answers: dict[str, Callable[[Any], Any]] | None = None,
) -> AsyncIterator[Foreign]:
    """``signing``: the key that answers a challenge, and the relay's host as it is said to be.
    ``answers``: to events that may come before anybody could set one."""
    async with aiohttp.ClientSession() as http:
        sio = socketio.AsyncClient(reconnection=False, handle_sigint=False, http_session=http)
        # python-socketio abandons handlers at work; a test must leave none behind.
        tasks = LibraryTasks("foreign peer")
        sio.eio.start_background_task = tasks.start
        peer = Foreign(sio)
        peer.answers |= answers or {}
        if signing is not None and isinstance(auth, dict):
            key, host = signing
            peer.answers["agent:challenge"] = lambda payload: {
                "signature": key.answer(payload["nonce"], auth["agent_id"], host)
            }
        sio.on("*", peer.receive)
        await sio.connect(
            url,
            auth=auth,
            headers=headers or {},
            transports=transports or ["websocket"],
            wait_timeout=WAIT,
            namespaces=["/"],
        )
        try:
            yield peer
        finally:
            await sio.disconnect()
            await tasks.close()


@asynccontextmanager
async def relay(**limits: Any) -> AsyncIterator[Relay]:
    one = Relay("agent-secret", "guest-secret", limits=Limits(**limits))
    await one.start("127.0.0.1", 0)
    try:
        yield one
    finally:
        await one.stop()


def guest(one: Relay, **more: Any) -> Any:
    return foreign(one.url, {"token": one.guest_token, "role": "guest", **more})


@asynccontextmanager
async def agent(
    one: Relay, agent_id: str = "a1", targets: tuple[str, ...] = ("web-1",)
) -> AsyncIterator[Foreign]:
    auth = {"token": one.agent_token, "role": "agent", "agent_id": agent_id}
    async with foreign(one.url, auth) as peer:
        peer.answers["webrtc:offer"] = answer
        peer.answers["webrtc:ice"] = ok("webrtc:ice")
        peer.answers["webrtc:disconnect"] = ok("webrtc:disconnect")
        await register(peer, agent_id, targets)
        yield peer


async def register(peer: Foreign, agent_id: str, targets: tuple[str, ...]) -> Any:
    rows = [{"id": name, "kind": "container", "state": "running"} for name in targets]
    return await peer.call(
        "agent:register", {"agent_id": agent_id, "name": f"Host {agent_id}", "targets": rows}
    )


def offer(session_id: str = "s1", device_id: str = "web-1", **more: Any) -> dict[str, Any]:
    return {
        "correlation_id": "c1",
        "session_id": session_id,
        "device_id": device_id,
        "sdp": "v=0\r\n",
        "sdp_type": "offer",
        **more,
    }


def ice(session_id: str = "s1", **more: Any) -> dict[str, Any]:
    return {
        "session_id": session_id,
        "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host",
        "sdp_mid": "0",
        "sdp_mline_index": 0,
        **more,
    }


def answer(payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "action": "webrtc:offer",
        "correlation_id": payload.get("correlation_id"),
        "status": "success",
        "session_id": payload["session_id"],
        "sdp": "v=0 answer",
        "sdp_type": "answer",
    }


def ok(event: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda payload: {
        "action": event,
        "correlation_id": payload.get("correlation_id"),
        "status": "success",
        "session_id": payload["session_id"],
    }
