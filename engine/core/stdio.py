"""Standard input, output and error, whatever the program that started us did to them.

Owns opening the ones that are closed, writing lines for people and scripts, and
what is left in the buffers at the end. Does not own the log (engine.core.log).
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from engine.core.errors import OutputError


def open_closed() -> None:
    """Point closed standard descriptors at the null device. Call before anything is opened.

    With ``>&-`` the first socket or file would become descriptor 1 or 2, and what a
    library prints would go into it.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            # Gets the lowest free number: the lower ones are open by now.
            os.set_inheritable(os.open(os.devnull, mode), True)


def say(text: str) -> None:
    """A line on standard output, at once. Raises OutputError when it cannot be written."""
    _write(sys.stdout, text)


def warn(text: str) -> None:
    """A line on standard error. Where nobody can read it, there is nobody to tell."""
    with contextlib.suppress(OutputError):
        _write(sys.stderr, text)


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        return
    try:
        # A terminal with an old character set shows "?" instead of failing.
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
        stream.flush()
    except OSError as error:
        _abandon(stream)
        raise OutputError(f"Standard output cannot be written: {error.strerror}") from None
    except ValueError:  # closed by somebody
        raise OutputError("Standard output is closed") from None


def settle() -> None:
    """Empty the buffers before the interpreter does: it would print a traceback and exit 120."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            _abandon(stream)


def _abandon(stream: TextIO) -> None:
    """What is still in the buffer, and all that follows, goes to the null device."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
