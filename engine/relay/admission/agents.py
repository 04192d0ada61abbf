"""Agent identity: keys are proven by a challenge, and an id belongs to its first key.

With several relays cluster.presence stores the pins.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Protocol

from engine.access.agent_key import verify
from engine.core.errors import (
    AgentIdTakenError,
    LimitError,
    RelayDegradedError,
    RelayRefusedError,
    SettingsError,
)

NONCE_BYTES = 24
CHALLENGE_SECONDS = 5.0
"""How long an agent may take to sign."""
MAX_PINS = 100_000
"""Ids whose keys one relay stores. Then no other key is taken: forgetting one would give its
id to whoever claims it next."""


class KeyPins(Protocol):
    async def pin(self, agent_id: str, key: str) -> str:
        """The key that ``agent_id`` belongs to: ``key`` when it had none yet.

        An empty ``key`` is a query only; the result is empty when the id has no key. Raises
        LimitError when no more keys can be stored.
        """


class LocalKeyPins:
    def __init__(self) -> None:
        self._keys: dict[str, str] = {}

    async def pin(self, agent_id: str, key: str) -> str:
        known = self._keys.get(agent_id, "")
        if not known and key:
            if len(self._keys) >= MAX_PINS:
                raise LimitError("The relay stores the keys of as many agents as it can")
            self._keys[agent_id] = key
        return known or key

    def learn(self, agent_id: str, key: str) -> None:
        """``agent_id`` belongs to ``key``, replacing what was stored; if there is room."""
        if agent_id in self._keys or len(self._keys) < MAX_PINS:
            self._keys[agent_id] = key

    def may_be_unknown(self, agent_id: str) -> bool:
        """Whether the id may have a key that there was no room for."""
        return agent_id not in self._keys and len(self._keys) >= MAX_PINS


class SharedKeyPins:
    """The pins of all relays; while these cannot be reached, this relay's copy.

    Fails closed: without an answer, an id seen here before stays bound to its key. Any other
    id is checked again as soon as Redis is back (presence).
    """

    def __init__(self, shared: KeyPins) -> None:
        self._shared = shared
        self._own = LocalKeyPins()

    async def pin(self, agent_id: str, key: str) -> str:
        try:
            owner = await self._shared.pin(agent_id, key)
        except RelayDegradedError:
            if self._own.may_be_unknown(agent_id):
                raise
            return await self._own.pin(agent_id, key)
        if owner:
            self._own.learn(agent_id, owner)
        return owner


def make_challenge() -> str:
    return secrets.token_urlsafe(NONCE_BYTES)


def proven_key(public: str, reply: object, nonce: str, agent_id: str, host: str) -> str:
    """The key that an agent's reply to a challenge proves. Raises RelayRefusedError."""
    signature = reply.get("signature") if isinstance(reply, dict) else None
    return verify(public, signature, nonce, agent_id, host)


async def claim(pins: KeyPins, agent_id: str, key: str) -> None:
    """Claim ``agent_id`` for an agent that proved ``key``; "": no key.

    Raises AgentIdTakenError when the id belongs to another key, LimitError,
    RelayDegradedError.
    """
    owner = await pins.pin(agent_id, key)
    if owner != key:
        raise AgentIdTakenError(
            "This agent id belongs to another key: the host's key file was replaced, or two"
            " hosts use the same id"
        )


def read_keys(path: str) -> frozenset[str]:
    """Public keys that need no token, one per line; ``#`` starts a comment.

    Raises SettingsError.
    """
    if not path:
        return frozenset()
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("--agent-keys", f"{path} cannot be read: {error}") from None
    return frozenset(key for line in lines if (key := line.partition("#")[0].strip()))


def refuse_unlisted(key: str, listed: frozenset[str]) -> None:
    """Check an agent without a token against the listed keys. Raises RelayRefusedError."""
    if key not in listed:
        raise RelayRefusedError(
            "The relay does not know this agent's key, and the agent sent no token"
        )
