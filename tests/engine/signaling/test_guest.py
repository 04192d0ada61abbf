"""A guest at a relay that answers ``ice:servers`` late, wrongly, emptily or never."""

from __future__ import annotations

from typing import Any

import pytest

from engine.client.peer import TerminalPeer
from engine.core.errors import ConnectTimeoutError, HatchwayError, NoTurnError, RemoteError
from engine.core.model import Size
from engine.core.settings import IceServer, IceSettings
from engine.signaling import guest as guest_line
from engine.signaling.guest import RelayAddress
from engine.wire.proof import Link, access_proof, relay_access
from tests.engine.signaling.foreign import ForeignServer, foreign_relay

LINK_ID, SECRET = "Yk3vX0c1bTq9aZ2w", bytes(range(16))
ROW = {"agent_id": "a1", "id": "web-1"}
SUCCESS = {"status": "success"}
TURN = {"urls": ["turn:127.0.0.1:9"], "username": "u", "credential": "c"}
DIRECT = {**SUCCESS, "ice_servers": [], "relay_only": False, "ttl": 600}
ONLY_TURN = {**SUCCESS, "ice_servers": [TURN], "relay_only": True, "ttl": 600}
NO_TURN = {**ONLY_TURN, "ice_servers": []}
NONCE = {**NO_TURN, "nonce": "ab" * 16}
SILENCE = object()
OFFER_REFUSED = {"status": "error", "error": "Refused here", "code": "access_denied"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, short_gathering: None) -> None:
    monkeypatch.setattr(guest_line, "CLOSE_SECONDS", 0.3)
    monkeypatch.setattr(guest_line, "SERVERS_CALL_SECONDS", 0.3)
    monkeypatch.setattr(guest_line, "SERVERS_SECONDS", 1.5)


class Script(ForeignServer):
    """Answers each ``ice:servers`` with the next of ``replies``, then with the last of them."""

    def __init__(self, *replies: Any, targets: bool = True) -> None:
        super().__init__()
        self.replies = list(replies)
        self.targets = targets

    async def receive(self, event: str, sid: str, *args: Any) -> Any:
        await super().receive(event, sid, *args)
        if event == "guest:targets":
            return {**SUCCESS, "targets": [ROW]} if self.targets else None
        if event == "ice:servers":
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
            if reply is SILENCE:
                await self.sio.sleep(1)
            return reply
        return OFFER_REFUSED if event == "webrtc:offer" else None

    async def visited(self, *, link: bool = True, ice: IceSettings | None = None) -> HatchwayError:
        """How a guest's way ends, at the offer at the latest."""
        async with foreign_relay(self.sio) as url:
            if link:
                peer = TerminalPeer.of_link(Link(url, LINK_ID, SECRET), Size(), ice=ice)
            else:
                peer = TerminalPeer(RelayAddress(url, "token"), "web-1", Size(), ice=ice)
            with pytest.raises(HatchwayError) as caught:
                await peer.connect()
            return caught.value

    @property
    def offered(self) -> list[str]:
        """The candidates of offers that were made."""
        return [
            line
            for offer in self.of("webrtc:offer")
            for line in offer["sdp"].splitlines()
            if "candidate:" in line
        ]


@pytest.mark.parametrize(
    "bad",
    [
        SILENCE,
        None,
        SUCCESS,
        {**SUCCESS, "ice_servers": []},
        {**DIRECT, "relay_only": 0},
        {"status": "error", "error": "Busy", "code": "rate_limited"},
        {"status": "error", "error": "Away", "code": "relay_degraded"},
    ],
    ids=["silence", "nothing", "empty", "no rule", "mistyped rule", "busy", "degraded"],
)
async def test_a_link_guest_asks_again_and_never_goes_on_without_an_answer(bad: Any) -> None:
    script = Script(bad)
    error = await script.visited()
    assert isinstance(error, ConnectTimeoutError)
    assert "no connection was opened" in str(error)
    assert len(script.of("ice:servers")) > 1
    assert script.of("webrtc:offer") == []
    # Once the relay says it, that holds.
    assert isinstance(await Script(bad, bad, NO_TURN).visited(), NoTurnError)
    script = Script(bad, DIRECT)
    assert isinstance(await script.visited(), RemoteError)
    assert any(" typ host" in line for line in script.offered)


async def test_a_link_guest_proves_that_it_holds_the_link() -> None:
    script = Script(NONCE, ONLY_TURN)
    # The TURN server is dead: the address of the guest is in no offer all the same.
    assert isinstance(await script.visited(), NoTurnError)
    assert script.offered == []
    claim = {"proof": access_proof(relay_access(SECRET), NONCE["nonce"])}
    assert script.of("ice:servers") == [{}, claim]


@pytest.mark.parametrize("second", [SILENCE, SUCCESS, {**SUCCESS, "ice_servers": [TURN]}, None])
async def test_no_answer_to_the_proof_allows_nothing_either(second: Any) -> None:
    script = Script(*[NONCE, second] * 20)
    assert isinstance(await script.visited(), ConnectTimeoutError)
    assert script.of("webrtc:offer") == []


async def test_a_wrong_proof_is_said_at_once() -> None:
    script = Script(NONCE, {"status": "error", "error": "Damaged", "code": "bad_proof"})
    error = await script.visited()
    assert isinstance(error, RemoteError)
    assert error.remote_code == "bad_proof"
    assert len(script.of("ice:servers")) == 2


async def test_off_turns_the_relays_servers_off_and_not_its_rule() -> None:
    script = Script(ONLY_TURN)
    assert isinstance(await script.visited(ice=IceSettings(from_relay="off")), NoTurnError)
    assert script.of("webrtc:offer") == []


@pytest.mark.parametrize("reply", [None, SUCCESS, {"status": "error", "error": "?"}, SILENCE])
async def test_with_a_token_a_foreign_cloud_is_taken_as_it_is(reply: Any) -> None:
    script = Script(reply, targets=False)
    assert isinstance(await script.visited(link=False), RemoteError)
    assert any(" typ host" in line for line in script.offered)


async def test_a_foreign_clouds_servers_are_used_without_a_rule() -> None:
    given = {**SUCCESS, "ice_servers": [{"urls": "stun:127.0.0.1:9"}]}
    script = Script(given, targets=False)
    settings = IceSettings(relay_only=True, servers=(IceServer(urls="turn:127.0.0.1:9"),))
    assert isinstance(await script.visited(link=False, ice=settings), NoTurnError)
    assert script.offered == []


async def test_with_a_token_too_a_relay_of_ours_is_asked_again() -> None:
    script = Script(None)
    assert isinstance(await script.visited(link=False), ConnectTimeoutError)
    assert script.of("webrtc:offer") == []
    assert isinstance(await Script(None, NO_TURN).visited(link=False), NoTurnError)
