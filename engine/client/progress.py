"""What a connecting peer tells its user, and how far it has come.

Owns these two records. Does not own connecting (engine.client.peer).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class PeerHandlers:
    """What a peer tells its user, on the loop. ``ended`` comes once, last."""

    output: Callable[[bytes], None] = lambda data: None
    ended: Callable[[str, int | None], None] = lambda reason, exit_code: None
    notice: Callable[[str], None] = lambda text: None
    approval: Callable[[str], None] = lambda state: None
    """The host is asked (waiting), has allowed or denied us."""
    idle: Callable[[float | None], None] = lambda seconds: None
    """The session ends in so many seconds for being idle, unless peer.keep(); None: no longer."""


@dataclass(slots=True)
class Progress:
    """The milestones of connecting, so that a self-test can say which one was missed."""

    ice: asyncio.Event = field(default_factory=asyncio.Event)
    channel: asyncio.Event = field(default_factory=asyncio.Event)
    pty: asyncio.Event = field(default_factory=asyncio.Event)
    failed: asyncio.Event = field(default_factory=asyncio.Event)
