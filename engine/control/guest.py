"""A guest of somebody else's host: one terminal by a link, in a program without an agent.

It returns by itself to the same shell after a lost connection.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Sequence
from typing import Protocol

from engine.client.identities import FOLDER, Identities
from engine.client.peer import ANSWERING, CAPABILITIES, FOLLOWING, PeerHandlers, TerminalPeer
from engine.core.errors import (
    AccessDeniedError,
    BadProofError,
    ChannelClosedError,
    HatchwayError,
    LinkExpiredError,
    LinkRevokedError,
    LinkUsedError,
    OfferReplacedError,
    RemoteError,
    SessionExistsError,
    ShellEndedError,
)
from engine.core.model import KeyboardView, Person, Role, Size
from engine.core.settings import IceSettings, config_dir
from engine.core.tasks import TaskOwner
from engine.emulator import FEATURES
from engine.signaling.retry import Backoff
from engine.transport import tuning
from engine.wire.conversation.guest import Introduction
from engine.wire.proof import parse_link
from engine.wire.terminal import MAX_NAME, Theme

RETURN_SECONDS = 1800.0
"""How long a lost connection is retried: as long as a host keeps the shell by default."""
GAVE_UP = "The connection was lost and did not come back"
ENDED_MEANWHILE = "The terminal ended while the connection was lost"
ELSEWHERE = "This terminal was opened elsewhere"

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

    def sized(self, size: Size) -> None:
        """The shell's size from here on, in order with ``output()``."""

    def changed(self) -> None:
        """Role, people, keyboard, recording or ``held_input`` has changed."""


class Screen(enum.Enum):
    """What draws the output."""

    ANSWERS = enum.auto()
    """A terminal that answers the program's queries by itself."""
    MUTE = enum.auto()
    """One that gets no queries, or does not answer them while ``GuestTerminal.mutes``."""
    FOLLOWS = enum.auto()
    """Our emulator: mute, and its size is what ``Guest.sized()`` says, whatever its window's."""


_CAPABILITIES = {
    Screen.ANSWERS: ANSWERING,
    Screen.MUTE: CAPABILITIES,
    Screen.FOLLOWS: FOLLOWING,
}


class GuestTerminal:
    """A LinkTerminal whose lost connection is retried for RETURN_SECONDS.

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
        screen: Screen = Screen.ANSWERS,
        colors: Sequence[int] = (),
        identities: Identities | None = None,
    ) -> None:
        """``name`` is what the host and its guests see. ``colors``: foreground, background,
        cursor and the 16 of the palette, each 0xRRGGBB, for the program's questions. Raises
        BadLinkError."""
        self._guest = guest
        parsed = parse_link(link)
        self._peer = TerminalPeer.of_link(
            parsed,
            size,
            self._handlers(),
            ice=ice,
            capabilities=_CAPABILITIES[screen],
            introduction=Introduction(
                name=name[:MAX_NAME],
                theme=_theme(colors),
                features=tuple(sorted(FEATURES)) if screen is Screen.FOLLOWS else (),
            ),
            identities=identities,
        )
        self._by_return_link = bool(parsed.token)
        self._tasks = TaskOwner("guest terminal")
        self._old: set[TerminalPeer] = set()
        """Those whose place was taken by ``_peer``, until they are closed."""
        self._returning = False
        self._over = False
        self._other_shell = False

    def _handlers(self) -> PeerHandlers:
        guest = self._guest

        def changed(_: object) -> None:
            guest.changed()

        return PeerHandlers(
            output=guest.output,
            ended=self._peer_ended,
            notice=guest.notice,
            approval=self._approval,
            idle=guest.idle,
            role=changed,
            size=guest.sized,
            people=changed,
            keyboard=changed,
            recording=changed,
            held=changed,
        )

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
    def may_type(self) -> bool:
        """Whether the host takes what is typed here, as far as it has said."""
        return self._peer.may_type

    @property
    def participant(self) -> str:
        return self._peer.participant

    @property
    def people(self) -> tuple[Person, ...]:
        return self._peer.people

    @property
    def keyboard(self) -> KeyboardView | None:
        return self._peer.keyboard

    @property
    def recording(self) -> float | None:
        return self._peer.recording

    @property
    def shell_size(self) -> Size | None:
        """The shell's; None when the host does not say it."""
        return self._peer.shell_size

    @property
    def mutes(self) -> bool:
        return self._peer.mutes

    @property
    def held_input(self) -> bytes:
        return self._peer.held_input

    @property
    def replaced(self) -> bool:
        return self._peer.replaced

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
        self._peer.send(data)

    def resize(self, size: Size) -> None:
        self._peer.resize(size)

    def rendered(self, count: int) -> None:
        self._peer.rendered(count)

    def keep(self) -> None:
        self._peer.keep()

    def ask_keyboard(self, on: bool) -> bool:
        return self._peer.ask_keyboard(on)

    def send_held(self) -> None:
        self._peer.send_held()
        self._guest.changed()

    def discard_held(self) -> None:
        self._peer.discard_held()
        self._guest.changed()

    def return_link(self) -> str:
        link = self._peer.return_link
        return link.url if link is not None else ""

    async def reconnect(self) -> None:
        """After its place was taken from elsewhere, or the connection did not come back: come
        back here. Before that there is nothing to do, because it returns by itself.

        Raises HatchwayError; ShellEndedError when there is no such shell any more.
        """
        if not self._over or self.is_closed:
            return
        self._over = False
        self._succeed(again=self._peer.replaced)
        try:
            await self._come_back()
        except BaseException:
            self._over = True
            raise
        self._guest.changed()

    async def close(self) -> None:
        """End the session, bounded in time. Idempotent."""
        self._over = True
        await self._tasks.close()
        await self._peer.close()
        await self._close_old()

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
        if self._peer.replaced:
            self._end(ELSEWHERE, None)
        elif not self._peer.is_lost:
            self._end(reason, exit_code)
        else:
            self._succeed()
            if not self._returning:
                self._returning = True
                self._tasks.start(self._return(), "return to the terminal")

    def _succeed(self, *, again: bool = False) -> None:
        """Another peer takes what is typed from now on, and will connect."""
        old = self._peer
        self._old.add(old)
        self._peer = old.successor(self._guest.output, self._peer_ended, again=again)

    async def _close_old(self) -> None:
        old = tuple(self._old)
        await asyncio.gather(*(peer.close() for peer in old))
        # Not before: whoever is cancelled here leaves them to close().
        self._old.difference_update(old)

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
            self._guest.connection(lost=False)

    async def _attempt(self) -> bool:
        """Whether the same shell is connected again; what is final ends the terminal."""
        try:
            peer = await self._come_back()
        except HatchwayError as error:
            if _code(error) == ShellEndedError.code:
                self._end(ENDED_MEANWHILE, None)
            elif _code(error) in _FINAL:
                self._end(str(error), None)
            return False
        return peer is self._peer

    async def _come_back(self) -> TerminalPeer:
        """Connect the successor. Raises HatchwayError; then another one takes its place."""
        peer = self._peer
        try:
            await peer.connect()
        except HatchwayError:
            if self._other_shell:
                raise ShellEndedError from None
            if peer is self._peer and not self._over:
                # It may have received output, so the next one continues from it.
                self._succeed()
            raise
        finally:
            await self._close_old()
        if not peer.resumed:
            raise ShellEndedError
        return peer

    def _end(self, reason: str, exit_code: int | None) -> None:
        if not self._over:
            self._over = True
            self._guest.ended(reason, exit_code)


def identities() -> Identities:
    """Those of this profile."""
    return Identities(config_dir() / FOLDER)


async def connect(
    link: str,
    size: Size,
    guest: Guest,
    ice: IceSettings | None = None,
    *,
    name: str = "",
    screen: Screen = Screen.ANSWERS,
) -> GuestTerminal:
    """Open what ``link`` opens; for programs that run no agent.

    Returns when the terminal takes input, which may need the host's approval. ``guest`` may get
    output before. Raises BadLinkError, and HatchwayError with the host's sentence.
    """
    tuning.apply()
    terminal = GuestTerminal(
        link, size, guest, ice, name=name, screen=screen, identities=identities()
    )
    await terminal.connect()
    return terminal


def _code(error: HatchwayError) -> str:
    return error.remote_code if isinstance(error, RemoteError) else error.code


def _theme(colors: Sequence[int]) -> Theme | None:
    if len(colors) < 19:
        return None
    foreground, background, cursor, *palette = (f"#{color & 0xFFFFFF:06x}" for color in colors[:19])
    return Theme(foreground, background, cursor, tuple(palette))
