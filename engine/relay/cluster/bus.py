"""Events and acknowledgements between relays: python-socketio's Redis manager, adapted.

The library publishes every message to every relay, and takes up to a minute to reconnect to
Redis. Here each relay has its own channel and reconnects every RETRY_SECONDS.

Touches of python-socketio's AsyncRedisManager: overrides ``_publish`` and ``_listen``, calls
``_redis_connect``, and uses ``redis``, ``pubsub``, ``host_id`` and ``json``, and the keys of the
messages that it publishes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import redis.asyncio
import socketio
from redis.exceptions import RedisError

from engine.core.errors import RelayDegradedError
from engine.core.socketio_adapter import library_logger

logger = logging.getLogger(__name__)

PREFIX = "hatchway"
RETRY_SECONDS = 0.5
"""Between attempts to reconnect to Redis."""
FAULT_SECONDS = 10.0
"""The same after an unexpected error."""
POLL_SECONDS = 1.0
HEALTH_SECONDS = 3
"""An idle subscription pings its server this often, so that a silent loss is noticed."""


class RelayBus(socketio.AsyncRedisManager):
    """``relay_of(sid)`` is the relay that a remote peer is connected to; empty when unknown."""

    def __init__(self, url: str, relay_of: Callable[[str], str]) -> None:
        super().__init__(
            url,
            channel=f"{PREFIX}:all",
            logger=library_logger("bus"),
            redis_options={"health_check_interval": HEALTH_SECONDS, "socket_connect_timeout": 2},
        )
        self._relay_of = relay_of
        self.subscribed = False

    @property
    def relay_id(self) -> str:
        """This process's id, for as long as it runs."""
        return str(self.host_id)

    async def close(self) -> None:
        """Close the connections that the library leaves open; call after its task has ended."""
        await self._drop()

    async def _publish(self, data: dict[str, Any]) -> None:
        relay = data["host_id"] if data["method"] == "callback" else self._relay_of(_sid(data))
        channel = f"{PREFIX}:to:{relay}" if relay else self.channel
        receivers = 0
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            if self.redis is not None:
                receivers = await self.redis.publish(channel, self.json.dumps(data))
        if receivers or not relay:
            return
        if data["method"] == "emit":
            raise RelayDegradedError("The other relay cannot be reached; try again soon")
        # Whoever waits for this acknowledgement gets a time-out.
        logger.warning("An acknowledgement to another relay was lost")

    async def _listen(self) -> AsyncIterator[bytes]:
        # The library's task reads this, and after an error calls it again at once, for ever:
        # so no error may escape, and each attempt is followed by a pause.
        while True:
            pause = RETRY_SECONDS
            try:
                self._redis_connect()
                pubsub = self.pubsub
                await pubsub.subscribe(self.channel, f"{PREFIX}:to:{self.host_id}")
                self.subscribed = True
                while True:
                    message = await pubsub.get_message(
                        ignore_subscribe_messages=True, timeout=POLL_SECONDS
                    )
                    if message is not None and message["type"] == "message":
                        yield message["data"]
            except (RedisError, OSError, TimeoutError) as error:
                if self.subscribed:
                    logger.warning("The connection to the other relays is lost: %s", error)
            except Exception:
                logger.exception("Receiving from the other relays failed")
                pause = FAULT_SECONDS
            finally:
                self.subscribed = False
                await self._drop()
            await asyncio.sleep(pause)

    async def _drop(self) -> None:
        pubsub, self.pubsub = self.pubsub, None
        client, self.redis = self.redis, None
        for thing in (pubsub, client):
            if thing is not None:
                with contextlib.suppress(RedisError, OSError, TimeoutError):
                    await thing.aclose()


def _sid(data: dict[str, Any]) -> str:
    return str(data.get("room") or data.get("sid") or "")


def connect(url: str, seconds: float) -> redis.asyncio.Redis:
    """A client whose commands each take at most ``seconds``. Raises ValueError for a bad URL."""
    return redis.asyncio.Redis.from_url(
        url,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        decode_responses=True,
        # Ids are any text that JSON can express, including lone surrogates.
        encoding_errors="surrogatepass",
    )
