"""The folder of recordings: starts new ones, lists and deletes them, and keeps them in a bound.

Only files with our names count; whatever else is there is left alone. Several processes may use
one folder. Everything but start() and is_wanted() blocks: call it in a thread.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.core.errors import (
    BadRecordingError,
    RecordingError,
    RecordingNotFoundError,
    RecordingRunningError,
)
from engine.core.model import RecordingInfo, Size
from engine.core.settings import RecordingSettings, data_dir
from engine.shells.asciicast import MAX_TIME, Header, Origin, read_event, read_header
from engine.shells.recorder import Recorder, RecordingMeta
from engine.shells.recording_file import LOCK_SUFFIX, is_running, recording_id

logger = logging.getLogger(__name__)

FOLDER = "recordings"
SWEEP_BYTES = 64 * 1024 * 1024
"""How much may be written between two looks at the folder. Other processes write there, too."""
MAX_RECORDINGS = 10_000
"""Files; the oldest beyond it go as well."""
TAILS = (4 * 1024, 512 * 1024)
"""Bytes read at the end of a recording to find its last event: most are short, but the line of
one full read of a PTY, all of it escaped, has six times 64 KiB."""


def is_wanted(settings: RecordingSettings, target_id: str) -> bool:
    """Whether the settings say that shells in this target are recorded from their start."""
    return settings.enabled or target_id in settings.targets


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    id: str
    bytes: int
    written_at: float


class Recordings:
    """The recordings in ``folder``: at most ``max_bytes``.

    When they become more, the oldest finished ones are deleted. A running one is never deleted:
    if those alone are too much, the one that wants to write stops.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._sweeping = threading.Lock()
        self._room = 0
        """Bytes that may be written before the folder has to be read again."""
        self._look = True

    @classmethod
    def of_profile(cls, settings: RecordingSettings) -> Recordings:
        """Those of this user's profile. Raises SettingsError when the user has no home folder."""
        return cls(data_dir() / FOLDER, settings.max_bytes)

    def start(
        self,
        meta: RecordingMeta,
        size: Size,
        screen: str | bytes = b"",
        *,
        input: bool = False,
        on_gap: Callable[[str], None] = lambda text: None,
        on_problem: Callable[[str], None] = lambda text: None,
    ) -> Recorder:
        """Record a shell; see Recorder.start. Does not block."""
        self._look = True
        return Recorder.start(
            self._folder,
            meta,
            size,
            screen,
            input=input,
            on_gap=on_gap,
            on_problem=on_problem,
            make_room=self.make_room,
        )

    def list(self) -> tuple[RecordingInfo, ...]:
        """Newest first. Raises RecordingError when the folder cannot be read."""
        found = []
        for file in self._readable_files():
            # Deleted meanwhile, or not readable.
            with contextlib.suppress(OSError):
                found.append(_info(file))
        return tuple(sorted(found, key=lambda info: (info.started_at, info.id), reverse=True))

    def delete(self, recording_id: str) -> None:
        """Delete a finished recording.

        Raises RecordingNotFoundError, RecordingRunningError, and RecordingError when it or the
        folder cannot be used.
        """
        for file in self._readable_files():
            if file.id == recording_id:
                if is_running(file.path):
                    raise RecordingRunningError(recording_id)
                try:
                    _delete(file.path)
                except OSError as error:
                    problem = f"{file.path} cannot be deleted: {error.strerror or error}"
                    raise RecordingError(problem) from None
                return
        raise RecordingNotFoundError(recording_id)

    def make_room(self, count: int) -> None:
        """Let ``count`` more bytes be written, if need be in place of older recordings.

        Raises OSError when running recordings alone take all the room.
        """
        with self._sweeping:
            if self._look or self._room < count:
                self._look = False
                self._room = self._sweep(count)
            self._room -= count

    def _sweep(self, count: int) -> int:
        """Delete what is too much; the bytes that may be written now, at least ``count``."""
        files = sorted(self._files(), key=lambda file: file.written_at)
        used, number = sum(file.bytes for file in files), len(files)
        # More than is needed right now, so that this is not repeated at every write.
        spare = count + min(SWEEP_BYTES, self._max_bytes // 16)
        for file in files:
            if used + spare <= self._max_bytes and number <= MAX_RECORDINGS:
                break
            if is_running(file.path):
                continue
            try:
                _delete(file.path)
            except OSError as error:
                problem = error.strerror or error
                logger.warning("Cannot delete the old recording %s: %s", file.path, problem)
                continue
            logger.info("Deleted the oldest recording %s to make room", file.path)
            used, number = used - file.bytes, number - 1
        if used + count > self._max_bytes:
            raise OSError(errno.ENOSPC, "recordings take up all of recording.max_bytes")
        return max(count, min(self._max_bytes - used, SWEEP_BYTES))

    def _readable_files(self) -> Sequence[_File]:
        try:
            return self._files()
        except OSError as error:
            problem = f"{self._folder} cannot be read: {error.strerror or error}"
            raise RecordingError(problem) from None

    def _files(self) -> Sequence[_File]:
        found = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    found_id = recording_id(entry.name)
                    if found_id and entry.is_file(follow_symlinks=False):
                        with contextlib.suppress(FileNotFoundError):
                            state = entry.stat(follow_symlinks=False)
                            path = Path(entry.path)
                            found.append(_File(path, found_id, state.st_size, state.st_mtime))
        except FileNotFoundError:
            return []
        return found


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_suffix(LOCK_SUFFIX).unlink(missing_ok=True)


def _info(file: _File) -> RecordingInfo:
    with file.path.open("rb") as opened:
        try:
            header = read_header(opened)
        except BadRecordingError:
            header = Header(version=2, width=1, height=1)
        seconds = 0.0
        for size in TAILS:
            opened.seek(max(0, file.bytes - size))
            last = _last_seconds(opened.read(size))
            if last is not None:
                seconds = last
                break
    origin = header.hatchway or Origin()
    return RecordingInfo(
        id=file.id,
        path=str(file.path),
        target=origin.target,
        started_at=float(header.timestamp or min(max(0.0, file.written_at), MAX_TIME)),
        seconds=seconds,
        bytes=file.bytes,
        running=is_running(file.path),
        shell=origin.shell,
    )


def _last_seconds(tail: bytes) -> float | None:
    """The time of the last whole event that ``tail`` has; its first line may be cut."""
    for line in reversed(tail.split(b"\n")[1:-1]):
        try:
            return read_event(line).seconds
        except BadRecordingError:
            continue
    return None
