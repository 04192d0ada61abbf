"""Repairs to the private parts of aiortc and aioice, in one place.

Owns every reach into names that start with an underscore, guarded by version:
with an unknown version nothing is touched and a line says so. Does not own the
peer connection itself (engine.rtc).

What is repaired, and why:
- consent freshness (RFC 7675) gives up after 2 × 2 s instead of 6 × 5 s, so
  a silently dead peer is noticed in about 4 s;
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
from aiortc.rtcsctptransport import WEBRTC_STRING, RTCSctpTransport

from engine.model import CandidatePair

if TYPE_CHECKING:
    from aioice.candidate import Candidate

logger = logging.getLogger(__name__)

SUPPORTED = {"aiortc": "1.16.", "aioice": "0.13."}
"""Version prefixes these repairs were written against and tested with."""

CONSENT_FAILURES = 2
CONSENT_INTERVAL_SECONDS = 2

_stock_host_addresses = aioice.ice.get_host_addresses


class TunedIceConnection(aioice.ice.Connection):
    """Never starts asking for consent on a connection that is already closing."""

    async def query_consent(self) -> None:
        if not self._closing:
            await super().query_consent()


class ContainedSctpTransport(RTCSctpTransport):
    """Keeps a guest's faulty message from ending the association.

    A channel that gets text that is not UTF-8 emits ``malformed`` instead of ``message``.
    """

    async def _data_channel_receive(self, stream_id: int, pp_id: int, data: bytes) -> None:
        if pp_id == WEBRTC_STRING and (channel := self._data_channels.get(stream_id)):
            try:
                data.decode()
            except UnicodeDecodeError:
                channel.emit("malformed", "The text message is not UTF-8")
                return
        try:
            await super()._data_channel_receive(stream_id, pp_id, data)
        except ConnectionError:
            raise
        except Exception as error:  # stock lets it end the whole peer connection
            logger.warning("A data channel message was refused: %r", error)


def host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    """aioice's own list, or loopback when that is empty."""
    addresses = _stock_host_addresses(use_ipv4, use_ipv6)
    if not addresses and use_ipv4:
        return ["127.0.0.1"]
    return addresses


def supported() -> bool:
    return all(version(name).startswith(prefix) for name, prefix in SUPPORTED.items())


def apply() -> bool:
    """Put the repairs in place, once per process. False when the version is unknown."""
    if not supported():
        logger.warning(
            "Unknown aiortc %s / aioice %s: running without our repairs",
            version("aiortc"),
            version("aioice"),
        )
        return False
    aioice.ice.CONSENT_FAILURES = CONSENT_FAILURES
    aioice.ice.CONSENT_INTERVAL = CONSENT_INTERVAL_SECONDS
    aioice.ice.get_host_addresses = host_addresses
    # mypy knows these as types; replacing the class each module builds is the point.
    setattr(aiortc.rtcicetransport, "Connection", TunedIceConnection)  # noqa: B010
    setattr(aiortc.rtcpeerconnection, "RTCSctpTransport", ContainedSctpTransport)  # noqa: B010
    return True


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
