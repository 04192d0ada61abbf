"""Files that only their owner may read, and that the newest state is what is written."""

from __future__ import annotations

import logging
import stat
import sys
import threading
from pathlib import Path

import pytest

from engine.core import private_file
from engine.core.private_file import Writer


def test_what_was_written_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "new" / "file"
    private_file.write(path, b"one")
    private_file.write(path, b"two")
    assert private_file.read(path, 3, "things") == b"two"
    assert private_file.read(tmp_path / "none", 3, "things") is None
    assert caplog.records == []


def test_a_file_that_is_too_large_or_a_folder_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "file"
    private_file.write(path, b"secret")
    assert private_file.read(path, 5, "kept things") is None
    assert private_file.read(tmp_path, 5, "kept things") is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert all("kept things in" in record.getMessage() for record in caplog.records)
    assert "secret" not in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_file_that_others_could_read_is_not_read_and_becomes_private_when_it_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    path.chmod(0o640)
    assert private_file.read(path, 5, "things") is None
    assert "other users" in caplog.text
    private_file.write(path, b"y")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert private_file.read(path, 5, "things") == b"y"


async def test_of_what_was_put_during_a_write_only_the_newest_is_written() -> None:
    written: list[int] = []
    under_way, go_on = threading.Event(), threading.Event()

    def write(value: int) -> bool:
        under_way.set()
        go_on.wait(60)
        written.append(value)
        return True

    writer = Writer(write, "write")
    writer.put(1)
    writer.put(2)
    flushing = writer.flush()
    writer.put(3)
    go_on.set()
    assert await flushing
    assert (written[-1], under_way.is_set()) == (3, True)
    assert len(written) < 3


async def test_a_write_that_failed_is_known_and_may_be_tried_again() -> None:
    works = False
    writer: Writer[str] = Writer(lambda value: works, "write")
    assert await writer.flush()
    writer.put("x")
    assert not await writer.flush()
    assert writer.failed
    works = True
    writer.put("x")
    assert await writer.flush()
    assert not writer.failed
