"""A headless Chromium driven over its own debugging protocol: evaluate, wait, end.

Owns one browser process and one page. Does not own what runs in it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.docker_fixtures import unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-port=0", "--remote-allow-origins=*",
)  # fmt: skip
START_SECONDS = 30.0


class Page:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)

    async def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression, awaited when it is a promise."""
        number = next(self._ids)
        parameters = {"expression": script, "awaitPromise": True, "returnByValue": True}
        call = {"id": number, "method": "Runtime.evaluate", "params": parameters}
        await self._socket.send_json(call)
        async with asyncio.timeout(START_SECONDS):
            while True:
                answer = json.loads((await self._socket.receive()).data)
                if answer.get("id") == number:
                    break
        if details := answer["result"].get("exceptionDetails"):
            raise AssertionError(details["exception"].get("description", details))
        return answer["result"]["result"].get("value")


@asynccontextmanager
async def chromium() -> AsyncIterator[Page]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        unavailable("Chromium is not installed")
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program, *FLAGS, f"--user-data-dir={profile}", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            port = await _port(Path(profile) / "DevToolsActivePort", process)
            async with aiohttp.ClientSession() as http:
                async with http.get(f"http://127.0.0.1:{port}/json/list") as reply:
                    pages = [p for p in await reply.json() if p["type"] == "page"]
                url = pages[0]["webSocketDebuggerUrl"]
                async with http.ws_connect(url, max_msg_size=0) as socket:
                    yield Page(socket)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _port(file: Path, process: asyncio.subprocess.Process) -> int:
    """Where it listens, once it says so in its profile."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            if process.returncode is not None:
                raise AssertionError(f"Chromium ended with {process.returncode}")
            if port := _read_port(file):
                return port
            await asyncio.sleep(0.05)


def _read_port(file: Path) -> int:
    try:
        return int(file.read_text().split()[0])
    except (FileNotFoundError, IndexError):
        return 0
