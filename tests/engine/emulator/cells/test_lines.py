"""Lines: their runs and styles, their identity as version, history, resizing."""

from __future__ import annotations

import pytest

from engine.emulator import TRUECOLOR, Line, Run, Style, Terminal


def runs(data: bytes, cols: int = 20) -> list[tuple[int, int, str, Style]]:
    terminal = Terminal(cols, 3)
    terminal.feed(data)
    return [run[:4] for run in terminal.line(0).runs]


STYLES = {
    b"1": Style(bold=True),
    b"2": Style(faint=True),
    b"3": Style(italic=True),
    b"4": Style(underline=1),
    b"4:3": Style(underline=3),
    b"21": Style(underline=2),
    b"5": Style(blink=True),
    b"7": Style(reverse=True),
    b"8": Style(conceal=True),
    b"9": Style(strike=True),
    b"31": Style(fg=1),
    b"97": Style(fg=15),
    b"42": Style(bg=2),
    b"105": Style(bg=13),
    b"38;5;200": Style(fg=200),
    b"48;5;17": Style(bg=17),
    b"38:5:200": Style(fg=200),
    b"38;2;1;2;3": Style(fg=TRUECOLOR | 0x010203),
    b"48:2:1:2:3": Style(bg=TRUECOLOR | 0x010203),
    b"38:2::1:2:3": Style(fg=TRUECOLOR | 0x010203),
    b"1;31;44": Style(bold=True, fg=1, bg=4),
    b"38;5;9;1": Style(fg=9, bold=True),
    b"58;5;1;1": Style(bold=True, underline_color=1),
    b"58:2::1:2:3": Style(underline_color=TRUECOLOR | 0x010203),
    b"53": Style(overline=True),
    b"1;;3": Style(italic=True),
    b"1;2;22;3": Style(italic=True),
    b"99999999999;1": Style(bold=True),
    b"38;2;300;0;0": Style(),
    b"38;5;256": Style(),
    b"38": Style(),
    b"38;5": Style(),
    b"38:5": Style(),
    b"7;27;9;29;8;28;5;25;3;23;4;24;31;39;41;49": Style(),
}


@pytest.mark.parametrize("parameters", STYLES)
def test_select_graphic_rendition(parameters: bytes) -> None:
    expected = STYLES[parameters]
    assert runs(b"\x1b[" + parameters + b"mx\x1b[m") == [(0, 1, "x", expected)]


def test_neighbours_of_one_style_are_one_run_and_wide_ones_stand_alone() -> None:
    red = Style(fg=1)
    assert runs("ab\x1b[31mc日d".encode()) == [
        (0, 2, "ab", Style()),
        (2, 1, "c", red),
        (3, 2, "日", red),
        (5, 1, "d", red),
    ]


def test_erasing_keeps_the_background_and_nothing_else() -> None:
    assert runs(b"\x1b[1;4;44m\x1b[K", cols=5) == [(0, 5, "     ", Style(bg=4))]
    assert runs(b"ab\x1b[44m\x1b[1;2H\x1b[X", cols=5) == [
        (0, 1, "a", Style()),
        (1, 1, " ", Style(bg=4)),
    ]


def test_an_unchanged_row_is_the_same_object() -> None:
    terminal = Terminal(20, 4)
    terminal.feed(b"one\r\ntwo\r\nthree")
    before = [terminal.line(row) for row in range(4)]
    terminal.feed(b"!\x1b[1m\x1b[H")
    after = [terminal.line(row) for row in range(4)]
    assert [old is new for old, new in zip(before, after, strict=True)] == [True, True, False, True]


def test_a_row_that_scrolls_stays_the_same_object() -> None:
    terminal = Terminal(20, 2)
    terminal.feed(b"one\r\ntwo")
    first, second = terminal.line(0), terminal.line(1)
    terminal.feed(b"\r\n")
    assert terminal.line(0) is second
    assert terminal.line(-1) is first


def test_every_edit_makes_a_new_line() -> None:
    edits = [b"x", "日".encode(), "\u0301".encode(), b"\x1b[K", b"\x1b[P", b"\x1b[@", b"\x1b[X"]
    edits += [b"\x1b[2J", b"\x1b[L", b"\x1b#8", b"\x1bc", b"\x1b[?1049h", b"\x1b[1'}", b"\x1b[1 @"]
    for edit in edits:
        terminal = Terminal(20, 2)
        terminal.feed(b"abc\x1b[2G")
        before = terminal.line(0)
        terminal.feed(edit)
        assert terminal.line(0) is not before, edit


def test_line_index_beyond_either_end() -> None:
    terminal = Terminal(20, 2)
    with pytest.raises(IndexError):
        terminal.line(2)
    with pytest.raises(IndexError):
        terminal.line(-1)


def test_history_is_bounded_and_counted() -> None:
    terminal = Terminal(20, 2, scrollback=5)
    terminal.feed(b"".join(b"%d\r\n" % n for n in range(20)))
    assert [line.text for line in terminal.scrollback] == ["14", "15", "16", "17", "18"]
    assert terminal.scrolled == 19
    assert terminal.line(-1).text == "18"


def test_the_alternate_screen_and_regions_below_the_top_leave_no_history() -> None:
    terminal = Terminal(20, 3)
    terminal.feed(b"\x1b[?1049h" + b"x\r\n" * 20 + b"\x1b[?1049l")
    terminal.feed(b"\x1b[2;3r\x1b[3;1H" + b"\n" * 9)
    assert not terminal.scrollback


def test_what_scrolls_off_above_a_status_line_is_history() -> None:
    terminal = Terminal(20, 4)
    terminal.feed(b"\x1b[4;1Hstatus\x1b[1;3r" + b"a\r\nb\r\nc\r\nd")
    assert [line.text for line in terminal.scrollback] == ["a"]
    assert terminal.text() == ["b", "c", "d", "status"]
    terminal.feed(b"\x1b[?69h\x1b[2;9s\x1b[3;2H\n\n")
    assert len(terminal.scrollback) == 1


def test_history_is_cleared_by_ed_3_only() -> None:
    terminal = Terminal(20, 2)
    terminal.feed(b"a\r\nb\r\nc\x1b[2J")
    assert len(terminal.scrollback) == 1
    terminal.feed(b"\x1b[3J")
    assert not terminal.scrollback


def test_wrapped_lines_say_so() -> None:
    terminal = Terminal(4, 3)
    terminal.feed(b"abcdef\r\ngh")
    assert [terminal.line(row).wrapped for row in range(3)] == [True, False, False]


def test_a_lower_screen_sends_lines_to_history_and_a_higher_one_takes_them_back() -> None:
    terminal = Terminal(20, 4)
    terminal.feed("1\r\n2 日e\u0301\r\n\x1b[31m3\x1b[m\r\n4".encode())
    lines = [terminal.line(row).runs for row in range(4)]
    terminal.resize(2, 20)
    assert terminal.text() == ["3", "4"]
    assert [line.text for line in terminal.scrollback] == ["1", "2 日e\u0301"]
    assert terminal.cursor() == (1, 1)
    terminal.resize(4, 20)
    assert [terminal.line(row).runs for row in range(4)] == lines
    assert not terminal.scrollback
    assert terminal.cursor() == (3, 1)


def test_a_lower_screen_first_drops_blank_rows_below_the_cursor() -> None:
    terminal = Terminal(20, 4)
    terminal.feed(b"1\r\n2")
    terminal.resize(2, 20)
    assert terminal.text() == ["1", "2"]
    assert not terminal.scrollback


def test_a_narrower_screen_wraps_and_a_wider_one_unwraps() -> None:
    terminal = Terminal(10, 4)
    terminal.feed("abc日本d\r\nxy".encode())
    before = [terminal.line(row).runs for row in range(4)]
    terminal.resize(4, 4)
    assert terminal.text() == ["abc", "日本", "d", "xy"]
    assert terminal.cursor() == (3, 2)
    terminal.resize(4, 10)
    assert [terminal.line(row).runs for row in range(4)] == before
    assert terminal.cursor() == (1, 2)


def test_the_cell_a_wide_character_leaves_empty_is_no_text() -> None:
    terminal = Terminal(5, 3)
    terminal.feed("ab日本語".encode())
    assert terminal.text() == ["ab日", "本語", ""]
    copy = Terminal(5, 3)
    copy.feed(terminal.snapshot().encode())
    for each in (terminal, copy):
        each.resize(3, 10)
        assert each.text() == ["ab日本語", "", ""]
        assert each.cursor() == (0, 8)


def test_history_is_wrapped_too() -> None:
    terminal = Terminal(6, 2)
    terminal.feed(b"abcdef\r\nghijklmn\r\n$ ")
    terminal.resize(2, 4)
    assert [line.text for line in terminal.scrollback] == ["abcd", "ef", "ghij"]
    assert terminal.text() == ["klmn", "$"]
    terminal.resize(2, 8)
    assert [line.text for line in terminal.scrollback] == ["abcdef"]
    assert terminal.text() == ["ghijklmn", "$"]
    assert terminal.cursor() == (1, 2)


def test_resizing_the_alternate_screen_resizes_the_normal_one_too() -> None:
    terminal = Terminal(10, 4)
    terminal.feed(b"1\r\n2\r\n3\r\n4\x1b[?1049h\x1b[Hfull\x1b[4;1Hx")
    terminal.resize(2, 5)
    assert terminal.text() == ["", "x"]
    terminal.feed(b"\x1b[?1049l")
    assert terminal.text() == ["3", "4"]
    assert terminal.cursor() == (1, 1)


def test_slices_are_by_column() -> None:
    line = Line((Run(1, 2, "ab", Style()), Run(4, 2, "日", Style(), True), Run(6, 1, "c", Style())))
    assert line.text == " ab 日c"
    assert line.slice(0, 3) == " ab"
    assert line.slice(2, 5) == "b 日"
    assert line.slice(5, 7) == "c"
    assert line.cell_start(5) == 4
    assert line.at(0) is None


@pytest.mark.parametrize("letters", ["日", "🇩🇪"])
def test_blanks_before_what_did_not_fit_stay_when_the_screen_grows(letters: str) -> None:
    for step in (1, 100):
        terminal = Terminal(4, 2)
        data = f"\x1b[4C{letters}".encode()
        for at in range(0, len(data), step):
            terminal.feed(data[at : at + step])
        assert terminal.text() == ["", letters]
        terminal.resize(2, 8)
        assert terminal.text() == [f"   {letters}", ""]
