"""The byte stream of one ``docker exec``: the HTTP upgrade that starts it.

Owns the request (Docker API, ``POST /exec/{id}/start``) and the frames of an
exec without a terminal. Does not own the exec's life (docker_exec) nor the
connection's flow control (http_stream).
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
    """Start a created exec and return its bytes, both ways.

    With ``tty`` they are the terminal's own; without, output comes in frames:
    see frames(). Raises DockerAbsentError, DockerRefusedError, DockerFailedError.
    """
    if not _EXEC_ID.fullmatch(exec_id):
        raise DockerFailedError("Docker gave an exec a malformed id")
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
    """Output and errors of an exec without a terminal, as they come, in order.

    Docker API, "Stream format": one byte of kind, three of zero, the length in
    four bytes, the bytes. Raises DockerFailedError when they are not like that.
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
