"""A snapshot fed to a fresh terminal gives the same terminal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.emulator import Terminal
from engine.emulator.screen.features import FEATURES
from engine.emulator.snapshot import MAX_LINKS
from tests.engine.emulator.inputs import PIECES

COLS, ROWS = 12, 5
MODES = (1, 3, 5, 6, 7, 12, 25, 40, 41, 42, 45, 66, 67, 69, 80, 95, 1000, 1002, 1003, 1004)
MODES += (1005, 1006, 1007, 1034, 1045, 2004, 2026, 2048)
SETTINGS = ("m", "r", "s", '"p', '"q', "*x", " q")
QUESTIONS = "".join(
    [
        "\x1b[6n\x1b[?6n\x1b[?u\x1b[2$w\x1b[4$p\x1b[20$p",
        *(f"\x1b[?{number}$p" for number in MODES),
        *(f"\x1bP$q{setting}\x1b\\" for setting in SETTINGS),
        *(f"\x1b[?{resource}m\x1b[?{resource}g" for resource in range(8)),
    ]
).encode()
"""What a program can ask about the state."""
NAMES = ("title", "icon", "working_directory", "palette", "foreground", "background")
NAMES += ("cursor_color", "alternate_screen", "cursor_visible", "cursor_shape", "cursor_blink")
NAMES += ("reverse_screen", "application_cursor", "application_keypad", "bracketed_paste")
NAMES += ("focus_reports", "mouse_tracking", "mouse_encoding", "keyboard", "modify_other_keys")
NAMES += ("format_other_keys", "synchronized", "cols", "rows")


def shown(terminal: Terminal, index: int) -> object:
    """A line, its links by what they are: their numbers are each terminal's own."""
    line = terminal.line(index)
    runs = [
        (run._replace(style=run.style._replace(link=0)), terminal.hyperlink(run.style.link))
        for run in line.runs
    ]
    return runs, line.wrapped, line.prompt


def state(terminal: Terminal) -> dict[str, object]:
    return {
        "lines": [
            shown(terminal, index) for index in range(-len(terminal.scrollback), terminal.rows)
        ],
        "cursor": terminal.cursor(),
        **{name: getattr(terminal, name) for name in NAMES},
    }


def answers(terminal: Terminal) -> list[bytes]:
    """All that it answers about itself. Afterwards, it is no longer about to repeat a character."""
    said: list[bytes] = []
    before, terminal.reply = terminal.reply, said.append
    terminal.feed(QUESTIONS)
    terminal.reply = before
    return said


def restored(terminal: Terminal, scrollback: int = 50) -> Terminal:
    said: list[bytes] = []
    copy = Terminal(terminal.cols, terminal.rows, said.append, scrollback=scrollback)
    copy.feed(terminal.snapshot_writer().whole().encode())
    assert not said
    return copy


def test_everything_at_once() -> None:
    terminal = Terminal(COLS, ROWS, scrollback=50)
    terminal.feed(
        "\x1b]2;top\x07\x1b[1;31mred\x1b[0m plain\r\n日本e\u0301\r\n\x1b[44m\x1b[K\x1b[m"
        "\x1b[?1h\x1b=\x1b[?2004h\x1b[?1002h\x1b[?1006h\x1b[6 q\x1b[?25l"
        "\x1b[2;4r\x1b[3;4H\x1b[35m".encode()
    )
    copy = restored(terminal)
    assert state(copy) == state(terminal)
    for each in (terminal, copy):
        each.feed(b"go on\n\n\n")
    assert state(copy) == state(terminal)


def test_the_normal_screen_is_under_the_alternate_one() -> None:
    terminal = Terminal(COLS, ROWS, scrollback=50)
    terminal.feed(b"$ vim\x1b[?1049h\x1b[2J\x1b[H~ text")
    copy = restored(terminal)
    assert state(copy) == state(terminal)
    for each in (terminal, copy):
        each.feed(b"\x1b[?1049l!")
    assert copy.text()[0] == "$ vim!"
    assert state(copy) == state(terminal)


def test_wrapped_lines_and_a_pending_wrap_come_back() -> None:
    terminal = Terminal(COLS, ROWS, scrollback=50)
    terminal.feed(b"x" * (COLS + 3) + b"\r\n" + b"y" * COLS)
    copy = restored(terminal)
    assert [copy.line(row).wrapped for row in range(3)] == [True, False, False]
    for each in (terminal, copy):
        each.feed(b"z")
    assert state(copy) == state(terminal)


def test_a_wrap_that_is_still_pending_after_tabbing_back_comes_back() -> None:
    terminal = Terminal(COLS, ROWS, scrollback=50)
    terminal.feed(b"y" * COLS + b"\x1b[Z")
    copy = restored(terminal)
    assert terminal.cursor() == (0, 8)
    for each in (terminal, copy):
        each.feed(b"z")
    assert terminal.text()[1] == "z"
    assert state(copy) == state(terminal)


STAYS: dict[str, tuple[int, str, str]] = {
    "a wrap and a blank": (5, "\x1b[31mabcd\x1b[m efgh", ""),
    "history in colors": (12, "".join(f"\x1b[3{n % 8}mline {n}\x1b[m\r\n" for n in range(30)), ""),
    "history that wraps": (12, "\x1b[44m" + "word " * 40 + "\x1b[m\r\nlast", "\x1b[2S"),
    "colored blanks": (12, "\x1b[42m\x1b[K\r\n\x1b[2J\x1b[4S", "\x1b[m\x1b[2T"),
    "the normal keyboard stack": (12, "\x1b[=3u\x1b[>5u\x1b[>9u\x1b[?1049h\x1b[>1u", "\x1b[?1049l"),
    "the alternate keyboard stack": (12, "\x1b[?47h\x1b[>5u\x1b[?47l\x1b[>1u", "\x1b[?47h"),
    "mode 2048": (12, "\x1b[?2048h", ""),
    "columns mode": (12, "\x1b[?40h\x1b[?3htext", ""),
    "a saved cursor that is to wrap": (12, "\r" + "x" * 12 + "\x1b7\x1b[H", "\x1b8y"),
    "two flag letters apart": (12, "🇩\x1b[3G\x1b[2G🇪", "\x1b[4G🇪"),
    "a flag letter": (12, "🇩", "🇪"),
    "a flag letter and a color": (12, "🇩\x1b[31m", "🇪"),
    "a flag of two colors": (12, "\x1b[1m🇩\x1b[m🇪", "\x1b[2b"),
    "a joiner": (12, "👩\u200d", "💻x"),
    "a mark from elsewhere": (12, "0x\x1b[D\x1b[4h\x1b[31m\u0301", "\x1b[2b\u0300"),
    "a mark in the middle": (12, "👍\b\u200d", "\x1b[2b"),
    "a mark and other characters": (12, "_\x1b(0\u0301", "\x1b[2bq"),
    "a mark before a wrap": (12, "x" * 12 + "\x1b[Z\u0301", "\x1b[2b"),
    "what a shift printed": (12, "\x1b(0\x1bN_", "\x1b[2b"),
    "a mark that makes wide": (12, "❤xy\x1b[2G\x1b[4h\ufe0f", "\x1b[b"),
    "what to repeat": (12, "ab", "\x1b[3b"),
    "what to repeat, inserting": (12, "abcdef\x1b[4h\x1b[3Gx", "\x1b[2b"),
    "what to repeat, in graphics": (12, "\x1b(0q", "\x1b[2bq"),
    "hidden text": (12, "\x1b[?47h\x1b[3;3Hvim\x1b7\x1b[?47l", "\x1b[?47h\x1b8!"),
    "a saved cursor in origin mode": (
        12,
        "\x1b[2;4r\x1b[?6h\x1b[2;3H\x1b7\x1b[?6l\x1b[H",
        "\x1b8!",
    ),
    "saved modes": (12, "\x1b[?2004h\x1b[?2004;7;2048s\x1b[?2004l", "\x1b[?2004;7;2048r"),
    "saved pens": (12, "\x1b[1;35m\x1b[#{\x1b[m", "a\x1b[#}b"),
    "a shift": (12, "\x1b*0\x1bN", "qq"),
    "levels": (12, '\x1b[63;1"p\x1b[2*x\x1b G', ""),
    "hexadecimal titles": (12, "\x1b]2;top\x07\x1b[>0;1t", "\x1b]2;41\x07"),
    "protection": (12, "\x1bVkeep\x1bWgo", "\x1b[2J"),
    "a wrapped last row": (12, "x" * 70 + "\x1b[2T", "\x1b[2S"),
    "a wrap outside the margins": (12, "\x1b[?69h\x1b[2;7s\x1b[1;7Hx\x1b[?69l", "y"),
}


@pytest.mark.parametrize("name", STAYS)
def test_nothing_is_lost(name: str) -> None:
    cols, before, after = STAYS[name]
    terminal = Terminal(cols, ROWS, scrollback=50)
    terminal.feed(before.encode())
    copy = restored(terminal)
    assert state(copy) == state(terminal)
    for each in (terminal, copy):
        each.feed(after.encode())
    assert state(copy) == state(terminal)
    assert answers(copy) == answers(terminal)


MORE = st.sampled_from(
    [text.encode() for _, before, after in STAYS.values() for text in (before, after) if text]
)


@settings(max_examples=250, deadline=None)
@given(
    st.integers(1, 14),
    st.integers(1, 6),
    st.integers(0, 6),
    st.lists(PIECES | MORE, max_size=25),
    st.lists(PIECES | MORE, max_size=4),
)
def test_any_terminal_comes_back(
    cols: int, rows: int, scrollback: int, before: list[bytes], after: list[bytes]
) -> None:
    terminal = Terminal(cols, rows, scrollback=scrollback)
    data = b"".join(before)
    terminal.feed(data)
    copy = restored(terminal, scrollback)
    copy.feed(data[len(data) - terminal.unfinished :])
    assert state(copy) == state(terminal)
    # All that is not on show is in the snapshot: margins, stacks, saved cursors.
    assert copy.snapshot() == terminal.snapshot()
    for piece in after:
        terminal.feed(piece)
        copy.feed(piece)
    assert answers(copy) == answers(terminal)
    assert state(copy) == state(terminal)


@pytest.mark.parametrize(
    ("whole", "unfinished"),
    [
        ("abc\x1b[31", 4),
        ("日\x1b]2;日本", 10),
        ("日本".encode()[:-1], 2),
        ("\x1b]2;日本".encode()[:-1], 9),
        ("\x1b[31mabc", 0),
        (b"\xff\xff\x1b(", 2),
        ("\x9b31", 4),
        ("\x1b]2;t\x1b", 6),
        ("\x1b_t\x1b", 1),
        (b"\x1b]2;t\x1b\xe6", 7),
        (b"\x1b]2;t\x1b\xc2", 7),
        (b"\x1b]2;t\xc2", 6),
        ("\x9d2;t\x1b", 6),
        ("\x1bPq#0", 5),
        ("", 0),
    ],
)
def test_it_stands_for_what_was_before_an_unfinished_sequence(
    whole: str | bytes, unfinished: int
) -> None:
    data = whole if isinstance(whole, bytes) else whole.encode()
    terminal, bits = Terminal(COLS, ROWS), Terminal(COLS, ROWS)
    terminal.feed(data)
    for at in range(len(data)):
        bits.feed(data[at : at + 1])
    assert terminal.unfinished == bits.unfinished == unfinished


@pytest.mark.parametrize("start", ["\x1b]2;", "\x1bP", "\x1b_", "\x1b[1", "\x1b(", "\x1bPq"])
def test_what_is_read_without_end_is_bounded(start: str) -> None:
    terminal = Terminal(COLS, ROWS)
    filling = " " if start == "\x1b(" else "1"
    terminal.feed((start + filling * 1_500_000).encode())
    assert terminal.unfinished <= 1024 * 1024
    copy = restored(terminal)
    for each in (terminal, copy):
        each.feed(b"111mx\x18after\r\n")
    assert "after" in copy.text()[0]
    assert copy.text()[0] == terminal.text()[0]


def test_the_terminal_goes_on_while_its_snapshot_is_written() -> None:
    terminal = Terminal(COLS, ROWS, scrollback=20)
    terminal.feed(b"".join(b"\x1b[%dmline %d e\xcc\x81\r\n" % (31 + n % 7, n) for n in range(40)))
    expected = terminal.snapshot_writer().whole()
    writer = terminal.snapshot_writer()
    assert writer.history == 20
    first = writer.slice(0)
    terminal.feed(b"\x1b[2J\x1b[3J\x1b[35mother\x1b[?1049h")
    assert (first + writer.whole().encode()).decode() == expected


def test_a_slice_ends_with_its_time() -> None:
    terminal = Terminal(COLS, ROWS, scrollback=100)
    terminal.feed(b"line\r\n" * 100)
    writer = terminal.snapshot_writer()
    seconds = 0.0

    def clock() -> float:
        nonlocal seconds
        seconds += 0.001
        return seconds

    slices = []
    while not writer.done:
        slices.append(writer.slice(4, clock))
    assert [piece.count(b"line") for piece in slices[:5]] == [4] * 5
    assert slices[-1]
    assert writer.slice() == b""
    assert b"".join(slices).decode() == terminal.snapshot_writer().whole()


def test_others_get_only_what_they_understand() -> None:
    terminal = Terminal(COLS, ROWS)
    terminal.feed(
        "\x1b[?69h\x1b[2;7s\x1b[>5u\x1b[?2026h\x1b[2*x\x1b[?2048h\x1b[?2004s"
        "\x1b[2;2H👩\u200d💻❤\ufe0fe\u0301x".encode()
    )
    plain = terminal.snapshot_writer(features=frozenset({"unknown"})).whole()
    for sequence in ("?69h", ";7s", "u", "?2026h", "*x", "]7797", "\u200d", "?2048"):
        assert sequence not in plain
    assert "e\u0301" in plain
    rich = terminal.snapshot_writer(features=FEATURES).whole()
    for sequence in ("?69h", "\x1b[2;7s", ">5u", "?2026h", "*x", "👩\u200d💻"):
        assert sequence in rich
    assert "]7797" not in rich


def test_it_is_bounded_by_what_was_fed() -> None:
    terminal = Terminal(200, 50)
    for n in range(200):
        terminal.feed(f"\x1b]8;;http://{n}/{'x' * 2000}\x07{n % 10}".encode())
    terminal.feed(b"".join(b"\x1b[1;1;1;200;1;%d;1;1$v" % row for row in range(2, 51)))
    assert len(terminal.snapshot()) < MAX_LINKS + 500_000


def test_colors_cost_no_more_than_they_did() -> None:
    line = b"".join(b"\x1b[%dmword " % (31 + n % 6) for n in range(20))
    printed = b"\r\n".join([line + b"\x1b[m"] * 500)
    terminal = Terminal(120, 40, scrollback=1000)
    terminal.feed(b"\x1bc")
    state = len(terminal.snapshot())
    terminal.feed(printed)
    assert len(terminal.snapshot()) <= len(printed) + state


def test_no_count_is_larger_than_the_screen() -> None:
    terminal = Terminal(COLS, ROWS)
    terminal.feed(b"a\x1b[2147483647b\x1b[9999999S\x1b[9999999Lb\x1b[2147483647@\x1b[999999T")
    counts = re.findall(r"\x1b\[(\d+)[LMSTb@PX]", terminal.snapshot())
    assert all(int(count) <= COLS for count in counts)


def test_history_is_written_by_line_numbers() -> None:
    terminal = Terminal(COLS, ROWS, scrollback=20)
    terminal.feed(b"".join(b"\x1b[31mline %d\x1b[m\r\n" % n for n in range(40)))
    assert terminal.scrolled == 36
    writer = terminal.history_writer(30, 4)
    assert writer.history == 4
    page = Terminal(COLS, 10)
    page.feed(writer.slice(1000))
    assert page.text()[:5] == ["line 26", "line 27", "line 28", "line 29", ""]
    assert page.line(0).runs == terminal.line(26 - 36).runs
    assert terminal.history_writer(17, 100).whole().count("\n") == 1
    assert terminal.history_writer(0, 5).whole() == ""
    assert terminal.history_writer(10_000, 1000).history == 20
