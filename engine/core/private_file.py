"""Files with secrets or other things that only their owner may read, and their writer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from engine.core import whole_file
from engine.core.tasks import start

logger = logging.getLogger(__name__)

T = TypeVar("T")


def read(path: Path, most: int, what: str) -> bytes | None:
    """The content of a file that nobody else can access, of at most ``most`` bytes.

    None when there is no such file. Everything else that prevents reading is a warning that
    names ``what`` is in the file ("kept links"), and None as well.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(most + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        logger.warning("Cannot read the %s in %s: %s", what, path, error.strerror or error)
        return None
    if sys.platform != "win32" and mode & 0o077:
        logger.warning("The %s in %s are ignored: other users can access the file", what, path)
        return None
    if len(data) > most:
        logger.warning("The %s in %s are ignored: the file is damaged", what, path)
        return None
    return data


def write(path: Path, data: bytes) -> None:
    """Replace the file; readable by its owner only. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        # The new file gets the permissions of the old one.
        os.chmod(path, 0o600)
    whole_file.replace(path, data)


class Writer(Generic[T]):
    """Writes in a thread, one value at a time: of those put meanwhile only the newest."""

    def __init__(self, write: Callable[[T], bool], name: str) -> None:
        """``write`` runs in the thread, reports failures itself and says whether it worked."""
        self._write = write
        self._name = name
        self._waiting: list[T] = []
        self._failed = False
        self._writing: asyncio.Task[None] | None = None

    @property
    def failed(self) -> bool:
        """Whether the last write failed: put() the value again to retry."""
        return self._failed

    def put(self, value: T) -> None:
        self._waiting = [value]
        if self._writing is None:
            self._writing = start(self._run(), self._name)

    async def flush(self) -> bool:
        """Whether all that was put is on disk, once no write is under way."""
        while self._writing is not None:
            await asyncio.wait([self._writing])
        return not self._failed

    async def _run(self) -> None:
        try:
            while self._waiting:
                value = self._waiting.pop()
                self._failed = not await asyncio.to_thread(self._write, value)
        finally:
            self._writing = None
