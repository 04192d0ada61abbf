"""The guest's half of signaling: which agent may get a resume token."""

from __future__ import annotations

from typing import Any

import pytest

from engine.client.handshake import Handshake
from engine.core.errors import AgentOfflineError, RemoteError
from engine.core.model import Size
from engine.signaling.guest import GuestSignaling, RelayAddress
from engine.wire.proof import parse_link

TOKEN = "hV1r0tqX-_9aZ2wYk3vX0c"
LINK = parse_link(f"https://relay.example/s/Yk3vX0c1bTq9aZ2w#q83vEjRWeJCrze8SNFZ4kA.{TOKEN}")
SDP = "v=0\r\na=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\n"


@pytest.fixture
def offers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is offered to a relay where ``host-1`` has the link; every offer is refused."""
    made: list[dict[str, Any]] = []

    async def connect(self: GuestSignaling) -> None:
        return

    async def link_target(self: GuestSignaling) -> tuple[str, str]:
        return "host-1", "web"

    async def call(
        self: GuestSignaling, event: str, payload: dict[str, Any], seconds: float = 0
    ) -> dict[str, Any]:
        made.append(payload)
        raise RemoteError("shell_ended", "The shared terminal has ended")

    for method in (connect, link_target, call):
        monkeypatch.setattr(GuestSignaling, method.__name__, method)
    return made


async def test_a_return_link_gives_its_token_to_the_host_that_has_the_link(
    offers: list[dict[str, Any]],
) -> None:
    handshake = Handshake(RelayAddress(LINK.base, link=LINK.id), "", "new", link=LINK)
    await handshake.reach(returning=True)
    with pytest.raises(RemoteError, match="has ended"):
        await handshake.offer(SDP, Size(), LINK.token)
    (offer,) = offers
    assert (offer["resume"], offer["agent_id"], offer["device_id"]) == (TOKEN, "host-1", "web")
    assert (offer["session_id"], offer["proof"]["share"]) == ("new", LINK.id)


async def test_the_token_of_one_host_goes_to_no_other(offers: list[dict[str, Any]]) -> None:
    relay = RelayAddress(LINK.base, link=LINK.id, agent_id="host-2")
    handshake = Handshake(relay, "web", "session", link=LINK)
    with pytest.raises(AgentOfflineError):
        await handshake.reach(returning=True)
    await handshake.reach()
    assert offers == []
