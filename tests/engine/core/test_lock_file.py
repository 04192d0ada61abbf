"""A lock file has one holder at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.core.lock_file import lock

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
