"""What the painter draws, read back by an emulator of the terminal around."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.painter import Painter, fitted
from engine.core.model import Size
from engine.emulator import DEFAULT_STYLE, MouseEncoding, MouseTracking, Run, Style, Terminal


class Around:
    """A terminal in which a painter shows another one."""

    def __init__(self, cols: int, rows: int, **options: int) -> None:
        self.outer = Terminal(cols, rows)
        self.painter = Painter(**options)

    @property
    def size(self) -> Size:
        return Size(self.outer.cols, self.outer.rows)

    def paint(self, inner: Terminal, *panel: str) -> bytes:
        frame = self.painter.frame(inner, self.size, panel)
        self.outer.feed(frame)
        return frame


def filled(cols: int, rows: int, text: str) -> Terminal:
    terminal = Terminal(cols, rows)
    terminal.feed(text.encode())
    return terminal


def cells(terminal: Terminal, y: int) -> list[Run | None]:
    found = []
    for x in range(terminal.cols):
        cell = terminal.line(y).at(x)
        if cell is not None:
            cell = cell._replace(style=cell.style._replace(link=0, protected=False))
        found.append(None if cell == Run(x, 1, " ", DEFAULT_STYLE) else cell)
    return found


def same(inner: Terminal, outer: Terminal) -> bool:
    return all(cells(inner, y) == cells(outer, y) for y in range(inner.rows))


def test_the_same_size_is_the_same_screen() -> None:
    inner = filled(
        20, 5, "plain \x1b[1;31mred\x1b[m\r\nwide 漢字 é\x1b[7m \r\n\x1b[4:3;58:5:3mwavy"
    )
    around = Around(20, 5)
    around.paint(inner)
    assert same(inner, around.outer)
    assert around.outer.cursor() == inner.cursor()


def test_what_did_not_change_is_not_drawn_again() -> None:
    inner = filled(20, 5, "one\r\ntwo")
    around = Around(20, 5)
    around.paint(inner)
    assert around.paint(inner) == b""
    inner.feed(b"!")
    assert b"one" not in around.paint(inner)
    assert same(inner, around.outer)


def test_a_smaller_screen_has_an_edge_and_nothing_outside() -> None:
    inner = filled(4, 2, "abcdef")
    around = Around(8, 5)
    around.outer.feed(b"x" * 40)
    around.paint(inner)
    assert around.outer.text() == ["abcd│", "ef  │", "────", "", ""]
    assert around.outer.cursor() == (1, 2)


def test_of_a_larger_screen_the_part_around_the_cursor_is_shown() -> None:
    inner = filled(10, 6, "\r\n".join(f"{y}abcdefghi" for y in range(6)))
    around = Around(4, 3)
    around.paint(inner)
    assert around.outer.text() == ["fghi"] * 3
    inner.feed(b"\x1b[1;1H")
    around.paint(inner)
    assert around.outer.text() == ["0abc", "1abc", "2abc"]
    assert around.outer.cursor() == (0, 0)
    inner.feed(b"\x1b[2;3H")
    assert b"abc" not in around.paint(inner)


def test_halves_of_wide_characters_at_the_edges_are_blank() -> None:
    inner = filled(7, 1, "漢字漢x")
    around = Around(4, 1)
    inner.feed(b"\x1b[1;5H")
    around.paint(inner)
    assert around.outer.text() == [" 字"]


def test_a_panel_covers_the_last_rows_and_goes() -> None:
    inner = filled(10, 4, "1\r\n2\r\n3\r\n4")
    around = Around(10, 4)
    around.paint(inner, "question?", "\x1b[31m" + "long" * 9)
    assert around.outer.text() == ["3", "4", "question?", "\\x1b[31mlo"]
    assert not around.outer.cursor_visible
    around.paint(inner)
    assert around.outer.text() == ["1", "2", "3", "4"]
    assert around.outer.cursor_visible


def test_a_resized_terminal_is_drawn_anew() -> None:
    inner = filled(6, 3, "abcdef")
    around = Around(6, 3)
    around.paint(inner)
    around.outer = Terminal(8, 4)
    around.paint(inner)
    assert around.outer.text() == ["abcdef│", "      │", "      │", "──────"]


def test_keys_and_mouse_work_as_the_program_wants() -> None:
    inner = filled(10, 3, "\x1b[?1h\x1b=\x1b[?2004;1004;1002;1006h\x1b[=5u\x1b[5 q")
    around = Around(10, 3)
    around.paint(inner)
    outer = around.outer
    assert (outer.application_cursor, outer.application_keypad) == (True, True)
    assert (outer.bracketed_paste, outer.focus_reports) == (True, True)
    assert (outer.mouse_tracking, outer.mouse_encoding) == (MouseTracking.DRAG, MouseEncoding.SGR)
    assert (outer.keyboard, outer.cursor_shape) == (5, inner.cursor_shape)
    # Clicks on a panel are not the program's.
    around.paint(inner, "question")
    assert outer.mouse_tracking is MouseTracking.OFF
    inner.feed(b"\x1bc")
    around.paint(inner)
    assert (outer.application_cursor, outer.bracketed_paste, outer.keyboard) == (False, False, 0)


def test_without_the_origin_the_mouse_is_off() -> None:
    inner = filled(10, 3, "\x1b[?1000h\x1b[3;10H")
    around = Around(5, 3)
    around.paint(inner)
    assert around.outer.mouse_tracking is MouseTracking.OFF
    inner.feed(b"\x1b[H")
    around.paint(inner)
    assert around.outer.mouse_tracking is MouseTracking.BUTTONS


def test_what_a_program_left_behind_does_not_disturb() -> None:
    around = Around(10, 3)
    around.outer.feed(b"\x1b[2;3r\x1b[?6h\x1b[?69h\x1b[3;5s\x1b[4h\x1b(0\x1b[31;7m\x1b]0;begun")
    inner = filled(10, 3, "abc\r\nqqq")
    around.paint(inner)
    assert same(inner, around.outer)


def test_a_reversed_screen_and_changed_colors() -> None:
    inner = filled(6, 1, "\x1b[?5h\x1b]4;1;rgb:12/34/56\x07a\x1b[31mb")
    around = Around(6, 1)
    around.paint(inner)
    first, second, blank = (around.outer.line(0).at(x) for x in (0, 1, 5))
    assert first is not None
    assert first.style == Style(reverse=True)
    assert second is not None
    assert second.style == Style(fg=1 << 24 | 0x123456, reverse=True)
    assert blank is not None
    assert blank.style.reverse


def test_the_bell_rings_once() -> None:
    inner = filled(5, 1, "\x07")
    around = Around(5, 1)
    assert b"\x07" not in around.paint(inner)
    inner.feed(b"\x07\x07")
    assert around.paint(inner).count(b"\x07") == 1


@pytest.mark.parametrize(
    ("text", "cells", "shown"),
    [
        ("abc", 5, "abc  "),
        ("abc", 2, "ab"),
        ("漢字", 3, "漢 "),
        ("a\nb", 9, "a\\nb     "),
        ("x", 0, ""),
    ],
)
def test_a_text_fits(text: str, cells: int, shown: str) -> None:
    assert fitted(text, cells) == shown


SEQUENCES = st.sampled_from(
    [
        "\x1b[H", "\x1b[3;5H", "\x1b[31m", "\x1b[44m", "\x1b[m", "\x1b[K", "\x1b[J", "\x1b[L",
        "\x1b[M",
        "\x1b[?1049h", "\x1b[?1049l", "\x1b[2;4r", "\x1b[S", "\x1b[T", "\x1b[5@", "\x1b[2P", "\r\n",
        "\x1b[?5h", "\x1b[?5l", "\x1b[?25l", "\x1bM", "\x1b]8;;http://x\x07", "text",
        "漢字", "e\u0301", "👩‍👧", "\x1b[?7l", "\x1b(0", "\x1b[7m", "\x1b[9;58:5:3m",
    ]
)  # fmt: skip


@given(st.lists(st.lists(SEQUENCES, max_size=12), min_size=1, max_size=4))
def test_differences_lead_to_the_same_screen(steps: list[list[str]]) -> None:
    inner, around = Terminal(12, 5), Around(12, 5)
    for step in steps:
        inner.feed("".join(step).encode())
        around.paint(inner)
        fresh = Around(12, 5)
        fresh.paint(inner)
        assert same(fresh.outer, around.outer)
        assert around.outer.cursor() == fresh.outer.cursor()
        assert around.outer.cursor_visible == inner.cursor_visible
        if not inner.reverse_screen:
            assert same(inner, around.outer)
