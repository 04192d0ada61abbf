"""Signaling between an agent and peers in its own process, without a relay.

The agent's handlers get what a relay would forward, and decide as they do for anybody. What
they get and reply is copied as JSON, so that neither side can pass more than a relay could.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from engine.core.errors import (
    BadRequestError,
    ConnectTimeoutError,
    HostStoppedError,
    LinkUnknownError,
)
from engine.core.settings import IceSettings
from engine.core.tasks import TaskOwner
from engine.signaling.guest_end import ANSWER_SECONDS, GuestEnd, successful
from engine.signaling.handlers import Handlers, reply_to
from engine.transport.ice_servers import require_turn
from engine.wire.signaling import failure


class InProcessSignaling:
    """The agent's end, one per agent. ``serve()`` once, ``guest()`` per peer, then ``close()``."""

    def __init__(self) -> None:
        self._handlers: Handlers = {}
        self._tasks = TaskOwner("in-process signaling")

    @property
    def is_serving(self) -> bool:
        return bool(self._handlers)

    def serve(self, handlers: Handlers) -> None:
        """Answer calls from now on."""
        self._handlers = dict(handlers)

    def guest(self) -> GuestEnd:
        """An end for one peer of this process; it can connect while the agent serves."""
        return _InProcessGuest(self)

    def begin(self, event: str, payload: dict[str, Any]) -> asyncio.Task[dict[str, Any]]:
        """Start to handle a call. Like a call through a relay, it runs to its end even if nobody
        waits for the reply any more; close() cancels it. Raises HostStoppedError."""
        if not self.is_serving:
            raise HostStoppedError
        return self._tasks.start(self._reply(event, _copied(payload)), f"handle {event}")

    async def _reply(self, event: str, payload: dict[str, Any]) -> dict[str, Any]:
        handler = self._handlers.get(event)
        if handler is None:
            return failure(event, payload, BadRequestError(f"The agent does not handle {event}"))
        return _copied(await reply_to(event, payload, handler))

    async def close(self) -> None:
        """Answer no calls any more, and cancel those under way. Idempotent."""
        self._handlers = {}
        await self._tasks.close()


class _InProcessGuest:
    """A GuestEnd."""

    def __init__(self, agent: InProcessSignaling) -> None:
        self._agent = agent
        self._open = False

    @property
    def is_connected(self) -> bool:
        return self._open and self._agent.is_serving

    async def connect(self) -> None:
        if not self._agent.is_serving:
            raise HostStoppedError("The host is not running")
        self._open = True

    async def call(
        self, event: str, payload: dict[str, Any], seconds: float = ANSWER_SECONDS
    ) -> dict[str, Any]:
        if not self.is_connected:
            raise HostStoppedError("Not connected to the host")
        reply = self._agent.begin(event, payload)
        await asyncio.wait((reply,), timeout=seconds)
        if not reply.done():
            raise ConnectTimeoutError(f"No reply within {seconds:.0f} s")
        if reply.cancelled():
            raise HostStoppedError
        return successful(reply.result())

    async def link_target(self) -> tuple[str, str]:
        raise LinkUnknownError("Links are opened through a relay")

    async def ice_settings(self, own: IceSettings, secret: bytes | None = None) -> IceSettings:
        # The agent has told its own peer what its relay says.
        return require_turn(own)

    async def close(self) -> None:
        self._open = False


def _copied(value: dict[str, Any]) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(value))
    return copy
