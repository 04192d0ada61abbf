"""The agent's client against our relay and against foreign ones, on real sockets."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from typing import Any

import pytest
import socketio
from aiohttp import web

from engine.core.errors import TargetNotFoundError
from engine.relay import Relay
from tests.engine.relay.peers import WAIT, answer, guest, offer, relay
from tests.engine.signaling.foreign import ForeignServer, Host, OldServer, S, foreign_relay, host
from tests.engine.until import until


async def test_registered_at_our_relay_it_answers_guests() -> None:
    async with relay() as one, host(one.url) as agent, guest(one) as peer:
        await agent.reach(S.CONNECTED)
        rows = (await peer.next("guest:targets"))["targets"]
        assert [(row["agent_id"], row["id"]) for row in rows] == [("a1", "web-1")]
        assert (await peer.call("webrtc:offer", offer()))["sdp"] == "v=0 answer"
        assert agent.sequence == [S.CONNECTING, S.CONNECTED]
        agent.targets = ["web-1", "db"]
        assert await agent.client.re_register()
        assert len((await peer.next("guest:targets"))["targets"]) == 2
    assert agent.sequence == [S.CONNECTING, S.CONNECTED, S.STOPPED]


async def test_ice_of_ours_reaches_the_guest() -> None:
    async with relay() as one, host(one.url) as agent, guest(one) as peer:
        await agent.reach(S.CONNECTED)
        await peer.next("guest:targets")
        await peer.call("webrtc:offer", offer())
        assert await agent.client.emit_ice({"session_id": "s1", "candidate": None})
        assert (await peer.next("webrtc:ice"))["candidate"] is None


async def test_without_a_connection_sending_says_so() -> None:
    agent = Host("http://127.0.0.1:9")
    assert not await agent.client.emit_ice({"session_id": "s1", "candidate": None})
    assert not await agent.client.re_register()


@pytest.mark.parametrize("make", [ForeignServer, OldServer])
async def test_a_foreign_relay_calls_and_gets_our_ack(
    make: type[ForeignServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.signaling.host.CONNECT_REPLY_SECONDS", 0.3)
    server = make()
    async with foreign_relay(server.sio) as url, host(url) as agent:
        await agent.reach(S.CONNECTED)
        assert await server.offer(offer()) == answer(offer())
    if make is OldServer:
        assert server.tokens == ["Bearer agent-secret"]


async def test_a_foreign_relay_gets_registration_and_heartbeats_at_their_pace() -> None:
    server = ForeignServer()
    async with foreign_relay(server.sio) as url, host(url, heartbeat_interval=0.05):
        await until(lambda: len(server.of("heartbeat")) >= 3, what="three heartbeats")
        assert server.seen[0][0] == "agent:register"
        assert server.of("heartbeat")[0]["agent_id"] == "a1"
        assert server.of("heartbeat")[0]["status"] == "online"


async def test_a_slow_offer_delays_no_other() -> None:
    server = ForeignServer()
    decided = asyncio.Event()

    async def slow(payload: Any) -> Any:
        if payload["session_id"] == "slow":
            await decided.wait()
        return answer(payload)

    async with foreign_relay(server.sio) as url, host(url) as agent:
        agent.handle = slow
        await agent.reach(S.CONNECTED)
        first = asyncio.create_task(server.offer(offer("slow")))
        await until(lambda: len(agent.offers) == 1, what="the slow offer")
        assert (await server.offer(offer("quick")))["session_id"] == "quick"
        assert not first.done()
        decided.set()
        assert (await first)["session_id"] == "slow"


async def test_a_handler_that_fails_is_an_error_to_the_guest_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = ForeignServer()
    async with foreign_relay(server.sio) as url, host(url) as agent:
        await agent.reach(S.CONNECTED)
        agent.handle = lambda p: 1 / 0
        with caplog.at_level(logging.ERROR):
            reply = await server.offer(offer())
        assert (reply["status"], reply["code"], reply["correlation_id"]) == (
            "error",
            "internal",
            "c1",
        )
        assert "division" not in str(reply)
        assert "ZeroDivisionError" in caplog.text
        caplog.clear()

        def unknown(payload: Any) -> Any:
            raise TargetNotFoundError(payload["device_id"])

        agent.handle = unknown
        reply = await server.offer(offer())
        assert (reply["code"], reply["error"]) == ("target_not_found", "Device web-1 not found")


@pytest.mark.parametrize("args", [(), (None,), (1, 2, 3), ([],), ("x",)], ids=repr)
async def test_any_arguments_reach_the_handler_as_one_payload(args: tuple[Any, ...]) -> None:
    server = ForeignServer()
    async with foreign_relay(server.sio) as url, host(url) as agent:
        agent.handle = lambda p: {"status": "error"}
        await agent.reach(S.CONNECTED)
        assert await server.offer(args) == {"status": "error"}
        assert agent.offers == [args[0] if args else None]


async def test_a_relay_that_dies_and_comes_back_has_the_agent_again() -> None:
    first = Relay("agent-secret", "guest-secret")
    url = await first.start()
    port = int(url.rsplit(":", 1)[1])
    async with host(url) as agent:
        await agent.reach(S.CONNECTED)
        sid = agent.client.sid
        await first.stop()
        await agent.reach(S.RECONNECTING)
        await until(lambda: "Cannot reach" in agent.client.state.detail, what="a failed attempt")
        second = Relay("agent-secret", "guest-secret")
        await second.start("127.0.0.1", port)
        try:
            await agent.reach(S.CONNECTED, times=2)
            assert agent.client.sid not in (None, sid)
            async with guest(second) as peer:
                assert (await peer.call("webrtc:offer", offer()))["status"] == "success"
        finally:
            await second.stop()
    order = [s for n, s in enumerate(agent.sequence) if n == 0 or agent.sequence[n - 1] is not s]
    assert order[:4] == [S.CONNECTING, S.CONNECTED, S.RECONNECTING, S.CONNECTED]


async def test_a_relay_that_hangs_up_is_connected_to_again() -> None:
    server = ForeignServer()
    async with foreign_relay(server.sio) as url, host(url) as agent:
        await agent.reach(S.CONNECTED)
        await until(lambda: server.of("agent:register"), what="the first registration")
        await server.sio.disconnect(server.sids[0])
        await agent.reach(S.CONNECTED, times=2)
        assert len(set(server.sids)) == 2
        await until(lambda: len(server.of("agent:register")) == 2, what="the second registration")
        assert await server.offer(offer()) == answer(offer())


async def test_a_handler_at_work_when_the_relay_goes_finishes() -> None:
    server = ForeignServer()
    decided, finished = asyncio.Event(), asyncio.Event()

    async def slow(payload: Any) -> Any:
        await decided.wait()
        finished.set()
        return answer(payload)

    async with foreign_relay(server.sio) as url, host(url) as agent:
        agent.handle = slow
        await agent.reach(S.CONNECTED)
        await server.sio.emit("webrtc:offer", offer(), to=server.sids[0])
        await until(lambda: agent.offers, what="the offer")
        await server.sio.disconnect(server.sids[0])
        await agent.reach(S.CONNECTED, times=2)
        decided.set()
        await asyncio.wait_for(finished.wait(), WAIT)


async def test_a_wrong_token_is_refused_in_words_and_tried_again() -> None:
    async with relay() as one:
        token = {"token": "wrong", "role": "agent"}
        async with host(one.url, auth=lambda: token) as agent:
            state = await agent.reach(S.REFUSED)
            assert "does not accept this token" in state.detail
            assert "wrong" not in state.detail
            token["token"] = one.agent_token
            await agent.reach(S.CONNECTED)


async def test_a_relay_that_refuses_in_its_own_way_is_understood() -> None:
    sio: Any = socketio.AsyncServer(async_mode="aiohttp")

    async def connect(sid: str, environ: Any, auth: Any) -> bool:
        return False

    sio.on("connect", connect)
    async with foreign_relay(sio) as url, host(url) as agent:
        assert "rejected" in (await agent.reach(S.REFUSED)).detail


async def test_nobody_listening_is_said_in_words() -> None:
    async with relay() as one:
        url = one.url
    async with host(url) as agent:
        detail = (await agent.reach(S.RECONNECTING)).detail
        assert detail.startswith(f"Cannot reach the relay at {url}")


@pytest.mark.parametrize(
    "body", ["", "hello", "0{}", '0{"sid":5}', "[1]", "\xff" * 50, "4", "6"], ids=repr
)
async def test_something_that_is_no_relay_is_no_crash(body: str) -> None:
    async def reply(_request: web.Request) -> web.Response:
        return web.Response(text=body)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", reply)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with host(f"http://127.0.0.1:{runner.addresses[0][1]}") as agent:
            await agent.reach(S.RECONNECTING)
            assert S.CONNECTED not in agent.sequence
    finally:
        await runner.cleanup()


async def test_a_proxy_without_websockets_is_polled_through() -> None:
    server = ForeignServer()
    server.sio = socketio.AsyncServer(async_mode="aiohttp", transports=["polling"])
    server.sio.on("connect", server.connect)
    async with foreign_relay(server.sio) as url, host(url) as agent:
        await agent.reach(S.CONNECTED)
        assert await server.offer(offer()) == answer(offer())


def sockets() -> int:
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except OSError:
            continue
    return count


@pytest.mark.parametrize("when", ["connected", "refused", "away", "at once", "handling"])
async def test_stop_leaves_no_task_and_no_socket(when: str) -> None:
    async with relay() as one:
        tasks, before = asyncio.all_tasks(), sockets()
        url = "http://127.0.0.1:9" if when == "away" else one.url
        auth = {"token": "wrong" if when == "refused" else one.agent_token, "role": "agent"}
        agent = Host(url, auth)
        await agent.client.start()
        await agent.client.start()
        if when == "connected":
            await agent.reach(S.CONNECTED)
        elif when == "refused":
            await agent.reach(S.REFUSED)
        elif when == "away":
            await agent.reach(S.RECONNECTING)
        elif when == "handling":
            agent.handle = lambda p: asyncio.Event().wait()
            await agent.reach(S.CONNECTED)
            async with guest(one) as peer:
                await peer.sio.emit("webrtc:offer", offer())
                await until(lambda: agent.offers, what="the offer")
        async with asyncio.timeout(5):
            await agent.client.stop()
            await agent.client.stop()
        assert agent.client.state.state is S.STOPPED

        def ours() -> list[Any]:
            # The relay's own tasks for this connection end in their own time.
            return [
                task
                for task in asyncio.all_tasks() - tasks
                if "signaling" in repr(task) or "async_client" in repr(task)
            ]

        assert ours() == []
        gc.collect()
        await until(lambda: sockets() <= before, what="every socket to close")


async def test_a_relay_that_accepts_and_says_nothing_does_not_hold_stop_up() -> None:
    accepted = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        accepted.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    agent = Host(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await agent.client.start()
    await asyncio.wait_for(accepted.wait(), WAIT)
    async with asyncio.timeout(5):
        await agent.client.stop()
    for writer in writers:
        writer.close()
        await writer.wait_closed()
    server.close()
    await server.wait_closed()
