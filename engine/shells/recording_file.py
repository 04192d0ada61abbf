"""The files of recordings: names, permissions, and which of them are being written.

    FOLDER/20251130T021517Z-web-1-0123456789ab.cast   a recording, UTC time of its start
    FOLDER/20251130T021517Z-web-1-0123456789ab.lock   locked while a process writes it

The kernel releases the lock however the process ends. Everything here but file_name() blocks.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from engine.core.lock_file import lock

SUFFIX = ".cast"
LOCK_SUFFIX = ".lock"
MAX_TARGET = 60
"""Characters of a target in a name."""
_BINARY = getattr(os, "O_BINARY", 0)  # only Windows has it
_NAME = re.compile(r"\d{8}T\d{6}Z-[A-Za-z0-9._-]+-([0-9a-f]{12})\.cast")


def file_name(target: str, since: float) -> str:
    """A new name, for a recording of ``target`` that began ``since``, seconds since the epoch."""
    began = datetime.fromtimestamp(since, UTC).strftime("%Y%m%dT%H%M%SZ")
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "_", target)[:MAX_TARGET].strip(".") or "shell"
    return f"{began}-{cleaned}-{secrets.token_hex(6)}{SUFFIX}"


def recording_id(name: str) -> str:
    """The id in the name of a recording; "" for other files."""
    found = _NAME.fullmatch(name)
    return found[1] if found else ""


@contextlib.contextmanager
def created(path: Path) -> Iterator[int]:
    """A new file to append to, as a descriptor, marked as running. Raises OSError.

    Only its owner can read it, and the folder, which is made if need be.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_mode & 0o077:
        os.chmod(path.parent, 0o700)
    with _marked_as_running(path):
        # Whole lines are appended, and what was written must survive a kill; whole_file is for
        # files that are replaced.
        descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | _BINARY, 0o600
        )
        try:
            yield descriptor
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _marked_as_running(path: Path) -> Iterator[None]:
    # Locked before there is a recording, so that nobody takes a new one for a finished one.
    mark = path.with_suffix(LOCK_SUFFIX)
    held = lock(mark)
    if held is None:
        raise OSError(f"{mark} is locked by another program")
    try:
        os.chmod(mark, 0o600)
        yield
    finally:
        held.close()
        with contextlib.suppress(OSError):
            mark.unlink()


def is_running(path: Path) -> bool:
    """Whether a process writes this recording, or may do so."""
    mark = path.with_suffix(LOCK_SUFFIX)
    if not mark.exists():
        return False
    try:
        held = lock(mark)
    except OSError:
        return True
    if held is None:
        return True
    # Its process was killed.
    held.close()
    with contextlib.suppress(OSError):
        mark.unlink()
    return False


def append(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, or none of it. Raises OSError."""
    before = os.fstat(descriptor).st_size
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, before)
        raise
