"""Who may connect, how much they may ask, and what is left after a relay stops."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import socketio

from engine.core.errors import SettingsError
from engine.relay import Limits, Relay, run_relay
from tests.engine.relay.peers import agent, foreign, guest, offer, relay
from tests.engine.until import until

if TYPE_CHECKING:
    from pathlib import Path

HANDSHAKE = "/socket.io/?EIO=4&transport=polling"


async def refused(
    url: str, auth: Any, headers: dict[str, str] | None = None, code: str = "relay_refused"
) -> str:
    """What the relay says to somebody it does not let in."""
    said: list[Any] = []
    async with aiohttp.ClientSession() as http:
        sio = socketio.AsyncClient(reconnection=False, handle_sigint=False, http_session=http)
        sio.on("connect_error", lambda data: said.append(data))
        with pytest.raises(socketio.exceptions.ConnectionError):
            await sio.connect(
                url, auth=auth, headers=headers or {}, transports=["websocket"], namespaces=["/"]
            )
    assert said[0]["data"]["code"] == code
    return str(said[0]["message"])


@pytest.mark.parametrize(
    "auth",
    [
        None,
        {},
        {"token": ""},
        {"token": 5},
        {"token": "wrong"},
        {"token": "guest-secre"},
        {"token": "gäst\ud800"},
        {"token": "guest-secret", "role": "agent"},
        {"token": "agent-secret", "role": "guest"},
        {"token": "agent-secret", "role": "king"},
        {"token": "agent-secret", "role": ["agent"]},
        [1],
        "agent-secret",
    ],
    ids=repr,
)
async def test_without_the_right_token_nobody_connects(auth: Any) -> None:
    async with relay() as one:
        assert "secret" not in await refused(one.url, auth)


async def test_a_token_in_the_authorization_header_will_do() -> None:
    async with relay() as one:
        headers = {"Authorization": f"Bearer {one.guest_token}"}
        async with foreign(one.url, {"role": "guest"}, headers) as peer:
            assert (await peer.call("guest:targets"))["status"] == "success"
        assert await refused(one.url, {"role": "agent"}, headers)


async def test_polling_peers_are_served_like_any_other() -> None:
    async with relay() as one, agent(one):
        auth = {"token": one.guest_token}
        async with foreign(one.url, auth, transports=["polling"]) as peer:
            assert (await peer.call("webrtc:offer", offer()))["status"] == "success"


async def status(url: str, headers: dict[str, str]) -> tuple[int, aiohttp.typedefs.LooseHeaders]:
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as response:
        return response.status, dict(response.headers)


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, None, True),
        ("http://{netloc}", None, True),
        ("http://evil.example", None, False),
        ("https://{netloc}", None, False),
        ("http://{netloc}.evil.example", None, False),
        ("null", None, False),
        # A page whose name was rebound to loopback sends its own name as Host.
        ("http://evil.example", "evil.example", False),
        ("http://localhost:1", "localhost:1", True),
    ],
)
async def test_pages_of_another_origin_are_refused(
    origin: str | None, host: str | None, allowed: bool
) -> None:
    async with relay() as one:
        netloc = one.url.removeprefix("http://")
        headers = {"Origin": origin.format(netloc=netloc)} if origin else {}
        if host:
            headers["Host"] = host
        code, answer_headers = await status(one.url + HANDSHAKE, headers)
        assert (code == 200) is allowed
        assert "*" not in str(answer_headers)
        if not allowed:
            assert "Access-Control-Allow-Origin" not in answer_headers


async def test_a_websocket_of_another_origin_is_refused() -> None:
    async with relay() as one, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(
                f"{one.url}/socket.io/?EIO=4&transport=websocket",
                headers={"Origin": "http://evil.example"},
            )


async def test_a_configured_origin_is_let_in() -> None:
    origins = frozenset({"https://terminals.example"})
    one = Relay("agent-secret", "guest-secret", allowed_origins=origins)
    url = await one.start()
    try:
        code, headers = await status(url + HANDSHAKE, {"Origin": "https://terminals.example"})
        assert code == 200
        assert dict(headers)["Access-Control-Allow-Origin"] == "https://terminals.example"
    finally:
        await one.stop()


async def test_the_page_says_what_this_is_and_no_secret() -> None:
    async with relay() as one, aiohttp.ClientSession() as http:
        async with http.get(one.url) as response:
            text = await response.text()
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "Hatchway relay" in text
        assert "secret" not in text
        async with http.get(f"{one.url}/healthz") as response:
            assert (response.status, await response.text()) == (200, "ok\n")
        async with http.get(f"{one.url}/socket.io/?EIO=4&sid=nobody") as response:
            assert response.status == 400


async def test_too_many_messages_are_refused_and_the_patient_are_served() -> None:
    async with relay(guest_rate=0.001, guest_burst=3) as one, guest(one) as peer:
        replies = [await peer.call("guest:targets") for _ in range(5)]
        assert [reply["status"] for reply in replies] == ["success"] * 3 + ["error"] * 2
        assert replies[-1]["code"] == "rate_limited"
        async with guest(one) as other:
            assert (await other.call("guest:targets"))["status"] == "success"


async def test_a_flood_ends_its_own_connection_only() -> None:
    async with relay(guest_rate=0.001, guest_burst=1, refusals=20) as one, guest(one) as other:
        async with guest(one) as peer:
            for _ in range(50):
                await peer.sio.emit("guest:targets")
            await until(lambda: not peer.sio.connected, what="the end of the flooding connection")
        assert (await other.call("guest:targets"))["status"] == "success"


async def test_one_guest_may_have_so_many_offers_waiting() -> None:
    async with relay(pending=2, agent_reply_seconds=0.3) as one, agent(one) as host:
        host.answers["webrtc:offer"] = lambda p: asyncio.Event().wait()
        async with guest(one) as peer:
            calls = [peer.call("webrtc:offer", offer(f"s{n}")) for n in range(3)]
            codes = [reply["code"] for reply in await asyncio.gather(*calls)]
            assert sorted(codes) == ["agent_timeout", "agent_timeout", "rate_limited"]


async def test_one_guest_may_have_so_many_sessions() -> None:
    async with relay(routes_per_guest=1) as one, agent(one), guest(one) as peer:
        assert (await peer.call("webrtc:offer", offer("s1")))["status"] == "success"
        assert (await peer.call("webrtc:offer", offer("s2")))["code"] == "limit"
        await peer.call("webrtc:disconnect", {"session_id": "s1"})
        assert (await peer.call("webrtc:offer", offer("s2")))["status"] == "success"


async def test_connections_with_a_token_are_counted_per_address() -> None:
    async with relay(connections_per_address=2) as one, agent(one), guest(one):
        assert (await status(one.url + HANDSHAKE, {}))[0] == 429
        # An empty sid is no sid, to the library as to the count.
        assert (await status(one.url + HANDSHAKE + "&sid=", {}))[0] == 429


async def test_connections_are_counted_again_when_they_show_their_token() -> None:
    async with relay(connections_per_address=1) as one, aiohttp.ClientSession() as http:
        url = f"{one.url}/socket.io/?EIO=4&transport=websocket"
        async with http.ws_connect(url) as first, http.ws_connect(url) as second:
            answers = []
            for ws in (first, second):
                await ws.receive_str()
                await ws.send_str(f'40{{"token":"{one.guest_token}"}}')
                answers.append(await ws.receive_str())
            assert answers[0].startswith("40")
            assert "rate_limited" in answers[1]


async def test_a_connection_that_shows_no_token_is_ended() -> None:
    async with (
        relay(authenticate_seconds=0.1) as one,
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{one.url}/socket.io/?EIO=4&transport=websocket") as ws,
        asyncio.timeout(10),
    ):
        while (await ws.receive()).type is aiohttp.WSMsgType.TEXT:
            pass


async def test_a_refused_connection_cannot_guess_on() -> None:
    async with relay() as one, aiohttp.ClientSession() as http:
        url = f"{one.url}/socket.io/?EIO=4&transport=websocket"
        async with http.ws_connect(url) as ws:
            await ws.receive_str()
            await ws.send_str('40{"token":"wrong"}')
            assert (await ws.receive_str()).startswith("44")
            await ws.send_str(f'40{{"token":"{one.guest_token}"}}')
            assert "new connection" in await ws.receive_str()


async def test_tokens_are_guessed_slowly_and_links_come_in_meanwhile() -> None:
    limits = {"guess_rate": 0.001, "guess_burst": 3.0}
    async with relay(**limits) as one, agent(one) as host:
        await host.call(
            "agent:register",
            {"agent_id": "a1", "targets": [], "links": [{"id": "L" * 16, "target": "db"}]},
        )
        for _ in range(3):
            await refused(one.url, {"token": "wrong", "role": "guest"})
        # The right one is not read either: that it is right would show.
        right = {"token": one.guest_token, "role": "guest"}
        for token in ({"token": "wrong", "role": "guest"}, right, {"token": one.agent_token}):
            said = await refused(one.url, token, None, "rate_limited")
            assert "wrong tokens" in said
        await refused(one.url, None, {"Authorization": "Bearer wrong"}, "rate_limited")
        async with foreign(one.url, {"role": "guest", "link": "L" * 16}) as peer:
            assert len((await peer.call("guest:targets"))["targets"]) == 1


@pytest.mark.parametrize("header", ["Basic dTpw", "Digest x", "Bearer", "Bearer ", ""])
async def test_what_a_proxy_before_us_asked_for_is_no_token(header: str) -> None:
    async with relay() as one, agent(one) as host:
        await host.call(
            "agent:register",
            {"agent_id": "a1", "targets": [], "links": [{"id": "L" * 16, "target": "db"}]},
        )
        headers = {"Authorization": header}
        for auth in ({"role": "guest", "link": "L" * 16}, {"token": one.guest_token}):
            async with foreign(one.url, auth, headers) as peer:
                assert (await peer.call("guest:targets"))["status"] == "success"
        assert "requires a token" in await refused(one.url, {"role": "guest"}, headers)


@pytest.mark.parametrize(
    ("host", "origins", "agent_token", "guest_token", "key"),
    [
        ("0.0.0.0", frozenset(), "short", "g" * 12, "relay.token"),
        ("0.0.0.0", frozenset(), "a" * 12, "g" * 11, "relay.guest_token"),
        ("127.0.0.1", frozenset({"https://relay.example"}), "short", "g" * 12, "relay.token"),
        ("0.0.0.0", frozenset(), "a" * 12, "g" * 12, ""),
        ("0.0.0.0", frozenset(), "", "", ""),
        ("127.0.0.1", frozenset(), "a", "g", ""),
    ],
)
async def test_where_others_reach_it_tokens_cannot_be_short(
    host: str, origins: frozenset[str], agent_token: str, guest_token: str, key: str
) -> None:
    one = Relay(agent_token, guest_token, allowed_origins=origins)
    try:
        if not key:
            await one.start(host)
            return
        with pytest.raises(SettingsError, match="12 characters") as raised:
            await one.start(host)
        assert key in str(raised.value)
    finally:
        await one.stop()


async def test_a_huge_message_ends_only_the_connection_it_came_by() -> None:
    async with relay() as one, guest(one) as other, guest(one) as peer:
        await peer.sio.emit("webrtc:offer", offer(sdp="v" * 1_000_000))
        await until(lambda: not peer.sio.connected, what="the end of the connection")
        assert (await other.call("guest:targets"))["status"] == "success"


RAW = [
    "42[]",
    "42[{}]",
    "42[5]",
    "42{}",
    "42",
    '42["webrtc:offer"]',
    '421["webrtc:offer",1,2,3]',
    "43",
    "431",
    "4399[1]",
    '43{"a":1}',
    '451-["webrtc:ice",{"_placeholder":true,"num":7}]',
    '42["connect",{"REMOTE_ADDR":"x"},{"token":"agent-secret"}]',
    '42["disconnect","bye"]',
    '42["connect_error"]',
    "4" + "[" * 50_000,
    '42["x",' + "[" * 50_000,
    "49",
    "9",
    "xyz",
    "42[" + '"' + "é" * 50,
    '42["webrtc:offer",{"a":"\\ud800"}]',
]


@pytest.mark.filterwarnings("error")
async def test_packets_that_are_no_protocol_end_at_most_their_connection() -> None:
    async with relay() as one, agent(one), guest(one) as other, aiohttp.ClientSession() as http:
        url = f"{one.url}/socket.io/?EIO=4&transport=websocket"
        for packet in RAW:
            async with http.ws_connect(url) as ws:
                await ws.receive_str()
                await ws.send_str(f'40{{"token":"{one.guest_token}"}}')
                assert (await ws.receive_str()).startswith("40")
                await ws.send_str(packet)
                await ws.send_str('427["guest:targets"]')
                reply = await ws.receive()
                while isinstance(reply.data, str) and not reply.data.startswith("437"):
                    assert "Traceback" not in reply.data
                    reply = await ws.receive()
                # Still the guest it was: an event cannot connect or disconnect anybody.
                if isinstance(reply.data, str):
                    assert json.loads(reply.data[3:])[0]["status"] == "success", packet
        assert (await other.call("webrtc:offer", offer()))["status"] == "success"


def sockets() -> int:
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except OSError:
            continue
    return count


async def test_a_stopped_relay_leaves_no_task_and_no_socket() -> None:
    tasks, before = asyncio.all_tasks(), sockets()
    one = Relay(limits=Limits())
    url = await one.start()
    async with aiohttp.ClientSession() as http:
        sio = socketio.AsyncClient(reconnection=False, handle_sigint=False, http_session=http)
        await sio.connect(url, auth={"token": one.agent_token}, transports=["websocket"])
        idle = await http.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket")
        async with http.get(url + HANDSHAKE) as response:
            sid = json.loads((await response.text())[1:])["sid"]
        poll = asyncio.create_task(http.get(f"{url}{HANDSHAKE}&sid={sid}"))
        answered, _ = await asyncio.wait((poll,), timeout=0.1)
        assert not answered
        async with asyncio.timeout(1):
            await one.stop()
            await one.stop()
        await asyncio.gather(poll, return_exceptions=True)
        await until(lambda: not sio.connected, what="the client to notice")
        await sio.disconnect()
        await idle.close()
    gc.collect()
    await until(lambda: asyncio.all_tasks() <= tasks, what="every task to end")
    await until(lambda: sockets() <= before, what="every socket to close")


async def test_an_offer_waiting_when_the_relay_stops_keeps_nothing_alive() -> None:
    tasks = asyncio.all_tasks()
    async with relay() as one, agent(one) as host, guest(one) as peer:
        host.answers["webrtc:offer"] = lambda p: asyncio.Event().wait()
        await peer.sio.emit("webrtc:offer", offer())
        await host.next("webrtc:offer")
        async with asyncio.timeout(5):
            await one.stop()
    await until(lambda: asyncio.all_tasks() <= tasks, what="every task to end")


async def test_a_port_in_use_is_an_error_that_names_the_setting() -> None:
    async with relay() as one:
        port = int(one.url.rsplit(":", 1)[1])
        with pytest.raises(SettingsError, match=r"relay\.port: cannot listen on 127.0.0.1"):
            await Relay().start("127.0.0.1", port)


def test_equal_tokens_are_refused() -> None:
    with pytest.raises(SettingsError, match="must differ"):
        Relay("same", "same")


async def test_run_relay_prints_address_and_tokens_and_ends_when_cancelled(
    capsys: pytest.CaptureFixture[str],
) -> None:
    task = asyncio.create_task(run_relay("127.0.0.1", 0, "", "", "", ""))
    printed = ""

    def ready() -> bool:
        nonlocal printed
        printed += capsys.readouterr().out
        return "Guest token" in printed

    await until(ready, what="the tokens")
    url, agent_token, guest_token = re.findall(r":\s+(\S+)", printed)
    assert len({agent_token, guest_token}) == 2
    async with foreign(url, {"token": guest_token}) as peer:
        assert (await peer.call("guest:targets"))["status"] == "success"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get(url)


async def test_a_certificate_that_cannot_be_read_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"relay\.tls_cert"):
        await run_relay(tls_cert=str(tmp_path / "no.pem"), tls_key=str(tmp_path / "no.key"))
