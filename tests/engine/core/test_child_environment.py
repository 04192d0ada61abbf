"""What a program started by a packed Hatchway sees of its environment."""

from __future__ import annotations

import sys

import pytest

from engine.core.child_environment import child_environment


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)


def test_unpacked_it_is_a_copy_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/mine")
    environment = child_environment()
    assert environment["LD_LIBRARY_PATH"] == "/opt/mine"
    environment["HATCHWAY_TEST_ONLY"] = "1"
    assert "HATCHWAY_TEST_ONLY" not in child_environment()


@pytest.mark.usefixtures("frozen")
def test_packed_it_has_the_users_linker_path_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/bundle")
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/opt/mine")
    environment = child_environment()
    assert environment["LD_LIBRARY_PATH"] == "/opt/mine"
    assert "LD_LIBRARY_PATH_ORIG" not in environment


@pytest.mark.usefixtures("frozen")
def test_packed_it_has_no_linker_path_when_the_user_had_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/bundle")
    monkeypatch.delenv("LD_LIBRARY_PATH_ORIG", raising=False)
    assert "LD_LIBRARY_PATH" not in child_environment()


@pytest.mark.usefixtures("frozen")
def test_packed_it_carries_no_notes_of_the_bootloader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_PYI_ARCHIVE_FILE", "/dist/hatchway")
    monkeypatch.setenv("_PYI_APPLICATION_HOME_DIR", "/bundle")
    assert not [name for name in child_environment() if name.startswith("_PYI_")]


@pytest.mark.usefixtures("frozen")
def test_packed_it_points_no_other_program_into_the_bundle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "_MEIPASS", "/tmp/_MEI123", raising=False)
    monkeypatch.setenv("QT_PLUGIN_PATH", "/tmp/_MEI123/PySide6/Qt/plugins")
    monkeypatch.setenv("HATCHWAY_TEST_ONLY", "kept")
    environment = child_environment()
    assert "QT_PLUGIN_PATH" not in environment
    assert environment["HATCHWAY_TEST_ONLY"] == "kept"
