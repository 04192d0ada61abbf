"""Atomic file writes: a temporary file in the same folder, synced, then renamed.

After a crash or with a full disk there is the old file or the new one, never a part of one.
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
"""Of the temporary files. One that is left was left by a crash and may be deleted."""


def replace(path: Path, data: bytes) -> None:
    """Write ``data``, replacing any existing file. Raises OSError.

    Of a symbolic link the file it points to is replaced. An existing file keeps
    its permissions; a new one is readable by its owner only.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path.resolve()
    with _aside(target, data) as temporary:
        if target.exists():
            # The file may hold tokens, so who may read it must not change.
            os.chmod(temporary, target.stat().st_mode & 0o777)
        os.replace(temporary, target)
    _sync_folder(target.parent)


def create(path: Path, data: bytes) -> None:
    """Create a file that is readable by its owner only. Raises FileExistsError, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _aside(path, data) as temporary:
        try:
            # Unlike a rename, a link does not replace a file that another program just created.
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
    """Sync the folder, so that the new name survives a crash too. Not needed on Windows."""
    if sys.platform == "win32":
        return
    # Not every file system supports this; the file itself is synced anyway.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
