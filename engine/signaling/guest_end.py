"""The guest's end of signaling: what a peer needs to reach an agent, whatever the way.

There are two: over Socket.IO to a relay (engine.signaling.guest), and to the agent in the same
process (engine.signaling.in_process).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from engine.core.errors import ProtocolError, RemoteError
from engine.core.settings import IceSettings

ANSWER_SECONDS = 30.0
"""For a reply of the agent, which may have to gather candidates through STUN."""


class GuestEnd(Protocol):
    """``connect()`` once, then ``call()`` any number of times, then ``close()``."""

    @property
    def is_connected(self) -> bool: ...

    async def connect(self) -> None:
        """Raises RelayUnreachableError, RelayRefusedError, LinkUnknownError, HostStoppedError."""

    async def call(
        self, event: str, payload: dict[str, Any], seconds: float = ANSWER_SECONDS
    ) -> dict[str, Any]:
        """The reply to a successful call.

        Raises RemoteError with the other side's message, ConnectTimeoutError,
        RelayUnreachableError, HostStoppedError, ProtocolError.
        """

    async def link_target(self) -> tuple[str, str]:
        """The agent id and device id our link opens. Raises LinkUnknownError, and as call()."""

    async def ice_settings(self, own: IceSettings, secret: bytes | None = None) -> IceSettings:
        """``own``, extended by what this end provides. ``secret`` is our link's.

        Raises NoTurnError, ConnectTimeoutError, RemoteError.
        """

    async def close(self) -> None:
        """Disconnect; bounded in time, idempotent."""


MakeEnd = Callable[[], GuestEnd]
"""Makes the end of one connection."""


def successful(reply: object) -> dict[str, Any]:
    """A reply to a call, if it is a success. Raises RemoteError, and ProtocolError for no reply."""
    if not isinstance(reply, dict):
        raise ProtocolError("The relay sent an invalid reply")
    if reply.get("status") not in ("success", "warning"):
        code, text = reply.get("code"), reply.get("error")
        # A foreign relay or agent may put anything there.
        raise RemoteError(
            code if isinstance(code, str) else "",
            text if isinstance(text, str) and text else "Request refused",
        )
    return reply
