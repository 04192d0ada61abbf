"""The bridge between a PTY and the guest's data channel.

Owns the PTY while it is connected, the read loop, the counters, the replay buffer, and the
permission checked where bytes enter the PTY. The data channel is a sink passed in, a new one
after each return of the guest. The session decides who may type and reports it with
``permit()``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine.core.errors import (
    AccessDeniedError,
    ChannelClosedError,
    HatchwayError,
    PTYClosedError,
)
from engine.core.model import ExitStatus, Size
from engine.core.tasks import start
from engine.pty.base import PTY
from engine.shells.output_log import ReplayBuffer
from engine.shells.traffic import Counter

logger = logging.getLogger(__name__)

DETACHED_BYTES = 256 * 1024
"""Output read while no guest is attached; beyond it the program waits."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What may enter a PTY. ``refused_input`` makes the error for refused input; None allows it.

    A refused resize is ignored: viewers resize their own windows.
    """

    refused_input: Callable[[], HatchwayError] | None = None
    resize: bool = True


class Sink(Protocol):
    """Receives a PTY's output; one sink at a time."""

    async def output(self, data: bytes) -> None:
        """Send it, waiting while the guest is slow. Raises ChannelClosedError."""

    def ended(self, status: ExitStatus) -> None:
        """The PTY has ended; all output came before this."""


class PTYBridge:
    """Carries bytes both ways until the PTY ends or close() is called.

    ``replay_bytes`` above 0 stores that much output for a guest who returns;
    ``position`` and ``input_position`` count the output and input bytes the session had
    before.
    """

    def __init__(
        self,
        pty: PTY,
        session_id: str,
        counter: Counter,
        *,
        replay_bytes: int = 0,
        position: int = 0,
        input_position: int = 0,
        permission: Permission = Permission(),
        on_activity: Callable[[], None] = lambda: None,
        on_end: Callable[[ExitStatus], None] = lambda status: None,
    ) -> None:
        self._pty = pty
        self._permission = permission
        self._input_taken = input_position
        # Held during a write: input from another connection waits for its end.
        self._typing = asyncio.Lock()
        self._session_id = session_id
        self._counter = counter
        self._replay = ReplayBuffer(replay_bytes, position)
        self._resumable = replay_bytes > 0
        self._on_activity = on_activity
        self._on_end = on_end
        self._sink: Sink | None = None
        self._ended = False
        self._closed = False
        self._task: asyncio.Task[None] | None = None
        # Held during a send, so that no output overtakes a returning guest's replay.
        self._sending = asyncio.Lock()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def is_connected(self) -> bool:
        """Whether the PTY takes input."""
        return not (self._ended or self._closed)

    @property
    def label(self) -> str:
        return self._pty.label

    @property
    def size(self) -> Size:
        return self._pty.size

    @property
    def exit_status(self) -> ExitStatus | None:
        return self._pty.exit_status if self._ended else None

    def permit(self, permission: Permission) -> None:
        """Set what may enter the PTY from now on."""
        self._permission = permission

    def start(self, sink: Sink) -> None:
        """Start reading the PTY into ``sink``."""
        self._sink = sink
        self._task = start(self._read_loop(), f"PTY read loop of {self._session_id}")
        logger.info("PTY bridge connected: %s in session %s", self.label, self._session_id)

    def detach(self, sink: Sink) -> None:
        """The guest behind ``sink`` is gone; output is stored for its return."""
        if self._sink is sink:
            self._sink = None
            self._update_room()

    def replay_from(self, received: int) -> tuple[int, int]:
        """Where output continues for a guest that has ``received`` bytes, and where it ends."""
        start, _ = self._replay.since(received)
        return start, self._replay.end

    async def attach(
        self, sink: Sink, received: int, begin: Callable[[int], None] = lambda start: None
    ) -> None:
        """Continue with another sink, from the byte after ``received`` (or the oldest stored).

        ``begin`` gets that position just before the first output is sent.
        """
        async with self._sending:
            start, chunks = self._replay.since(received)
            begin(start)
            self._sink = sink
            for chunk in chunks:
                await sink.output(chunk)
        self._update_room()
        if self._ended and (status := self._pty.exit_status):
            sink.ended(status)

    def acknowledge(self, position: int) -> None:
        """The guest has rendered all output before ``position``."""
        self._replay.ack(position)
        self._update_room()

    @property
    def input_taken(self) -> int:
        """Input bytes handled since the session began: written to the program, or refused."""
        return self._input_taken

    async def settled(self) -> int:
        """``input_taken`` once no write is under way: where a returning guest continues.

        The write of a lost connection must have been cancelled before.
        """
        async with self._typing:
            return self._input_taken

    async def write(self, data: bytes) -> None:
        """Write input to the program.

        Raises PTYClosedError, or AccessDeniedError for refused input: then all of ``data``
        counts as handled. If cancelled, only the bytes written count.
        """
        async with self._typing:
            end = self._input_taken + len(data)
            try:
                await self._write(data)
            except (PTYClosedError, AccessDeniedError):
                self._input_taken = end
                raise

    async def _write(self, data: bytes) -> None:
        if (refused := self._permission.refused_input) is not None:
            raise refused()
        if not self.is_connected:
            raise PTYClosedError("The terminal has ended")
        self._on_activity()
        before = self._pty.taken
        try:
            await self._pty.write(data)
        finally:
            taken = self._pty.taken - before
            self._input_taken += taken
            self._counter.typed(taken)

    async def resize(self, size: Size) -> None:
        if self._permission.resize and self.is_connected:
            self._on_activity()
            await self._pty.resize(size)

    async def close(self) -> None:
        """Stop reading, then end the PTY and its processes; idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._pty.close()

    async def _read_loop(self) -> None:
        try:
            while data := await self._pty.read():
                self._counter.printed(len(data))
                self._on_activity()
                async with self._sending:
                    if self._resumable:
                        self._replay.append(data)
                        self._update_room()
                    await self._deliver(data)
                # Detached and enough stored: not reading makes the program wait.
                await self._room.wait()
        except Exception:
            # An error in the backend must not leave the guest with a dead terminal.
            logger.exception("Reading the PTY of session %s failed", self._session_id)
        finally:
            self._ended = True
            logger.info("PTY read loop ended: session %s", self._session_id)
        status = self._pty.exit_status or ExitStatus(None, "The terminal ended")
        if self._sink is not None:
            self._sink.ended(status)
        self._on_end(status)

    async def _deliver(self, data: bytes) -> None:
        sink = self._sink
        if sink is None:
            return
        try:
            await sink.output(data)
        except ChannelClosedError:
            self.detach(sink)

    def _update_room(self) -> None:
        full = self._sink is None and self._replay.unacked > DETACHED_BYTES
        if full:
            self._room.clear()
        else:
            self._room.set()
