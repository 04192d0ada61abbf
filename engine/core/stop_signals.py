"""The signals that end the program, and what a second one does.

SIGHUP is sent when the terminal or the ssh connection closes, SIGQUIT by Ctrl+\\ and by
service managers. Both shut the program down as SIGTERM does, unless they were ignored when
it was started (nohup, a shell's background jobs).
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
"""A second signal within this time does not force the exit: it may be a copy, as when Ctrl+C
reaches us and a parent process forwards it too."""

_UNIGNORED = (signal.SIGINT, signal.SIGTERM)
_IGNORABLE = () if sys.platform == "win32" else (signal.SIGHUP, signal.SIGQUIT)
_NEVER_FORCES = frozenset(_IGNORABLE[:1])
"""When a terminal closes, SIGHUP comes twice: from the shell and from the kernel."""


def _nothing(_number: int, _frame: FrameType | None) -> None:
    pass


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def ending() -> tuple[signal.Signals, ...]:
    """The signals that end this run.

    An ignored one gets a handler that does nothing: unlike SIG_IGN, a handler is not
    inherited, so SIGHUP still ends the shells we start.
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
    """Exit at once on a signal, until an event loop runs: nothing has been started yet."""
    for number in ending():
        signal.signal(number, _leave)


def ignore() -> None:
    """Ignore signals, after the last await: they must not change the exit code."""
    for number in ending():
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def watched(stop: Callable[[], object]) -> Iterator[None]:
    """On the running loop: the first signal calls ``stop``, one after FORCE_AFTER_SECONDS exits.

    The exit code of a forced exit is 128 plus the signal's number; nothing is cleaned up.
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
            stdio.warn("Forced exit: shells may still be running.")
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
