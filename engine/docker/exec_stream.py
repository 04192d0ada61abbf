"""The byte stream of one ``docker exec``, started by an HTTP upgrade.

Docker API, ``POST /exec/{id}/start``. Creating and ending the exec is up to
engine.pty.docker_exec, flow control to http_stream.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from engine.core.errors import DockerFailedError
from engine.docker.http_stream import open_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.docker.endpoint import Endpoint
    from engine.docker.http_stream import HttpStream

MAX_FRAME_BYTES = 1024 * 1024
"""A frame of a multiplexed stream; Docker's are at most 32 KiB."""

_EXEC_ID = re.compile(r"[0-9a-f]{1,128}")


async def open_exec_stream(endpoint: Endpoint, exec_id: str, *, tty: bool) -> HttpStream:
    """Start a created exec and return its two-way byte stream.

    With ``tty`` these are the terminal's bytes; without, output comes in frames:
    see frames(). Raises DockerAbsentError, DockerRefusedError, DockerFailedError.
    """
    if not _EXEC_ID.fullmatch(exec_id):
        raise DockerFailedError("Docker sent a malformed exec id")
    body = json.dumps({"Detach": False, "Tty": tty}).encode()
    head = (
        f"POST /exec/{exec_id}/start HTTP/1.1\r\n"
        f"Host: {endpoint.host}\r\n"
        "User-Agent: hatchway\r\n"
        "Content-Type: application/json\r\n"
        "Connection: Upgrade\r\n"
        "Upgrade: tcp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return await open_stream(endpoint, head.encode("ascii") + body)


async def frames(stream: HttpStream) -> AsyncIterator[bytes]:
    """Standard output and error of an exec without a terminal, in order of arrival.

    Docker API, "Stream format": one byte for the stream, three zero bytes, the length in
    four bytes (big endian), the data. Raises DockerFailedError for anything else.
    """
    held = bytearray()
    while data := await stream.read():
        held += data
        while len(held) >= 8:
            length = int.from_bytes(held[4:8], "big")
            if held[0] > 2 or held[1:4] != b"\0\0\0" or length > MAX_FRAME_BYTES:
                raise DockerFailedError("Docker sent a malformed stream")
            if len(held) < 8 + length:
                break
            yield bytes(held[8 : 8 + length])
            del held[: 8 + length]
