"""A snapshot fed to a fresh terminal gives the same terminal."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.emulator import Terminal
from tests.engine.emulator.inputs import PIECES

COLS, ROWS = 12, 5


def state(terminal: Terminal) -> dict[str, object]:
    names = ["title", "alternate_screen", "cursor_visible", "cursor_shape", "cursor_blink"]
    names += ["reverse_screen", "application_cursor", "application_keypad", "bracketed_paste"]
    names += ["focus_reports", "mouse_tracking", "mouse_encoding"]
    return {
        "rows": [terminal.line(row).runs for row in range(terminal.rows)],
        "cursor": terminal.cursor(),
        **{name: getattr(terminal, name) for name in names},
    }


def restored(terminal: Terminal) -> Terminal:
    said: list[bytes] = []
    copy = Terminal(terminal.cols, terminal.rows, said.append)
    copy.feed(terminal.snapshot().encode())
    assert not said
    return copy


def test_everything_at_once() -> None:
    terminal = Terminal(COLS, ROWS)
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
    terminal = Terminal(COLS, ROWS)
    terminal.feed(b"$ vim\x1b[?1049h\x1b[2J\x1b[H~ text")
    copy = restored(terminal)
    assert state(copy) == state(terminal)
    for each in (terminal, copy):
        each.feed(b"\x1b[?1049l!")
    assert copy.text()[0] == "$ vim!"
    assert state(copy) == state(terminal)


def test_wrapped_lines_and_a_pending_wrap_come_back() -> None:
    terminal = Terminal(COLS, ROWS)
    terminal.feed(b"x" * (COLS + 3) + b"\r\n" + b"y" * COLS)
    copy = restored(terminal)
    assert [copy.line(row).wrapped for row in range(3)] == [True, False, False]
    for each in (terminal, copy):
        each.feed(b"z")
    assert state(copy) == state(terminal)


def test_a_wrap_that_is_still_pending_after_tabbing_back_comes_back() -> None:
    terminal = Terminal(COLS, ROWS)
    terminal.feed(b"y" * COLS + b"\x1b[Z")
    copy = restored(terminal)
    assert terminal.cursor() == (0, 8)
    for each in (terminal, copy):
        each.feed(b"z")
    assert terminal.text()[1] == "z"
    assert state(copy) == state(terminal)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=30))
def test_any_screen_comes_back(pieces: list[bytes]) -> None:
    terminal = Terminal(COLS, ROWS)
    terminal.feed(b"".join(pieces))
    terminal.feed(b"\x18")  # Ends a sequence that was left open.
    copy = restored(terminal)
    assert state(copy) == state(terminal)
    # All that is not on show is in the snapshot: margins, stacks, saved cursors, colors.
    assert copy.snapshot() == terminal.snapshot()
