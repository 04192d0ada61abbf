"""Which paths the host's connections may take: the settings', and what its relay says.

Owns what relays said of relay-only, which holds until the same relay says
otherwise, and TURN credentials, which expire. No answer, a late or an empty one
changes neither: it is never taken for leave to connect directly. A relay of
another make that never speaks of relay-only leaves the settings as they are.
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
from engine.transport.ice_servers import HandedOut

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from engine.core.settings import IceSettings

logger = logging.getLogger(__name__)

KNOWN_SECONDS = 8.0
"""How long an offer waits for the word of a relay of ours, which comes with its welcome."""
RETRY_SECONDS = 30.0
"""The longest time between two attempts to get servers."""


class IcePolicy:
    """``ask()`` is one call of ``ice:servers``: the reply, or an empty one for none.

    ``run()`` once, for as long as the host is connected to relays; ``challenged``,
    ``registered`` and ``lost`` say how the connection stands (engine.signaling.host).
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
        # By relay; relays named beside each other are one operator's, so one word binds all.
        self._said: dict[str, bool] = {}
        self._handed = HandedOut()
        self._expires = 0.0
        self._url = ""
        # Whether the relay that is connected is one of ours, and has spoken on this connection.
        self._ours = False
        self._heard = asyncio.Event()
        self._wake = asyncio.Event()
        self._registered = False

    def current(self) -> IceSettings:
        """For a connection that begins now. With relay-only it may name no TURN server."""
        handed = self._handed if self._clock() < self._expires else self._handed.without_turn()
        said = HandedOut(handed.servers, any(self._said.values()), handed.ttl)
        return ice_servers.merged(self._own, said)

    async def known(self) -> None:
        """Until a relay of ours has said whether only TURN is allowed.

        Raises NoTurnError when it does not, and never did.
        """
        if not self._ours or self._own.relay_only:
            return
        try:
            async with asyncio.timeout(KNOWN_SECONDS):
                await self._heard.wait()
        except TimeoutError:
            if self._url not in self._said:
                raise NoTurnError(
                    "The relay has not said whether it allows direct connections; try again"
                ) from None

    # engine.signaling.host.RelayListener

    def challenged(self, url: str) -> None:
        """The relay asks for our key: it is one of ours."""
        self._url, self._ours = url, True

    def registered(self, url: str, reply: Mapping[str, Any]) -> None:
        """The relay has confirmed a registration."""
        self._url = url
        self._ours = self._ours or url in self._said
        self._take_word(ice_servers.relay_only_of(dict(reply)))
        if not self._registered:
            self._registered = True
            self._wake.set()

    def lost(self) -> None:
        """What the relay said holds on; what it says next is another connection's."""
        self._registered = self._ours = False
        self._heard.clear()
        self._wake.set()

    # -- servers

    async def run(self) -> None:
        """Ask for servers, and again before they expire, until cancelled."""
        while True:
            self._wake.clear()
            seconds = await self._refresh() if self._registered and self._wanted else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()

    @property
    def _wanted(self) -> bool:
        return self._own.from_relay != "off" or (self._ours and not self._heard.is_set())

    async def _refresh(self) -> float | None:
        """Ask once; the seconds until the next time, None for none on this connection."""
        url = self._url
        reply = await self._ask()
        if not self._registered or url != self._url:
            return 0.0
        self._take_word(ice_servers.relay_only_of(dict(reply)))
        handed = ice_servers.read(dict(reply))
        kept = self._handed if self._clock() < self._expires else self._handed.without_turn()
        if handed.has_turn or (handed.servers and not kept.has_turn):
            # An answer with less leaves the last good servers until they expire.
            self._handed, self._expires = handed, self._clock() + handed.ttl
        current = self.current()
        enough = handed.has_turn or HandedOut(self._own.servers).has_turn
        if reply and (enough or not current.relay_only):
            self._backoff.reset()
            return ice_servers.refresh_after(handed)
        if not self._ours:
            return None
        seconds = self._backoff.next()
        logger.warning("The relay gave no usable ICE servers; asking again in %.0f s", seconds)
        return seconds

    def _take_word(self, relay_only: bool | None) -> None:
        if relay_only is None:
            return
        self._ours = True
        if self._said.get(self._url, False) is not relay_only:
            allowed = "only connections through TURN" if relay_only else "direct connections"
            logger.info("The relay at %s allows %s", self._url, allowed)
        self._said[self._url] = relay_only
        self._heard.set()
