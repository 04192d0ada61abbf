"""Which paths the host's connections may take: from the settings and its relay.

Owns each relay's relay-only rule, which holds until the same relay changes it, and
the TURN credentials, which expire. A missing, late or empty reply changes neither
and never permits direct connections. A foreign relay without such a rule leaves the
settings as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any

from engine.core.errors import NoTurnError
from engine.signaling.retry import Backoff
from engine.transport import ice_servers
from engine.transport.ice_servers import RelayServers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from engine.core.settings import IceSettings

logger = logging.getLogger(__name__)

KNOWN_SECONDS = 8.0
"""How long an offer waits for a Hatchway relay's rule, which comes at registration."""
RETRY_SECONDS = 30.0
"""The longest time between two attempts to get servers."""


class IcePolicy:
    """``ask()`` calls ``ice:servers`` once: the reply, empty if there is none.

    ``run()`` once, while the host uses relays; it is a RelayListener (engine.signaling.host).
    """

    def __init__(
        self,
        own: IceSettings,
        ask: Callable[[], Awaitable[Mapping[str, Any]]],
        clock: Callable[[], float] = time.monotonic,
        backoff: Backoff | None = None,
    ) -> None:
        self._own = own
        self._ask = ask
        self._clock = clock
        self._backoff = backoff or Backoff(last=RETRY_SECONDS)
        # By relay URL; all relays are one operator's, so one rule binds all.
        self._relay_only: dict[str, bool] = {}
        self._handed = RelayServers()
        self._expires = 0.0
        self._url = ""
        # Whether the connected relay is a Hatchway relay, and has sent its rule on this connection.
        self._ours = False
        self._rule_known = asyncio.Event()
        self._wake = asyncio.Event()
        self._registered = False

    def current(self) -> IceSettings:
        """The settings for a new connection. With relay-only they may have no TURN server."""
        handed = self._handed if self._clock() < self._expires else self._handed.without_turn()
        provided = RelayServers(handed.servers, any(self._relay_only.values()), handed.ttl)
        return ice_servers.merged(self._own, provided)

    async def known(self) -> None:
        """Wait until a Hatchway relay has stated whether only TURN is allowed.

        Raises NoTurnError when it does not and never did.
        """
        if not self._ours or self._own.relay_only:
            return
        try:
            async with asyncio.timeout(KNOWN_SECONDS):
                await self._rule_known.wait()
        except TimeoutError:
            if self._url not in self._relay_only:
                raise NoTurnError(
                    "The relay has not stated whether direct connections are allowed. Try again"
                ) from None

    # engine.signaling.host.RelayListener

    def challenged(self, url: str) -> None:
        """The relay challenged our key, so it is a Hatchway relay."""
        self._url, self._ours = url, True

    def registered(self, url: str, reply: Mapping[str, Any]) -> None:
        """The relay has confirmed a registration."""
        self._url = url
        self._ours = self._ours or url in self._relay_only
        self._apply_rule(ice_servers.relay_only_of(dict(reply)))
        if not self._registered:
            self._registered = True
            self._wake.set()

    def lost(self) -> None:
        """The connection ended. The relay's rule still holds until it sends another."""
        self._registered = self._ours = False
        self._rule_known.clear()
        self._wake.set()

    # -- servers

    async def run(self) -> None:
        """Request servers, and again before they expire, until cancelled."""
        while True:
            self._wake.clear()
            seconds = await self._refresh() if self._registered and self._needs_servers else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()

    @property
    def _needs_servers(self) -> bool:
        return self._own.from_relay != "off" or (self._ours and not self._rule_known.is_set())

    async def _refresh(self) -> float | None:
        """Request servers; seconds until the next time, None for never on this connection."""
        url = self._url
        reply = await self._ask()
        if not self._registered or url != self._url:
            return 0.0
        self._apply_rule(ice_servers.relay_only_of(dict(reply)))
        handed = ice_servers.read(dict(reply))
        stored = self._handed if self._clock() < self._expires else self._handed.without_turn()
        if handed.has_turn or (handed.servers and not stored.has_turn):
            # After a worse reply the last good servers stay until they expire.
            self._handed, self._expires = handed, self._clock() + handed.ttl
        current = self.current()
        enough = handed.has_turn or RelayServers(self._own.servers).has_turn
        if reply and (enough or not current.relay_only):
            self._backoff.reset()
            return ice_servers.refresh_after(handed)
        if not self._ours:
            return None
        seconds = self._backoff.next()
        logger.warning("The relay sent no usable ICE servers; retrying in %.0f s", seconds)
        return seconds

    def _apply_rule(self, relay_only: bool | None) -> None:
        if relay_only is None:
            return
        self._ours = True
        if self._relay_only.get(self._url, False) is not relay_only:
            allowed = "only connections through TURN" if relay_only else "direct connections"
            logger.info("The relay at %s allows %s", self._url, allowed)
        self._relay_only[self._url] = relay_only
        self._rule_known.set()
