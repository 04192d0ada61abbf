"""A guest of somebody else's host: one terminal by a link, in a program without an agent.

It returns by itself to the same shell after a lost connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from engine.client.peer import ANSWERING, PeerHandlers, TerminalPeer
from engine.core.errors import (
    AccessDeniedError,
    BadProofError,
    ChannelClosedError,
    HatchwayError,
    LimitError,
    LinkExpiredError,
    LinkRevokedError,
    LinkUsedError,
    OfferReplacedError,
    RemoteError,
    SessionExistsError,
    ShellEndedError,
)
from engine.core.model import Role, Size
from engine.core.settings import IceSettings
from engine.core.tasks import TaskOwner
from engine.signaling.retry import Backoff
from engine.transport import tuning
from engine.wire.conversation.guest import Introduction
from engine.wire.outbox import LIMIT
from engine.wire.proof import parse_link
from engine.wire.terminal import MAX_NAME

RETURN_SECONDS = 120.0
"""How long a lost connection is retried: as long as a host keeps the session by default."""
GAVE_UP = "The connection was lost and did not come back"
ENDED_MEANWHILE = "The terminal ended while the connection was lost"

_FINAL = frozenset(
    error.code
    for error in (
        AccessDeniedError,
        BadProofError,
        LinkExpiredError,
        LinkRevokedError,
        LinkUsedError,
        OfferReplacedError,
        SessionExistsError,
        ShellEndedError,
    )
)
"""Refusals that another attempt does not change."""


class Guest(Protocol):
    """What a terminal reports, on the loop."""

    def output(self, data: bytes) -> None:
        """What the program printed; report it with ``rendered()`` once it is on the screen."""

    def ended(self, reason: str, exit_code: int | None) -> None:
        """Called once, last: why the terminal ended, as a sentence, and the shell's exit code."""

    def approval(self, state: str, code: str) -> None:
        """The host's approval is waiting, allowed or denied; ``code`` is the short code."""

    def notice(self, text: str) -> None:
        """A sentence of the host for people, not escaped."""

    def idle(self, seconds: float | None) -> None:
        """The session ends as idle in so many seconds, unless keep(); None cancels that."""

    def connection(self, *, lost: bool) -> None:
        """The connection was lost and is retried, or it is back."""


class GuestTerminal:
    """A TerminalHandle whose lost connection is retried for RETURN_SECONDS.

    What is typed meanwhile goes to the same shell, and to no other.
    """

    def __init__(
        self,
        link: str,
        size: Size,
        guest: Guest,
        ice: IceSettings | None = None,
        *,
        name: str = "",
        role: Callable[[Role], None] = lambda role: None,
    ) -> None:
        """``name`` is what the host and its guests see, ``role`` is called when the host has
        changed the role. Raises BadLinkError."""
        self._guest = guest
        handlers = PeerHandlers(
            guest.output, self._peer_ended, guest.notice, self._approval, guest.idle, role
        )
        parsed = parse_link(link)
        self._peer = TerminalPeer.of_link(
            parsed,
            size,
            handlers,
            ice=ice,
            capabilities=ANSWERING,
            introduction=Introduction(name[:MAX_NAME]),
        )
        self._by_return_link = bool(parsed.token)
        self._tasks = TaskOwner("guest terminal")
        self._returning = False
        self._over = False
        self._other_shell = False
        self._typed: bytearray | None = None
        """Input since the connection was lost; None while there is one."""

    @property
    def session_id(self) -> str:
        return self._peer.session_id

    @property
    def target(self) -> str:
        """What the link opens, as the host calls it."""
        return self._peer.device_id

    @property
    def role(self) -> Role:
        return self._peer.role

    @property
    def code(self) -> str:
        """The short code that both ends show."""
        return self._peer.code

    @property
    def end_code(self) -> str:
        """Why it ended, as an EndCode; empty when the host did not say."""
        return self._peer.end_code

    @property
    def is_closed(self) -> bool:
        return self._peer.is_closed

    async def connect(self) -> None:
        """Connect until the terminal takes input. Raises HatchwayError.

        With a return link that is ShellEndedError where the host does not know its token: the
        shell that the host then opens is not what was asked for, and is closed.
        """
        try:
            await self._peer.connect()
        except HatchwayError:
            if self._other_shell:
                raise ShellEndedError from None
            raise
        if self._by_return_link and not self._peer.resumed:
            await self.close()
            raise ShellEndedError

    def send(self, data: bytes) -> None:
        """Queue input, in order. Raises LimitError, or ChannelClosedError after the end."""
        if self._over:
            raise ChannelClosedError("The terminal has ended")
        if self._typed is None:
            self._peer.send(data)
        elif len(self._typed) + len(data) > LIMIT:
            raise LimitError(f"More than {LIMIT // 2**20} MiB of input is waiting")
        else:
            self._typed += data

    def resize(self, size: Size) -> None:
        self._peer.resize(size)

    def rendered(self, count: int) -> None:
        self._peer.rendered(count)

    def keep(self) -> None:
        self._peer.keep()

    async def reconnect(self) -> None:
        """Nothing to do: it returns by itself."""

    async def close(self) -> None:
        """End the session, bounded in time. Idempotent."""
        self._over = True
        await self._tasks.close()
        await self._peer.close()

    def _approval(self, state: str) -> None:
        if self._returning or self._by_return_link:
            # Only a new shell needs approval: the host is not asked for one.
            self._other_shell = True
            self._tasks.start(self._peer.close(), "close a new session")
        else:
            self._guest.approval(state, self._peer.code)

    def _peer_ended(self, reason: str, exit_code: int | None) -> None:
        if self._over:
            return
        if not self._peer.is_lost:
            self._end(reason, exit_code)
            return
        self._typed = bytearray() if self._typed is None else self._typed
        if not self._returning:
            self._returning = True
            self._tasks.start(self._return(), "return to the terminal")

    async def _return(self) -> None:
        self._guest.connection(lost=True)
        pauses = Backoff(first=0.5, last=4.0)
        try:
            async with asyncio.timeout(RETURN_SECONDS):
                while True:
                    if await self._attempt() or self._over:
                        break
                    await asyncio.sleep(pauses.next())
        except TimeoutError:
            self._end(GAVE_UP, None)
        finally:
            self._returning = False
        if not self._over:
            self._send_typed()
            self._guest.connection(lost=False)

    async def _attempt(self) -> bool:
        """Whether the same shell is connected again; what is final ends the terminal."""
        lost = self._peer
        # After a failed attempt the next one continues from it: it may have received output.
        peer = self._peer = lost.successor(self._guest.output, self._peer_ended)
        try:
            await peer.connect()
        except HatchwayError as error:
            if self._other_shell or _is_about(error, ShellEndedError):
                self._end(ENDED_MEANWHILE, None)
            elif _is_final(error):
                self._end(str(error), None)
            return False
        finally:
            await lost.close()
        if not peer.resumed:
            self._end(ENDED_MEANWHILE, None)
        return not peer.is_lost

    def _send_typed(self) -> None:
        """To the same shell: another one ended the terminal."""
        typed, self._typed = self._typed, None
        try:
            if typed:
                self._peer.send(bytes(typed))
        except LimitError as error:
            self._guest.notice(str(error))

    def _end(self, reason: str, exit_code: int | None) -> None:
        if not self._over:
            self._over = True
            self._guest.ended(reason, exit_code)


def _is_about(error: HatchwayError, kind: type[HatchwayError]) -> bool:
    return isinstance(error, RemoteError) and error.remote_code == kind.code


async def connect(
    link: str, size: Size, guest: Guest, ice: IceSettings | None = None
) -> GuestTerminal:
    """Open what ``link`` opens; for programs that run no agent.

    Returns when the terminal takes input, which may need the host's approval. ``guest`` may get
    output before. Raises BadLinkError, and HatchwayError with the host's sentence.
    """
    tuning.apply()
    terminal = GuestTerminal(link, size, guest, ice)
    await terminal.connect()
    return terminal


def _is_final(error: HatchwayError) -> bool:
    code = error.remote_code if isinstance(error, RemoteError) else error.code
    return code in _FINAL
