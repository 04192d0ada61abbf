"""Pictures on the screen: where they go, what moves, overwrites and erases them."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.emulator import Host, Pixels, Terminal
from engine.emulator.cells.pictures import MAX_BYTES, MAX_PICTURES
from engine.emulator.cells.sixel import PICTURE, PIXELS_AT_ONCE
from tests.engine.emulator.inputs import PIECES, check

COLS, ROWS = 12, 5


class SmallCells(Host):
    cell = Pixels(2, 6)


def sixel(across: int, down: int) -> bytes:
    """A red picture of so many cells."""
    return f'\x1bPq"1;1#1;2;100;0;0{"-".join([f"!{across * 2}~"] * down)}\x1b\\'.encode()


def fed(data: bytes, size: int = 0) -> Terminal:
    terminal = Terminal(COLS, ROWS, host=SmallCells())
    for start in range(0, len(data), size or len(data)):
        terminal.feed(data[start : start + (size or len(data))])
    return terminal


def seen(terminal: Terminal, first: int = 0, count: int = ROWS) -> list[str]:
    """Rows as text, with the picture's own row and column in each of its cells: "00" is its
    first cell, "." one without a picture."""
    shown = []
    for index in range(first, first + count):
        line = terminal.line(index)
        cells = [(line.text.ljust(COLS))[x] for x in range(COLS)]
        for piece in line.pieces:
            for n in range(piece.cells):
                assert cells[piece.column + n] == " ", "a picture's cells are blank"
                cells[piece.column + n] = f"{piece.strip.row}{piece.first + n}"
        shown.append("".join(cells).rstrip())
    while shown and not shown[-1]:
        shown.pop()
    return shown


TWO = sixel(3, 2)
HERE = {
    "at the cursor": (b"ab" + TWO, ["ab000102", "  101112"], (1, 2)),
    "text goes on in the last row": (TWO + b"x", ["000102", "x1112"], (1, 1)),
    "over text": (b"abcdef\r" + TWO, ["000102def", "101112"], (1, 0)),
    "sparing what it does not draw on": (
        b'abcdef\r\nghijkl\x1b[1;2H\x1bP0;1q"1;1;10;12!4?!2~!2?!2_\x1b\\',
        ["abc02e04", "ghijkl"],
        (1, 1),
    ),
    "sparing a picture beneath": (
        TWO + b"\x1b[1;2H\x1bP7;1q!4?~\x1b\\",
        ["00010202", "101112"],
        (0, 1),
    ),
    "sparing nothing": (
        b'abcdef\r\nghijkl\x1b[1;2H\x1bP0;2q"1;1;10;12!4?!2~!2?!2_\x1b\\',
        ["a0001020304", "g1011121314"],
        (1, 1),
    ),
    "cut at the right": (b"\x1b[1;11H" + TWO, [" " * 10 + "0001", " " * 10 + "1011"], (1, 10)),
    "the screen scrolls": (b"a\x1b[5;1H" + TWO, ["", "", "", "000102", "101112"], (4, 0)),
    "within margins": (b"\x1b[1;2r\x1b[2;1H" + TWO + b"\x1b[r", ["000102", "101112"], (0, 0)),
    "below the margins it is cut": (b"\x1b[1;2r\x1b[5;1H" + TWO, [*[""] * 4, "000102"], (4, 0)),
    "DECSDM": (b"\x1b[?80h\x1b[3;4Hx" + TWO, ["000102", "101112", "   x"], (2, 4)),
    "8452": (b"\x1b[?8452h" + TWO, ["000102", "101112"], (1, 3)),
    "8452 at the edge": (
        b"\x1b[?8452h\x1b[1;10H" + TWO,
        [" " * 9 + "000102", " " * 9 + "101112"],
        (2, 0),
    ),
    "CAN ends it": (TWO[:-2] + b"\x18x", ["x"], (0, 1)),
    "another sequence ends it": (TWO[:-2] + b"\x1b[2Cx", ["  x"], (0, 3)),
    "text over it": (TWO + b"\x1b[1;2Hxy", ["00xy", "101112"], (0, 3)),
    "a wide character over it": (TWO + "\x1b[1;2H日".encode(), ["00日", "101112"], (0, 3)),
    "ECH": (TWO + b"\x1b[1;1H\x1b[2X", ["  02", "101112"], (0, 0)),
    "EL": (TWO + b"\x1b[1;2H\x1b[K", ["00", "101112"], (0, 1)),
    "ED": (TWO + b"\x1b[2J", [], (1, 0)),
    "ICH": (TWO + b"\x1b[1;2H\x1b[2@", ["00  0102", "101112"], (0, 1)),
    "DCH": (TWO + b"\x1b[1;2H\x1b[P", ["0002", "101112"], (0, 1)),
    "IL": (TWO + b"\x1b[2;1H\x1b[L", ["000102", "", "101112"], (1, 0)),
    "DL": (TWO + b"\x1b[1;1H\x1b[M", ["101112"], (0, 0)),
    "DECCRA": (
        TWO + b"\x1b[1;1;2;2;1;3;6;1$v",
        ["000102", "101112", "     0001", "     1011"],
        (1, 0),
    ),
    "DECCARA": (TWO + b"\x1b[1;1;1;2;1$r", ["000102", "101112"], (1, 0)),
    "DECCRA of the next row beside it": (
        TWO + b"\x1b[2;1;2;1;1;1;4;1$v",
        ["00010210", "101112"],
        (1, 0),
    ),
    "taller than the margins": (
        b"\x1b[2;4r\x1b[3;2H" + sixel(1, 6),
        ["", " 30", " 40", " 50"],
        (3, 1),
    ),
    "within side margins": (
        b"a\r\nb\r\nc\x1b[?69h\x1b[2;5s\x1b[1;3r\x1b[2;2H" + sixel(1, 5),
        ["a20", "b30", "c40"],
        (2, 1),
    ),
    "alternate screen": (TWO + b"\x1b[?1049h", [], (1, 0)),
    "and back": (TWO + b"\x1b[?1049h\x1b[2Jx\x1b[?1049l", ["000102", "101112"], (1, 0)),
    "RIS": (TWO + b"\x1bc", [], (0, 0)),
    "its private characters stand for nothing else": (
        "\U00104e20\U00104e21".encode() + TWO,
        ["\U00104e20\U00104e21000102", "  101112"],
        (1, 2),
    ),
}


@pytest.mark.parametrize("size", [0, 1, 3, 7])
@pytest.mark.parametrize("name", HERE)
def test_place(name: str, size: int) -> None:
    data, rows, cursor = HERE[name]
    terminal = fed(data, size)
    assert seen(terminal) == rows
    assert terminal.cursor() == cursor


def test_it_goes_into_the_history_and_comes_back() -> None:
    terminal = fed(TWO + b"\r\n" * 6)
    assert seen(terminal) == []
    assert seen(terminal, -3, 3) == ["000102", "101112"]
    terminal.feed(b"\x1b[3J")
    assert len(terminal.scrollback) == 0


def test_one_taller_than_the_screen_is_whole_in_the_history() -> None:
    terminal = fed(b"a\r\nb" + sixel(1, 9) + b"\r\nc")
    assert seen(terminal, -6, 11) == [
        *["a", "b00", " 10", " 20", " 30", " 40", " 50", " 60", " 70", " 80", "c"]
    ]


def test_one_of_more_cells_than_a_pen_tells_apart() -> None:
    class TinyCells(Host):
        cell = Pixels(1, 1)

    terminal = Terminal(500, 240, host=TinyCells())
    terminal.feed(b'\x1bPq"1;1;500;240@\x1b\\')
    shown = [[(p.strip.row, p.first, p.cells) for p in terminal.line(y).pieces] for y in range(240)]
    assert shown == [[(row, 0, 500)] for row in range(240)]


def test_a_mark_on_it_takes_its_cell() -> None:
    terminal = fed(TWO + "\x1b[1;2H\u0301".encode())
    assert [(p.column, p.cells, p.first) for p in terminal.line(0).pieces] == [(1, 2, 1)]
    assert terminal.line(0).runs[0].text == " \u0301"


def test_lines_wrapped_anew_keep_it() -> None:
    terminal = fed(b"ab" + TWO)
    terminal.resize(ROWS, 4)
    terminal.resize(ROWS, COLS)
    assert seen(terminal) == ["ab000102", "  101112"]


def test_it_is_blanks_to_whoever_wants_text() -> None:
    terminal = fed(b"ab" + TWO + b"\x1b[1;6Hcd")
    assert terminal.text()[:2] == ["ab   cd", ""]
    assert terminal.line(0).slice(0, 7) == "ab   cd"
    assert terminal.text()[0] == "ab   cd"
    copy = Terminal(COLS, ROWS)
    copy.feed(terminal.snapshot().encode())
    assert copy.text() == terminal.text()
    assert not copy.line(0).pieces


def test_its_cells_have_the_background_it_came_on() -> None:
    terminal = fed(b"\x1b[44;1m" + TWO)
    style = terminal.line(0).runs[0].style
    assert (style.bg, style.bold, style.strip) == (4, False, None)


def test_only_so_many_bytes_of_pictures_are_kept() -> None:
    terminal = Terminal(80, 24)
    pictures = []
    for _ in range(12):
        terminal.feed(b'\x1b[H\x1bPq"1;1;1000;1000#1~\x1b\\')
        pictures.append(terminal.line(23).pieces[0].strip.picture)
        terminal.feed(b"\x1b[24H\n")
    kept = [picture.bytes for picture in pictures]
    assert kept[0] == 0, "the oldest is blank"
    assert kept[-1] == 4_000_000
    assert sum(kept) <= MAX_BYTES


def test_pictures_no_row_shows_are_let_go() -> None:
    terminal = Terminal(80, 24, scrollback=10)
    terminal.feed(b'\x1bPq"1;1;1000;400#1~\x1b\\')
    first = terminal.line(0).pieces[0].strip.picture
    terminal.feed(b"\x1b[2J\x1b[H")
    assert first.bytes
    for _ in range(11):
        terminal.feed(b'\x1b[H\x1bPq"1;1;1000;400#1~\x1b\\')
    for _ in range(6):
        # What is in use is found bit by bit, after each feed.
        terminal.feed(b"")
    shown = terminal.line(0).pieces[0].strip.picture
    assert not first.bytes
    assert shown.bytes


def test_a_few_bytes_cannot_make_many_pictures() -> None:
    terminal = Terminal(80, 24)
    terminal.feed(b'\x1bPq"1;1;1;4096\x1b\\' * 2000 + b"ok")
    assert terminal.text()[terminal.cursor()[0]].endswith("ok")
    assert terminal.scrolled < 2000


DOT = b"\x1bPq@\x1b\\"
TALL = b'\x1bPq"1;1;1;4096\x1b\\'
FLOODS = {
    "begun": b"\x1bPq" * 20_000,
    "empty": b"\x1bPq\x1b\\" * 12_000,
    "only down": (b"\x1bP0;1q" + b"-" * 300 + b"\x1b\\") * 200,
    "down to a dot": (b"\x1bPq" + b"-" * 300 + b"@\x1b\\") * 200,
    "dots": DOT * 8000,
    "thin": (b"\x1bPq" + b"?-" * 400 + b"@\x1b\\") * 80,
    "tall": TALL * 3000,
    "tall, between side margins": b"\x1b[?69h\x1b[2;40s" + TALL * 3000,
    "tall, on the alternate screen": b"\x1b[?1049h" + TALL * 3000,
    "tall and in place": b"\x1b[?80h" + TALL * 3000,
    "large": b'\x1bPq"1;1;4096;1024\x1b\\' * 3000,
    "large and sparing": b'\x1bP9;1q"1;1;4096;1024@\x1b\\' * 3000,
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_pictures_is_little_work(name: str) -> None:
    """64 KiB, the most that is parsed in one go: no more calls than as much else makes."""
    terminal = Terminal(80, 60)
    data = FLOODS[name][: 64 * 1024]
    terminal.feed(data[:100])
    pens = terminal.usage.pens
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        terminal.feed(data[100:])
    finally:
        sys.setprofile(before)
    assert calls < 7 * len(data)
    assert terminal.usage.pens - pens <= PIXELS_AT_ONCE // PICTURE, "one a picture"


def test_only_so_many_pictures_are_kept_and_new_ones_come_when_old_ones_went() -> None:
    terminal = Terminal(80, 24)
    while terminal.usage.pictures < MAX_PICTURES:
        before = terminal.usage.pictures
        terminal.feed((DOT + b"\r\n") * 50)
        assert before < terminal.usage.pictures <= MAX_PICTURES
    terminal.feed(b"\x1b[H\x1b[2J\x1b[3J" + DOT)
    assert not terminal.line(0).pieces
    for _ in range(2000):
        terminal.feed(b"\x1b[H" + DOT)
        if terminal.line(0).pieces:
            break
    assert terminal.line(0).pieces
    assert terminal.usage.pictures < 100


ANSWERS = {
    b"\x1b[?1;1S": b"\x1b[?1;0;1024S",
    b"\x1b[?1;4;0S": b"\x1b[?1;0;1024S",
    b"\x1b[?1;2S": b"\x1b[?1;0;1024S",
    b"\x1b[?1;3;1024S": b"\x1b[?1;0;1024S",
    b"\x1b[?1;3;256S": b"\x1b[?1;3;0S",
    b"\x1b[?1;9S": b"\x1b[?1;2;0S",
    b"\x1b[?2;1;0S": b"\x1b[?2;0;24;30S",
    b"\x1b[?2;4;0S": b"\x1b[?2;0;2048;2048S",
    b"\x1b[?2;3;9S": b"\x1b[?2;3;0S",
    b"\x1b[?3;1;0S": b"\x1b[?3;1;0S",
    b"\x1b[?80$p": b"\x1b[?80;2$y",
    b"\x1b[?8452h\x1b[?8452$p": b"\x1b[?8452;1$y",
}


@pytest.mark.parametrize("question", ANSWERS)
def test_answers(question: bytes) -> None:
    said: list[bytes] = []
    Terminal(COLS, ROWS, said.append, host=SmallCells()).feed(question)
    assert b"".join(said) == ANSWERS[question]


SIXELS = st.one_of(
    st.sampled_from(
        [sixel(1, 1), sixel(30, 2), b"\x1bP0;1q~??~-", b"\x1bPq~", b"\x1b[?80h", b"\x1b[?8452h"]
    ),
    st.builds(sixel, st.integers(1, 5), st.integers(1, 9)),
    st.text('?~@$-!#"123;', max_size=12).map(lambda text: f"\x1bP9q{text}\x1b\\".encode()),
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.one_of(PIECES, SIXELS), max_size=30),
    st.integers(1, 6),
    st.integers(1, 12),
    st.integers(1, 6),
    st.tuples(st.integers(1, 6), st.integers(1, 12)),
)
def test_pictures_among_any_bytes(
    pieces: list[bytes], size: int, cols: int, rows: int, new: tuple[int, int]
) -> None:
    whole, cut = (Terminal(cols, rows, host=SmallCells()) for _ in range(2))
    data = b"".join(pieces)
    whole.feed(data)
    for start in range(0, len(data), size):
        cut.feed(data[start : start + size])
    for terminal in (whole, cut):
        check(terminal)
        terminal.resize(*new)
        check(terminal)
        terminal.snapshot()
        for index in range(terminal.rows):
            line = terminal.line(index)
            assert all(piece.column + piece.cells <= line.width for piece in line.pieces)
            assert all(run.style.strip is None for run in line.runs)
    assert whole.cursor() == cut.cursor()
    assert seen_anywhere(whole) == seen_anywhere(cut)


def seen_anywhere(terminal: Terminal) -> list[tuple[object, ...]]:
    return [
        (line.runs, [(p.column, p.cells, p.strip.row, p.first) for p in line.pieces])
        for line in map(terminal.line, range(terminal.rows))
    ]
