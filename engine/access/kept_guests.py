"""The file of guests that the host removed or remembered (engine.access.guests).

FOLDER/guests.json   {version, removed, remembered}, readable by its owner only
FOLDER/guests.lock   locked by the process that writes the other one; others only read it
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Annotated, Literal, TypeVar

import msgspec

from engine.core import private_file
from engine.core.lock_file import lock
from engine.core.model import Role
from engine.core.private_file import Writer

logger = logging.getLogger(__name__)

FILE_NAME = "guests.json"
LOCK_NAME = "guests.lock"
MAX_BYTES = 16 * 1024 * 1024
"""A larger file is not one of ours."""
MAX_REMOVED = 10_000
MAX_REMEMBERED = 1000
"""Beyond them the oldest are forgotten."""
MAX_KEY = 1500
MAX_TARGET = 1024
MAX_NAME = 200
"""Characters of a guest's key, a target's id and a name that are stored."""


class Removed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A guest that the host removed, by its key. ``at``: seconds since the epoch."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_KEY)]
    name: Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
    at: float


class Remembered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A guest about whom the host is not asked again, in one target (its ``device_id``).

    ``role``: the highest that it gets. ``compared``: the host saw the short code of the
    connection on which it was remembered, so that the guest is shown with a shield.
    """

    identity: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    target: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TARGET)]
    role: Role
    compared: bool
    name: Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
    at: float


class Kept(msgspec.Struct, frozen=True):
    """What outlives the program, oldest first."""

    removed: tuple[Removed, ...] = ()
    remembered: tuple[Remembered, ...] = ()


class _Rows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1]
    removed: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=MAX_REMOVED)]
    remembered: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=MAX_REMEMBERED)]


Row = TypeVar("Row", Removed, Remembered)


class KeptGuests:
    """The file of one process. ``read()`` blocks, ``save()`` writes in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: IO[bytes] | None = None
        self._others = False
        self._latest = Kept()
        self._writer: Writer[Kept] = Writer(self._write, "write known guests")

    @property
    def _path(self) -> Path:
        return self._folder / FILE_NAME

    def read(self) -> Kept:
        """What earlier runs stored. Whatever is wrong is a warning that quotes nothing of it."""
        data = private_file.read(self._path, MAX_BYTES, "known guests")
        if data is None:
            return Kept()
        try:
            rows = msgspec.json.decode(data, type=_Rows)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            logger.warning("The known guests in %s are ignored: the file is damaged", self._path)
            return Kept()
        return Kept(
            tuple(self._valid(rows.removed, Removed)),
            tuple(self._valid(rows.remembered, Remembered)),
        )

    def save(self, kept: Kept) -> None:
        """Write it in a thread."""
        self._latest = kept
        self._writer.put(kept)

    async def flush(self) -> bool:
        """Whether everything is on disk, once no write is under way."""
        return await self._writer.flush()

    async def close(self) -> None:
        """Flush, and let another process write the file."""
        if self._writer.failed and not self._others:
            self._writer.put(self._latest)
        await self.flush()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _valid(self, rows: Iterable[msgspec.Raw], kind: type[Row]) -> Iterable[Row]:
        for place, raw in enumerate(rows, 1):
            try:
                yield msgspec.json.decode(raw, type=kind)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                what = f"{kind.__name__} guest {place}"
                logger.warning("%s in %s is ignored: it is not valid", what, self._path)

    def _write(self, kept: Kept) -> bool:
        """In the writer's thread, one call at a time."""
        removed, remembered = (
            [msgspec.Raw(msgspec.json.encode(row)) for row in rows]
            for rows in (kept.removed, kept.remembered)
        )
        try:
            if not self._is_ours():
                return False
            private_file.write(self._path, msgspec.json.encode(_Rows(1, removed, remembered)))
        except OSError as error:
            logger.warning(
                "Removed and remembered guests cannot be stored in %s: %s",
                self._path,
                error.strerror or error,
            )
            return False
        return True

    def _is_ours(self) -> bool:
        if self._lock is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = lock(self._folder / LOCK_NAME)
        if self._lock is None and not self._others:
            logger.warning(
                "Guests are removed and remembered in this run only: another Hatchway uses %s",
                self._path,
            )
        self._others = self._lock is None
        return not self._others
