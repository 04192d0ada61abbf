"""Whether a window can be opened here, found out before Qt tries and aborts.

Owns the trial and the words for what is wrong. Qt calls abort() when no platform plugin
can be used (a display that is gone, a library that is missing): a core dump instead of
words. So a child process tries first; it costs a few milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TRIAL_SECONDS = 10.0
"""For a display that accepts a connection and then says nothing, such as a dead ssh -X."""
MAX_WORDS = 16 * 1024
"""Of what Qt says, read and kept."""
DONE = "\0works\0"
"""What the child says once Qt has not given up. Qt itself writes no NUL."""
VARIABLES = ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY", "DISPLAY")
ADVICE = "To host without a window, run the same command with --headless."
LIBRARIES = (
    "Install Qt's system libraries: libegl1, libgl1, libxcb-cursor0, libxkbcommon-x11-0 "
    "(Debian, Ubuntu) or mesa-libEGL, mesa-libGL, xcb-util-cursor, libxkbcommon-x11 (Fedora)."
)


def asked_for(environ: Mapping[str, str], platform: str) -> bool:
    """Whether a display is named. Only where X11 or Wayland is used can none be."""
    if platform in ("win32", "darwin"):
        return True
    return any(environ.get(name) for name in VARIABLES)


def problem() -> str:
    """Why no window can be opened, and what to do; "" when one can."""
    try:
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        return f"Cannot open a window: {error}.\n{LIBRARIES}\n{ADVICE}"
    if sys.platform in ("win32", "darwin"):
        return ""
    try:
        works, words = _try()
    except OSError as error:
        return f"Cannot open a window: {error.strerror}.\n{ADVICE}"
    return "" if works else f"{explain(words, os.environ)}\n{ADVICE}"


def explain(words: str, environ: Mapping[str, str]) -> str:
    """What Qt printed before it gave up, in words that say what to do."""
    named = ", ".join(f"{name}={environ[name]!r}" for name in VARIABLES if environ.get(name))
    if "Could not find the Qt platform plugin" in words:
        return f"Cannot open a window: Qt has no such platform ({named}). Correct QT_QPA_PLATFORM."
    if "could not connect to display" in words or "Failed to create wl_display" in words:
        return (
            f"Cannot open a window: no display answers ({named}). "
            "Start the display, or correct the variable."
        )
    if not words:
        return f"Cannot open a window: the display does not answer ({named})."
    said = "\n".join(f"  {line}" for line in words.splitlines() if line.strip())
    return f"Cannot open a window ({named}).\n{LIBRARIES}\nQt says:\n{said}"


def _try() -> tuple[bool, str]:
    """Whether a child could make an application, and what it printed. Raises OSError."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _be_the_child(writing)
    os.close(writing)
    try:
        words = _read(reading, time.monotonic() + TRIAL_SECONDS)
    finally:
        os.close(reading)
        # After the end of its words it has ended, or its time is up.
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return DONE in words, words


def _read(reading: int, until: float) -> str:
    """Up to DONE, the end, or the time given."""
    words = b""
    while (left := until - time.monotonic()) > 0 and len(words) < MAX_WORDS:
        if not select.select([reading], [], [], left)[0]:
            break
        data = os.read(reading, 4096)
        words += data
        if not data or DONE.encode() in words:
            break
    return words.decode("utf-8", "replace")


def _be_the_child(writing: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGABRT, signal.SIG_DFL)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        from PySide6.QtGui import QGuiApplication

        application = QGuiApplication(["hatchway"])
        os.write(writing, DONE.encode())
        del application
    finally:
        os._exit(0)
