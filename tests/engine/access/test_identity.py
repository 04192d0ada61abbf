"""The agent's id and key: kept whole, and made for one run where they cannot be kept."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine.access import identity
from engine.access.agent_key import FILE_NAME
from engine.core.errors import SettingsError

ROOT = Path(__file__).parents[3]


def test_it_stays_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    first, second = identity.load(folder), identity.load(folder)
    assert (first.agent_id, first.key.public) == (second.agent_id, second.key.public)
    assert not first.problem
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert files == {identity.ID_FILE: 0o600, FILE_NAME: 0o600}


def test_an_id_from_the_settings_is_not_written(tmp_path: Path) -> None:
    assert identity.load(tmp_path, "mine").agent_id == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("content", [b"", b"\n", b"half an i\xff", b"a b\n", b"x" * 1000])
def test_a_damaged_id_is_made_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / identity.ID_FILE).write_bytes(content)
    made = identity.load(tmp_path)
    assert identity.load(tmp_path).agent_id == made.agent_id
    assert len(made.agent_id) == 32


@pytest.mark.parametrize("place", ["below a file", "read-only", "the id is a folder"])
def test_where_nothing_can_be_kept_it_is_for_this_run(tmp_path: Path, place: str) -> None:
    folder = tmp_path
    if place == "below a file":
        folder = tmp_path / "file" / "folder"
        (tmp_path / "file").touch()
    elif place == "read-only":
        folder = Path("/sys/hatchway")
    else:
        (tmp_path / identity.ID_FILE).mkdir()
    first, second = identity.load(folder), identity.load(folder)
    assert str(folder) in first.problem
    assert "at each start" in first.problem
    assert first.agent_id != second.agent_id
    # One id belongs to one key.
    assert first.key.public != second.key.public
    assert identity.load(folder, "mine").agent_id == "mine"


@pytest.mark.parametrize("failing", ["fsync", "link"])
def test_a_full_disk_leaves_no_half_written_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, full)
        patch.setattr(os, "rename", full)
        assert "No space left" in identity.load(tmp_path).problem
        assert list(tmp_path.iterdir()) == []
    assert not identity.load(tmp_path).problem


def test_a_crash_while_it_is_written_leaves_no_empty_key(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys\n"
        "from engine.access import identity\n"
        "os.fsync = lambda _: os._exit(9)\n"
        "identity.load(pathlib.Path(sys.argv[1]))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=False)
    assert ran.returncode == 9
    assert not (tmp_path / FILE_NAME).exists()
    assert not identity.load(tmp_path).problem


def test_a_file_system_without_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", unable)
    first = identity.load(tmp_path)
    assert identity.load(tmp_path).agent_id == first.agent_id
    assert len(list(tmp_path.iterdir())) == 2


def test_two_programs_at_once_are_one_agent(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys\n"
        "from engine.access import identity\n"
        "sys.stdin.read()\n"
        "made = identity.load(pathlib.Path(sys.argv[1]))\n"
        "print(made.agent_id, made.key.public)\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    said = {process.communicate(timeout=60)[0] for process in started}
    assert len(said) == 1


def test_a_damaged_key_is_an_error(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(SettingsError, match="Move or delete the file"):
        identity.load(tmp_path)
