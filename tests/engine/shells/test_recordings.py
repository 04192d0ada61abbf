"""The folder of recordings: list, delete, and its bound."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from engine.core.errors import RecordingError, RecordingNotFoundError, RecordingRunningError
from engine.core.model import RecordingInfo, Size
from engine.core.settings import RecordingSettings
from engine.shells.asciicast import OUTPUT, Encoder, Header, Origin
from engine.shells.recorder import RecordingMeta
from engine.shells.recording_file import created, is_running
from engine.shells.recordings import Recordings, is_wanted
from tests.engine.shells.test_recorder import begun

MIB = 1024 * 1024
ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "recordings"


def path_of(folder: Path, number: int) -> Path:
    return folder / f"20251130T021517Z-web-{number:012x}.cast"


def recording(folder: Path, number: int, size: int = 0, *, last: float = 1.0) -> Path:
    """A finished one that was written at second ``number``, about ``size`` bytes."""
    folder.mkdir(exist_ok=True)
    encoder = Encoder()
    origin = Origin(target=f"web-{number}", shell="s")
    head = encoder.header(
        Header(version=2, width=80, height=24, timestamp=1000 + number, hatchway=origin)
    )
    end = encoder.event(last, OUTPUT, b"end")
    path = path_of(folder, number)
    fill = max(0, size - len(head) - len(end) - len(encoder.event(0.0, OUTPUT, b"x")) + 1)
    path.write_bytes(head + encoder.event(0.0, OUTPUT, b"x" * fill) + end)
    os.utime(path, (number, number))
    return path


def numbers(folder: Path) -> list[int]:
    return sorted(int(path.stem[-12:], 16) for path in folder.glob("2025*.cast"))


@contextmanager
def running(folder: Path, number: int, size: int = 0) -> Iterator[Path]:
    path = path_of(folder, number)
    with created(path) as descriptor:
        os.write(descriptor, b"x" * size)
        os.utime(path, (number, number))
        yield path


def test_what_is_recorded_without_being_asked() -> None:
    assert not is_wanted(RecordingSettings(), "web")
    assert is_wanted(RecordingSettings(enabled=True), "web")
    assert is_wanted(RecordingSettings(targets=("db", "web")), "web")
    assert not is_wanted(RecordingSettings(targets=("db",)), "web")


def test_without_a_folder_there_are_none(folder: Path) -> None:
    recordings = Recordings(folder, MIB)
    assert recordings.list() == ()
    recordings.make_room(5)
    with pytest.raises(RecordingNotFoundError):
        recordings.delete("0" * 12)
    assert not folder.exists()


def test_the_list_says_what_each_is_newest_first(folder: Path) -> None:
    old = recording(folder, 1, last=2.5)
    new = recording(folder, 2, 200_000, last=99.0)
    assert Recordings(folder, MIB).list() == (
        RecordingInfo(f"{2:012x}", str(new), "web-2", 1002.0, 99.0, new.stat().st_size, False, "s"),
        RecordingInfo(f"{1:012x}", str(old), "web-1", 1001.0, 2.5, old.stat().st_size, False, "s"),
    )


def test_the_last_event_is_found_behind_a_torn_line_and_a_long_one(folder: Path) -> None:
    torn = recording(folder, 1, last=3.0)
    torn.write_bytes(torn.read_bytes() + b'[4.0, "o", "x')
    long = recording(folder, 2)
    line = Encoder().event(7.0, OUTPUT, b"\x1b" * 64 * 1024)
    long.write_bytes(long.read_bytes() + line)
    head = recording(folder, 3)
    head.write_bytes(head.read_bytes().splitlines(keepends=True)[0])
    listed = Recordings(folder, MIB).list()
    assert {info.id[-1]: info.seconds for info in listed} == {"1": 3.0, "2": 7.0, "3": 0.0}


def test_a_damaged_recording_is_listed_and_other_files_are_not(folder: Path) -> None:
    recording(folder, 5).write_bytes(b"\xff\0")
    os.utime(path_of(folder, 5), (5, 5))
    (folder / "notes.txt").write_text("x")
    (folder / "mine.cast").write_text("x")
    (folder / "20251130T021517Z-dir-0123456789ab.cast").mkdir()
    (folder / "20251130T021517Z-link-aaaaaaaaaaaa.cast").symlink_to(folder / "notes.txt")
    (info,) = Recordings(folder, MIB).list()
    assert (info.id, info.target, info.started_at, info.seconds) == (f"{5:012x}", "", 5.0, 0.0)


async def test_a_running_recording_is_listed_as_such_and_cannot_be_deleted(folder: Path) -> None:
    recordings = Recordings(folder, MIB)
    recorder = recordings.start(RecordingMeta("web", shell="s1"), Size(), "screen")
    await begun(recorder)
    (info,) = recordings.list()
    assert (info.target, info.shell, info.running) == ("web", "s1", True)
    assert info.path == str(recorder.path)
    with pytest.raises(RecordingRunningError, match=info.id):
        recordings.delete(info.id)
    await recorder.close()
    (info,) = recordings.list()
    assert not info.running
    recordings.delete(info.id)
    assert recordings.list() == ()
    assert list(folder.iterdir()) == []  # noqa: ASYNC240


@pytest.mark.parametrize("wrong", ["", "..", "*", "../x", "000000000001.cast", "\0", "x" * 5000])
def test_only_an_exact_id_is_deleted(folder: Path, wrong: str) -> None:
    path = recording(folder, 1)
    recordings = Recordings(folder, MIB)
    with pytest.raises(RecordingNotFoundError):
        recordings.delete(wrong)
    assert path.exists()
    recordings.delete(f"{1:012x}")
    assert not path.exists()


def test_a_folder_that_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    recordings = Recordings(tmp_path / "file", MIB)
    with pytest.raises(RecordingError, match="cannot be read"):
        recordings.list()
    with pytest.raises(RecordingError, match="cannot be read"):
        recordings.delete("0" * 12)


def test_the_oldest_go_first(folder: Path) -> None:
    for number in (3, 1, 2, 4):
        recording(folder, number, MIB // 4)
    (folder / "mine.cast").write_bytes(b"x" * MIB)
    recordings = Recordings(folder, MIB)
    recordings.make_room(100)
    assert numbers(folder) == [2, 3, 4]
    recordings.make_room(MIB // 2)
    assert sum(path.stat().st_size for path in folder.glob("2025*.cast")) <= MIB // 2
    assert numbers(folder)[-1] == 4
    assert (folder / "mine.cast").exists()


def test_a_running_one_is_never_deleted(folder: Path) -> None:
    with running(folder, 1, MIB // 2), running(folder, 2, MIB // 4):
        recording(folder, 3, MIB // 4)
        recordings = Recordings(folder, MIB)
        recordings.make_room(1000)
        assert numbers(folder) == [1, 2]
        with pytest.raises(OSError, match="max_bytes"):
            recordings.make_room(MIB // 2)
        assert numbers(folder) == [1, 2]
    recordings.make_room(MIB // 2)
    assert numbers(folder) == [2]


def test_only_so_many_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.shells.recordings.MAX_RECORDINGS", 3)
    for number in range(6):
        recording(folder, number)
    Recordings(folder, 1024 * MIB).make_room(1)
    assert numbers(folder) == [3, 4, 5]


async def test_recordings_together_never_take_more_than_their_bound(folder: Path) -> None:
    recordings = Recordings(folder, MIB)
    problems: list[str] = []
    for _ in range(3):
        for _ in range(2):
            recorder = recordings.start(RecordingMeta("web"), Size(), on_problem=problems.append)
            for _ in range(6):
                recorder.printed(b"x" * 64 * 1024)
            await recorder.close()
    assert problems == []
    assert len(recordings.list()) == 2
    assert sum(info.bytes for info in recordings.list()) <= MIB
    # One alone that is too much stops.
    recorder = recordings.start(RecordingMeta("web"), Size(), on_problem=problems.append)
    for _ in range(40):
        recorder.printed(b"x" * 64 * 1024)
    await recorder.close()
    assert len(problems) == 1
    assert "has stopped: recordings take up all of recording.max_bytes" in problems[0]
    assert sum(info.bytes for info in recordings.list()) <= MIB


DIES = """
import asyncio, os, sys
from pathlib import Path
from engine.core.model import Size
from engine.shells.recorder import Recorder, RecordingMeta

async def main():
    recorder = Recorder.start(Path(sys.argv[1]), RecordingMeta("web"), Size(), "screen")
    while not recorder.path.exists():
        await asyncio.sleep(0.001)
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


def test_a_recording_whose_process_was_killed_is_finished(folder: Path) -> None:
    subprocess.run([sys.executable, "-c", DIES, str(folder)], cwd=ROOT, timeout=60, check=False)
    mark, path = sorted(folder.iterdir(), key=lambda file: file.suffix, reverse=True)
    assert mark.suffix == ".lock"
    recordings = Recordings(folder, MIB)
    (info,) = recordings.list()
    assert not info.running
    assert not mark.exists()
    recordings.delete(info.id)
    assert not path.exists()


def test_a_file_that_cannot_be_probed_counts_as_running(folder: Path) -> None:
    path = recording(folder, 1)
    path.with_suffix(".lock").mkdir()
    assert is_running(path)


def test_two_that_write_at_once_see_each_other(folder: Path) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(running(folder, 1))
        second = stack.enter_context(running(folder, 2))
        assert is_running(first)
        assert is_running(second)
    assert not is_running(first)
