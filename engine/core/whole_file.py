"""Files that are whole at every moment: written aside, synced, then put in their place.

Owns the steps, and clearing away what a failed one left. Does not own what is in
them. After a crash or a full disk there is the old file or the new one, never half.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREFIX = ".hatchway-"
"""Of the files aside. One that is found was left by a crash and may be deleted."""


def replace(path: Path, data: bytes) -> None:
    """Put ``data`` in the place of whatever is there. Raises OSError.

    A symbolic link stays one: what it points to is replaced. An existing file keeps
    its permissions; a new one is readable by its owner only.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path.resolve()
    with _aside(target, data) as temporary:
        if target.exists():
            # It may hold tokens: who may read it is the person's decision.
            os.chmod(temporary, target.stat().st_mode & 0o777)
        os.replace(temporary, target)
    _sync_folder(target.parent)


def create(path: Path, data: bytes) -> None:
    """A new file, readable by its owner only. Raises FileExistsError, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _aside(path, data) as temporary:
        try:
            # Unlike a rename it does not replace what another program has just made.
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:
            # A file system without hard links.
            if path.exists():
                raise FileExistsError(path) from None
            os.rename(temporary, path)
    _sync_folder(path.parent)


@contextlib.contextmanager
def _aside(target: Path, data: bytes) -> Iterator[str]:
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=PREFIX)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _sync_folder(folder: Path) -> None:
    """So that the new name survives a crash, too. Windows does that by itself."""
    if sys.platform == "win32":
        return
    # Not every file system can; then it is as good as it gets.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
