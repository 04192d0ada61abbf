"""Titles and their stack."""

from __future__ import annotations

from engine.emulator import Terminal
from engine.emulator.screen.window import MAX_TITLE, MAX_TITLES


def test_titles_on_the_stack_are_bounded() -> None:
    terminal = Terminal()
    terminal.feed((b"\x1b]2;" + b"t" * 5000 + b"\x07\x1b[22t") * 100)
    assert terminal.usage.titles == MAX_TITLES
    assert len(terminal.title) == MAX_TITLE


def test_a_pushed_title_comes_back() -> None:
    terminal = Terminal()
    terminal.feed(b"\x1b]2;first\x07\x1b[22t\x1b]2;second\x07")
    assert terminal.title == "second"
    terminal.feed(b"\x1b[23t")
    assert terminal.title == "first"
