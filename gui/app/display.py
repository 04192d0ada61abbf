"""Check whether a window can be opened, and explain why not.

Qt calls abort() when it can use no platform plugin (a display that is gone, a missing library):
a core dump instead of an error message. So a child process tries first, which takes a few
milliseconds.
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
"""For a display that accepts a connection and then does not respond, such as a dead ssh -X."""
MAX_OUTPUT = 16 * 1024
"""Bytes of the child's output that are read."""
DONE = "\0works\0"
"""What the child prints when Qt works. Qt itself writes no NUL."""
VARIABLES = ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY", "DISPLAY")
ADVICE = "To host without a window, run the same command with --headless."
LIBRARIES = (
    "Install Qt's system libraries: libegl1, libgl1, libxcb-cursor0, libxkbcommon-x11-0 "
    "(Debian, Ubuntu) or mesa-libEGL, mesa-libGL, xcb-util-cursor, libxkbcommon-x11 (Fedora)."
)


def is_configured(environ: Mapping[str, str], platform: str) -> bool:
    """Whether there should be a display: on X11 and Wayland, when a variable names one."""
    if platform in ("win32", "darwin"):
        return True
    return any(environ.get(name) for name in VARIABLES)


def problem() -> str:
    """Why no window can be opened and what to do; "" when one can."""
    try:
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        return f"Cannot open a window: {error}.\n{LIBRARIES}\n{ADVICE}"
    if sys.platform in ("win32", "darwin"):
        return ""
    try:
        works, output = _try()
    except OSError as error:
        return f"Cannot open a window: {error.strerror}.\n{ADVICE}"
    return "" if works else f"{explain(output, os.environ)}\n{ADVICE}"


def explain(output: str, environ: Mapping[str, str]) -> str:
    """The error message for what Qt printed before it aborted."""
    named = ", ".join(f"{name}={environ[name]!r}" for name in VARIABLES if environ.get(name))
    if "Could not find the Qt platform plugin" in output:
        return f"Cannot open a window: unknown Qt platform ({named}). Correct QT_QPA_PLATFORM."
    if "could not connect to display" in output or "Failed to create wl_display" in output:
        return (
            f"Cannot open a window: cannot connect to the display ({named}). "
            "Start the display or correct the variable."
        )
    if not output:
        return f"Cannot open a window: the display does not respond ({named})."
    lines = "\n".join(f"  {line}" for line in output.splitlines() if line.strip())
    return f"Cannot open a window ({named}).\n{LIBRARIES}\nQt reports:\n{lines}"


def _try() -> tuple[bool, str]:
    """Whether a child could create an application, and what it printed. Raises OSError."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _run_child(writing)
    os.close(writing)
    try:
        output = _read(reading, time.monotonic() + TRIAL_SECONDS)
    finally:
        os.close(reading)
        # At the end of its output it has exited, or its time is up.
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return DONE in output, output


def _read(reading: int, until: float) -> str:
    """Read up to DONE, the end, MAX_OUTPUT or the time ``until``."""
    output = b""
    while (left := until - time.monotonic()) > 0 and len(output) < MAX_OUTPUT:
        if not select.select([reading], [], [], left)[0]:
            break
        data = os.read(reading, 4096)
        output += data
        if not data or DONE.encode() in output:
            break
    return output.decode("utf-8", "replace")


def _run_child(writing: int) -> None:
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
