"""What we change in aiortc and aioice: repairs, and speed.

``apply()`` puts the changes in place; importing changes nothing. Every composition root (the
agent, a client-only program, a benchmark, the tests) calls it before its first connection.
Outside the tested range (engine.core.dependencies) nothing is replaced, and the log says
what is lost.

Replaces, in the modules of aiortc and aioice that use them: ``get_host_addresses`` and
``StunProtocol`` (aioice.ice), ``time`` (aioice.turn), ``Connection`` and ``connection_kwargs``
(aiortc.rtcicetransport), ``RTCDtlsTransport`` and ``RTCSctpTransport``
(aiortc.rtcpeerconnection). The classes are sub-classes; each module beside this one lists the
private names it touches.

What is changed, and why:
- a datagram goes from its socket through DTLS into the association, and back,
  without tasks, queues and copies in between, many per system call (ice, dtls,
  association): a multiple of the throughput at a fraction of the work;
- packets as large as the path and the peer take, found by probing (engine.transport.sctp.path);
- windows that neither fill the path's queues nor starve a long path, and losses
  repaired within a round trip (engine.transport.sctp);
- consent freshness (RFC 7675) gives up after 4 s of silence instead of 30, and costs a
  fraction, since messages that only repeat are recognized by their bytes (consent, repeated);
- several STUN and TURN servers, IPv6 addresses of them, and no waiting for those that are
  known to be silent (gathering); datagrams for DTLS only from addresses that ICE has checked;
- TURN channels are refreshed by the monotonic clock: set back by an hour, the wall clock would
  let them expire;
- closing during the ICE handshake no longer leaves a consent task behind;
- with no network but loopback, 127.0.0.1 is offered rather than nothing at
  all, so that a laptop without a network still reaches its own containers;
- text that is not UTF-8, a second DCEP OPEN, or a handler that raises no
  longer ends the whole peer connection.
"""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import aioice.ice
import aioice.turn
import aiortc.rtcicetransport
import aiortc.rtcpeerconnection

from engine.core import dependencies
from engine.transport.tuning.association import TunedSctpTransport
from engine.transport.tuning.dtls import TunedDtlsTransport
from engine.transport.tuning.gathering import connection_kwargs
from engine.transport.tuning.ice import TunedIceConnection, TunedStunProtocol, host_addresses

MONOTONIC = SimpleNamespace(time=time.monotonic)
"""What aioice.turn asks of its ``time`` module: only differences of time()."""

# mypy knows these as types; replacing the class that each module builds is the point.
_REPLACED: tuple[tuple[Any, str, Any], ...] = (
    (aioice.ice, "get_host_addresses", host_addresses),
    (aioice.ice, "StunProtocol", TunedStunProtocol),
    (aioice.turn, "time", MONOTONIC),
    (aiortc.rtcicetransport, "Connection", TunedIceConnection),
    (aiortc.rtcicetransport, "connection_kwargs", connection_kwargs),
    (aiortc.rtcpeerconnection, "RTCDtlsTransport", TunedDtlsTransport),
    (aiortc.rtcpeerconnection, "RTCSctpTransport", TunedSctpTransport),
)


def is_supported() -> bool:
    """Whether aiortc and aioice are of the versions this was written against."""
    return dependencies.find("aiortc").is_tested and dependencies.find("aioice").is_tested


def is_applied() -> bool:
    """Whether the next peer connection of this process will be a tuned one."""
    return all(getattr(module, name) is ours for module, name, ours in _REPLACED)


def apply(*, untested: bool = False) -> bool:
    """Put the changes in place; further calls do nothing. True when they are in place.

    Outside the tested range they are not, unless ``untested``: for tests that find out what a
    newer version breaks.
    """
    if is_applied():
        return True
    dependencies.log_problems()
    if not (is_supported() or untested):
        return False
    for module, name, ours in _REPLACED:
        setattr(module, name, ours)
    return True
