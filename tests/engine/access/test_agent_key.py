"""The agent's key: kept, private, and of no use to a relay that passes challenges on."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access.agent_key import FILE_NAME, AgentKey, canonical_host, host_of, load_key, verify
from engine.core.errors import RelayRefusedError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

KEY = AgentKey.make()


def test_the_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    first = load_key(folder)
    assert load_key(folder).public == first.public
    assert stat.S_IMODE((folder / FILE_NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "no key", "-----BEGIN PRIVATE KEY-----\n"])
def test_a_damaged_key_is_named_not_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(SettingsError, match=FILE_NAME):
        load_key(tmp_path)
    assert (tmp_path / FILE_NAME).read_text() == text


def test_a_signature_is_for_one_challenge_one_id_and_one_relay() -> None:
    signed = KEY.answer("nonce", "agent", "relay.example")
    assert verify(KEY.public, signed, "nonce", "agent", "relay.example") == KEY.public
    for changed in (
        ("other", "agent", "relay.example"),
        ("nonce", "other", "relay.example"),
        ("nonce", "agent", "evil.example"),
        ("noncea", "gent", "relay.example"),
    ):
        with pytest.raises(RelayRefusedError):
            verify(KEY.public, signed, *changed)
    with pytest.raises(RelayRefusedError):
        verify(AgentKey.make().public, signed, "nonce", "agent", "relay.example")


@given(st.none() | st.text() | st.integers(), st.none() | st.text() | st.integers())
def test_anything_else_is_refused(public: object, signature: object) -> None:
    with pytest.raises(RelayRefusedError):
        verify(public, signature, "n", "a", "h")
    with pytest.raises(RelayRefusedError):
        verify(KEY.public, signature, "n", "a", "h")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Relay.example", "relay.example"),
        ("https://relay.example:443/x", "relay.example"),
        ("http://relay.example:80", "relay.example"),
        ("https://user:pw@relay.example:8443", "relay.example:8443"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("http://[::1]", "[::1]"),
    ],
)
def test_both_ends_write_a_host_alike(url: str, host: str) -> None:
    assert host_of(url) == host
    assert canonical_host(host) == host
