"""Where the socket is: the user's runtime folder or one that only the user can use."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from engine.control.socket import place


def test_the_runtime_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    first, *others = place.places(Path("/profile"))
    assert first.parent == tmp_path / "hatchway"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert place.places(Path("/profile")) == others
    assert all(first.name == other.name for other in others)


def test_each_profile_has_its_own(tmp_path: Path) -> None:
    one, two, link = tmp_path / "one", tmp_path / "two", tmp_path / "link"
    one.mkdir()
    link.symlink_to(one)
    assert place.places(one) == place.places(link)
    assert set(place.places(one)).isdisjoint(place.places(two))


def test_a_long_profile_has_a_short_name() -> None:
    assert all(len(path.name) < 32 for path in place.places(Path("/", *["long" * 20] * 20)))


def test_the_folder_is_made_for_its_user_only(tmp_path: Path) -> None:
    path = tmp_path / "hatchway" / "a.sock"
    place.prepare(path)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.parent.chmod(0o777)
    place.prepare(path)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_of_somebody_else_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "made" / "a.sock"
    place.prepare(path)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(PermissionError):
        place.prepare(path)


@pytest.mark.parametrize("kind", ["file", "link", "absent"])
def test_what_is_no_folder_of_this_user_is_not_used(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "made"
    if kind == "file":
        folder.write_text("")
    elif kind == "link":
        (tmp_path / "real").mkdir()
        folder.symlink_to(tmp_path / "real")
    else:
        folder = tmp_path / "absent" / "hatchway"
    with pytest.raises(OSError):  # noqa: PT011
        place.prepare(folder / "a.sock")


def test_the_kernel_says_whose_the_other_end_is() -> None:
    one, two = socket.socketpair()
    with one, two:
        assert place.peer_uid(one) == os.geteuid()
        assert place.is_ours(two)
    assert place.peer_uid(one) is None
