"""Files that matter are whole at every moment, and readable by their owner only."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from engine.core import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WRITERS = [whole_file.replace, whole_file.create]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("write", WRITERS)
def test_a_new_file_is_its_owners_only(
    tmp_path: Path, write: Callable[[Path, bytes], None]
) -> None:
    path = tmp_path / "folder" / "file"
    before = os.umask(0)
    try:
        write(path, b"secret")
    finally:
        os.umask(before)
    assert (path.read_bytes(), mode(path)) == (b"secret", 0o600)
    assert list(path.parent.iterdir()) == [path]


def test_replacing_keeps_who_may_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old, and longer")
    path.chmod(0o640)
    whole_file.replace(path, b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", 0o640)


def test_replacing_follows_a_symbolic_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    whole_file.replace(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_creating_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        whole_file.create(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_creating_works_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "file"
    whole_file.create(path, b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", 0o600)
    with pytest.raises(FileExistsError):
        whole_file.create(path, b"newer")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "disk full")

    monkeypatch.setattr(os, broken, full)
    with pytest.raises(OSError, match="disk full"):
        whole_file.replace(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("write", "names_it"), [(WRITERS[0], "replace"), (WRITERS[1], "link")])
def test_data_is_on_disk_before_the_name_is_and_the_name_at_last(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Path, bytes], None],
    names_it: str,
) -> None:
    steps: list[str] = []

    def noting(name: str) -> None:
        real = getattr(os, name)

        def call(*args: Any) -> object:
            folder = name == "fsync" and stat.S_ISDIR(os.fstat(args[0]).st_mode)
            steps.append(f"{name} of the folder" if folder else name)
            return real(*args)

        monkeypatch.setattr(os, name, call)

    for name in ("fsync", names_it):
        noting(name)
    write(tmp_path / "file", b"data")
    assert steps == ["fsync", names_it, "fsync of the folder"]


def test_a_program_killed_while_it_writes_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    # It dies at the last moment at which the new file does not have the name yet.
    code = (
        "import os, pathlib, signal, sys; from engine.core import whole_file\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "whole_file.replace(pathlib.Path(sys.argv[1]), b'new' * 10000)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code, path], check=False)
    assert ran.returncode < 0
    assert path.read_bytes() == b"old"
    (left,) = (one for one in tmp_path.iterdir() if one != path)
    assert left.name.startswith(whole_file.PREFIX)
