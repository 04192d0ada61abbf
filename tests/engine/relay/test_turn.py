"""TURN: credentials as coturn makes them, and a terminal through a real coturn alone."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import msgspec
import pytest

from engine.core import events as ev
from engine.core.errors import HatchwayError, NoTurnError
from engine.core.model import LOCAL_TARGET, CandidatePair, PathKind, Size
from engine.core.settings import IceServer, IceSettings, Settings
from engine.relay import Options
from engine.relay.turn import Turn, credentials
from engine.transport import ice_servers
from tests.engine.hosting import house
from tests.engine.relay.coturn import SECRET, coturn
from tests.engine.until import until

if TYPE_CHECKING:
    from pathlib import Path

RELAY_ONLY = IceSettings(relay_only=True)


def test_credentials_are_those_of_the_turn_rest_scheme() -> None:
    # openssl: printf '1700003600:guest' | openssl dgst -sha1 -hmac secret -binary | base64
    assert credentials("secret", "guest", 3600, 1_700_000_000) == (
        "1700003600:guest",
        "ztns9C0RGjowphCDdDPLIVFB3lg=",
    )


def test_stun_needs_no_credentials_and_turn_none_without_a_secret() -> None:
    turn = Turn(("stun:t.example", "turn:t.example", "turns:t.example"), "s")
    plain, secured = turn.servers("guest", 0)
    assert plain == {"urls": ["stun:t.example"]}
    assert secured["urls"] == ["turn:t.example", "turns:t.example"]
    assert secured["username"] == "3600:guest"
    assert Turn(("turn:t.example",)).servers("guest") == []
    assert "'s'" not in repr(turn)


@pytest.mark.parametrize(
    ("own", "relay_only", "taken"),
    [
        (IceSettings(), False, ["stun:t"]),
        (IceSettings(from_relay="off"), False, []),
        (IceSettings(from_relay="off"), True, []),
        (IceSettings(from_relay="off", relay_only=True), False, []),
        (IceSettings(from_relay="turn"), False, ["stun:t", "turn:t"]),
        (IceSettings(), True, ["stun:t", "turn:t"]),
        (RELAY_ONLY, False, ["stun:t", "turn:t"]),
        (IceSettings(servers=(IceServer("stun:mine"),)), False, ["stun:mine", "stun:t"]),
    ],
)
def test_what_is_taken_of_a_relays_servers(
    own: IceSettings, relay_only: bool, taken: list[str]
) -> None:
    reply = {
        "ice_servers": [{"urls": ["stun:t"]}, {"urls": "turn:t", "username": "u"},
                        {"urls": ["turn:bad one", "http://x", "turn:" + "x" * 600]}],
        "relay_only": relay_only,
    }  # fmt: skip
    made = ice_servers.merged(own, ice_servers.read(reply))
    assert [server.urls for server in made.servers] == taken
    # "off" turns its servers off, not its rule.
    assert made.relay_only is (own.relay_only or relay_only)


@pytest.mark.parametrize(
    "reply", [None, [], {"ice_servers": 5}, {"ice_servers": [{}]}, {"ttl": "x"}]
)
def test_a_reply_that_makes_no_sense_leaves_the_settings_alone(reply: object) -> None:
    assert ice_servers.merged(IceSettings(), ice_servers.read(reply)) == IceSettings()


def test_the_servers_end_of_a_relayed_path_is_reported() -> None:
    pair = CandidatePair("192.0.2.1:5", "198.51.100.1:6", "host", "relay")
    assert (pair.path, pair.via) == (PathKind.RELAYED, "198.51.100.1:6")
    assert CandidatePair("a:1", "b:2", "relay", "relay").via == "a:1"
    assert CandidatePair("a:1", "b:2", "host", "srflx").via == ""


@pytest.mark.parametrize("who", ["both", "the guest", "the host", "the relay says so"])
async def test_a_terminal_through_coturn_alone(tmp_path: Path, who: str) -> None:
    async with coturn(tmp_path) as url:
        options = Options(turn=Turn((url,), SECRET, relay_only=who == "the relay says so"))
        ours = RELAY_ONLY if who in ("both", "the host") else None
        theirs = RELAY_ONLY if who in ("both", "the guest") else None
        async with house(options, ice=ours) as made:
            if who != "the guest":
                await until(lambda: made.agent.manager.ice.servers, what="the relay's servers")
            _, link = await made.link()
            visitor = made.visitor(link, theirs)
            await visitor.peer.connect()
            visitor.peer.send(b"echo $((6*7))\r")
            await visitor.sees(b"42")
            pair = visitor.peer.pair
            assert pair is not None
            assert pair.path is PathKind.RELAYED
            assert pair.via.startswith("127.0.0.1:")
            (session,) = made.agent.manager.sessions()
            assert session.pc.selected_pair is not None
            assert session.pc.selected_pair.path is PathKind.RELAYED
            await visitor.peer.close()


async def test_with_the_direct_path_shut_and_no_turn_it_says_so(tmp_path: Path) -> None:
    async with house() as made:
        _, link = await made.link()
        visitor = made.visitor(link, RELAY_ONLY)
        with pytest.raises(HatchwayError, match="TURN"):
            await visitor.peer.connect()


async def test_expired_credentials_open_nothing(tmp_path: Path) -> None:
    async with coturn(tmp_path) as url:
        options = Options(turn=Turn((url,), SECRET, ttl=-60))
        async with house(options) as made:
            _, link = await made.link()
            visitor = made.visitor(link, RELAY_ONLY)
            with pytest.raises(HatchwayError):
                async with asyncio.timeout(30):
                    await visitor.peer.connect()
            with contextlib.suppress(HatchwayError):
                await visitor.peer.close()


def with_guest_token(settings: Settings) -> Settings:
    relay = msgspec.structs.replace(settings.relay, guest_token="guest-secret")
    return msgspec.structs.replace(settings, relay=relay)


async def test_a_terminal_of_our_own_goes_through_turn_alone_too(tmp_path: Path) -> None:
    async with coturn(tmp_path) as url:
        options = Options(turn=Turn((url,), SECRET, relay_only=True))
        async with house(options) as made:
            await until(lambda: made.agent.manager.ice.servers, what="the relay's servers")
            peer = await made.agent.open_terminal(
                LOCAL_TARGET, Size(), lambda _data: None, lambda _reason, _code: None
            )
            assert peer.pair is not None
            assert (peer.pair.local_type, peer.pair.remote_type) == ("relay", "relay")
            seen = [e.candidate for e in made.events if isinstance(e, ev.IceCandidate)]
            assert seen
            assert all(" typ relay" in candidate for candidate in seen)
            await peer.close()


async def test_a_terminal_of_our_own_without_turn_says_so() -> None:
    async with house(Options(turn=Turn(relay_only=True)), with_guest_token) as made:
        await made.agent.manager.paths_known()
        with pytest.raises(NoTurnError):
            await made.agent.open_terminal(
                LOCAL_TARGET, Size(), lambda _data: None, lambda _reason, _code: None
            )
        report = await made.agent.self_test(LOCAL_TARGET)
        failed = report.failed_stage
        assert failed is not None
        assert "TURN" in failed.detail
