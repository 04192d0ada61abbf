"""What the transport asks of a connection's protocol stack, be it tuned or stock.

Touches of aiortc, as a reader: ``RTCIceTransport._connection`` (aioice's connection),
``RTCSctpTransport._srtt`` (the round trip time, which has no public name), and of aioice
``Connection._nominated`` (the selected pair).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.core.model import CandidatePair
from engine.transport.sctp.path import MAX_DATAGRAM
from engine.transport.tuning.association import TunedSctpTransport
from engine.transport.tuning.ice import TunedIceConnection

if TYPE_CHECKING:
    from aioice.candidate import Candidate
    from aiortc import RTCDataChannel, RTCPeerConnection


def send(channel: RTCDataChannel, message: str | bytes, *, urgent: bool) -> None:
    """Send on an open channel; ``urgent`` before what is queued, where the stack can."""
    transport = channel.transport
    if isinstance(transport, TunedSctpTransport):
        transport.send_data(channel, message, urgent=urgent)
    else:
        channel.send(message)


def is_delivered(channel: RTCDataChannel) -> bool:
    """Whether all that was sent is acknowledged; where the stack does not tell: has left."""
    transport = channel.transport
    if isinstance(transport, TunedSctpTransport):
        return transport.is_idle
    return not channel.bufferedAmount


async def wait_for_pace(channel: RTCDataChannel) -> None:
    """Wait until more may be in flight to a peer that does not acknowledge what it has read."""
    transport = channel.transport
    if isinstance(transport, TunedSctpTransport):
        await transport.wait_for_pace(channel)


def selected_pair(pc: RTCPeerConnection) -> CandidatePair | None:
    """The nominated pair, or None while there is none."""
    ice: Any = pc.sctp.transport.transport._connection if pc.sctp else None
    nominated = ice._nominated.get(1) if ice else None
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


def server_problems(pc: RTCPeerConnection) -> list[tuple[str, str]]:
    """URLs of ICE servers that gave no candidate, and why; as far as the stack knows."""
    ice: Any = pc.sctp.transport.transport._connection if pc.sctp else None
    return list(ice.server_problems) if isinstance(ice, TunedIceConnection) else []


def round_trip_seconds(pc: RTCPeerConnection) -> float | None:
    """SCTP's smoothed round trip time (RFC 9260 section 6.3.1), once there is one."""
    sctp: Any = pc.sctp
    return float(sctp._srtt) if sctp and sctp._srtt is not None else None


def datagram_limit(pc: RTCPeerConnection) -> int:
    """Bytes of the largest datagram this end can receive; 0: no more than Ethernet's."""
    return MAX_DATAGRAM if isinstance(pc.sctp, TunedSctpTransport) else 0


def limit_datagrams(pc: RTCPeerConnection, size: int) -> None:
    """The peer can receive datagrams of ``size`` bytes. To be called before it connects."""
    if isinstance(pc.sctp, TunedSctpTransport):
        pc.sctp.peer_takes = size


def _address(candidate: Candidate) -> str:
    host = f"[{candidate.host}]" if ":" in candidate.host else candidate.host
    return f"{host}:{candidate.port}"
