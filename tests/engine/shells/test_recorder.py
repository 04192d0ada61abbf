"""A recorder: what is in its file, that it never waits, and how it stops."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import stat
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.core.model import Size
from engine.shells.asciicast import Event, Header, Origin, read_recording
from engine.shells.backlog import MAX_WAITING
from engine.shells.recorder import GAP_SECONDS, Recorder, RecordingMeta
from tests.engine.shells.test_asciicast import follows_the_specification
from tests.engine.until import until

META = RecordingMeta("web-1", shell="s1")
SIZE = Size(80, 24)
ROOT = Path(__file__).parents[3]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Disk:
    """Stands in the way of each write until ``free`` is set, or fails it."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.asked = threading.Event()
        self.fails: OSError | None = None

    def __call__(self, count: int) -> None:
        assert count > 0
        self.asked.set()
        assert self.free.wait(60)
        if self.fails is not None:
            raise self.fails


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "recordings"


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def modes(*paths: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in paths}


def open_to_all(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)


async def begun(recorder: Recorder) -> None:
    """Its file has a header."""
    await until(lambda: recorder.path.exists() and recorder.path.stat().st_size)


def events_of(recorder: Recorder) -> list[Event]:
    return list(read_recording(recorder.path)[1])


async def test_a_recording_has_everything_in_order_and_follows_the_specification(
    folder: Path,
) -> None:
    clock = Clock()
    recorder = Recorder.start(
        folder, META, SIZE, "\x1b[2Jscreen €", input=True, clock=clock, now=lambda: 1_700_000_000.5
    )
    assert recorder.is_recording
    assert recorder.since == 1_700_000_000.5
    recorder.printed(b"a")
    clock.now += 0.25
    recorder.typed(b"ls\r")
    recorder.resized(Size(100, 30))
    clock.now += 1.5
    recorder.printed(b"b\xe2")
    recorder.printed(b"\x82\xac")
    recorder.marker("Maria joined")
    await recorder.close()
    header, events = read_recording(recorder.path)
    assert header == Header(
        version=2,
        width=80,
        height=24,
        timestamp=1_700_000_000,
        title="web-1",
        env={"TERM": "xterm-256color"},
        hatchway=Origin(target="web-1", shell="s1"),
    )
    expected = [
        (0.0, "o", "\x1b[2Jscreen €"),
        (0.0, "o", "a"),
        (0.25, "i", "ls\r"),
        (0.25, "r", "100x30"),
        (1.75, "o", "b"),
        (1.75, "o", "€"),
        (1.75, "m", "Maria joined"),
    ]
    assert list(events) == expected
    assert not recorder.is_recording
    assert follows_the_specification(recorder.path.read_bytes()) == [list(e) for e in expected]


async def test_input_is_recorded_only_if_that_was_asked_for(folder: Path) -> None:
    recorder = Recorder.start(folder, META, SIZE)
    recorder.typed(b"secret")
    recorder.printed(b"x")
    await recorder.close()
    assert [event[1:] for event in events_of(recorder)] == [("o", "x")]
    assert b"secret" not in recorder.path.read_bytes()


async def test_a_screen_may_be_bytes_and_end_anywhere(folder: Path) -> None:
    recorder = Recorder.start(folder, META, SIZE, "a€".encode()[:-1])
    # The bytes that complete a character here would belong to another one.
    recorder.printed(b"\xacb")
    await recorder.close()
    assert [event.data for event in events_of(recorder)] == ["a\ufffd", "\ufffdb"]


async def test_an_unfinished_character_at_the_end_is_replaced(folder: Path) -> None:
    recorder = Recorder.start(folder, META, SIZE)
    recorder.printed(b"a\xe2\x82")
    await recorder.close()
    assert "".join(event.data for event in events_of(recorder)) == "a\ufffd"


async def test_nobody_else_can_read_it(folder: Path) -> None:
    open_to_all(folder)
    recorder = Recorder.start(folder, META, SIZE)
    await begun(recorder)
    assert modes(folder) == {0o700}
    inside = files(folder)
    assert recorder.path in inside
    assert modes(*inside) == {0o600}
    await recorder.close()
    assert files(folder) == [recorder.path]


@pytest.mark.parametrize(
    ("target", "part"),
    [
        ("web-1", "web-1"),
        ("This computer", "This_computer"),
        ("build/web", "build_web"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "shell"),
        ("", "shell"),
        ("a\n\x1b\0\ud800\u202e", "a_"),
        ("x" * 500, "x" * 60),
    ],
)
async def test_it_is_named_by_date_and_target(folder: Path, target: str, part: str) -> None:
    recorder = Recorder.start(folder, RecordingMeta(target), SIZE, now=lambda: 1_700_000_000.0)
    assert recorder.path.parent == folder
    pattern = rf"20231114T221320Z-{re.escape(part)}-[0-9a-f]{{12}}\.cast"
    assert re.fullmatch(pattern, recorder.path.name)
    await recorder.close()
    assert events_of(recorder) == []


async def test_two_recordings_of_one_target_at_once_have_two_files(folder: Path) -> None:
    both = [Recorder.start(folder, META, SIZE, now=lambda: 0.0) for _ in range(2)]
    for recorder in both:
        await recorder.close()
    assert len(files(folder)) == 2


async def test_nothing_is_lost_or_uncounted_while_both_threads_are_busy(folder: Path) -> None:
    recorder = Recorder.start(folder, META, SIZE)
    await begun(recorder)
    chunks = [b"%d," % n * (n % 300) for n in range(30_000)]
    for at, chunk in enumerate(chunks):
        recorder.printed(chunk)
        if at % 100 == 0:
            await asyncio.sleep(0)
    await recorder.close()
    events = events_of(recorder)
    written = "".join(event.data for event in events if event.kind == "o")
    marks = [event.data for event in events if event.kind == "m"]
    missing = sum(int(mark.split()[1]) for mark in marks)
    assert len(written) + missing == sum(map(len, chunks))
    if not marks:
        assert written == b"".join(chunks).decode()


async def test_it_can_be_read_while_it_is_written(folder: Path) -> None:
    recorder = Recorder.start(folder, META, SIZE)
    await begun(recorder)
    recorder.printed(b"one")
    await until(lambda: [event.data for event in events_of(recorder)] == ["one"])
    recorder.printed(b"two")
    await until(lambda: [event.data for event in events_of(recorder)] == ["one", "two"])
    await recorder.close()


KILLED = """
import asyncio, sys
from pathlib import Path
from engine.core.model import Size
from engine.shells.recorder import Recorder, RecordingMeta

async def main():
    recorder = Recorder.start(Path(sys.argv[1]), RecordingMeta("web"), Size(), "screen")
    print(recorder.path, flush=True)
    for n in range(10**9):
        recorder.printed(b"%d " % n * 50)
        await asyncio.sleep(0.001)

asyncio.run(main())
"""


async def test_after_a_kill_what_was_written_can_be_read(folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, str(folder), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    path = Path((await process.stdout.readline()).decode().strip())
    try:
        await until(lambda: path.exists() and path.stat().st_size > 20_000)
    finally:
        process.kill()
        await process.wait()
    header, events = read_recording(path)
    assert header.hatchway == Origin(target="web")
    first, *rest = [event.data for event in events]
    assert first == "screen"
    assert len(rest) > 10
    assert rest == [f"{n} " * 50 for n in range(len(rest))]


async def test_a_disk_that_hangs_makes_nobody_wait_and_leaves_a_marked_gap(folder: Path) -> None:
    clock, disk, gaps = Clock(), Disk(), list[str]()
    recorder = Recorder.start(folder, META, SIZE, on_gap=gaps.append, make_room=disk, clock=clock)
    chunk = b"x" * 64 * 1024
    total = 3 * MAX_WAITING // len(chunk)
    for _ in range(total):
        clock.now += 0.001
        recorder.printed(chunk)
    (text,) = gaps
    assert text.startswith("The recording of web-1 has a gap: ")
    recorder.resized(Size(90, 40))
    disk.free.set()
    await recorder.close()
    events = events_of(recorder)
    written = sum(len(event.data) for event in events if event.kind == "o")
    assert 0 < written <= MAX_WAITING
    *_, mark, size = events
    assert mark.kind == "m"
    assert mark.data == f"Gap: {total * len(chunk) - written} bytes of output missing"
    assert size[1:] == ("r", "90x40")
    assert all(a.seconds <= b.seconds for a, b in pairwise(events))


async def test_the_host_is_not_flooded_with_gaps(folder: Path) -> None:
    clock, disk, gaps = Clock(), Disk(), list[str]()
    recorder = Recorder.start(folder, META, SIZE, on_gap=gaps.append, make_room=disk, clock=clock)
    disk.free.set()
    big = b"x" * (MAX_WAITING + 1)  # more than has room at any time: each is a gap
    for seconds, reported in ((0, 1), (GAP_SECONDS / 2, 1), (GAP_SECONDS, 2)):
        clock.now += seconds
        recorder.printed(big)
        recorder.printed(b"x")
        assert len(gaps) == reported
    await recorder.close()
    missing = f"Gap: {len(big)} bytes of output missing"
    assert [e.data for e in events_of(recorder) if e.kind == "m"] == [missing] * 3


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device"),
        (OSError(errno.EACCES, "Permission\n\x1b denied"), r"Permission\n\x1b denied"),
        (OSError("odd"), "odd"),
    ],
)
@pytest.mark.parametrize("first", [True, False], ids=["first write", "later"])
async def test_a_problem_is_reported_once_and_ends_the_recording(
    folder: Path, error: OSError, words: str, first: bool
) -> None:
    disk, problems = Disk(), list[str]()
    disk.free.set()
    if first:
        disk.fails = error
    recorder = Recorder.start(
        folder, META, SIZE, "screen", on_problem=problems.append, make_room=disk
    )
    if not first:
        await begun(recorder)
        disk.fails = error
    recorder.printed(b"x")
    await until(lambda: problems)
    assert problems == [f"The recording of web-1 has stopped: {words}"]
    assert not recorder.is_recording
    recorder.printed(b"y")
    recorder.resized(SIZE)
    recorder.marker("z")
    await recorder.close()
    await recorder.close()
    assert len(problems) == 1
    if not first:
        assert [event.data for event in events_of(recorder)] == ["screen"]


async def test_a_folder_that_cannot_be_made_is_such_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    problems: list[str] = []
    recorder = Recorder.start(tmp_path / "file" / "x", META, SIZE, on_problem=problems.append)
    await until(lambda: problems)
    assert "has stopped: Not a directory" in problems[0]
    await recorder.close()


SMALL_FILES = """
import asyncio, resource, signal, sys
from pathlib import Path
from engine.core.model import Size
from engine.shells.recorder import Recorder, RecordingMeta

async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
    problems = []
    recorder = Recorder.start(
        Path(sys.argv[1]), RecordingMeta("web"), Size(), on_problem=problems.append
    )
    while not problems:
        recorder.printed(b"x" * 999)
        await asyncio.sleep(0.001)
    await recorder.close()
    print(recorder.path, problems, sep="\\n")

asyncio.run(main())
"""


def test_a_file_that_cannot_grow_keeps_whole_lines_only(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SMALL_FILES, str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    path, problems = done.stdout.splitlines()
    assert problems == "['The recording of web has stopped: File too large']"
    assert "Traceback" not in done.stderr
    follows_the_specification(Path(path).read_bytes())


async def test_closing_waits_for_a_disk_that_hangs_no_longer_than_its_limit(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("engine.shells.recorder.CLOSE_SECONDS", 0.01)
    disk = Disk()
    recorder = Recorder.start(folder, META, SIZE, "screen", make_room=disk)
    recorder.printed(b"x")
    await recorder.close()
    assert "still being written" in caplog.text
    disk.free.set()
    monkeypatch.setattr("engine.shells.recorder.CLOSE_SECONDS", 60)
    await recorder.close()
    assert [event.data for event in events_of(recorder)] == ["screen", "x"]


async def test_closing_twice_at_once_is_one_close(folder: Path) -> None:
    recorder = Recorder.start(folder, META, SIZE, "screen")
    await asyncio.gather(recorder.close(), recorder.close())
    assert len(events_of(recorder)) == 1


async def test_without_threads_to_be_had_there_is_no_recording(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: Any) -> None:
        raise RuntimeError("can't start new thread")

    problems: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        recorder = Recorder.start(folder, META, SIZE, on_problem=problems.append)
    recorder.printed(b"x")
    await recorder.close()
    assert problems == ["The recording of web-1 has stopped: can't start new thread"]


async def test_a_shell_that_prints_byte_by_byte_takes_bounded_memory(folder: Path) -> None:
    disk, gaps = Disk(), list[str]()
    recorder = Recorder.start(folder, META, SIZE, on_gap=gaps.append, make_room=disk)
    for _ in range(MAX_WAITING // 100):
        recorder.printed(b"x")
    assert gaps
    disk.free.set()
    await recorder.close()
