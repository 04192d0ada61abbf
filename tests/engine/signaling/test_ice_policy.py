"""What a relay said of relay-only holds, credentials expire, and no answer allows nothing."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from engine.agent.agent import Agent
from engine.core.errors import NoTurnError
from engine.core.model import LOCAL_TARGET
from engine.core.settings import (
    DockerSettings,
    IceServer,
    IceSettings,
    RelaySettings,
    Settings,
    ShareSettings,
)
from engine.signaling import ice_policy
from engine.signaling.ice_policy import IcePolicy
from engine.signaling.retry import Backoff
from engine.transport.connection import PeerConnection
from tests.engine.relay.coturn import SECRET, coturn
from tests.engine.signaling.foreign import ForeignServer, foreign_relay
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

URL = "https://relay.example"
TURN = {"urls": ["turn:t.example"], "username": "u", "credential": "c"}
STUN = {"urls": ["stun:t.example"]}
GIVEN = {"status": "success", "ice_servers": [STUN, TURN], "relay_only": True, "ttl": 100}
OWN_TURN = IceServer(urls="turn:mine.example")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Talk:
    """A policy, its clock, and a relay that answers as the test says."""

    def __init__(self, own: IceSettings | None = None) -> None:
        self.clock = Clock()
        self.asked = 0
        self.reply: Any = {}
        quick = Backoff(first=0.001, last=0.002)
        self.policy = IcePolicy(own or IceSettings(), self.answer, self.clock, quick)

    async def answer(self) -> Any:
        self.asked += 1
        return self.reply

    async def asks(self, reply: Any) -> None:
        """Two questions answered with ``reply`` from now on."""
        self.reply = reply
        before = self.asked
        await until(lambda: self.asked >= before + 2, what="two more questions")

    @property
    def names(self) -> list[str]:
        return [server.urls for server in self.policy.current().servers]


@asynccontextmanager
async def talk(own: IceSettings | None = None) -> AsyncIterator[Talk]:
    made = Talk(own)
    task = asyncio.create_task(made.policy.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.wait((task,))


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"status": "success"},
        {"status": "success", "ice_servers": []},
        {"status": "success", "ice_servers": [], "relay_only": "no"},
        {"status": "success", "ice_servers": [STUN, {"urls": 5}], "ttl": "soon"},
    ],
    ids=str,
)
@pytest.mark.parametrize("from_relay", ["stun", "turn"])
async def test_without_a_usable_answer_relay_only_stays_and_it_asks_on(
    reply: Any, from_relay: Any
) -> None:
    async with talk(IceSettings(from_relay=from_relay)) as made:
        made.policy.challenged(URL)
        made.reply = reply
        made.policy.registered(URL, {"relay_only": True})
        await made.policy.known()
        await made.asks(reply)
        assert made.policy.current().relay_only
        assert not any(name.startswith("turn") for name in made.names)
        await until(lambda: made.asked > 3)
        made.reply = GIVEN
        await until(lambda: "turn:t.example" in made.names, what="the relay's servers")
        # And back: what was good is kept as long as it holds.
        made.policy.lost()
        made.reply = reply
        made.policy.challenged(URL)
        before = made.asked
        made.policy.registered(URL, {"relay_only": True})
        await until(lambda: made.asked > before)
        assert "turn:t.example" in made.names
        made.clock.now += 101
        assert "turn:t.example" not in made.names
        assert made.policy.current().relay_only


async def test_what_a_relay_said_holds_until_the_same_one_says_otherwise() -> None:
    made = Talk()
    made.policy.registered(URL, {"relay_only": True})
    made.policy.lost()
    made.clock.now += 365 * 24 * 3600
    assert made.policy.current().relay_only
    made.policy.registered("https://beside.example", {"relay_only": False})
    assert made.policy.current().relay_only
    made.policy.registered(URL, {"status": "success"})
    assert made.policy.current().relay_only
    made.policy.registered(URL, {"relay_only": None})
    assert made.policy.current().relay_only
    made.policy.registered(URL, {"relay_only": False})
    assert not made.policy.current().relay_only


async def test_off_turns_the_relays_servers_off_and_not_its_rule() -> None:
    async with talk(IceSettings(from_relay="off", servers=(OWN_TURN,))) as made:
        made.reply = GIVEN
        made.policy.challenged(URL)
        made.policy.registered(URL, {"relay_only": True})
        current = made.policy.current()
        assert (current.relay_only, current.servers) == (True, (OWN_TURN,))
        # An older relay of ours says it with its servers only: those are asked for.
        made.policy.lost()
        made.policy.challenged("https://older.example")
        made.policy.registered("https://older.example", {"status": "success"})
        await made.policy.known()
        assert made.asked == 1
        assert made.names == ["turn:mine.example"]


async def test_an_offer_waits_for_the_word_of_a_relay_of_ours_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ice_policy, "KNOWN_SECONDS", 0.05)
    made = Talk()
    await made.policy.known()  # nobody is there
    made.policy.registered(URL, {"status": "success"})  # a foreign cloud
    await made.policy.known()
    made.policy.challenged(URL)
    with pytest.raises(NoTurnError):
        await made.policy.known()
    waiting = asyncio.create_task(made.policy.known())
    await asyncio.sleep(0)
    assert not waiting.done()
    made.policy.registered(URL, {"relay_only": True})
    await waiting
    # Silent the next time: what it said holds.
    made.policy.lost()
    made.policy.challenged(URL)
    await made.policy.known()
    assert made.policy.current().relay_only


async def test_credentials_are_renewed_before_they_expire() -> None:
    async with talk() as made:
        made.policy.challenged(URL)
        made.reply = {**GIVEN, "ttl": 2}
        made.policy.registered(URL, {"relay_only": True})
        await until(lambda: made.asked >= 2, what="another question within the ttl")


async def test_a_foreign_cloud_is_asked_once_and_changes_nothing() -> None:
    for reply in ({}, {"status": "success"}):
        async with talk(IceSettings(servers=(OWN_TURN,))) as made:
            made.reply = reply
            made.policy.registered(URL, {"status": "success"})
            await until(lambda: made.asked)
            await made.policy.known()
            assert made.policy.current() == IceSettings(servers=(OWN_TURN,))
            assert made.asked == 1


# -- a whole agent at relays of each kind


class Script(ForeignServer):
    """A relay by hand. ``replies`` to what the agent asks; without one it stays silent."""

    def __init__(self, *, ours: bool, **replies: Any) -> None:
        super().__init__()
        self.replies: dict[str, Any] = replies
        self.confirm = asyncio.Event()
        self.confirm.set()
        self.ours = ours
        for event, name in (("agent:register", "register"), ("ice:servers", "ice")):
            self.sio.on(event, self.replier(event, name))

    async def connect(self, sid: str, environ: Any, auth: Any) -> None:
        await super().connect(sid, environ, auth)
        if self.ours:
            await self.sio.emit("agent:challenge", {"nonce": "n"}, to=sid)

    def replier(self, event: str, name: str) -> Callable[..., Any]:
        async def reply(_sid: str, payload: Any = None) -> Any:
            self.seen.append((event, payload))
            if name == "register":
                await self.confirm.wait()
            if name not in self.replies:
                # python-socketio acknowledges whatever returns.
                await asyncio.Event().wait()
            return self.replies[name]

        return reply


@asynccontextmanager
async def agent_at(script: Script, ice: IceSettings | None = None) -> AsyncIterator[Agent]:
    async with foreign_relay(script.sio) as url:
        agent = Agent(
            Settings(
                docker=DockerSettings(enabled=False),
                relay=RelaySettings(url=url, token="t"),
                share=ShareSettings(targets=(LOCAL_TARGET,)),
                ice=ice or IceSettings(),
            )
        )
        try:
            await agent.start()
            await until(lambda: script.of("agent:register"), what="the registration")
            yield agent
        finally:
            await agent.stop()


@asynccontextmanager
async def offering(script: Script, session_id: str = "s1") -> AsyncIterator[dict[str, Any]]:
    """The agent's reply to a guest's offer."""
    pc = PeerConnection()
    pc.open_channel()
    try:
        payload = {
            "session_id": session_id,
            "device_id": LOCAL_TARGET,
            "sdp": await pc.make_offer(),
            "sdp_type": "offer",
        }
        yield await script.offer(payload, 20)
    finally:
        await pc.close()


def candidates(reply: dict[str, Any]) -> list[str]:
    assert reply["status"] == "success", reply
    return [line for line in reply["sdp"].splitlines() if line.startswith("a=candidate:")]


SUCCESS = {"status": "success"}
SILENT: dict[str, Any] = {}


@pytest.mark.parametrize(
    "replies",
    [
        {"register": {**SUCCESS, "relay_only": True}},
        {"register": {**SUCCESS, "relay_only": True}, "ice": {"status": "error", "code": "x"}},
        {"register": {**SUCCESS, "relay_only": True}, "ice": SUCCESS},
        {"register": {**SUCCESS, "relay_only": True}, "ice": {**SUCCESS, "ice_servers": []}},
        {"register": {**SUCCESS, "relay_only": True}, "ice": None},
        {"register": SUCCESS, "ice": {**SUCCESS, "relay_only": True, "ice_servers": [STUN]}},
    ],
    ids=str,
)
@pytest.mark.parametrize("from_relay", ["off", "stun"])
async def test_where_only_turn_is_allowed_an_offer_without_it_is_refused(
    replies: dict[str, Any], from_relay: Any
) -> None:
    script = Script(ours=True, **replies)
    async with (
        agent_at(script, IceSettings(from_relay=from_relay)) as agent,
        offering(script) as reply,
    ):
        assert (reply["status"], reply["code"]) == ("error", "no_turn")
        assert "TURN" in reply["error"]
        assert agent.sessions() == ()


async def test_an_offer_that_overtakes_the_relays_word_waits_for_it() -> None:
    for relay_only, status in ((True, "error"), (False, "success")):
        script = Script(ours=True, register={**SUCCESS, "relay_only": relay_only}, ice=SUCCESS)
        script.confirm.clear()
        async with agent_at(script):
            asyncio.get_running_loop().call_later(0.3, script.confirm.set)
            async with offering(script) as reply:
                assert script.confirm.is_set()
                assert reply["status"] == status


async def test_the_word_of_a_relay_holds_over_a_loss_and_until_it_says_otherwise() -> None:
    script = Script(ours=True, register={**SUCCESS, "relay_only": True}, ice=SUCCESS)
    async with agent_at(script):
        async with offering(script) as reply:
            assert reply["code"] == "no_turn"
        # It comes back and says nothing, as a lying one would.
        script.ours, script.replies = False, SILENT
        await script.sio.disconnect(script.sids[-1])
        await until(lambda: len(script.of("agent:register")) == 2, what="the agent's return")
        async with offering(script) as reply:
            assert reply["code"] == "no_turn"
        script.replies = {"register": {**SUCCESS, "relay_only": False}, "ice": SUCCESS}
        await script.sio.disconnect(script.sids[-1])
        await until(lambda: len(script.of("ice:servers")) > 1, what="the agent's return")
        async with offering(script) as reply:
            assert candidates(reply)


@pytest.mark.parametrize(
    "replies",
    [
        SILENT,
        {"register": None, "ice": None},
        {"register": SUCCESS},
        {"register": SUCCESS, "ice": SUCCESS},
        {"register": SUCCESS, "ice": {"status": "error", "error": "unknown event"}},
        {"register": SUCCESS, "ice": {**SUCCESS, "ice_servers": [STUN]}},
        {"register": {"status": "error", "error": "unknown event"}},
    ],
    ids=str,
)
async def test_a_foreign_cloud_is_not_relay_only(replies: dict[str, Any]) -> None:
    script = Script(ours=False, **replies)
    # No server name that would need DNS.
    async with agent_at(script, IceSettings(from_relay="off")), offering(script) as reply:
        assert any(" typ host" in line for line in candidates(reply))


async def test_the_hosts_address_is_in_no_answer(tmp_path: Path) -> None:
    from engine.relay.turn import credentials

    async with coturn(tmp_path) as url:
        username, credential = credentials(SECRET, "a1")
        server = {"urls": [url], "username": username, "credential": credential}
        given = {**SUCCESS, "ice_servers": [server], "relay_only": True, "ttl": 600}
        script = Script(ours=True, register={**SUCCESS, "relay_only": True}, ice=given)
        async with agent_at(script) as agent:
            await until(lambda: agent.manager.ice.servers, what="the relay's servers")
            async with offering(script) as reply:
                found = candidates(reply)
                assert found
                for line in found:
                    assert " typ relay raddr 0.0.0.0 rport 9" in line or "raddr" not in line
                    assert " typ relay" in line


async def test_a_turn_server_that_does_not_answer_is_none(short_gathering: None) -> None:
    dead = IceServer(urls="turn:127.0.0.1:9", username="u", credential="c")
    script = Script(ours=False)
    ice = IceSettings(relay_only=True, servers=(dead,))
    async with agent_at(script, ice) as agent, offering(script) as reply:
        assert reply["code"] == "no_turn"
        await until(lambda: not agent.sessions(), what="no session left")
