"""What we change in aiortc and aioice, in one place: repairs, and speed.

Owns every reach into names that start with an underscore, guarded by version:
with an unknown version nothing is touched and a line says so. Does not own the
peer connection itself (engine.transport.connection), nor SCTP's data transfer
(engine.transport.sctp).

What is changed, and why:
- a datagram goes from its socket through DTLS into the association, and back,
  without tasks, queues and copies in between, many per system call (ice, dtls,
  association): a multiple of the throughput at a fraction of the work;
- packets as large as the path and the peer take, found out by asking (engine.transport.sctp.path);
- windows that neither fill the path's queues nor starve a long path, and losses
  mended within a round trip (engine.transport.sctp);
- consent freshness (RFC 7675) gives up after 4 s of silence instead of 30, and costs a
  fraction, since messages that only repeat are told by their bytes (consent, repeated);
- closing during the ICE handshake no longer leaves a consent task behind;
- with no network but loopback, 127.0.0.1 is offered rather than nothing at
  all, so that a laptop in the air still reaches its own containers;
- text that is not UTF-8, a second DCEP OPEN, or a handler that raises no
  longer ends the whole peer connection.
"""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import aioice.ice
import aiortc.rtcicetransport
import aiortc.rtcpeerconnection
from aiortc import RTCPeerConnection

from engine.core.model import CandidatePair
from engine.transport.sctp.path import MAX_DATAGRAM
from engine.transport.tuning.association import TunedSctpTransport
from engine.transport.tuning.dtls import TunedDtlsTransport
from engine.transport.tuning.ice import TunedIceConnection, TunedStunProtocol, host_addresses

if TYPE_CHECKING:
    from aioice.candidate import Candidate
    from aiortc import RTCDataChannel

logger = logging.getLogger(__name__)

SUPPORTED = {"aiortc": "1.16.", "aioice": "0.13."}
"""Version prefixes this was written against and is tested with."""


def supported() -> bool:
    return all(version(name).startswith(prefix) for name, prefix in SUPPORTED.items())


def apply() -> bool:
    """Put the changes in place, once per process. False when the version is unknown."""
    if not supported():
        logger.warning(
            "Unknown aiortc %s / aioice %s: running without our repairs",
            version("aiortc"),
            version("aioice"),
        )
        return False
    # mypy knows these as types; replacing the class each module builds is the point.
    replaced: tuple[tuple[Any, str, Any], ...] = (
        (aioice.ice, "get_host_addresses", host_addresses),
        (aioice.ice, "StunProtocol", TunedStunProtocol),
        (aiortc.rtcicetransport, "Connection", TunedIceConnection),
        (aiortc.rtcpeerconnection, "RTCDtlsTransport", TunedDtlsTransport),
        (aiortc.rtcpeerconnection, "RTCSctpTransport", TunedSctpTransport),
    )
    for module, name, ours in replaced:
        setattr(module, name, ours)
    return True


def send(channel: RTCDataChannel, message: str | bytes, *, urgent: bool) -> None:
    """Send on an open channel; ``urgent`` ahead of what waits, where we can."""
    transport = channel.transport
    if isinstance(transport, TunedSctpTransport):
        transport._data_channel_send(channel, message, urgent=urgent)
    else:
        channel.send(message)


async def wait_for_pace(channel: RTCDataChannel) -> None:
    """Until more may be in flight to a peer that tells nothing of what it has taken."""
    transport = channel.transport
    if isinstance(transport, TunedSctpTransport):
        await transport.wait_for_pace(channel)


def selected_pair(pc: RTCPeerConnection) -> CandidatePair | None:
    """The nominated pair, or None while there is none."""
    ice = _ice(pc)
    nominated = getattr(ice, "_nominated", {}).get(1) if ice else None
    if nominated is None:
        return None
    local, remote = nominated.local_candidate, nominated.remote_candidate
    return CandidatePair(
        local=_address(local),
        remote=_address(remote),
        local_type=local.type,
        remote_type=remote.type,
        protocol=local.transport.lower(),
    )


def round_trip_seconds(pc: RTCPeerConnection) -> float | None:
    """SCTP's smoothed round trip time (RFC 9260 section 6.3.1), once there is one."""
    rtt = getattr(pc.sctp, "_srtt", None) if pc.sctp else None
    return float(rtt) if rtt is not None else None


def takes_datagrams(pc: RTCPeerConnection) -> int:
    """Bytes of the largest datagram that this end reads whole; 0: nothing to be told."""
    return MAX_DATAGRAM if isinstance(pc.sctp, TunedSctpTransport) else 0


def peer_takes_datagrams(pc: RTCPeerConnection, size: int) -> None:
    """The peer says that it reads datagrams of ``size`` bytes. Counts before it connects."""
    if isinstance(pc.sctp, TunedSctpTransport):
        pc.sctp.peer_takes = size


def local_candidate_count(pc: RTCPeerConnection) -> int:
    ice = _ice(pc)
    return len(ice.local_candidates) if ice else 0


def _ice(pc: RTCPeerConnection) -> Any:
    if pc.sctp is None:
        return None
    return getattr(pc.sctp.transport.transport, "_connection", None)


def _address(candidate: Candidate) -> str:
    host = f"[{candidate.host}]" if ":" in candidate.host else candidate.host
    return f"{host}:{candidate.port}"
