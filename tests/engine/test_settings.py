"""Settings from file, environment and flags; every error names its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SettingsError
from engine.settings import FILE_NAME, Settings, load


def test_defaults_need_no_file() -> None:
    assert load(environ={}) == Settings()


def test_later_sources_win(own_configuration: Path) -> None:
    file = own_configuration / FILE_NAME
    file.write_text("log_level = 'DEBUG'\n[session]\ntimeout = 10\nmax_sessions = 5\n")
    environ = {"HATCHWAY_SESSION__TIMEOUT": "20", "HATCHWAY_SHARE__TARGETS": "a, b"}
    loaded = load(environ=environ, flags={"relay.url": "http://localhost:1"})
    assert loaded.log_level == "DEBUG"
    assert loaded.session.timeout == 20
    assert loaded.session.max_sessions == 5
    assert loaded.share.targets == ("a", "b")
    assert loaded.relay.url == "http://localhost:1"
    assert load(environ=environ, flags={"session.timeout": 30}).session.timeout == 30


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[session]\ntimeout = 'soon'", "session.timeout"),
        ("[session]\ntimeout = -1", "session.timeout"),
        ("[session]\nnope = 1", "session.nope"),
        ("nope = 1", "nope"),
        ("log_level = 'LOUD'", "log_level"),
        ("[relay]\nport = 70000", "relay.port"),
        ("[relay]\nurl = 'ftp://x'", "relay.url"),
        ("[relay]\ntls_cert = 'x'", "relay.tls_cert"),
        ("session = 3", "session"),
        ("[[docker.engines]]\nname = 'a'\n[[docker.engines]]\nname = 'a'", "docker.engines"),
    ],
)
def test_an_error_names_the_key_and_the_file(own_configuration: Path, text: str, key: str) -> None:
    file = own_configuration / FILE_NAME
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(environ={})
    assert caught.value.key == key
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[", b"a = ", b"x" * (1024 * 1024 + 1)])
def test_a_file_that_is_no_settings_file_is_a_clear_error(
    own_configuration: Path, content: bytes
) -> None:
    (own_configuration / FILE_NAME).write_bytes(content)
    with pytest.raises(SettingsError, match=r"settings\.toml"):
        load(environ={})


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path / "missing.toml", environ={})


SECTIONS = st.sampled_from(["session", "relay", "ice", "ui", "x"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text(), lambda c: st.dictionaries(st.text(), c), max_leaves=5
)


@given(st.dictionaries(SECTIONS, VALUES))
def test_any_flags_give_settings_or_a_settings_error(flags: dict[str, Any]) -> None:
    try:
        loaded = load(environ={}, flags=flags)
    except SettingsError:
        return
    assert isinstance(loaded, Settings)
