"""Settings from file, environment and flags; every error names its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import SettingsError
from engine.core.settings import (
    FILE_NAME,
    MAX_FLAWS,
    Settings,
    TerminalSettings,
    check_file,
    config_dir,
    data_dir,
    load,
    read,
    validate,
)


def test_defaults_need_no_file() -> None:
    assert load(environ={}) == Settings()


def test_nothing_is_recorded_by_default() -> None:
    recording = Settings().recording
    assert (recording.enabled, recording.input, recording.targets) == (False, False, ())
    assert recording.max_bytes == 2 * 1024**3


def test_large_files_are_apart_from_the_configuration_but_in_one_profile(
    own_configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data_dir() == config_dir() == own_configuration
    monkeypatch.delenv("HATCHWAY_CONFIG_DIR")
    assert data_dir().name == config_dir().name
    assert data_dir() != config_dir()


def test_later_sources_win(own_configuration: Path) -> None:
    file = own_configuration / FILE_NAME
    file.write_text("log_level = 'DEBUG'\n[session]\ntimeout = 10\nmax_sessions = 5\n")
    environ = {
        "HATCHWAY_SESSION__TIMEOUT": "20",
        "HATCHWAY_SHARE__TARGETS": "a, b",
        "HATCHWAY_RECORDING__TARGETS": "c,d",
    }
    loaded = load(environ=environ, flags={"relay.url": "http://localhost:1"})
    assert loaded.log_level == "DEBUG"
    assert loaded.session.timeout == 20
    assert loaded.session.max_shells == 5
    assert loaded.share.targets == ("a", "b")
    assert loaded.recording.targets == ("c", "d")
    assert loaded.relay.url == "http://localhost:1"
    assert load(environ=environ, flags={"session.timeout": 30}).session.timeout == 30


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[relay]\nport = 70000", "relay.port"),
        ("[relay]\nurl = 'ftp://x'", "relay.url"),
        ("[relay]\ntoken = 5", "relay.token"),
        ("[relay]\ntls_cert = 'x'", "relay.tls_cert"),
        ("relay = 'https://x'", "relay"),
        ("[ice]\nrelay_only = 'yes'", "ice.relay_only"),
        ("ice = 1", "ice"),
        ("[[ice.servers]]\nurl = 'turn:x'", "ice.servers"),
        ("[share]\nlink_seconds = 'one hour'", "share.link_seconds"),
        ("[share]\nunattended = 'ask'", "share.unattended"),
        ("[share]\ntargets = 'web'", "share.targets"),
        ("[docker]\nenabled = 'no'", "docker.enabled"),
        ("[recording]\ninput = 'never'", "recording.input"),
        # The default would delete what was to be kept.
        ("[recording]\nmax_bytes = '100 GB'", "recording.max_bytes"),
        ("[recording]\nmax_byte = 100_000_000_000", "recording.max_byte"),
        ("[[docker.engines]]\nname = 'a'\n[[docker.engines]]\nname = 'a'", "docker.engines"),
        # Without the misspelled key more would be allowed than was meant.
        ("[ice]\nrelay_onyl = true", "ice.relay_onyl"),
        ("[ise]\nrelay_only = true", "ise.relay_only"),
        ("relay_only = true", "relay_only"),
        ("[share]\nsingleuse = true", "share.singleuse"),
    ],
)
@pytest.mark.parametrize("lenient", [False, True])
def test_what_must_not_be_guessed_is_an_error_that_names_key_and_file(
    own_configuration: Path, text: str, key: str, lenient: bool
) -> None:
    file = own_configuration / FILE_NAME
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read(environ={}, lenient=lenient)
    assert caught.value.key == key
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "key", "allowed"),
    [
        ("[session]\ntimeout = 'soon'", "session.timeout", "float"),
        ("[session]\ntimeout = -1", "session.timeout", ">= 0.0; 300.0 is used"),
        ("[session]\ntimeout_warning = nan", "session.timeout_warning", "30.0 is used"),
        ("[session]\ntimeout_warning = inf", "session.timeout_warning", "finite"),
        ("[session]\nnope = 1", "session.nope", "no effect"),
        ("nope = 1", "nope", "no effect"),
        ("[future.section]\nx = 1", "future", "no effect"),
        ("[ice]\nmdns = true", "ice.mdns", "no effect"),
        ("[[docker.engines]]\ncolor = 1", "docker.engines[0].color", "no effect"),
        ("[relay]\nheartbeat = 0", "relay.heartbeat", "5.0 is used"),
        ("log_level = 'LOUD'", "log_level", "DEBUG, INFO, WARNING"),
        ("session = 3", "session", "a table"),
        ("[ui]\ncursor_shape = 'x'", "ui.cursor_shape", "'block', 'underline', 'bar'"),
    ],
)
def test_other_mistakes_in_the_file_are_warnings_and_the_rest_is_used(
    own_configuration: Path, text: str, key: str, allowed: str
) -> None:
    file = own_configuration / FILE_NAME
    file.write_text(f"{text}\n[terminal]\nread_chunk = 2048\n")
    loaded = read(environ={})
    assert (loaded.file, loaded.broken) == (file, False)
    (flaw,) = loaded.flaws
    assert flaw.startswith(f"{key}: ")
    assert allowed in flaw
    assert loaded.settings == Settings(terminal=TerminalSettings(read_chunk=2048))


def test_older_names_of_limits_keep_their_values(own_configuration: Path) -> None:
    file = own_configuration / FILE_NAME
    file.write_text("[session]\nmax_sessions = 5\nmax_sessions_per_guest = 3\n")
    loaded = read(environ={})
    assert (loaded.settings.session.max_shells, loaded.flaws) == (5, ())
    assert loaded.settings.session.max_shells_per_guest == 3
    environ = {"HATCHWAY_SESSION__MAX_SESSIONS": "7"}
    assert load(environ=environ).session.max_shells == 7
    environ["HATCHWAY_SESSION__MAX_SHELLS"] = "8"
    assert load(environ=dict(reversed(environ.items()))).session.max_shells == 8
    assert load(environ=environ).session.max_shells == 8


@pytest.mark.parametrize(
    "lines", [("max_shells = 8", "max_sessions = 5"), ("max_sessions = 5", "max_shells = 8")]
)
def test_the_present_name_of_a_limit_wins(own_configuration: Path, lines: tuple[str, str]) -> None:
    text = "\n".join(("[session]", *lines))
    (own_configuration / FILE_NAME).write_text(text)
    loaded = read(environ={})
    assert loaded.settings.session.max_shells == 8
    assert loaded.flaws == (
        "session.max_sessions: is now session.max_shells, which is used instead",
    )


def test_a_mistake_under_an_older_name_is_named_as_it_is_written(own_configuration: Path) -> None:
    (own_configuration / FILE_NAME).write_text("[session]\nmax_sessions = 0\n")
    loaded = read(environ={})
    assert loaded.settings.session.max_shells == Settings().session.max_shells
    (flaw,) = loaded.flaws
    assert flaw.startswith("session.max_sessions: ")


def test_a_thousand_mistakes_are_counted(own_configuration: Path) -> None:
    (own_configuration / FILE_NAME).write_text("\n".join(f"x{n} = 1" for n in range(1000)))
    flaws = read(environ={}).flaws
    assert len(flaws) == MAX_FLAWS + 1
    assert flaws[-1] == "and 980 more"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"], ids=str
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_what_editors_on_windows_write_is_read(
    own_configuration: Path, encoding: str, newline: str
) -> None:
    mark = "\ufeff" if encoding.endswith(("-le", "-be")) else ""
    text = f"{mark}[agent]\nname = 'Büro'\n".replace("\n", newline)
    (own_configuration / FILE_NAME).write_bytes(text.encode(encoding))
    loaded = read(environ={})
    assert (loaded.settings.agent.name, loaded.flaws) == ("Büro", ())


@pytest.mark.parametrize(
    "content",
    [
        *(b"\xff\xfd", b"\xff\xfeX", b"[", b"a = ", b"a = " + b"9" * 5000, b"\0"),
        b"a = " + b"[" * 100_000,
        b"x" * (1024 * 1024 + 1),
    ],
    ids=lambda content: repr(content[:6]),
)
def test_a_file_that_is_no_settings_file_is_a_clear_error(
    own_configuration: Path, content: bytes
) -> None:
    (own_configuration / FILE_NAME).write_bytes(content)
    with pytest.raises(SettingsError, match=r"settings\.toml"):
        load(environ={})


def test_the_window_starts_with_defaults_where_the_file_is_no_toml(
    own_configuration: Path,
) -> None:
    file = own_configuration / FILE_NAME
    file.write_text("[ui]\nfont_size = 13\n[session\n")
    loaded = read(environ={"HATCHWAY_SESSION__TIMEOUT": "20"}, lenient=True)
    assert loaded.broken
    assert (loaded.settings.ui.font_size, loaded.settings.session.timeout) == (11.0, 20)
    assert "line 3" in loaded.flaws[0]
    with pytest.raises(SettingsError, match="not valid TOML"):
        read(file, environ={}, lenient=True)  # given for this very run
    file.write_text("[ice]\nrelay_only = true\n[session\n")
    with pytest.raises(SettingsError, match="not valid TOML"):
        read(environ={}, lenient=True)


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({"HATCHWAY_LOG_LEVEL": "INFO", "HATCHWAY_LOG_LEVEL__X": "1"}, "HATCHWAY_LOG_LEVEL__X"),
        ({"HATCHWAY_LOG_LEVEL__X": "1", "HATCHWAY_LOG_LEVEL": "INFO"}, "HATCHWAY_LOG_LEVEL__X"),
        ({"HATCHWAY_RELAY__PORT__X": "1"}, "HATCHWAY_RELAY__PORT__X"),
        ({"HATCHWAY_RELAY__PORT": "x"}, "HATCHWAY_RELAY__PORT"),
        ({"HATCHWAY_SESSION__NOPE": "1"}, "HATCHWAY_SESSION__NOPE"),
        ({"HATCHWAY_RELAY__TOKEN": "\udcff"}, "HATCHWAY_RELAY__TOKEN"),
        ({"HATCHWAY___X": "1"}, "HATCHWAY___X"),
    ],
)
def test_an_error_names_the_variable(environ: dict[str, str], variable: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(environ=environ)
    assert str(caught.value).endswith(f"(environment variable {variable})")


def test_two_variables_that_need_each_other_may_come_in_any_order() -> None:
    environ = {"HATCHWAY_RELAY__TLS_CERT": "a", "HATCHWAY_RELAY__TLS_KEY": "b"}
    assert load(environ=environ).relay.tls_key == "b"
    del environ["HATCHWAY_RELAY__TLS_KEY"]
    with pytest.raises(SettingsError, match=r"tls_key as well \(environment\)"):
        load(environ=environ)


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


@given(st.dictionaries(SECTIONS, VALUES))
def test_any_file_gives_settings_or_a_settings_error(values: dict[str, Any]) -> None:
    try:
        usable, flaws = check_file(values, "a file")
    except SettingsError:
        return
    assert isinstance(validate(usable, "a file"), Settings)
    assert bool(flaws) is (usable != values)
