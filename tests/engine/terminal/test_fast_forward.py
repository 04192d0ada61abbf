"""What is left out of an interrupted flood is seen by nobody: the screen is the same."""

from __future__ import annotations

import random

import pytest

from engine.emulator import Terminal
from engine.terminal.fast_forward import KEPT, MOST, SECONDS, FastForward

COLUMNS, ROWS = 40, 10
LINES = [
    *(b"y", b"total 42", b"", b"\x1b[01;34msrc\x1b[0m  \x1b[32mrun\x1b[m", b"\ta\tb", b"x" * 90),
    *("größe 日本語 👍🏽".encode(), b"\x1b[4mlined\x1b[K", b"\x1b[38;5;200mpink\a", b"100%\rdone"),
]
BEFORE = [
    *(b"", b"\x1b[31mred", b"\x1b[2;6r\x1b[3;1H", b"\x1b[?1049h", b"\x1b[4h", b"\x1b(0"),
    *(b"\x1b]0;title\x07", b"\x1b]0;title\x1b\\", b"\x1bP+q544e\x1b\\", b"half a line"),
]


def run(stream: list[bytes], rows: int = ROWS) -> tuple[bytes, bytes]:
    """What went in, and what came out with an interrupt at the beginning."""
    forward, out = FastForward(), b""
    forward.interrupted(rows, 0.0)
    for piece in stream:
        out += forward.feed(piece, 0.1)
    return b"".join(stream), out + forward.rest()


def cut(data: bytes, chance: random.Random) -> list[bytes]:
    pieces, at = [], 0
    while at < len(data):
        size = chance.choice([1, 100, 4095, 65536])
        pieces.append(data[at : at + size])
        at += size
    return pieces


def looks(data: bytes) -> tuple[object, ...]:
    terminal = Terminal(COLUMNS, ROWS)
    terminal.feed(data)
    # What comes next is drawn with the pen and in the state that were left.
    terminal.feed(b"next\r\n\x1b[5;5Hx")
    rows = [terminal.line(index).runs for index in range(ROWS)]
    return terminal.text(), terminal.cursor(), terminal.title, rows


@pytest.mark.parametrize("seed", range(20))
def test_the_screen_is_the_same_and_the_flood_is_short(seed: int) -> None:
    chance = random.Random(seed)
    lines = chance.sample(LINES, chance.randint(1, len(LINES)))
    flood = b"".join(chance.choice(lines) + b"\r\n" for _ in range(30_000))
    data = chance.choice(BEFORE) + flood + b"^C\r\n\x1b[?2004h$ "
    whole, out = run(cut(data, chance))
    assert looks(whole) == looks(out)
    if len(whole) > 10 * KEPT:
        # The first pieces go out whole, until no sequence is open.
        assert len(out) < 2 * 65536 + 3 * KEPT


@pytest.mark.parametrize(
    "flood",
    [
        b"\x1b[H" + b"y\r\n",
        b"y\n",
        b"y\r",
        b"abc",
        "\x9b1my\r\n".encode(),
        b"y\x08\r\n",
        b"\x0ey\r\n",
        b"y\x1b(0\r\n",
        b"\x1bPq#0\r\n",
    ],
    ids=repr,
)
def test_nothing_is_left_out_that_could_be_seen(flood: bytes) -> None:
    stream = [flood * 10_000 for _ in range(20)]
    whole, out = run(stream)
    assert out == whole


@pytest.mark.parametrize(
    "opened",
    [b"\x1b", b"\x1b[1", b"\x1b]0;t", b"\x1bPq", b"\x1b_G", b"\x1bX", b"\xc2", b"\x1b]8;;x"],
)
def test_within_an_open_sequence_nothing_is_left_out(opened: bytes) -> None:
    forward = FastForward()
    first = b"$ " + opened
    assert forward.feed(first, 0.0) == first
    forward.interrupted(ROWS, 0.0)
    data = b"0\r\n" * 100_000
    assert forward.feed(data, 0.1) + forward.rest() == data


def test_a_screenful_is_always_kept() -> None:
    whole, out = run([b"x" * 500 + b"\r\n"] * 5000, rows=1000)
    assert out == whole, "so many rows are more than is kept"


def test_too_many_colours_to_repeat_and_nothing_is_left_out() -> None:
    stream = [b"\x1b[38;2;1;2;%dmx\r\n" % (number % 200) for number in range(50_000)]
    whole, out = run(stream)
    assert out == whole


def test_without_an_interrupt_all_goes_through_at_once() -> None:
    forward = FastForward()
    for _ in range(100):
        assert forward.feed(b"y\r\n" * 1000, 0.0) == b"y\r\n" * 1000
        assert not forward.holds


def test_an_interrupt_holds_for_a_while_and_for_so_much_only() -> None:
    piece = b"y\r\n" * 10_000
    forward = FastForward()
    forward.interrupted(ROWS, 0.0)
    held = [forward.feed(piece, 0.1) for _ in range(50)]
    assert sum(map(len, held)) < KEPT
    assert forward.feed(piece, SECONDS + 0.1).endswith(piece)
    assert forward.feed(piece, SECONDS + 0.2) == piece
    forward.interrupted(ROWS, 5.0)
    out = [forward.feed(piece, 5.1) for _ in range(2 * MOST // len(piece))]
    assert out[-1] == piece


def test_less_than_what_is_kept_is_never_shortened() -> None:
    whole, out = run([b"line\r\n"] * 2000)
    assert out == whole
