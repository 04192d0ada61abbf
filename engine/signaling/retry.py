"""When to retry a relay, and the message for each kind of failure."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.core.errors import RelayRefusedError, RelayUnreachableError

if TYPE_CHECKING:
    from engine.core.errors import ConnectionFailedError


@dataclass(slots=True)
class Backoff:
    """Seconds between attempts: ``first`` doubling up to ``last``, for ever.

    Each is shortened by up to the fraction ``jitter``, so that the agents of a
    restarted relay do not all reconnect at once. ``refused`` is the delay after a
    relay rejected us, when frequent retries are useless.
    """

    first: float = 1.0
    last: float = 5.0
    refused: float = 10.0
    jitter: float = 0.2
    _failures: int = 0

    def next(self) -> float:
        # 2 ** 30 s is above any ``last``; without a cap the power grows without bound.
        delay = min(self.last, self.first * 2 ** min(self._failures, 30))
        self._failures += 1
        return self._shortened(delay)

    def next_refused(self) -> float:
        return self._shortened(self.refused)

    def reset(self) -> None:
        self._failures = 0

    def _shortened(self, delay: float) -> float:
        return delay * random.uniform(1 - self.jitter, 1)


# How the rejection of a client certificate, or of none, looks when the TLS alert is
# lost: TLS 1.3 sends it after the handshake, TLS 1.2 during it.
_CUT_OFF = ("Server disconnected", "reset by peer", "[None]")
_STATUS = re.compile(r"status code (\d{3})")


def refusal(data: object) -> RelayRefusedError:
    """The error for a relay's CONNECT_ERROR: text, or an object with a ``message``."""
    message = data.get("message") if isinstance(data, dict) else data
    text = message if isinstance(message, str) and message else "no reason given"
    return RelayRefusedError(f"The relay rejected the connection: {text[:300]}")


def explain(url: str, problem: str, reply: object) -> ConnectionFailedError:
    """The library's text for a failed connect as a typed error.

    ``reply`` is the relay's reply over HTTP, if any.
    """
    if "CERTIFICATE_REQUIRED" in problem or "certificate required" in problem:
        return RelayRefusedError(
            "The relay requires a client certificate: set relay.tls_cert and relay.tls_key"
        )
    if "CERTIFICATE_VERIFY_FAILED" in problem or "certificate verify failed" in problem:
        return RelayRefusedError(
            f"The relay's certificate is not trusted: set relay.tls_ca ({_tail(problem)})"
        )
    if "ALERT" in problem or "alert" in problem:
        return RelayRefusedError(f"The relay rejected the client certificate ({_tail(problem)})")
    if url.startswith(("https:", "wss:")) and any(sign in problem for sign in _CUT_OFF):
        return RelayRefusedError(
            "The relay closed the connection during the TLS handshake. It probably requires a"
            " client certificate: set relay.tls_cert and relay.tls_key to a pair it accepts"
        )
    status = _STATUS.search(problem)
    if status and status.group(1) in ("401", "403"):
        return refusal(reply)
    if status and isinstance(reply, dict) and isinstance(reply.get("message"), str):
        return RelayUnreachableError(f"The relay is busy: {reply['message'][:300]}")
    if status:
        return RelayUnreachableError(f"{url} answered with HTTP status {status.group(1)}")
    return RelayUnreachableError(f"Cannot reach the relay at {url}: {_tail(problem)}")


def _tail(problem: str) -> str:
    # aiohttp: "Cannot connect to host H:P ssl:default [the reason]".
    inner = re.search(r"\[(?!SSL)(.+)\]$", problem) or re.search(r"\((.+)\)\]?$", problem)
    return (inner.group(1) if inner else problem or "no answer")[:300]
