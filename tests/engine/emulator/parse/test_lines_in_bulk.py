"""Many lines at once give the screen and the history that they give byte by byte."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.emulator import Host, Terminal
from engine.emulator.cells.rows import BLANK
from engine.emulator.parse.lines_in_bulk import print_few_lines
from engine.emulator.screen.screen import Screen

KINDS = {
    "ASCII": ["total 42", "", "drwxr-xr-x src", "x" * 12],
    "wide": ["日本語", "中文字符端", "한국어"],
    "wide at the edge": ["日本語中文字", "日本語中文字符", "a日本語中文字", "ab日本語中文字符端末"],
    "mixed": ["在 Linux 上", "「é」─ 3,4", "plain", "größe 大", ""],
    "longer than the screen": ["x" * 13, "y" * 24, "z" * 25, "日" * 30, "a" * 11 + "日本" * 9],
    "tabs": ["\ta", "日\tb", "a\tb\t\t", "\t", "\t\t\tpast the edge", "a\t日本語", "x" * 12 + "\t"],
    "lines beyond the plane of CJK": ["\U00020000本\U0002a6df", "日本語" * 3, "\U00020000" * 8],
    "private characters": ["\ue000日\uf8ff", "日本語", "\U00100000x", "\U0010fffd日"],
    "no character": ["日\ufffd本", "\ufffd" * 14, "日本語"],
    "half-width": ["ｱｲｳ日本", "ｶﾞ" * 8, "日本語"],
    "invisible": ["a\xadb", "日\u200b本", "\u3164x", "日\u3000本"],
    "marks": ["e\u0301", "が日か\u3099", "\u0301日", "日本語", "\t\u0301x"],
    "emoji that stand alone": ["😀日", "🚀" * 9, "日本語"],
    "clusters longer than the screen": ["👍🏽" * 9, "x👩\u200d💻" * 9, "日本語"],
    "few clusters among ASCII": ["plain text", "", "❤\ufe0f x", "more of it", "x" * 30],
    "clusters and a tab": ["👍🏽 x", "ab\tc", "日本語"],
    "clusters and a control": ["👍🏽 x", "ab\bc", "日本語"],
    "clusters in long words": [
        "日本語中文字符e\u0301端末表示👍🏽終端ー",
        "größte🇩🇪─👩\u200d💻ｱ\u0301x",
    ],
    "returns": ["日\r本", "abc\rd", "日本語"],
    "line feeds": ["日\n本", "abc\nd", "日本語"],
    "other controls": ["日\b本", "\x7f日", "日\x0b本", "\x0eab"],
}
BEFORE = {
    "nothing": "",
    "a color": "\x1b[31m",
    "a background": "\x1b[44m",
    "a region": "\x1b[2;4r",
    "the alternate screen": "\x1b[?1049h",
    "text on the last row": "\x1b[5;3Hxy\x1b[1;1H",
    "below the region": "\x1b[1;3r\x1b[5;1H",
    "no tab stops": "\x1b[3g",
    "tabs that wrap": "\x1b[?41h",
    "no wrapping": "\x1b[?7l",
    "a link": "\x1b]8;;http://x/\x07",
}


def compare(data: bytes, columns: int, rows: int = 5, scrollback: int = 1000) -> None:
    whole, bits = (Terminal(columns, rows, scrollback=scrollback) for _ in range(2))
    whole.feed(data)
    for at in range(len(data)):
        bits.feed(data[at : at + 1])
    assert whole.cursor() == bits.cursor()
    assert whole.scrolled == bits.scrolled
    assert whole.text() == bits.text()
    assert [line.runs for line in whole.scrollback] == [line.runs for line in bits.scrollback]
    assert [line.wrapped for line in whole.scrollback] == [line.wrapped for line in bits.scrollback]
    assert whole.snapshot() == bits.snapshot()
    # Both go on alike: nothing differs that is not seen yet.
    for size in (max(1, columns // 2), columns + 3):
        for terminal in (whole, bits):
            terminal.feed("\u0301日\x1b[2b".encode())
            terminal.resize(size, rows)
        assert whole.snapshot() == bits.snapshot()


@pytest.mark.parametrize("columns", [1, 2, 12, 13])
@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("kind", KINDS)
def test_many_lines_are_as_one_by_one(kind: str, before: str, columns: int) -> None:
    lines = "\r\n".join(KINDS[kind] * 6)
    compare(f"{BEFORE[before]}first\r\n{lines}\r\nlast".encode(), columns)


@pytest.mark.parametrize("scrollback", [0, 1, 3, 20])
def test_history_keeps_the_newest_and_counts_all(scrollback: int) -> None:
    lines = "\r\n".join(f"line {number} 日本語" for number in range(90))
    compare(f"first\r\n{lines}\r\n".encode(), 12, scrollback=scrollback)


def test_lone_surrogates_are_invalid_and_harm_no_line() -> None:
    lines = "\r\n".join(["日本語", "日\ud800本", "\udfff" * 5] * 6)
    compare(f"first\r\n{lines}\r\n".encode("utf-8", "surrogatepass"), 12)


def test_a_very_long_line_among_others() -> None:
    terminal = Terminal(2, 3, scrollback=50_000)
    terminal.feed(("\r\n" * 3 + "日x" * 10_000 + "\r\nab\r\n").encode())
    assert terminal.scrolled == len(terminal.scrollback) == 3 + 20_000 - 1
    assert [line.text for line in terminal.scrollback][-3:] == ["日", "x", "日"]
    assert [line.wrapped for line in terminal.scrollback][:5] == [False] * 3 + [True] * 2
    assert terminal.text()[:2] == ["x", "ab"]


FEW = [
    *("\r\n", "\n\r", "\r", "\n", "\r\r\n", "\n\n", "\n" * 9, "\r\n" * 4 + "\r"),
    *("ab\r\n", "ab\n\r", "ab\r", "ab\n", "\rab", "\r日本", "\r\tab", "\nab", "\rab\rc"),
    *("a\r\nb\r\n", "a\n\rb\n\r", "a\rb\n", "a\bb\r\n", "日\r\n", "é\r\n", "\x07\r\n", "\r\x7f"),
    *("x" * 8 + "\r\n", "x" * 9 + "\r\n", "x" * 9 + "\n", "x" * 12 + "\r\ny", "x" * 13 + "\n\r"),
]
"""What stands between two sequences."""


@pytest.mark.parametrize("text", FEW)
@pytest.mark.parametrize("place", ["1;1", "2;5", "4;11", "5;5", "5;12"])
@pytest.mark.parametrize("before", ["", "\x1b[2;4r", "\x1b[1;4r", "\x1b[42m", "\x1b[?1049h"])
def test_few_lines_between_sequences(text: str, place: str, before: str) -> None:
    waiting_to_wrap = "ab" if place.endswith("1") else "日"
    data = f"{before}\x1b[{place}H{waiting_to_wrap}\x1b[1m{text}\x1b[3m{text}\x1b[mz"
    compare(data.encode(), 12)
    compare(data.replace(waiting_to_wrap, "").encode(), 12)


@pytest.mark.parametrize("text", ["日\r\n", "é\n\r", "ab\b\r\n", "x" * 12 + "\r\n", "\n" * 5])
def test_what_is_not_for_few_lines_is_left_alone(text: str) -> None:
    screen = Screen(12, 5, 10, lambda _: None, Host)
    assert print_few_lines(screen, text, 3, 1) == (text, 3, 1)
    assert screen.rows == [BLANK] * 5


SOME = st.one_of(
    st.text("ab \t日本─é", max_size=30),
    st.text("a日ｱ\ufffd\U00020000\ue000e\u0301👍🏽\u200d\t", max_size=20),
    st.text(max_size=10).filter(lambda text: not set("\x1b\x90\x98\x9b\x9d\x9e\x9f") & set(text)),
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(SOME, min_size=6, max_size=40),
    st.integers(1, 25),
    st.integers(1, 6),
    st.sampled_from(sorted(BEFORE)),
)
def test_lines_of_any_kind(lines: list[str], columns: int, rows: int, before: str) -> None:
    text = BEFORE[before] + "first\r\n" + "\r\n".join(lines)
    compare(text.encode("utf-8", "surrogatepass"), columns, rows)
