"""Records of running shells on disk: what a later start needs to find and end them.

Owns the files, the profile's host id, and the lock that distinguishes dead instances
from live ones. Everything here blocks: call it in a thread.

    FOLDER/host-id                    128 random bits as hex, once per profile
    FOLDER/shells/INSTANCE/lock       locked (flock) while the process runs
    FOLDER/shells/INSTANCE/TAG.json   one record

A profile is a configuration folder, an instance one process that uses it. The
kernel releases the lock however the process ends.

What a dead instance left stays in its folder until an instance claims it. A claim is one
rename of the record's file into the folder of the instance, so exactly one of several
programs gets it, and a program that is killed after it leaves the record as it was.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from engine.core import whole_file
from engine.core.lock_file import is_locked, lock

logger = logging.getLogger(__name__)

HOST_ID_FILE = "host-id"
SHELLS_FOLDER = "shells"
LOCK_FILE = "lock"
MAX_RECORD_BYTES = 16 * 1024
"""A larger file is not one of our records."""
MAX_RECORDS = 10_000
"""Records of dead instances that are read at a time."""

_NEW = ".new-"
_ID = re.compile(r"[0-9a-f]{32}")
_Text = Annotated[str, msgspec.Meta(max_length=1000)]
_Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
_Pid = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]


class Record(msgspec.Struct, kw_only=True, forbid_unknown_fields=False):
    """One shell. The target is ``engine`` and ``container`` (its id), or local when both are "".

    ``state``: *live* while its terminal is open; *ending* while its processes are being
    ended; *kept* when only processes are left that asked to keep running (pid and name in
    ``kept``). ``everything``: its end includes what asked to keep running. ``pid``,
    ``start_time``, ``hup_ignored`` and ``by_command`` are as in ending.Terminal. ``boot`` is
    this computer's boot id for a local shell. ``instance`` started the shell. ``shell`` is
    the id of the session it was opened for; ``name`` is its target's, safe to show.
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
    start_time: _Pid = msgspec.field(default=0, name="birth")
    hup_ignored: bool = msgspec.field(default=False, name="deaf")
    by_command: bool = False
    users: tuple[_Text, ...] = ("",)
    path: _Text = ""
    """The shell that started the terminal; it runs the helper in the container, too."""
    state: Literal["live", "ending", "kept"] = "live"
    kept: tuple[tuple[int, _Text], ...] = ()
    everything: bool = False

    @property
    def place(self) -> tuple[str, str]:
        """The target: engine and container id, ("", "") for this computer."""
        return self.engine, self.container

    def started(self, pid: int, start_time: int, *, hup_ignored: bool = False) -> None:
        """Its shell has started."""
        self.pid, self.start_time, self.hup_ignored = pid, start_time, hup_ignored

    def include_everything(self) -> None:
        """Its end, whenever that comes, includes what asked to keep running."""
        self.everything = True

    def ending(self, *, everything: bool = False) -> None:
        """Its processes have to end: its terminal is closed, or it is an orphan."""
        self.state = "ending"
        self.everything = self.everything or everything

    def seen(self, pid: int, start_time: int, *, by_command: bool) -> None:
        """Facts that an end found, for the next try: the processes that showed them may be gone."""
        self.pid, self.start_time, self.by_command = pid, start_time, by_command

    def keeps(self, processes: Iterable[tuple[int, str]]) -> None:
        """Only processes that asked to keep running are left: their pids and names."""
        self.state, self.kept = "kept", tuple(processes)


@dataclass(frozen=True, slots=True)
class Left:
    """A record that a dead instance left, and the name of the folder that holds its file.

    That is not always ``record.instance``: an instance may die after a claim.
    """

    record: Record
    folder: str


class RecordStore:
    """The records of this instance, and those that dead instances of the profile left.

    Raises OSError when the folder cannot be read, written or locked.
    """

    def __init__(self, folder: Path) -> None:
        shells = folder / SHELLS_FOLDER
        shells.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.host = _host_id(folder / HOST_ID_FILE)
        self.instance = secrets.token_hex(8)
        self._shells = shells
        self._folder = shells / self.instance
        self._warned: set[Path] = set()
        # Locked before it gets its name, so that nobody takes a new instance for a dead one.
        new = Path(tempfile.mkdtemp(dir=shells, prefix=_NEW))
        try:
            held = lock(new / LOCK_FILE)
            if held is None:
                raise OSError("a new lock file is locked already")
            self._lock = held
            new.rename(self._folder)
        except BaseException:
            with contextlib.suppress(OSError):
                (new / LOCK_FILE).unlink(missing_ok=True)
                new.rmdir()
            raise

    def write(self, tag: str, data: bytes) -> None:
        """Add or replace an encoded record; it is on disk when this returns."""
        whole_file.replace(self._folder / f"{tag}.json", data)

    def remove(self, tag: str) -> None:
        (self._folder / f"{tag}.json").unlink(missing_ok=True)

    def left(self) -> list[Left]:
        """What dead instances left. Only reads, but removes folders that hold no record."""
        found: list[Left] = []
        for folder in sorted(self._shells.iterdir()):
            if folder == self._folder or folder.name.startswith("."):
                continue
            try:
                if not _lives(folder):
                    found += self._read_all(folder, MAX_RECORDS - len(found))
            except NotADirectoryError:
                continue
            except OSError as error:
                self._warn(folder, f"Cannot use the records in {folder}: {error.strerror}")
        return found

    def claim(self, left: Left) -> Record | None:
        """Move a record to this instance; None when another program claimed or removed it."""
        name = f"{left.record.tag}.json"
        try:
            os.replace(self._shells / left.folder / name, self._folder / name)
        except FileNotFoundError:
            return None
        _remove_if_empty(self._shells / left.folder)
        return _read(self._folder / name)

    def forget(self, left: Left) -> None:
        """Remove a record where it is: nothing of its shell is left."""
        (self._shells / left.folder / f"{left.record.tag}.json").unlink(missing_ok=True)
        _remove_if_empty(self._shells / left.folder)

    def _read_all(self, folder: Path, most: int) -> list[Left]:
        found = []
        for path in sorted(folder.glob("*.json"))[:most]:
            try:
                record = _read(path)
            except FileNotFoundError:
                continue  # another program has just claimed it
            if record is None:
                self._warn(path, f"{path} is not a valid shell record")
            else:
                found.append(Left(record, folder.name))
        _remove_if_empty(folder)
        return found

    def _warn(self, path: Path, text: str) -> None:
        """Once for each path: they are read again and again."""
        if path not in self._warned and len(self._warned) < MAX_RECORDS:
            self._warned.add(path)
            logger.warning("%s", text)

    def close(self) -> None:
        """Release the lock. The next instance finds the records that are left."""
        _remove_if_empty(self._folder)
        self._lock.close()


def _lives(folder: Path) -> bool:
    try:
        return is_locked(folder / LOCK_FILE)
    except FileNotFoundError:
        return False  # the lock is made before the folder, and removed with it


def _remove_if_empty(folder: Path) -> None:
    """Remove a dead instance's folder, or our own at the end, when it holds no record."""
    with contextlib.suppress(OSError):
        for path in folder.glob(f"{whole_file.PREFIX}*"):
            path.unlink()  # half-written when the program was killed
        if not any(path.name != LOCK_FILE for path in folder.iterdir()):
            (folder / LOCK_FILE).unlink()
            folder.rmdir()


def boot_id() -> str:
    """The kernel's boot id, new at every boot; "" where the system has none."""
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
            logger.warning("%s is not a valid host id; generating a new one", path)
            whole_file.replace(path, _new_id())
            continue
        # Two programs may start at once: do not replace the id of the other.
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
