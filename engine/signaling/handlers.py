"""The agent's handlers of signaling events: one payload in, one reply out, never an exception."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from engine.core.errors import HatchwayError
from engine.wire.signaling import failure

logger = logging.getLogger(__name__)

Handler = Callable[[object], Awaitable[dict[str, Any]]]
"""Gets the raw payload; returns the acknowledgement."""
Handlers = Mapping[str, Handler]
"""By event."""


async def reply_to(event: str, payload: object, handler: Handler) -> dict[str, Any]:
    """The acknowledgement of ``payload``; an error in the handler becomes one, too."""
    try:
        return await handler(payload)
    except HatchwayError as error:
        return failure(event, payload, error)
    except Exception:
        # Never silence: the guest gets an error, and the log the traceback.
        logger.exception("The handler of %s failed", event)
        return failure(event, payload, HatchwayError("Internal error in the agent"))
