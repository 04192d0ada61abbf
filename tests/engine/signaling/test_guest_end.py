"""What a guest may expect of its end of signaling: the same of both, and what a success is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from engine.core.errors import (
    AccessDeniedError,
    ConnectTimeoutError,
    HatchwayError,
    NoTurnError,
    ProtocolError,
    RemoteError,
)
from engine.core.settings import IceServer, IceSettings
from engine.signaling.guest import GuestSignaling, RelayAddress
from engine.signaling.guest_end import GuestEnd, MakeEnd, successful
from engine.signaling.handlers import Handler, reply_to
from engine.signaling.in_process import InProcessSignaling
from engine.wire.signaling import DISCONNECT, ICE_SERVERS, OFFER
from tests.engine.signaling.foreign import ForeignServer, foreign_relay
from tests.engine.until import until

Reach = Callable[[Handler], AbstractAsyncContextManager[MakeEnd]]
"""Makes ends whose every call of OFFER and DISCONNECT a handler gets."""


class RelayBefore(ForeignServer):
    """A relay that forwards everything to one handler, as ours does to an agent."""

    def __init__(self, handler: Handler) -> None:
        super().__init__()
        self.handler = handler

    async def receive(self, event: str, sid: str, *args: Any) -> Any:
        if event == ICE_SERVERS:
            return {"status": "success", "ice_servers": [], "relay_only": False}
        return await reply_to(event, args[0] if args else None, self.handler)


@asynccontextmanager
async def over_socket_io(handler: Handler) -> AsyncIterator[MakeEnd]:
    async with foreign_relay(RelayBefore(handler).sio) as url:
        yield lambda: GuestSignaling(RelayAddress(url, "token"))


@asynccontextmanager
async def in_process(handler: Handler) -> AsyncIterator[MakeEnd]:
    agent = InProcessSignaling()
    agent.serve({OFFER: handler, DISCONNECT: handler})
    yield agent.guest
    await agent.close()


both = pytest.mark.parametrize("reach", [over_socket_io, in_process])


@asynccontextmanager
async def connected(reach: Reach, handler: Handler) -> AsyncIterator[GuestEnd]:
    async with reach(handler) as make:
        end = make()
        await end.connect()
        try:
            yield end
        finally:
            await end.close()


async def echo(payload: object) -> dict[str, Any]:
    return {"status": "success", "got": payload}


async def refuse(payload: object) -> dict[str, Any]:
    raise AccessDeniedError("Not shared")


class Slow:
    """A handler that waits for the test."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __call__(self, payload: object) -> dict[str, Any]:
        self.begun.set()
        await self.go_on.wait()
        self.finished.set()
        return {"status": "success"}


@both
async def test_calls_get_their_replies(reach: Reach) -> None:
    async with connected(reach, echo) as end:
        assert end.is_connected
        payloads: list[dict[str, Any]] = [{"n": number, "more": ["é", None]} for number in range(3)]
        replies = await asyncio.gather(*(end.call(OFFER, payload) for payload in payloads))
        assert [reply["got"] for reply in replies] == payloads
        assert (await end.call(DISCONNECT, {}))["got"] == {}


@both
async def test_neither_side_can_change_what_the_other_holds(reach: Reach) -> None:
    replied: dict[str, Any] = {"status": "success", "rows": [1]}

    async def change(payload: object) -> dict[str, Any]:
        assert isinstance(payload, dict)
        payload["seen"].append("by the agent")
        return replied

    async with connected(reach, change) as end:
        sent: dict[str, Any] = {"seen": []}
        reply = await end.call(OFFER, sent)
        reply["rows"].append(2)
        assert sent == {"seen": []}
        assert replied["rows"] == [1]


@both
async def test_a_refusal_has_its_code_and_its_words(reach: Reach) -> None:
    async with connected(reach, refuse) as end:
        with pytest.raises(RemoteError, match="Not shared") as caught:
            await end.call(OFFER, {"session_id": "s"})
        assert caught.value.remote_code == "access_denied"


@both
async def test_a_reply_that_takes_too_long_is_an_error_and_the_handler_finishes(
    reach: Reach,
) -> None:
    slow = Slow()
    async with connected(reach, slow) as end:
        with pytest.raises(ConnectTimeoutError):
            await end.call(OFFER, {}, seconds=0.05)
        await slow.begun.wait()
        slow.go_on.set()
        await until(slow.finished.is_set)


@both
async def test_a_handler_finishes_although_its_caller_was_cancelled(reach: Reach) -> None:
    slow = Slow()
    async with connected(reach, slow) as end:
        calling = asyncio.create_task(end.call(OFFER, {}))
        await slow.begun.wait()
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        slow.go_on.set()
        await until(slow.finished.is_set)


@both
async def test_nothing_is_called_before_the_connection_nor_after(reach: Reach) -> None:
    async with reach(echo) as make:
        end = make()
        assert not end.is_connected
        with pytest.raises(HatchwayError):
            await end.call(OFFER, {})
        await end.connect()
        await end.close()
        await end.close()
        assert not end.is_connected
        with pytest.raises(HatchwayError):
            await end.call(OFFER, {})
        await make().close()


@both
async def test_with_turn_alone_a_server_is_needed(reach: Reach) -> None:
    async with connected(reach, echo) as end:
        turn = IceSettings(servers=(IceServer("turn:t.example"),), relay_only=True)
        assert await end.ice_settings(turn) == turn
        with pytest.raises(NoTurnError):
            await end.ice_settings(IceSettings(relay_only=True))


@pytest.mark.parametrize("status", ["success", "warning"])
def test_a_success_is_the_reply_itself(status: str) -> None:
    assert successful({"status": status, "x": 1}) == {"status": status, "x": 1}


@pytest.mark.parametrize("reply", [None, "success", 5, ["success"]])
def test_anything_but_an_object_is_an_invalid_reply(reply: object) -> None:
    with pytest.raises(ProtocolError):
        successful(reply)


@pytest.mark.parametrize(
    ("reply", "code", "text"),
    [
        ({"status": "error", "code": "access_denied", "error": "No"}, "access_denied", "No"),
        ({"status": "error", "code": 5, "error": ["x"]}, "", "Request refused"),
        ({"status": "error", "error": ""}, "", "Request refused"),
        ({"status": ["success"]}, "", "Request refused"),
        ({}, "", "Request refused"),
    ],
)
def test_a_refusal_has_the_other_sides_words_if_they_are_words(
    reply: dict[str, object], code: str, text: str
) -> None:
    with pytest.raises(RemoteError) as caught:
        successful(reply)
    assert (caught.value.remote_code, str(caught.value)) == (code, text)
