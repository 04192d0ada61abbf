"""What xterm 379 shows after a few sequences: recorded by its own reports (DECRQCRA, CPR)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.emulator import Terminal

CASES = json.loads((Path(__file__).parent / "fixtures" / "xterm.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}x{case[1]} {case[2]!r}")
def test_screen(case: tuple[int, int, str, list[str], list[int]]) -> None:
    cols, rows, text, shown, cursor = case
    for step in (len(text.encode()), 1):
        terminal = Terminal(cols, rows)
        data = text.encode()
        for start in range(0, len(data), step):
            terminal.feed(data[start : start + step])
        assert terminal.text() == shown
        assert list(terminal.cursor()) == cursor


@pytest.mark.parametrize("text", ["\x1b[0T", "\x1b[;T", "\x1b[1;2T", "\x1b[1;2;3;4;5T"])
def test_tracking_a_highlight_scrolls_nothing(text: str) -> None:
    terminal = Terminal(5, 3)
    terminal.feed(f"ab{text}".encode())
    assert terminal.text() == ["ab", "", ""]


@pytest.mark.parametrize("text", ["👩🏽\u200d💻", "1\ufe0f\u20e3", "🇩🇪", "日\u0301", "❤\ufe0f"])
def test_without_wrapping_no_part_of_what_has_no_room_joins_another(text: str) -> None:
    shown = set()
    for step in (1, 100):
        terminal = Terminal(5, 2)
        terminal.feed(b"\x1b[?7labcd")
        data = text.encode()
        for start in range(0, len(data), step):
            terminal.feed(data[start : start + step])
        shown.add(terminal.text()[0])
        copy = Terminal(5, 2)
        copy.feed(terminal.snapshot().encode())
        for each in (terminal, copy):
            each.feed("\u0301x".encode())
            assert each.text()[0] == "abcdx"
    assert len(shown) == 1
    assert shown.pop()[:4] == "abcd"
