"""How many file descriptors this process may still open: sessions are refused before they run out.

Without descriptors nothing fails cleanly: no socket for ICE, no PTY, no connection to the relay.
"""

from __future__ import annotations

import os
import sys

if sys.platform != "win32":
    import resource

RESERVE = 16
"""For what goes on beside a new session: files, Docker calls, returns of lost guests."""
PER_SESSION = 8
"""Sockets of one that is being opened (one per address of this machine), and its terminal."""


def free() -> int | None:
    """None where there is no limit, or it cannot be found."""
    if sys.platform == "win32":
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        # One of them is that of the listing itself.
        return limit - len(os.listdir("/dev/fd")) + 1
    except OSError:
        return None


def are_scarce(opening: int = 0) -> bool:
    """Whether there is no room for one more session beside those that are ``opening``."""
    left = free()
    return left is not None and left < RESERVE + PER_SESSION * (opening + 1)
