"""The signals that end the program, from the first moment to the last.

Owns which signals those are and what a second one does. Does not own the end
itself: the caller's ``stop`` begins it.

SIGHUP comes when the terminal or the ssh connection closes, SIGQUIT from Ctrl+\\ and
from service managers. Both end the program in order as SIGTERM does, unless whoever
started it had them ignored (nohup, a shell's background jobs).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from engine.core import stdio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

FORCE_AFTER_SECONDS = 1.0
"""From the first signal on: earlier ones are copies, as when Ctrl+C reaches us and a
parent passes it on as well."""

_UNIGNORED = (signal.SIGINT, signal.SIGTERM)
_IGNORABLE = () if sys.platform == "win32" else (signal.SIGHUP, signal.SIGQUIT)
_NEVER_FORCES = frozenset(_IGNORABLE[:1])
"""A closing terminal sends SIGHUP twice: once by the shell, once by the kernel."""


def _nothing(_number: int, _frame: FrameType | None) -> None:
    pass


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def ending() -> tuple[signal.Signals, ...]:
    """The signals that end this run.

    One that is ignored gets a handler that does nothing: unlike "ignored" that is not
    inherited, so the shells we start can be hung up.
    """
    numbers: list[signal.Signals] = list(_UNIGNORED)
    for number in _IGNORABLE:
        handler = signal.getsignal(number)
        if handler is signal.SIG_IGN:
            signal.signal(number, _nothing)
        elif handler is not _nothing:
            numbers.append(number)
    return tuple(numbers)


def exit_early() -> None:
    """Until there is a loop, a signal ends the program: nothing has been started yet."""
    for number in ending():
        signal.signal(number, _leave)


def ignore() -> None:
    """After the last await: what still comes must not change the exit code."""
    for number in ending():
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def watched(stop: Callable[[], object]) -> Iterator[None]:
    """On the running loop: the first signal calls ``stop`` once, one in earnest after it exits.

    The exit code of a forced end is 128 plus the signal's number; what was open stays open.
    """
    loop = asyncio.get_running_loop()
    numbers = ending()
    asked_at = 0.0

    def came(number: signal.Signals) -> None:
        nonlocal asked_at
        now = time.monotonic()
        if not asked_at:
            asked_at = now
            stop()
        elif number not in _NEVER_FORCES and now - asked_at >= FORCE_AFTER_SECONDS:
            stdio.warn("Stopped at once: sessions may be left behind.")
            os._exit(128 + number)

    before = [(number, signal.getsignal(number)) for number in numbers]
    for number in numbers:
        if sys.platform == "win32":
            signal.signal(number, lambda n, _: loop.call_soon_threadsafe(came, signal.Signals(n)))
        else:
            loop.add_signal_handler(number, came, number)
    try:
        yield
    finally:
        for number, handler in before:
            if sys.platform != "win32":
                loop.remove_signal_handler(number)
            signal.signal(number, handler)
