"""The oracle itself: its packages, and that it tells what xterm.js shows, not how it keeps it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.engine.emulator.oracle import FOLDER, PLAIN, TRUECOLOR, Oracle, OracleError, missing

if TYPE_CHECKING:
    from collections.abc import Iterator

COLS, ROWS = 10, 3
UNDERLINE, UNDERLINE_COLOR = 5, 11
"""Places in a Look."""


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    if reason := missing():
        pytest.skip(reason)
    with Oracle() as oracle:
        yield oracle


def test_the_lock_names_no_address_and_checks_every_package() -> None:
    lock = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert "resolved" not in entry, name
        assert entry["integrity"].startswith("sha512-"), name


def test_every_dependency_is_one_exact_version() -> None:
    package = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    for name, version in package["dependencies"].items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name


@pytest.mark.parametrize(
    ("data", "underline", "color"),
    [
        (b"x", 0, -1),
        (b"\x1b[4mx", 1, -1),
        (b"\x1b[4:3;58;5;9mx", 3, 9),
        (b"\x1b[4;58;2;1;2;3mx", 1, TRUECOLOR | 0x010203),
        (b"\x1b[4;58;5;9;59mx", 1, -1),
        (b"\x1b]8;;http://x/\x07x", 0, -1),
        (b"\x1b]8;;http://x/\x07\x1b[4:3mx", 3, -1),
    ],
)
def test_underlines_are_those_of_sgr(
    oracle: Oracle, data: bytes, underline: int, color: int
) -> None:
    terminal = oracle.terminal(COLS, ROWS)
    terminal.feed(data)
    text, look = terminal.cells(0)[0]
    assert (text, look[UNDERLINE], look[UNDERLINE_COLOR]) == ("x", underline, color)
    assert terminal.cells(0)[1] == (" ", PLAIN)
    terminal.close()


def test_a_row_ends_at_the_width_of_the_screen(oracle: Oracle) -> None:
    terminal = oracle.terminal(COLS, ROWS)
    terminal.feed(b"\x1b[?1049h0123456789")
    terminal.resize(ROWS, 5)
    assert terminal.screen().text[0] == "01234"
    terminal.close()


def test_what_it_cannot_do_is_an_error(oracle: Oracle) -> None:
    with pytest.raises(OracleError, match="not a function"):
        oracle.ask(op="fly")
