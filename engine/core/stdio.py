"""Standard input, output and error, robust against closed descriptors and broken pipes.

The log is engine.core.log.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from engine.core.errors import OutputError


def open_closed() -> None:
    """Point closed standard descriptors at the null device. Call before opening any file.

    After ``>&-`` the first socket or file would get descriptor 1 or 2, and what a
    library prints would go into it.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            # This gets the lowest free number, which is ``number``: lower ones are open by now.
            os.set_inheritable(os.open(os.devnull, mode), True)


def say(text: str) -> None:
    """Write a line to standard output and flush. Raises OutputError when that fails."""
    _write(sys.stdout, text)


def warn(text: str) -> None:
    """Write a line to standard error. Failures are ignored: they could not be reported."""
    with contextlib.suppress(OutputError):
        _write(sys.stderr, text)


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        return
    try:
        # A terminal without UTF-8 shows "?" instead of an error.
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
        stream.flush()
    except OSError as error:
        _abandon(stream)
        raise OutputError(f"Standard output cannot be written: {error.strerror}") from None
    except ValueError:  # the stream object was closed
        raise OutputError("Standard output is closed") from None


def settle() -> None:
    """Flush before the interpreter does: on a failure it prints a traceback and exits with 120."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            _abandon(stream)


def _abandon(stream: TextIO) -> None:
    """Send what is still buffered, and all later output, to the null device."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
