"""Settings written back: the rest of the file stays, and it is whole or untouched."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from engine.core import settings, settings_file
from engine.core.errors import SettingsError
from engine.core.settings_text import MAX_FILE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
# Ours.
log_level = "DEBUG"  # while testing

[relay]
url = "https://relay.example"  # the office's

[ui]
font_size = 12.0
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "settings.toml"


def test_a_new_file_is_read_back(path: Path) -> None:
    settings_file.write(path, {"ui.font_size": 14.5, "ui.font_family": "Mono", "log_level": "INFO"})
    loaded = settings.load(path, environ={})
    assert (loaded.ui.font_size, loaded.ui.font_family) == (14.5, "Mono")
    assert loaded.log_level == "INFO"


def test_comments_and_other_keys_stay(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(FILE)
    settings_file.write(path, {"ui.font_size": 9.0, "ui.cursor_blink": False})
    text = path.read_text()
    assert text == FILE.replace("12.0", "9.0") + "cursor_blink = false\n"


def test_who_may_read_it_stays(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(FILE)
    path.chmod(0o640)
    settings_file.write(path, {"ui.font_size": 9.0})
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    new = path.with_name("new.toml")
    settings_file.write(new, {"ui.font_size": 9.0})
    assert stat.S_IMODE(new.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("values", "key"),
    [({"ui.font_size": 1000.0}, "ui.font_size"), ({"ui.nothing": 1}, "ui.nothing")],
)
def test_what_could_not_be_loaded_is_not_written(
    path: Path, values: dict[str, object], key: str
) -> None:
    path.parent.mkdir()
    path.write_text(FILE)
    with pytest.raises(SettingsError, match=key):
        settings_file.write(path, values)
    assert path.read_text() == FILE
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "content", [b"ui = [", b"\xff\xfd", b"ui = 3", b"#" * (MAX_FILE_BYTES + 1)]
)
def test_a_broken_file_is_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(SettingsError):
        settings_file.write(path, {"ui.font_size": 9.0})
    assert path.read_bytes() == content


def test_a_folder_in_its_place_is_an_error_in_words(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(SettingsError, match="cannot be read"):
        settings_file.write(path, {"ui.font_size": 9.0})


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    real = tmp_path / "real.toml"
    real.write_text(FILE)
    path.symlink_to(real)
    settings_file.write(path, {"ui.font_size": 9.0})
    assert path.is_symlink()
    assert "9.0" in real.read_text()


def test_mistakes_and_keys_of_other_versions_stay(path: Path) -> None:
    path.parent.mkdir()
    text = "[ui]\nfont_size = 12.0\nhue = 3\n[session]\ntimeout = 'soon'\n[new]\nx = 1\n"
    path.write_text(text)
    settings_file.write(path, {"ui.font_size": 9.0})
    assert path.read_text() == text.replace("12.0", "9.0")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be"], ids=str)
def test_the_form_of_the_file_stays(path: Path, encoding: str) -> None:
    path.parent.mkdir()
    mark = "" if encoding == "utf-8-sig" else "\ufeff"
    text = mark + FILE.replace("\n", "\r\n")
    path.write_bytes(text.encode(encoding))
    settings_file.write(path, {"ui.font_size": 9.0, "ui.font_family": "Ä"})
    expected = text.replace("12.0", "9.0") + 'font_family = "Ä"\r\n'
    assert path.read_bytes() == expected.encode(encoding)
    assert settings.load(path, environ={}).ui.font_family == "Ä"


def test_a_full_disk_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    path.write_text(FILE)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsError, match="No space left"):
        settings_file.write(path, {"ui.font_size": 9.0})
    assert path.read_text() == FILE
    assert list(path.parent.iterdir()) == [path]
