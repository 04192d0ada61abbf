"""Docker's event stream, read on the event loop (Docker API, ``GET /events``).

What an event means is up to the catalogue, which lists all containers after each one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from engine.core.errors import DockerFailedError
from engine.docker.http_stream import open_stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.docker.endpoint import Endpoint
    from engine.docker.http_stream import HttpStream

MAX_EVENT_BYTES = 1024 * 1024
"""One event's line, which holds all labels of its container."""


class ContainerEvent(msgspec.Struct, frozen=True):
    """What happened to which container; other fields are ignored."""

    action: str = msgspec.field(name="Action", default="")
    id: str = ""


class EventStream:
    """An open subscription. Unread events are buffered by the daemon, not here."""

    def __init__(self, stream: HttpStream) -> None:
        self._stream = stream
        self._held = bytearray()
        self._decoder = msgspec.json.Decoder(ContainerEvent)

    async def batch(self) -> tuple[ContainerEvent, ...]:
        """All events since the last call, at least one; () at the end of the stream.

        Cancelling loses nothing. Raises DockerFailedError for a malformed stream.
        """
        while data := await self._stream.read():
            self._held += data
            *lines, rest = self._held.split(b"\n")
            if len(rest) > MAX_EVENT_BYTES:
                raise DockerFailedError("Docker sent an event that is too large")
            self._held = bytearray(rest)
            events = tuple(self._decode(bytes(line)) for line in lines if line.strip())
            if events:
                return events
        return ()

    async def close(self) -> None:
        self._stream.close()
        await self._stream.wait_closed()

    def _decode(self, line: bytes) -> ContainerEvent:
        try:
            return self._decoder.decode(line)
        except msgspec.MsgspecError as error:
            raise DockerFailedError("Docker sent a malformed event") from error


async def open_events(endpoint: Endpoint, actions: Iterable[str]) -> EventStream:
    """Subscribe to these container actions, from now on.

    Raises DockerAbsentError, DockerRefusedError, DockerFailedError.
    """
    filters = json.dumps({"type": ["container"], "event": sorted(actions)})
    request = (
        f"GET /events?filters={quote(filters)} HTTP/1.1\r\n"
        f"Host: {endpoint.host}\r\n"
        "User-Agent: hatchway\r\n\r\n"
    )
    return EventStream(await open_stream(endpoint, request.encode("ascii")))
