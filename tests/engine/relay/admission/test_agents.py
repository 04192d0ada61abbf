"""The keys that agent ids belong to, also when there is no room for more."""

from __future__ import annotations

import pytest

from engine.core.errors import AgentIdTakenError, LimitError, RelayDegradedError
from engine.relay.admission import agents
from engine.relay.admission.agents import LocalKeyPins, SharedKeyPins, claim


async def test_no_number_of_new_agents_frees_an_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents, "MAX_PINS", 3)
    pins = LocalKeyPins()
    await claim(pins, "mine", "my key")
    for number in range(2):
        await claim(pins, f"other {number}", f"key {number}")
    for number in range(2, 5):
        with pytest.raises(LimitError):
            await claim(pins, f"other {number}", f"key {number}")
    for key in ("stolen", ""):
        with pytest.raises(AgentIdTakenError):
            await claim(pins, "mine", key)
    await claim(pins, "mine", "my key")
    await claim(pins, "without a key", "")


class Redis:
    """The pins of all relays, where they can be reached."""

    def __init__(self) -> None:
        self.is_up = True
        self.keys: dict[str, str] = {}

    async def pin(self, agent_id: str, key: str) -> str:
        if not self.is_up:
            raise RelayDegradedError("away")
        return self.keys.setdefault(agent_id, key) if key else self.keys.get(agent_id, "")


async def test_what_there_was_no_room_for_is_not_taken_for_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(agents, "MAX_PINS", 2)
    redis = Redis()
    pins = SharedKeyPins(redis)
    for number in range(3):
        await claim(pins, f"host {number}", f"key {number}")
    redis.is_up = False
    await claim(pins, "host 0", "key 0")
    with pytest.raises(AgentIdTakenError):
        await claim(pins, "host 0", "stolen")
    for key in ("stolen", ""):
        with pytest.raises(RelayDegradedError):
            await claim(pins, "host 2", key)
