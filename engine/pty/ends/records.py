"""Records of running shells on disk: what a later start needs to find and end them.

Owns the files, the profile's host id and the lock that tells a dead instance from
a live one. Does not own when a record is written or what is done about one left
behind (ends). Everything here blocks: it is called in a thread.

    FOLDER/host-id                    128 random bits as hex, once per profile
    FOLDER/shells/INSTANCE/lock       held (flock) as long as the process lives
    FOLDER/shells/INSTANCE/TAG.json   one record

A profile is a configuration folder, an instance one process that uses it. The
kernel releases the lock whatever way the process ends.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Annotated, Literal

import msgspec

from engine.core import whole_file

logger = logging.getLogger(__name__)

HOST_ID_FILE = "host-id"
SHELLS_FOLDER = "shells"
LOCK_FILE = "lock"
MAX_RECORD_BYTES = 16 * 1024
"""A larger file is none of our records."""
MAX_RECORDS = 10_000
"""Records of dead instances that are read at a start."""

_NEW = ".new-"
_ID = re.compile(r"[0-9a-f]{32}")
_Text = Annotated[str, msgspec.Meta(max_length=1000)]
_Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
_Pid = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]


class Record(msgspec.Struct, kw_only=True, forbid_unknown_fields=False):
    """One shell. The target is ``engine`` and ``container`` (its id), or local when both are "".

    ``state``: *live* while its terminal is open; *ending* until nothing is left that
    has to go; *kept* when only processes are left that asked to stay (pid and name in
    ``kept``). ``pid``, ``birth``, ``deaf`` and ``by_command`` are Terminal's (ending).
    ``boot`` is the boot id of this computer for a local shell. ``shell`` is the id of
    the session it was opened for; ``name`` its target's, fit to show.
    """

    tag: _Id
    host: _Text
    instance: _Text
    shell: _Text
    engine: _Text = ""
    container: _Text = ""
    name: _Text = ""
    boot: _Text = ""
    pid: _Pid = 0
    birth: _Pid = 0
    deaf: bool = False
    by_command: bool = False
    users: tuple[_Text, ...] = ("",)
    path: _Text = ""
    """What runs the helper in the container: the shell that started the terminal."""
    state: Literal["live", "ending", "kept"] = "live"
    kept: tuple[tuple[int, _Text], ...] = ()

    @property
    def place(self) -> tuple[str, str]:
        """The target: engine and container id, ("", "") for this computer."""
        return self.engine, self.container

    def started(self, pid: int, birth: int, *, deaf: bool = False) -> None:
        """Its shell runs."""
        self.pid, self.birth, self.deaf = pid, birth, deaf

    def ending(self) -> None:
        """Its terminal is closed: its processes have to go."""
        self.state = "ending"

    def seen(self, pid: int, birth: int, *, by_command: bool) -> None:
        """What an end found out, for the next try: the processes that showed it may be gone."""
        self.pid, self.birth, self.by_command = pid, birth, by_command

    def keeps(self, processes: Iterable[tuple[int, str]]) -> None:
        """Only processes that asked to stay are left: their pids and names."""
        self.state, self.kept = "kept", tuple(processes)


class RecordStore:
    """The records of this instance, and those that dead instances of the profile left.

    Raises OSError where the folder cannot be read or written, or not be locked.
    """

    def __init__(self, folder: Path) -> None:
        shells = folder / SHELLS_FOLDER
        shells.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.host = _host_id(folder / HOST_ID_FILE)
        self.instance = secrets.token_hex(8)
        self._shells = shells
        self._folder = shells / self.instance
        # Locked before it has its name: nobody may take a new instance for a dead one.
        new = Path(tempfile.mkdtemp(dir=shells, prefix=_NEW))
        try:
            lock = _lock(new / LOCK_FILE)
            if lock is None:
                raise OSError("a new lock file is locked already")
            self._lock = lock
            new.rename(self._folder)
        except BaseException:
            with contextlib.suppress(OSError):
                (new / LOCK_FILE).unlink(missing_ok=True)
                new.rmdir()
            raise

    def write(self, tag: str, data: bytes) -> None:
        """Add or replace a record, encoded; on disk when this returns."""
        whole_file.replace(self._folder / f"{tag}.json", data)

    def remove(self, tag: str) -> None:
        (self._folder / f"{tag}.json").unlink(missing_ok=True)

    def left(self) -> list[Record]:
        """What instances that are dead left, theirs no longer: they are this instance's now.

        Folders of dead instances are removed; a file that is no record stays where it is.
        """
        found: list[Record] = []
        for folder in sorted(self._shells.iterdir()):
            if folder == self._folder or folder.name.startswith("."):
                continue
            try:
                lock = _lock(folder / LOCK_FILE)
                if lock is None:
                    continue  # it lives
                with lock:
                    found += self._adopt(folder)
            except FileNotFoundError:
                continue  # its instance has just ended and removed it
            except OSError as error:
                logger.warning("Records in %s cannot be used: %s", folder, error.strerror)
        return found

    def _adopt(self, folder: Path) -> list[Record]:
        found = []
        for path in sorted(folder.glob("*.json"))[:MAX_RECORDS]:
            record = _read(path)
            if record is None:
                logger.warning("%s is not a record of a shell", path)
                continue
            os.replace(path, self._folder / path.name)
            found.append(record)
        _remove_if_empty(folder)
        return found

    def close(self) -> None:
        """Release the lock. Records that are left are for the next instance."""
        _remove_if_empty(self._folder)
        self._lock.close()


def _remove_if_empty(folder: Path) -> None:
    """A dead instance's folder, or our own at the end, when no record is left in it."""
    with contextlib.suppress(OSError):
        for path in folder.glob(f"{whole_file.PREFIX}*"):
            path.unlink()  # written half when its program was killed
        if not any(path.name != LOCK_FILE for path in folder.iterdir()):
            (folder / LOCK_FILE).unlink()
            folder.rmdir()


def boot_id() -> str:
    """Changes with every boot of this computer; "" where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _host_id(path: Path) -> str:
    for _ in range(2):
        try:
            found = path.read_bytes()[:100].strip().decode("ascii", "replace")
        except FileNotFoundError:
            pass
        else:
            if _ID.fullmatch(found):
                return found
            logger.warning("%s is not a host id; it is replaced", path)
            whole_file.replace(path, _new_id())
            continue
        # Two programs may start at once: what the other one made is not replaced.
        with contextlib.suppress(FileExistsError):
            whole_file.create(path, _new_id())
    return path.read_bytes()[:100].strip().decode("ascii", "replace")


def _new_id() -> bytes:
    return secrets.token_hex(16).encode() + b"\n"


def _read(path: Path) -> Record | None:
    with path.open("rb") as file:
        data = file.read(MAX_RECORD_BYTES + 1)
    if len(data) > MAX_RECORD_BYTES:
        return None
    try:
        record = msgspec.json.decode(data, type=Record)
    except msgspec.MsgspecError:
        return None
    return record if path.stem == record.tag else None


def _lock(path: Path) -> IO[bytes] | None:
    """The locked file, or None when another process holds it."""
    # Nothing is written: the file exists to be locked.
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
