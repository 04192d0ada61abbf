"""The screen after given bytes: one table of cases, each fed whole and in awkward pieces."""

from __future__ import annotations

import pytest

from engine.emulator import CursorShape, MouseEncoding, MouseTracking, Terminal

COLS, ROWS = 10, 4

# name: (bytes, rows on screen, cursor as (row, column))
SCREENS: dict[str, tuple[bytes, list[str], tuple[int, int]]] = {
    "text": (b"hello", ["hello"], (0, 5)),
    "cr lf": (b"a\r\nb", ["a", "b"], (1, 1)),
    "wrap waits for the next character": (b"0123456789", ["0123456789"], (0, 9)),
    "wrap": (b"0123456789a", ["0123456789", "a"], (1, 1)),
    "no autowrap overwrites the last column": (b"\x1b[?7l0123456789ab", ["012345678b"], (0, 9)),
    "movement gives up a pending wrap": (b"0123456789\x1b[Ax", ["012345678x"], (0, 9)),
    "erase gives up a pending wrap": (b"0123456789\x1b[K", ["012345678"], (0, 9)),
    "scroll": (b"1\r\n2\r\n3\r\n4\r\n5", ["2", "3", "4", "5"], (3, 1)),
    "region scrolls alone": (
        b"1\r\n2\r\n3\r\n4\x1b[2;3r\x1b[3;1H\n",
        ["1", "3", "", "4"],
        (2, 0),
    ),
    "huge numbers are bounded": (b"\x1b[99999999999999999999;5Hx", ["", "", "", "    x"], (3, 5)),
    "negative numbers are no numbers": (b"\x1b[-5Hx", ["x"], (0, 1)),
    "too many parameters": (b"\x1b[2;3;4;5;6Hx", ["", "  x"], (1, 3)),
    "private SGR is ignored": (b"\x1b[?4ma", ["a"], (0, 1)),
    "modifyOtherKeys is ignored": (b"\x1b[>4;2ma\x1b[>4m", ["a"], (0, 1)),
    "ED 5 is ignored": (b"a\x1b[5Jb\x1b[9Kc", ["abc"], (0, 3)),
    "DCS is swallowed": (b"a\x1bP1$qm\x1b\\b", ["ab"], (0, 2)),
    "APC, PM and SOS are swallowed": (b"\x1b_G\x1b\\a\x1b^x\x1b\\b\x1bXy\x1b\\c", ["abc"], (0, 3)),
    "OSC ends with BEL": (b"\x1b]0;t\x07a", ["a"], (0, 1)),
    "OSC ends with ST": (b"\x1b]52;c;eA==\x1b\\a", ["a"], (0, 1)),
    "a string broken off by another sequence": (b"\x1b]0;t\x1b[1Cab", [" ab"], (0, 3)),
    "CAN breaks a sequence off": (b"\x1b[3\x18Aa", ["Aa"], (0, 2)),
    "controls inside a sequence act": (b"ab\x1b[\r1Cx", ["ax"], (0, 2)),
    "utf-8": ("äß€".encode(), ["äß€"], (0, 3)),
    "invalid utf-8": (b"a\xff\xc3(b", ["a��(b"], (0, 5)),
    "wide characters take two cells": ("日本".encode(), ["日本"], (0, 4)),
    "a wide character does not fit in the last column": (
        "12345678日本".encode(),
        ["12345678日", "本"],
        (1, 2),
    ),
    "a wide character wraps whole": ("123456789日".encode(), ["123456789", "日"], (1, 2)),
    "half a wide character overwritten": ("日\x1b[1;2Hx".encode(), [" x"], (0, 2)),
    "wide half severed by erase": ("日本\x1b[1;2H\x1b[2X".encode(), [""], (0, 1)),
    "combining": ("e\u0301x".encode(), ["e\u0301x"], (0, 2)),
    "combining in the last column": ("012345678e\u0301".encode(), ["012345678e\u0301"], (0, 9)),
    "line drawing": (b"\x1b(0lqk\x1b(Bq", ["┌─┐q"], (0, 4)),
    "line drawing in G1": (b"\x1b)0\x0eq\x0fq", ["─q"], (0, 2)),
    "REP": (b"ab\x1b[3b", ["abbbb"], (0, 5)),
    "REP of nothing after lines": ("👍\r\n1️⃣\r\n2\r\n\x1b[3b".encode(), ["👍", "1️⃣", "2"], (3, 0)),
    "REP of nothing": (b"a\r\x1b[3b", ["a"], (0, 0)),
    "SU": (b"1\r\n2\x1b[S", ["2"], (1, 1)),
    "SD": (b"1\r\n2\x1b[T", ["", "1", "2"], (1, 1)),
    "ICH and DCH": (b"abc\x1b[1;2H\x1b[2@\x1b[4G\x1b[P", ["a  c"], (0, 3)),
    "insert mode": (b"abc\x1b[1;1H\x1b[4hxy\x1b[4lz", ["xyzbc"], (0, 3)),
    "IL and DL": (b"1\r\n2\r\n3\x1b[2;1H\x1b[L\x1b[1;1H\x1b[M", ["", "2", "3"], (0, 0)),
    "NEL": (b"ab\x1bEc", ["ab", "c"], (1, 1)),
    "RI scrolls at the top": (b"a\r\x1bMb", ["b", "a"], (0, 1)),
    "save and restore": (b"ab\x1b7\x1b[3;3H\x1b8c", ["abc"], (0, 3)),
    "restore is no stack": (b"ab\x1b7\x1b8\x1b[3;3H\x1b8c", ["abc"], (0, 3)),
    "alternate screen and back": (b"ab\x1b[?1049hxyz\x1b[?1049lc", ["abc"], (0, 3)),
    "alternate screen": (b"ab\x1b[?1049hx", ["  x"], (0, 3)),
    "alternate 47 keeps the cursor": (b"ab\x1b[?47h\r\nx\x1b[?47ly", ["ab", " y"], (1, 2)),
    "tabs": (b"\tx\x1b[Zy", ["        y"], (0, 9)),
    "DECALN": (b"\x1b#8", ["E" * COLS] * ROWS, (0, 0)),
    "origin mode": (b"\x1b[2;3r\x1b[?6h\x1b[1;1Hx", ["", "x"], (1, 1)),
    "reset": (b"abc\x1b[?7l\x1bcx", ["x"], (0, 1)),
    "C1 controls": ("a\u009b2Cb\u0085c".encode(), ["a  b", "c"], (1, 1)),
}


def fed(data: bytes, size: int = 0) -> Terminal:
    terminal = Terminal(COLS, ROWS)
    for start in range(0, len(data), size or max(len(data), 1)):
        terminal.feed(data[start : start + (size or len(data))])
    return terminal


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str, size: int) -> None:
    data, rows, cursor = SCREENS[name]
    terminal = fed(data, size)
    assert terminal.text() == rows + [""] * (ROWS - len(rows))
    assert terminal.cursor() == cursor


ANSWERS = {
    b"\x1b[c": b"\x1b[?65;1;2;4;6;9;15;16;17;18;21;22;28;29c",
    b"\x1b[0c": b"\x1b[?65;1;2;4;6;9;15;16;17;18;21;22;28;29c",
    b"\x1b[>c": b"\x1b[>64;400;0c",
    b"\x1b[>0;1;2c": b"\x1b[>64;400;0c",
    b"\x1b[5n": b"\x1b[0n",
    b"ab\x1b[6n": b"\x1b[1;3R",
    b"0123456789\x1b[6n": b"\x1b[1;10R",
    b"ab\x1b[?6n": b"\x1b[?1;3;1R",
    b"\x1b[2;3r\x1b[?6h\x1b[6n": b"\x1b[1;1R",
    b"\x1b[?2004$p": b"\x1b[?2004;2$y",
    b"\x1b[?2004h\x1b[?2004$p": b"\x1b[?2004;1$y",
    b"\x1b[?31337$p": b"\x1b[?31337;0$y",
    b"\x1b[18t": b"\x1b[8;4;10t",
    b"\x1b]10;?\x07": b"\x1b]10;rgb:ffff/ffff/ffff\x07",
    b"\x1b]0;evil\x07\x1b[21t\x05": b"",
}


@pytest.mark.parametrize("question", ANSWERS)
def test_answers(question: bytes) -> None:
    said: list[bytes] = []
    Terminal(COLS, ROWS, said.append).feed(question)
    assert b"".join(said) == ANSWERS[question]


def test_nothing_is_answered_while_muted() -> None:
    said: list[bytes] = []
    terminal = Terminal(COLS, ROWS, said.append)
    terminal.muted = True
    terminal.feed(b"\x1b[6n\x1b[c")
    terminal.muted = False
    assert said == []
    terminal.feed(b"\x1b[5n")
    assert said == [b"\x1b[0n"]


def test_the_answers_to_one_chunk_are_bounded() -> None:
    said: list[bytes] = []
    Terminal(COLS, ROWS, said.append).feed(b"\x1b[c" * 10_000)
    assert len(said) == 256


def test_title_is_plain_bounded_text() -> None:
    assert fed("\x1b]2;a\tb\u202ec日\x1b\\".encode()).title == "abc日"
    assert fed(b"\x1b]0;first\x07\x1b]1;icon\x07").title == "first"
    assert fed(b"\x1b]2;" + b"x" * 100_000 + b"\x07").title == "x" * 256


def test_bells_are_counted_and_those_ending_a_title_are_not() -> None:
    assert fed(b"\x07a\x07\x1b]0;t\x07").bells == 2


@pytest.mark.parametrize(
    ("mode", "attribute"),
    [
        (1, "application_cursor"),
        (5, "reverse_screen"),
        (66, "application_keypad"),
        (1004, "focus_reports"),
        (1049, "alternate_screen"),
        (2004, "bracketed_paste"),
    ],
)
def test_modes_are_attributes(mode: int, attribute: str) -> None:
    terminal = fed(b"")
    assert getattr(terminal, attribute) is False
    terminal.feed(b"\x1b[?%dh" % mode)
    assert getattr(terminal, attribute) is True
    terminal.feed(b"\x1b[?%dl" % mode)
    assert getattr(terminal, attribute) is False


def test_mouse_tracking_is_one_of_its_kinds() -> None:
    terminal = fed(b"\x1b[?1000;1002h")
    assert terminal.mouse_tracking is MouseTracking.DRAG
    terminal.feed(b"\x1b[?1002l")
    assert terminal.mouse_tracking is MouseTracking.OFF


@pytest.mark.parametrize("encoding", list(MouseEncoding)[1:])
def test_mouse_encoding_is_one_of_its_kinds(encoding: MouseEncoding) -> None:
    terminal = fed(b"\x1b[?%dh" % encoding)
    assert terminal.mouse_encoding is encoding
    terminal.feed(b"\x1b[?%dl" % encoding)
    assert terminal.mouse_encoding is MouseEncoding.DEFAULT


def test_keypad_by_escape() -> None:
    assert fed(b"\x1b=").application_keypad
    assert not fed(b"\x1b=\x1b>").application_keypad


@pytest.mark.parametrize(
    ("code", "shape", "blink"),
    [
        (b"0", CursorShape.BLOCK, True),
        (b"1", CursorShape.BLOCK, True),
        (b"2", CursorShape.BLOCK, False),
        (b"3", CursorShape.UNDERLINE, True),
        (b"4", CursorShape.UNDERLINE, False),
        (b"5", CursorShape.BAR, True),
        (b"6", CursorShape.BAR, False),
    ],
)
def test_cursor_shape(code: bytes, shape: CursorShape, blink: bool) -> None:
    terminal = fed(b"\x1b[4 q\x1b[" + code + b" q")
    assert (terminal.cursor_shape, terminal.cursor_blink) == (shape, blink)


def test_cursor_visibility() -> None:
    assert fed(b"").cursor_visible
    assert not fed(b"\x1b[?25l").cursor_visible
    assert fed(b"\x1b[?25l\x1b[?25h").cursor_visible


def test_sizes_are_bounded() -> None:
    terminal = Terminal(0, 100_000)
    assert (terminal.cols, terminal.rows) == (1, 1000)
    terminal.feed("日本e\u0301".encode())
    terminal.resize(-5, 10**9)
    assert (terminal.cols, terminal.rows) == (1000, 1)


def test_many_plain_lines_at_once_are_the_same_as_one_by_one() -> None:
    data = b"".join(b"line %d\r\n" % n for n in range(500)) + b"\r\n" * 7 + b"x" * 25 + b"\r\ny"
    whole, bits = fed(b"\x1b[32m" + data), fed(b"\x1b[32m" + data, 3)
    assert whole.text() == bits.text()
    assert whole.scrolled == bits.scrolled
    assert whole.cursor() == bits.cursor()
    assert [line.runs for line in whole.scrollback] == [line.runs for line in bits.scrollback]


EMOJI = ("👍🏽", "👩\u200d💻", "🇩🇪", "1\ufe0f\u20e3", "日本", "e\u0301", "x")
LINE_OF_EMOJI = " ".join(EMOJI)
AWKWARD = {
    "none": "",
    "a mark at the start of a line": "\u0301x",
    "a mark at the start of a word": "x \u0301x",
    "half a flag at the end of a line": "x🇩",
    "a joiner at the end of a line": "👩\u200d",
    "a line too long": "👍🏽" * 20,
    "a tab": "日\tx",
    "a bell": "x\a👍🏽",
    "a return": "x\r👍🏽",
    "a shift to graphics": "x\x0eq",
    "an empty line": "",
}


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("before", ["", "\x1b[2;4r", "\x1b)0", "\x1b[44m"])
def test_many_lines_of_clusters_at_once_are_the_same_as_one_by_one(name: str, before: str) -> None:
    some = f"{LINE_OF_EMOJI}\r\n" * 9
    data = f"{before}{some}{AWKWARD[name]}\r\n{some}👍".encode()
    whole, bits = (Terminal(24, 5) for _ in range(2))
    whole.feed(data)
    for at in range(len(data)):
        bits.feed(data[at : at + 1])
    assert whole.text() == bits.text()
    assert whole.scrolled == bits.scrolled
    assert whole.cursor() == bits.cursor()
    assert [line.text for line in whole.scrollback] == [line.text for line in bits.scrollback]
