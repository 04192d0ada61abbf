"""A lock file has one holder at a time."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

import pytest

from engine.core.lock_file import is_locked, lock

if TYPE_CHECKING:
    from pathlib import Path


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = lock(path)
    assert held is not None
    assert lock(path) is None
    held.close()
    again = lock(path)
    assert again is not None
    again.close()


def test_whether_it_is_locked_is_found_without_locking_or_writing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(FileNotFoundError):
        is_locked(path)
    assert not path.exists()
    held = lock(path)
    assert held is not None
    path.chmod(0o400)
    assert is_locked(path)
    held.close()
    assert not is_locked(path)
    # Who is asking at the moment does not make it look locked.
    with path.open("rb") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        assert not is_locked(path)
