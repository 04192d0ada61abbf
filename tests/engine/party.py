"""A host with a relay, and pages that join its shells as a browser does, for tests of sharing."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from engine.control import commands as c
from engine.control import queries as q
from engine.control.control import Control
from engine.core import events as ev
from engine.core.model import LOCAL_TARGET, Role, ShellInfo, Size
from engine.core.settings import DockerSettings, RelaySettings, Settings
from engine.emulator import FEATURES, Terminal
from engine.relay import Relay
from engine.shells.screen import ShellScreen
from engine.signaling.guest import GuestSignaling, RelayAddress
from engine.transport import sdp
from engine.wire.proof import Link, offer_proof, parse_link
from engine.wire.signaling import OFFER
from engine.wire.terminal import V1
from tests.engine.raw_guest import RawGuest
from tests.engine.until import until

SIZE = Size()
CAPABILITIES = ("snapshot", "size", "people", "keyboard", "recording", "idle", "history", "mute")


class Page:
    """A guest with a link, and the emulator that it draws with. ``plain``: the other dialect."""

    def __init__(
        self,
        link: Link,
        target: str = LOCAL_TARGET,
        *,
        protocol: str = V1,
        caps: tuple[str, ...] = CAPABILITIES,
        session_id: str = "",
        size: Size = SIZE,
    ) -> None:
        self.link = link
        self.session_id = session_id or secrets.token_hex(8)
        self.raw = RawGuest(protocol)
        self.raw.answers_pings = True
        self.raw.channel.attach(self)
        self.caps = caps if protocol else ()
        self.size = size
        self.terminal = Terminal(size.cols, size.rows, scrollback=1000)
        self.position = 0
        self.reads = True
        """Whether it reports what it has drawn."""
        self._target = target
        self._drawing = 0  # bytes of a snapshot that are left
        self._at = 0
        self._line: GuestSignaling | None = None
        self._connecting = asyncio.Lock()

    # What the test says.

    async def offer(self, **more: Any) -> dict[str, Any]:
        """The payload of an offer with a proof of its link."""
        offer = await self.raw.offer(self.session_id, self._target, **more)
        nonce = secrets.token_hex(16)
        mac = offer_proof(self.link.secret, self.session_id, sdp.fingerprint(offer["sdp"]), nonce)
        return offer | {"proof": {"share": self.link.id, "nonce": nonce, "mac": mac}}

    async def call(self, offer: dict[str, Any]) -> dict[str, Any]:
        """Send it by the relay. Raises RemoteError."""
        async with self._connecting:
            if self._line is None:
                self._line = GuestSignaling(RelayAddress(self.link.base, link=self.link.id))
                await self._line.connect()
        return await self._line.call(OFFER, offer)

    async def join(self, received: int = 0, **more: Any) -> Page:
        """Connect. Raises RemoteError when it is refused."""
        reply = await self.call(await self.offer(cols=self.size.cols, rows=self.size.rows, **more))
        hello: dict[str, Any] = {"caps": list(self.caps), "features": sorted(FEATURES)}
        if received:
            hello["shell"] = more.get("shell", "")
        await self.raw.take(reply, received, **hello)
        return self

    def again(self, **more: Any) -> Page:
        """The same guest, loaded anew."""
        return Page(self.link, self._target, caps=self.caps, size=self.size, **more)

    def types(self, data: bytes) -> None:
        if self.raw.channel.protocol:
            self.raw.channel.post(data)
        else:
            self.raw.say(type="input", data=data.decode())

    async def sees(self, text: str) -> None:
        await until(lambda: any(text in line for line in self.lines()), what=self.shown(text))

    def lines(self) -> list[str]:
        return self.terminal.text()

    def shown(self, text: str) -> str:
        return f"{text!r} in {[line for line in self.lines() if line.strip()]}"

    @property
    def participant(self) -> str:
        return str(self.raw.welcome["participant"])

    async def close(self) -> None:
        await self.raw.close()
        if self._line is not None:
            await self._line.close()

    # engine.transport.channel.Receiver

    def message(self, message: str | bytes) -> None:
        self.raw.message(message)
        if isinstance(message, bytes):
            self._bytes(message)
            return
        said = json.loads(message)
        match said["type"]:
            case "welcome":
                self.position = said.get("start", 0)
                self.terminal.resize(said.get("rows", 24), said.get("cols", 80))
            case "size":
                assert not self._drawing
                self.terminal.resize(said["rows"], said["cols"])
            case "snapshot":
                assert not self._drawing
                assert said["at"] >= self.position, "the position went back"
                self.terminal = Terminal(said["cols"], said["rows"], scrollback=1000)
                self._drawing, self._at = said["bytes"], said["at"]
                self._bytes(b"")
            case "output":
                self.terminal.feed(said["data"].encode())

    def _bytes(self, data: bytes) -> None:
        self.terminal.feed(data)
        if not self._drawing:
            self.position += len(data)
            if not data:
                self.position = max(self.position, self._at)
        else:
            self._drawing -= len(data)
            if self._drawing:
                return
            self.position = self._at
        if self.reads:
            self.raw.say(type="ack", bytes=self.position)

    def malformed(self, problem: str) -> None: ...

    def closed(self) -> None:
        self.raw.closed()


class Party:
    """A host and everybody at it."""

    def __init__(self, relay: Relay, control: Control) -> None:
        self._screens: dict[str, ShellScreen] = {}
        self.relay = relay
        self.control = control
        self.events: list[ev.Event] = []
        self.pages: list[Page] = []
        control.subscribe(self.events.append)

    async def open(self, target: str = LOCAL_TARGET, command: tuple[str, ...] = ()) -> str:
        """An own shell."""
        return await self.control.do(c.OpenShell(target, Size(), command))

    async def link(self, shell: str = "", role: Role = Role.CONTROL, **more: Any) -> Link:
        """A link that joins the shell, or opens one on this computer."""
        target = self.info(shell).target if shell else LOCAL_TARGET
        share = await self.control.do(c.CreateLink(target, role, shell=shell, **more))
        await until(lambda: self.relay.knows_link(share.id), what="the link at the relay")
        return parse_link(self.control.ask(q.LinkUrl(share.id)))

    def page(self, link: Link, target: str = LOCAL_TARGET, **more: Any) -> Page:
        self.pages.append(Page(link, target, **more))
        return self.pages[-1]

    async def joins(self, shell: str, role: Role = Role.CONTROL, **more: Any) -> Page:
        """Somebody new in the shell, by a link of its own."""
        link = await self.link(shell, role)
        return await self.page(link, self.info(shell).target, **more).join()

    def info(self, shell: str) -> ShellInfo:
        return next(one for one in self.control.ask(q.Shells()) if one.id == shell)

    def shells(self) -> tuple[ShellInfo, ...]:
        return self.control.ask(q.Shells())

    def of(self, kind: type[ev.Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def screen(self, shell_id: str) -> ShellScreen:
        """The agent's own screen of a shell: what a hidden tab that has just left would paint."""
        if shell_id not in self._screens:
            tab = self.control.attach(shell_id, role=Role.VIEW)
            tab.detach()
            assert isinstance(tab.screen, ShellScreen)
            self._screens[shell_id] = tab.screen
        return self._screens[shell_id]

    async def same(self, shell_id: str, *pages: Page) -> None:
        """Until all these show what the agent shows."""
        screen = self.screen(shell_id)

        def equal() -> bool:
            return not screen.behind and all(
                page.position == screen.position and cells(page.terminal) == cells(screen.terminal)
                for page in pages
            )

        def difference() -> str:
            return "\n".join(
                f"{page.position} of {screen.position}: {page.lines()}\n{screen.terminal.text()}"
                for page in pages
            )

        try:
            await until(equal)
        except AssertionError:
            raise AssertionError(difference()) from None


def cells(terminal: Terminal) -> list[object]:
    rows = [terminal.line(index) for index in range(terminal.rows)]
    return [
        (terminal.cols, terminal.rows, terminal.cursor()),
        *((line.runs, line.wrapped) for line in rows),
    ]


@asynccontextmanager
async def party(
    change: Callable[[Settings], Settings] = lambda settings: settings, *, docker: bool = False
) -> AsyncIterator[Party]:
    relay = Relay("agent-secret", "guest-secret")
    await relay.start()
    settings = Settings(
        docker=DockerSettings(enabled=docker),
        relay=RelaySettings(url=relay.url, token="agent-secret", guest_token="guest-secret"),
    )
    control = Control(change(settings))
    made = Party(relay, control)
    try:
        await control.start()
        assert await control.do(c.WaitUntilRegistered(10))
        yield made
    finally:
        await asyncio.gather(*(page.close() for page in made.pages))
        await control.stop()
        await relay.stop()
