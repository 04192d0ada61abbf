"""A host for tests without a relay: the signaling handlers, a manager, and raw guests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from engine.access.authentication import Authenticator
from engine.access.links import Links
from engine.agent.candidates import HeldCandidates, IceHandler
from engine.agent.disconnects import DisconnectHandler
from engine.agent.offers import OfferHandler
from engine.core.model import Size, Target, TargetKind, TargetState
from engine.core.session_state import SessionState
from engine.core.settings import IceSettings, SessionSettings, Settings, TerminalSettings
from engine.pty.base import PTY
from engine.pty.local_shell import LocalShellPTY
from engine.sessions.manager import WebRTCSessionManager
from engine.sessions.session import Session
from tests.engine.raw_guest import RawGuest

OpenPty = Callable[[str, Size], Awaitable[PTY]]


async def local_shell(session_id: str, size: Size) -> PTY:
    return await LocalShellPTY.open(session_id=session_id, size=size, settings=TerminalSettings())


class Host:
    """The handlers around one manager; every terminal is a shell on this computer, or what
    ``open_pty`` opens."""

    def __init__(self, open_pty: OpenPty = local_shell, **session: Any) -> None:
        settings = Settings(session=SessionSettings(**session))
        self._open_pty = open_pty
        self._paths = IceSettings()
        self.manager = WebRTCSessionManager(settings, open_pty=self._open, paths=self)
        self.target = Target(
            id="here", kind=TargetKind.LOCAL, name="here", state=TargetState.RUNNING, shared=True
        )
        self.links = Links(self.manager.events)
        self.held = HeldCandidates()
        self.offer = OfferHandler(
            self.manager,
            lambda name: self.target,
            Authenticator(self.links),
            self.links,
            self.held,
        )
        self.ice = IceHandler(self.manager, self.held)
        self.disconnect = DisconnectHandler(self.manager)
        self.guests: list[RawGuest] = []

    async def _open(self, session: Session, device_id: str, size: Size) -> PTY:
        return await self._open_pty(session.id, size)

    def paths(self, ice: IceSettings) -> None:
        """What connections that begin from now on may use."""
        self._paths = ice

    # engine.sessions.manager.Paths

    def current(self) -> IceSettings:
        return self._paths

    async def known(self) -> None: ...

    def guest(self, protocol: str = "hatchway.v1") -> RawGuest:
        self.guests.append(RawGuest(protocol))
        return self.guests[-1]

    async def stop(self) -> None:
        await asyncio.gather(*(guest.close() for guest in self.guests))
        await self.offer.close()
        await self.manager.stop()

    async def connected(self) -> RawGuest:
        """A guest at the prompt of a shell."""
        guest = self.guest()
        await guest.take(await self.offer(await guest.offer("s", "here")))
        await guest.asks("stty -echo; echo up-$((40+2))", b"up-42")
        return guest

    async def back(self, before: RawGuest) -> tuple[RawGuest, dict[str, Any]]:
        """A new connection of that guest, and its offer."""
        guest = self.guest()
        return guest, await guest.offer("s", "here", resume=before.token)

    @property
    def state(self) -> SessionState:
        return self.manager.require_session("s").state
