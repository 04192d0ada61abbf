"""The Protocol of every PTY backend."""

from __future__ import annotations

from typing import Protocol

from engine.core.model import ExitStatus, Size

READ_SIZE = 64 * 1024
"""The most bytes one read returns."""
CLOSE_TIMEOUT_SECONDS = 5.0
"""How long close() waits for the other end."""


class PTY(Protocol):
    """A running program behind a terminal. Every backend passes one conformance suite.

    Bytes pass unchanged: no decoding, no newline translation. One reader and
    one writer at a time; close() may be called at any time.
    """

    @property
    def label(self) -> str:
        """The name the guest sees: the target's."""

    @property
    def size(self) -> Size:
        """The size that was set last."""

    @property
    def exit_status(self) -> ExitStatus | None:
        """None while the program runs; set for good before read() returns b""."""

    @property
    def taken(self) -> int:
        """Bytes of input written to the program so far; exact at any moment, even after a
        write() was cancelled halfway."""

    async def read(self) -> bytes:
        """The next output, 1..READ_SIZE bytes, as soon as there is any; b"" at the end.

        Not reading is backpressure: the kernel or the daemon makes the program wait.
        Losing the other end raises nothing: it is an end, with its reason in exit_status.
        """

    async def write(self, data: bytes) -> None:
        """Write all of ``data`` in order; waits while the program does not read.

        Raises PTYClosedError when the program has ended or close() was called. If cancelled,
        the bytes written so far count in ``taken`` and the rest is dropped.
        """

    async def resize(self, size: Size) -> None:
        """Set the terminal size. Does nothing once the program has ended."""

    async def close(self) -> None:
        """End the program and everything it started in its session; idempotent.

        Processes that asked to outlive it (nohup, setsid: engine.pty.ends.ending) keep running.
        Bounded by CLOSE_TIMEOUT_SECONDS: what takes longer is ended later by
        engine.pty.ends.ends. Wakes a waiting read() (which returns b"") and write() (which
        raises PTYClosedError).
        """
