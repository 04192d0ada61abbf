"""A headless Chromium driven over its own debugging protocol: pages, keys, pictures.

Owns a browser process, connections to it and their pages. Does not own what runs in
them. A page that logs an error, breaks its own content policy or throws fails the test.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from contextlib import asynccontextmanager, suppress
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
UNTIL = """
new Promise((done, fail) => {
  const end = Date.now() + %d;
  const look = () => {
    const value = %s;
    if (value) done(value);
    else if (Date.now() > end) fail(new Error("not in time"));
    else setTimeout(look, 10);
  };
  look();
})
"""
SCALE_2 = "--force-device-scale-factor=2"
"""A flag: as many pixels as a phone has."""
CTRL, SHIFT = 2, 8
"""Modifier bits of the debugging protocol."""


class Browser:
    """Calls and events over one socket, told apart by the page's session."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}
        self._contexts: list[str] = []
        self._reader = asyncio.create_task(self._read(), name="browser events")

    async def open(
        self, url: str, *, width: int = 1100, height: int = 700, phone: bool = False
    ) -> Page:
        """A page of its own: no storage shared with any other."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        self._contexts.append(context)
        made = {"url": "about:blank", "browserContextId": context}
        target = (await self.call("Target.createTarget", made))["targetId"]
        attached = await self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        page = Page(self, attached["sessionId"], target)
        self._pages[attached["sessionId"]] = page
        for domain in ("Page", "Runtime", "Log"):
            await page.call(f"{domain}.enable")
        await page.resize(width, height, phone=phone)
        if url != "about:blank":
            await page.go(url)
        return page

    async def call(
        self, method: str, parameters: dict[str, Any] | None = None, session: str = ""
    ) -> dict[str, Any]:
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters or {}}
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        await self._socket.send_json({**message, "sessionId": session} if session else message)
        async with asyncio.timeout(2 * START_SECONDS):
            answer = await reply
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    async def close(self) -> None:
        """Its pages go, with all they stored; fails when one of them had a problem."""
        for context in self._contexts:
            await self.call("Target.disposeBrowserContext", {"browserContextId": context})
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader
        problems = [problem for page in self._pages.values() for problem in page.problems]
        assert not problems, problems

    async def _read(self) -> None:
        async for message in self._socket:
            event = json.loads(message.data)
            if waiter := self._waiting.pop(event.get("id", 0), None):
                if not waiter.done():
                    waiter.set_result(event)
            elif page := self._pages.get(event.get("sessionId", "")):
                page.event(event["method"], event["params"])


class Page:
    """One tab. ``problems`` are the errors it logged; a test may clear those it means."""

    def __init__(self, browser: Browser, session: str, target: str) -> None:
        self._browser = browser
        self._session = session
        self._target = target
        self._loaded = asyncio.Event()
        self.problems: list[str] = []
        self.log: list[str] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return await self._browser.call(method, parameters, self._session)

    def event(self, method: str, parameters: dict[str, Any]) -> None:
        match method:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Runtime.exceptionThrown":
                details = parameters["exceptionDetails"]
                thrown = details.get("exception", {}).get("description", details["text"])
                self.problems.append(str(thrown))
            case "Runtime.consoleAPICalled":
                words = " ".join(str(arg.get("value", arg)) for arg in parameters["args"])
                self.log.append(words)
                if parameters["type"] in ("error", "assert"):
                    self.problems.append(words)
            case "Log.entryAdded":
                entry = parameters["entry"]
                # A relay that is away is a state the page shows, not a fault of the page.
                away = entry["source"] == "network" or "WebSocket connection" in entry["text"]
                if entry["level"] == "error" and not away:
                    self.problems.append(
                        f"{entry['text']} {entry.get('url')} {entry.get('stackTrace')}"
                    )

    async def go(self, url: str) -> None:
        self._loaded.clear()
        await self.call("Page.navigate", url=url)
        async with asyncio.timeout(START_SECONDS):
            await self._loaded.wait()

    async def reload(self) -> None:
        self._loaded.clear()
        await self.call("Page.reload")
        async with asyncio.timeout(START_SECONDS):
            await self._loaded.wait()

    async def close(self) -> None:
        """As a person closes a tab."""
        await self._browser.call("Target.closeTarget", {"targetId": self._target})

    async def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression, awaited when it is a promise."""
        answer = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True,
            userGesture=True,
        )  # fmt: skip
        if details := answer.get("exceptionDetails"):
            raise AssertionError(details["exception"].get("description", details))
        return answer["result"].get("value")

    async def until(self, condition: str, seconds: float = 20.0) -> Any:
        """The value of a JavaScript expression once it is true."""
        try:
            return await self.evaluate(UNTIL % (seconds * 1000, condition))
        except AssertionError as error:
            shown = await self.evaluate("document.body.innerText.slice(0, 800)")
            raise AssertionError(f"{condition}: {error}\n{shown}") from None

    async def type(self, text: str) -> None:
        """Keys, one by one; a line feed is Enter."""
        for char in text:
            key = "\r" if char == "\n" else char
            name = {"key": "Enter", "code": "Enter"} if key == "\r" else {"key": key}
            code = 13 if key == "\r" else 0
            event = {**name, "text": key, "windowsVirtualKeyCode": code}
            await self.call("Input.dispatchKeyEvent", type="keyDown", **event)
            await self.call("Input.dispatchKeyEvent", type="keyUp", **name)

    async def press(self, key: str, modifiers: int = 0) -> None:
        """A key with modifiers, such as ``press("c", CTRL)``."""
        event = {
            "key": key, "code": f"Key{key.upper()}", "modifiers": modifiers,
            "windowsVirtualKeyCode": ord(key.upper()),
        }  # fmt: skip
        for kind in ("rawKeyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, **event)

    async def drag(self, x: int, start: int, end: int) -> None:
        """A finger, from one height to another."""
        step = 20 if end > start else -20
        await self._touch("touchStart", [{"x": x, "y": start}])
        for y in range(start, end, step):
            await self._touch("touchMove", [{"x": x, "y": y}])
        await self._touch("touchEnd", [])

    async def _touch(self, kind: str, points: list[dict[str, int]]) -> None:
        await self.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)

    async def click(self, selector: str) -> None:
        where = await self.evaluate(
            f"(e => {{ const r = e.getBoundingClientRect(); return [r.x + r.width / 2,"
            f" r.y + r.height / 2] }})(document.querySelector({json.dumps(selector)}))"
        )
        point = {"x": where[0], "y": where[1], "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, **point)

    async def wheel(self, down: int) -> None:
        """Over the middle of the terminal, by so many pixels; less than 0: up."""
        point = {"x": 400, "y": 250}
        await self.call(
            "Input.dispatchMouseEvent", type="mouseWheel", deltaX=0, deltaY=down, **point
        )

    async def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        # Zero: the browser's own. An emulated one would be unknown to WebGL canvases.
        screen = {"width": width, "height": height, "deviceScaleFactor": 0}
        await self.call("Emulation.setDeviceMetricsOverride", **screen, mobile=phone)
        await self.call("Emulation.setTouchEmulationEnabled", enabled=phone)

    async def picture(self) -> bytes:
        """What it looks like, as PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])


class Chromium:
    """A browser process, started when it is first needed and again when it has died."""

    def __init__(self, *flags: str) -> None:
        self._flags = flags
        self._process: subprocess.Popen[bytes] | None = None
        self._profile: tempfile.TemporaryDirectory[str] | None = None
        self._endpoint = ""

    async def endpoint(self) -> str:
        """The address of its debugging socket."""
        if self._process is None or self._process.poll() is not None:
            self.stop()
            await self._start()
        return self._endpoint

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None
        if self._profile is not None:
            self._profile.cleanup()
            self._profile = None

    async def _start(self) -> None:
        process, folder = self._launch()
        async with asyncio.timeout(START_SECONDS):
            while not (written := _read_endpoint(folder / "DevToolsActivePort")):
                if process.poll() is not None:
                    raise AssertionError(f"Chromium ended with {process.returncode}")
                await asyncio.sleep(0.02)
        port, path = written
        self._endpoint = f"ws://127.0.0.1:{port}{path}"

    def _launch(self) -> tuple[subprocess.Popen[bytes], Path]:
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        if program is None:
            unavailable("Chromium is not installed")
            raise AssertionError
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        folder = self._profile.name
        self._process = subprocess.Popen(
            [program, *FLAGS, *self._flags, f"--user-data-dir={folder}", "about:blank"],
            # The home of the test that happens to start it goes with that test.
            env={**os.environ, "HOME": folder},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self._process, Path(folder)


def _read_endpoint(file: Path) -> tuple[str, str] | None:
    try:
        port, path = file.read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return port, path


@asynccontextmanager
async def connected(chromium: Chromium) -> AsyncIterator[Browser]:
    """Pages of one test or program in a process that others may use after it."""
    url = await chromium.endpoint()
    async with aiohttp.ClientSession() as http, http.ws_connect(url, max_msg_size=0) as socket:
        browser = Browser(socket)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def chromium(*flags: str) -> AsyncIterator[Browser]:
    """A browser with a process of its own."""
    process = Chromium(*flags)
    try:
        async with connected(process) as browser:
            yield browser
    finally:
        process.stop()
