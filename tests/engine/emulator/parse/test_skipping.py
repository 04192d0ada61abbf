"""Fast-forward: what is left out can never be seen."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.emulator import Clean, Terminal

TEXT = st.sampled_from(
    ["a", "bc ", "word", "日本", "é", "e\u0301", "👍🏽", "🇩", "\t", "x" * 25, "ÿ", "\u0e33", "Â"]
).map(str.encode)
COLOR = st.sampled_from(
    ["", "0", "1", "31", "0;41", "48;5;9", "38;2;1;2;3", "4:3", "7", "27;1;44", "39;49", "9" * 600]
).map(lambda numbers: f"\x1b[{numbers}m".encode())
ERASING = st.sampled_from([b"\x1b[K", b"\x1b[0K", b"\x1b[1K", b"\x1b[2K"])
LINE_END = st.sampled_from([b"\r\n"] * 8 + [b"\n", b"\r", b"\r\r\n"])
ZEROS = st.sampled_from([b"\0", b"\0" * 900, b"\0" * 9000])
CLEAN = st.one_of(TEXT, TEXT, COLOR, ERASING, LINE_END, LINE_END, st.just(b"\xff\xe6\x97"), ZEROS)
OTHER = st.sampled_from(
    [
        *(b"\x1b]8;;http://x\x1b\\", b"\x1b]8;;\x1b\\", b"\x1b[3;5H", b"\x1b[2;4r", b"\x1b[r"),
        *(b"\x1b[?1049h", b"\x1b[?1049l", b"\x07", b"\x1b[?7l", b"\x1b[?7h", b"\x1b(0", b"\x1b(B"),
        *(b"\x1b[4h", b"\x1b[4l", b"\x1bV", b"\x1bW", b"\x9b2A", b"\x0e", b"\x0f", b"\x1b[2A"),
        *(b"\x1b[41", b"\x1b]2;ti\r\ntle", b"\x1b", b"\xc2", b"\xe6", b"\x1b[?6h", b"\x1b[20h"),
        *(b"\x1b[3b", b"\x1b[3\0b"),
    ]
)


@st.composite
def outputs(draw: st.DrawFn) -> bytes:
    """Many clean lines, with a few other things at some places."""
    block = draw(st.lists(CLEAN, min_size=5, max_size=25))
    parts = block * draw(st.integers(1, 30))
    for piece in draw(st.lists(OTHER, max_size=3)):
        parts.insert(draw(st.integers(0, len(parts))), piece)
    parts += draw(st.lists(CLEAN, max_size=10))
    return b"".join(parts)


def lines(terminal: Terminal) -> list[object]:
    every = (terminal.line(index) for index in range(-len(terminal.scrollback), terminal.rows))
    return [(line.runs, line.wrapped, line.prompt) for line in every]


@settings(max_examples=400, deadline=None)
@given(
    st.integers(2, 6),
    st.sampled_from([5, 20, 24]),
    st.sampled_from([0, 5, 10]),
    st.lists(outputs(), min_size=1, max_size=3),
)
def test_what_is_skipped_makes_no_difference(
    rows: int, cols: int, scrollback: int, every: list[bytes]
) -> None:
    whole, skipping = (Terminal(cols, rows, scrollback=scrollback) for _ in range(2))
    clean = Clean()
    for data in every:
        known = clean.take(data)
        whole.feed(data)
        skipping.feed(skipping.shortened(data, clean=known))
        assert skipping.unfinished == whole.unfinished
        assert skipping.cursor() == whole.cursor()
        assert lines(skipping) == lines(whole)
        assert skipping.snapshot() == whole.snapshot()


def test_much_is_skipped() -> None:
    terminal = Terminal(80, 24, scrollback=100)
    data = b"\x1b[0m\x1b[01;34mname\x1b[0m and text\r\n" * 10_000
    shorter = terminal.shortened(data)
    assert len(shorter) < len(data) / 50
    assert shorter.endswith(data[-3000:])
    # Colors that are never reset: each is taken once.
    data = b"\x1b[31mred\x1b[39m and \x1b[1mbold\x1b[22m\r\n" * 10_000
    assert len(terminal.shortened(data)) < len(data) / 50


@pytest.mark.parametrize("before", [b"\x1b[2;5r", b"\x1b[?1049h", b"\x1b(0", b"\x1b[3", b"\x1b]2;"])
def test_nothing_is_skipped_where_more_may_stay(before: bytes) -> None:
    terminal = Terminal(80, 24, scrollback=10)
    terminal.feed(before)
    data = b"line\r\n" * 1000
    assert terminal.shortened(data) is data


@pytest.mark.parametrize("inside", [b"\x1b[2A", b"\x07", b"\xc2\x9b2A", b"\x1b]2;t\x07", b"\x1b7"])
def test_what_does_more_than_print_is_never_skipped(inside: bytes) -> None:
    terminal = Terminal(80, 24, scrollback=10)
    data = b"line\r\n" * 1000 + inside + b"line\r\n" * 1000
    shorter = terminal.shortened(data)
    assert len(shorter) < len(data)
    assert shorter.endswith(inside + b"line\r\n" * 1000)


@given(st.lists(CLEAN, max_size=40), st.data())
def test_clean_output_is_clean_however_it_is_cut(pieces: list[bytes], data: st.DataObject) -> None:
    output = b"".join(piece for piece in pieces if b"9" * 33 not in piece)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(output)), max_size=5)))
    clean = Clean()
    ends = [*cuts, len(output)]
    for start, end in zip([0, *cuts], ends, strict=True):
        assert clean.take(output[start:end])


@given(st.lists(CLEAN, max_size=10), OTHER.filter(lambda piece: len(piece) > 3), st.data())
def test_other_output_never_is(pieces: list[bytes], other: bytes, data: st.DataObject) -> None:
    output = b"".join(pieces) + other + b"\r\n"
    at = data.draw(st.integers(0, len(output)))
    clean = Clean()
    assert not all([clean.take(output[:at]), clean.take(output[at:])])
