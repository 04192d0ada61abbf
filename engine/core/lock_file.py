"""A lock that one process holds until it ends, however it ends: the kernel releases it."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def lock(path: Path) -> IO[bytes] | None:
    """The locked file, to be closed at the end; None when somebody else holds it.

    Raises OSError when the file cannot be opened or locked.
    """
    # The file exists only to be locked.
    file = path.open("ab")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        if isinstance(error, BlockingIOError | PermissionError):
            return None
        raise
    return file


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock of the file, which is only read.

    Any number of programs may ask at the same time (on Windows one of two may get a wrong
    True). Raises FileNotFoundError, and OSError when the file cannot be read.
    """
    with path.open("rb") as file:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return True
    return False
