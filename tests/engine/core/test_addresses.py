"""Which names and addresses are this machine's own."""

from __future__ import annotations

import pytest

from engine.core.addresses import is_loopback


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"]
)
def test_names_of_this_machine_only(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "0.0.0.0", "::", "128.0.0.1", "::ffff:10.0.0.1", "127.0.0.1.example.org", "127.1",
     "localhost.example.org", "[::1]", "127.0.0.1:80", "\0"],
)  # fmt: skip
def test_anything_else(host: str) -> None:
    assert not is_loopback(host)
