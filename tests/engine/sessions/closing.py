"""A session between three ends that note when they are closed, and may fail or hang in it."""

from __future__ import annotations

import asyncio

from engine.core import events as ev
from engine.core.model import Size
from engine.core.settings import IceSettings
from engine.pty.base import PTY
from engine.sessions.manager import WebRTCSessionManager
from engine.sessions.session import Session
from engine.transport.channel import Message, Receiver
from engine.transport.connection import Observer, PeerConnection
from tests.engine.pty.echo import EchoPTY
from tests.engine.until import until

ORDER = ["PTY", "data channel", "peer connection", "removal"]


class Ends:
    """``fault`` names the end that does not close as it should, ``how`` is "fail" or "hang".

    ``closed`` fills with ORDER's words as things happen.
    """

    def __init__(self, fault: str = "", how: str = "") -> None:
        self.closed: list[str] = []
        self.manager = WebRTCSessionManager(open_pty=self._open_pty)
        self.manager.events.subscribe(self._on_event)
        self.fails = fault if how == "fail" else ""
        self.hangs = fault if how == "hang" else ""
        self.repaired = asyncio.Event()
        """Set it to release what hangs."""
        self._observer: Observer | None = None

    async def connect(self) -> None:
        """Make session "s", its connection by ``peer_connection``, and wait for its PTY."""
        self.manager.create_session("s", "d")
        assert self._observer is not None
        self._observer.channel_opened(Channel(self))  # type: ignore[arg-type]
        await until(self._has_pty, what="the PTY")

    def peer_connection(self, ice: IceSettings, observer: Observer) -> PeerConnection:
        """In place of engine.transport.connection.PeerConnection."""
        self._observer = observer
        return Connection(self)

    def closing(self, what: str) -> None:
        if what not in self.closed:
            self.closed.append(what)
        if what == self.fails:
            raise RuntimeError(f"The {what} is broken")

    async def closing_slowly(self, what: str) -> None:
        self.closing(what)
        if what == self.hangs:
            await self.repaired.wait()

    async def _open_pty(self, session: Session, device_id: str, size: Size) -> PTY:
        return Terminal(self, size)

    def _has_pty(self) -> bool:
        return any(isinstance(event, ev.PtyConnected) for event in self.manager.events.history("s"))

    def _on_event(self, event: ev.Event) -> None:
        if isinstance(event, ev.SessionClosed) and self.manager.get_session("s") is None:
            self.closing("removal")


class Terminal(EchoPTY):
    def __init__(self, ends: Ends, size: Size) -> None:
        super().__init__(size)
        self._ends = ends

    async def close(self) -> None:
        await super().close()
        await self._ends.closing_slowly("PTY")


class Connection(PeerConnection):
    def __init__(self, ends: Ends) -> None:
        super().__init__()
        self._ends = ends

    async def close(self) -> None:
        await super().close()
        await self._ends.closing_slowly("peer connection")


class Channel:
    """A MessageChannel without a peer. One that hangs never sends what was posted last."""

    label = "terminal"
    protocol = ""

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self._open = True

    @property
    def is_open(self) -> bool:
        return self._open

    @property
    def buffered(self) -> int:
        return 1 if self._ends.hangs == "data channel" else 0

    def attach(self, receiver: Receiver) -> None: ...

    def post(self, message: Message, *, urgent: bool = False) -> bool:
        return self._open

    async def send(self, message: Message, *, paced: bool = False) -> None: ...

    def close(self) -> None:
        self._open = False
        self._ends.closing("data channel")
