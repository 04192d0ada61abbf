"""Searching: every match, over wrapped lines, while output comes, whatever the pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.emulator import Terminal
from gui.terminal.source import Viewed
from gui.terminal.text.find import MAX_PATTERN, Find, Match
from gui.terminal.text.selection import Place

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def terminal() -> Terminal:
    return Terminal(20, 5)


@pytest.fixture
def find(terminal: Terminal) -> Find:
    return Find(Viewed(terminal))


def search(qtbot: QtBot, terminal: Terminal, find: Find, text: str, **how: bool) -> list[str]:
    """The matches' texts, in order."""
    find.look_for(text, **how)
    qtbot.waitUntil(lambda: not find.searching)
    rows = range(-len(terminal.scrollback), terminal.rows)
    return [
        terminal.line(row).slice(start, end)
        for row in rows
        for start, end, _ in find.on_row(terminal.scrolled + row)
    ]


def test_text_is_found_in_history_and_on_screen(
    qtbot: QtBot, terminal: Terminal, find: Find
) -> None:
    terminal.feed(b"".join(b"one Two %d\r\n" % n for n in range(12)) + b"two")
    assert search(qtbot, terminal, find, "two") == ["Two"] * 12 + ["two"]
    assert search(qtbot, terminal, find, "two", case=True) == ["two"]
    assert search(qtbot, terminal, find, r"[ot]\w+ ", as_regex=True)[:2] == ["one ", "Two "]
    assert search(qtbot, terminal, find, r"\d+$", as_regex=True) == [str(n) for n in range(12)]
    assert search(qtbot, terminal, find, "[ot]") == []
    assert search(qtbot, terminal, find, "") == []
    assert not find.active


def test_a_match_over_the_end_of_a_row(qtbot: QtBot, terminal: Terminal, find: Find) -> None:
    terminal.feed(b"x" * 17 + b"needle and more")
    find.look_for("needle")
    qtbot.waitUntil(lambda: not find.searching)
    name = terminal.scrolled
    assert find.step(1, Place(0, 0)) == Match(Place(name, 17), Place(name + 1, 3))
    assert find.on_row(name) == [(17, 20, True)]
    assert find.on_row(name + 1) == [(0, 3, True)]


def test_wide_characters_are_counted_as_cells(qtbot: QtBot, terminal: Terminal, find: Find) -> None:
    terminal.feed("日本 needle".encode())
    find.look_for("needle")
    qtbot.waitUntil(lambda: not find.searching)
    assert find.on_row(0) == [(5, 11, False)]


def test_stepping_goes_round(qtbot: QtBot, terminal: Terminal, find: Find) -> None:
    terminal.feed(b"a1\r\na2\r\na3")
    search(qtbot, terminal, find, "a")
    assert find.position == 0
    places = [find.step(-1, Place(9, 0)) for _ in range(4)]
    assert [match.start.line for match in places if match] == [2, 1, 0, 2]
    assert find.position == 3
    assert find.step(1, Place(0, 0)) == places[2]


def test_new_output_is_searched_and_what_went_is_forgotten(qtbot: QtBot) -> None:
    terminal = Terminal(20, 5, scrollback=10)
    find = Find(Viewed(terminal))
    terminal.feed(b"needle\r\n")
    assert len(search(qtbot, terminal, find, "needle")) == 1
    terminal.feed(b"\r\n" * 8 + b"needle")
    find.refresh()
    qtbot.waitUntil(lambda: find.count == 2)
    terminal.feed(b"\x1b[2K")
    find.refresh()
    qtbot.waitUntil(lambda: find.count == 1)
    terminal.feed(b"\r\n" * 40)
    find.refresh()
    qtbot.waitUntil(lambda: find.count == 0)


def test_all_of_a_long_history_is_searched_in_slices(qtbot: QtBot) -> None:
    terminal = Terminal(80, 24)
    find = Find(Viewed(terminal))
    terminal.feed(b"".join(b"some text and number %d\r\n" % n for n in range(8000)))
    slices = 0

    def count() -> None:
        nonlocal slices
        slices += 1

    find.changed.connect(count)
    find.look_for("number")
    qtbot.waitUntil(lambda: find.count == 8000 and not find.searching, timeout=20_000)
    assert slices > 2


@pytest.mark.parametrize("pattern", ["(", "[a", "*", "(?P<", "a" * (MAX_PATTERN + 1), "\\"])
def test_a_pattern_that_is_none_is_a_problem_in_words(find: Find, pattern: str) -> None:
    find.look_for(pattern, as_regex=True)
    assert find.problem
    assert not find.active


def test_a_pattern_that_never_ends_is_given_up(qtbot: QtBot) -> None:
    terminal = Terminal(200, 60)
    find = Find(Viewed(terminal))
    terminal.feed((b"a" * 190 + b"!\r\n") * 59)
    find.look_for("(a+)+$", as_regex=True)
    qtbot.waitUntil(lambda: not find.searching, timeout=20_000)
    assert find.problem == "The pattern takes too long"
