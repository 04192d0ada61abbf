"""The file of kept links: those that outlive the program because the host asked for that.

    FOLDER/links.json   {version, port, links}, readable by its owner only; absent without links.
                        Version 2, without ``record``, and version 1, also without ``by_name``
                        and ``suspended``, are read as well
    FOLDER/links.lock   locked while a process uses the other one

The file holds secrets, so nothing of its content is ever logged. It fails closed: what cannot
be read, is not exactly what this program writes, or could be read by others is no link. Only
links that can still be opened are in it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Annotated, Literal

import msgspec

from engine.access.links import MAX_ACTIVE
from engine.core import private_file
from engine.core.errors import SettingsError
from engine.core.lock_file import lock
from engine.core.model import LOCAL_TARGET, Role, Share
from engine.core.private_file import Writer
from engine.wire import proof

logger = logging.getLogger(__name__)

FILE_NAME = "links.json"
LOCK_NAME = "links.lock"
MAX_BYTES = 4 * 1024 * 1024
"""A larger file is not one of ours."""

_Count = Annotated[int, msgspec.Meta(ge=0)]


class _FirstRow(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One link. Every field is required: a restriction that is missing is not "none"."""

    id: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{16}\Z")]
    secret: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{21}[AQgw]\Z")]
    target: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    container: Annotated[str, msgspec.Meta(max_length=1000)]
    """Share.ref."""
    role: Role
    approval: bool
    created_at: float
    expires_at: float | None
    single_use: bool
    uses: _Count


class _SecondRow(_FirstRow, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Since version 2."""

    by_name: bool
    """It opens whatever container has the name."""
    suspended: bool


class _Row(_SecondRow, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Since version 3."""

    record: bool


_ROWS: dict[int, type[_FirstRow]] = {1: _FirstRow, 2: _SecondRow, 3: _Row}


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1, 2, 3]
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)]
    links: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=MAX_ACTIVE)]


class KeptLinks:
    """The file of one process. Reads and writes in threads, and writes only the newest state."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: IO[bytes] | None = None
        self._opening = asyncio.Lock()
        self._port = 0
        self._links: tuple[Share, ...] = ()
        self._writer: Writer[tuple[int, tuple[Share, ...]]] = Writer(
            lambda state: _write(self._path, *state), "write kept links"
        )

    @property
    def port(self) -> int:
        """The built-in relay's port in the URLs of the kept links; 0 without kept links."""
        return self._port if self._links else 0

    async def load(self, now: float) -> tuple[Share, ...]:
        """The links kept by earlier runs that are not over at ``now``, seconds since the epoch.

        Everything that prevents reading is a warning.
        """
        if not await asyncio.to_thread(self._path.exists):
            return ()
        try:
            return await self.open(now)
        except SettingsError as error:
            logger.warning("Kept links do not work in this run: %s", error)
            return ()

    async def open(self, now: float) -> tuple[Share, ...]:
        """Become the one process that uses the file, and read it; () after the first time.

        Raises SettingsError when another process uses it or the folder cannot be written.
        """
        async with self._opening:
            if self._lock is not None:
                return ()
            self._lock, (self._port, links) = await asyncio.to_thread(self._open)
        self._links = tuple(link for link in links if not link.state(now).is_over)
        if self._links != links:
            self._writer.put((self._port, self._links))
        return self._links

    def save(self, links: Iterable[Share], now: float, port: int) -> None:
        """Write those of ``links`` that are kept and not over, in a thread, if that changes them.

        ``port``: the built-in relay's at present, remembered if nothing was kept until now.
        """
        kept = tuple(one for one in links if one.kept and not one.state(now).is_over)
        if self._lock is None or (kept == self._links and not self._writer.failed):
            return
        if not self._links:
            self._port = port
        self._links = kept
        self._writer.put((self._port, kept))

    async def flush(self) -> bool:
        """Whether everything that was saved is on disk, once no write is under way.

        After a failure the next save() tries again.
        """
        return await self._writer.flush()

    async def close(self) -> None:
        """Flush, and let another process use the file."""
        if self._writer.failed:
            self._writer.put((self._port, self._links))
        await self.flush()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def _path(self) -> Path:
        return self._folder / FILE_NAME

    def _open(self) -> tuple[IO[bytes], tuple[int, tuple[Share, ...]]]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            held = lock(self._folder / LOCK_NAME)
        except OSError as error:
            problem = f"cannot be used: {error.strerror or error}"
            raise SettingsError(str(self._folder / LOCK_NAME), problem) from None
        if held is None:
            raise SettingsError(str(self._path), "is in use by another Hatchway")
        return held, _read(self._path)


def _write(path: Path, port: int, links: tuple[Share, ...]) -> bool:
    """Whether they are on disk; if not, nothing is. Failures are logged."""
    try:
        if not links:
            path.unlink(missing_ok=True)
            return True
        rows = [msgspec.Raw(msgspec.json.encode(_row(link))) for link in links]
        private_file.write(path, msgspec.json.encode(_File(3, port, rows)))
    except OSError as error:
        logger.warning("Links cannot be kept in %s: %s", path, error.strerror or error)
        # The old file may have a link that was revoked or used since.
        try:
            path.unlink(missing_ok=True)
        except OSError:
            logger.error("Delete %s: revoked and used links in it may work again", path)
        return False
    return True


def _read(path: Path) -> tuple[int, tuple[Share, ...]]:
    """Port and links. What is wrong is logged by its place, never by its content."""
    nothing: tuple[int, tuple[Share, ...]] = 0, ()
    data = private_file.read(path, MAX_BYTES, "kept links")
    if data is None:
        return nothing
    try:
        whole = msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        logger.warning("The kept links in %s are ignored: the file is damaged", path)
        return nothing
    links = []
    for place, raw in enumerate(whole.links, 1):
        link = _link(raw, whole.version)
        if link is None:
            logger.warning("Kept link %d in %s is ignored: it is not valid", place, path)
        else:
            links.append(link)
    # Which of two with one id has the restrictions that were meant is unknown.
    times = Counter(link.id for link in links)
    if len(times) < len(links):
        logger.warning("Kept links in %s that are listed twice are ignored", path)
    return whole.port, tuple(link for link in links if times[link.id] == 1)


def _row(link: Share) -> _Row:
    return _Row(
        id=link.id,
        secret=proof.encode_secret(link.secret),
        target=link.target,
        container=link.ref,
        role=link.role,
        approval=link.approval,
        created_at=link.created_at,
        expires_at=link.expires_at,
        single_use=link.single_use,
        uses=link.uses,
        by_name=not link.ref and link.target != LOCAL_TARGET,
        suspended=link.suspended,
        record=link.record,
    )


def _link(raw: msgspec.Raw, version: int) -> Share | None:
    try:
        row = msgspec.json.decode(raw, type=_ROWS[version])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    by_name = suspended = False
    if isinstance(row, _SecondRow):
        by_name, suspended = row.by_name, row.suspended
    # Exactly one of them says which target it is for.
    if [row.target == LOCAL_TARGET, row.container != "", by_name].count(True) != 1:
        return None
    if row.single_use and row.uses:
        return None
    return Share(
        id=row.id,
        target=row.target,
        role=row.role,
        secret=proof.decode_secret(row.secret),
        created_at=row.created_at,
        approval=row.approval,
        expires_at=row.expires_at,
        single_use=row.single_use,
        uses=row.uses,
        kept=True,
        ref=row.container,
        suspended=suspended,
        record=isinstance(row, _Row) and row.record,
    )
