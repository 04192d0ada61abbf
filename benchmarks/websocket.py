"""What a user would pick instead: a terminal over a WebSocket, on aiohttp.

``python -m benchmarks.websocket server|client``. The server hands the same exec
stream to WebSockets on plain asyncio; the client answers the guest's requests.
No encryption, no reach through a NAT: what remains is the least it can cost.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import aiohttp
from aiohttp import web

from benchmarks import loops
from benchmarks.process import claim_output, serve
from benchmarks.raw_exec import RawExec


class Server(RawExec):
    """One exec per WebSocket; ``/`` with the container in the query."""

    async def op_listen(self) -> dict[str, Any]:
        app = web.Application()
        app.router.add_get("/", self._terminal)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return {"url": f"http://127.0.0.1:{self._runner.addresses[0][1]}/"}

    async def close(self) -> None:
        await self._runner.cleanup()
        await super().close()

    async def _terminal(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        pty = await self.open_pty(request.query["target"], request.query["ref"])

        async def send() -> None:
            while data := await pty.read():
                await socket.send_bytes(data)

        sender = asyncio.create_task(send())
        try:
            async for message in socket:
                await pty.write(message.data)
        finally:
            sender.cancel()
            await pty.close()
        return socket


class SocketPTY:
    """The client's end, with what RawTerminal needs of a PTY."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def read(self) -> bytes:
        message = await self._socket.receive()
        return message.data if message.type is aiohttp.WSMsgType.BINARY else b""

    async def write(self, data: bytes) -> None:
        await self._socket.send_bytes(data)

    async def close(self) -> None:
        await self._socket.close()


class Client(RawExec):
    """Opens terminals at a server."""

    async def op_reach(self, url: str) -> None:
        self._url = url
        self._http = aiohttp.ClientSession()

    async def open_pty(self, target: str, ref: str) -> Any:
        socket = await self._http.ws_connect(self._url, params={"target": target, "ref": ref})
        return SocketPTY(socket)

    async def close(self) -> None:
        await super().close()
        await self._http.close()


def main() -> None:
    pipe = claim_output()
    service = {"server": Server, "client": Client}[sys.argv[1]]

    async def work() -> None:
        await serve(service(), pipe)

    loops.run("asyncio", work)


if __name__ == "__main__":
    main()
