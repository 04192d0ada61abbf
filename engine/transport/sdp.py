"""Session descriptions and candidates as text: what we read in them, and what we add.

Pure functions. What a peer sent is checked here before aiortc parses it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiortc.sdp import candidate_from_sdp

from engine.core.errors import BadRequestError

if TYPE_CHECKING:
    from aiortc import RTCIceCandidate

DATAGRAM_ATTRIBUTE = "hatchway-datagram"
"""An attribute of our SDP: the size in bytes of the largest UDP datagram that its author can
receive. Others ignore it (RFC 8866 section 5.13). Without it we send no more than fits into
Ethernet's MTU: there are stacks that never recover from a record longer than they expect."""

END_OF_CANDIDATES = "a=end-of-candidates"

_CANDIDATE_LINE = re.compile(r"^a=(candidate:[^\r\n]+)", re.MULTILINE)
_DATAGRAM_LINE = re.compile(rf"^a={DATAGRAM_ATTRIBUTE}:([0-9]{{1,6}})\r?$", re.MULTILINE)
_UFRAG_LINE = re.compile(r"^a=ice-ufrag:(\S+)", re.MULTILINE)
_UFRAG_WORD = re.compile(r"^(?:a=)?(?:candidate:)?[^\r\n]* ufrag (\S+)")
_MEDIA_LINE = re.compile(r"^m=(\w+)", re.MULTILINE)
_FINGERPRINT = re.compile(r"^a=fingerprint:\s*(sha-256)\s+([0-9A-Fa-f:]{95})\s*$", re.MULTILINE)


def require_data_channel_only(sdp: str) -> None:
    """Raises BadRequestError for audio and video: nobody serves them, and each costs a decoder."""
    kinds = _MEDIA_LINE.findall(sdp)
    if kinds != ["application"]:
        raise BadRequestError("Field 'sdp' must offer one data channel section and nothing else")


def candidate_lines(sdp: str) -> list[str]:
    """The candidates in an SDP, each as ``candidate:…``."""
    return _CANDIDATE_LINE.findall(sdp)


def split_mdns(sdp: str) -> tuple[str, list[str], bool]:
    """The SDP without its ``.local`` candidates (RFC 8828), those candidates, and whether the
    SDP was complete.

    Where there are such candidates ``a=end-of-candidates`` is removed as well: nothing may be
    added after it.
    """
    lines = sdp.splitlines()
    complete = END_OF_CANDIDATES in lines
    hidden = [line.removeprefix("a=") for line in lines if _is_mdns(line)]
    if not hidden:
        return sdp, [], complete
    kept = [line for line in lines if line != END_OF_CANDIDATES and not _is_mdns(line)]
    return "\r\n".join(kept) + "\r\n", hidden, complete


def with_end_of_candidates(sdp: str) -> str:
    return f"{sdp}{END_OF_CANDIDATES}\r\n"


def parse_candidate(candidate: str) -> RTCIceCandidate:
    """A candidate line, with or without its ``candidate:`` prefix. Raises BadRequestError."""
    try:
        return candidate_from_sdp(candidate.removeprefix("a=").removeprefix("candidate:"))
    except (ValueError, AssertionError, IndexError):
        raise BadRequestError("Field 'candidate' is not an ICE candidate") from None


def ice_ufrag(text: str) -> str:
    """The ICE user fragment (RFC 8839 section 5.4) in an SDP, or in a candidate as browsers
    write it; empty when there is none."""
    found = _UFRAG_LINE.search(text) or _UFRAG_WORD.search(text)
    return found[1] if found else ""


def fingerprint(sdp: str) -> str:
    """The SHA-256 DTLS fingerprint in an SDP, upper case. Raises BadRequestError."""
    found = {value.upper() for _, value in _FINGERPRINT.findall(sdp)}
    if len(found) != 1:
        raise BadRequestError("Field 'sdp' must carry exactly one SHA-256 fingerprint")
    return str(found.pop())


def datagram_limit(sdp: str) -> int | None:
    """Bytes of the largest datagram that the author can receive; None when it does not say."""
    found = _DATAGRAM_LINE.search(sdp)
    return int(found[1]) if found else None


def with_datagram_limit(sdp: str, size: int) -> str:
    return f"{sdp}a={DATAGRAM_ATTRIBUTE}:{size}\r\n"


def _is_mdns(line: str) -> bool:
    fields = line.split()
    return line.startswith("a=candidate:") and len(fields) > 4 and fields[4].endswith(".local")
