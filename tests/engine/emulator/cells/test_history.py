"""The history is the same whether its rows are packed or not, and packed ones are small."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.emulator import Terminal
from engine.emulator.cells.history import BLOCK, OPEN, History
from engine.emulator.cells.pens import MAX_PENS
from engine.emulator.cells.rows import PROMPT, Row
from tests.engine.emulator.inputs import PIECES


def row(number: int) -> Row:
    return f"row {number} 日\0\U00100000\ud800", "\0\1" * 6, number % 16


def pack(terminal: Terminal) -> None:
    """As after some time without output."""
    for _ in range(2):
        while terminal.pack():
            pass


@given(
    st.integers(0, 5 * BLOCK),
    st.lists(
        st.one_of(st.integers(1, 3 * BLOCK), st.sampled_from(["pack", "clear", "pop"])), max_size=20
    ),
    st.data(),
)
@settings(deadline=None, max_examples=60)
def test_it_is_a_list_of_the_latest_rows(
    limit: int, acts: list[int | str], data: st.DataObject
) -> None:
    history, every = History(limit), list[Row]()
    scrolled = 0
    for act in acts:
        if act == "clear":
            history.clear()
            every.clear()
        elif act == "pop":
            for _ in range(min(BLOCK + 1, len(every))):
                assert history.pop() == every.pop()
                scrolled -= 1
        elif isinstance(act, int):
            new = [row(scrolled + n) for n in range(act)]
            history.append(new[0])
            history.extend(new[1:])
            scrolled += act
            every = [*every, *new][-limit:] if limit else []
        else:
            while history.pack(scrolled):
                pass
        size = len(every)
        assert len(history) == size
        assert list(history) == every
        assert list(history.flags()) == [flags for _, _, flags in every]
        start, stop = data.draw(st.integers(-2, size + 2)), data.draw(st.integers(-2, size + 2))
        assert list(history.between(start, stop)) == every[max(start, 0) : max(stop, 0)]
        if size:
            at = data.draw(st.integers(-size, size - 1))
            assert history[at] == every[at]
        for beyond in (-size - 1, size):
            with pytest.raises(IndexError):
                history[beyond]


def test_what_is_looked_at_stays_the_same_object() -> None:
    terminal = Terminal(20, 5, scrollback=3000)
    terminal.feed(b"".join(b"line %d\r\n" % n for n in range(3000)))
    pack(terminal)
    view = range(-1000, 0)
    lines = [terminal.line(index) for index in view]
    assert len(view) < OPEN * BLOCK
    assert all(terminal.line(index) is line for index, line in zip(view, lines, strict=True))
    assert [line.text for line in lines[:2]] == ["line 1996", "line 1997"]


def test_rows_that_only_pass_are_not_packed() -> None:
    history = History(1000)
    scrolled = 0
    for _ in range(20):
        history.extend(row(n) for n in range(1000))
        scrolled += 1000
        assert not history.pack(scrolled)
    assert history.pack(scrolled)


@given(st.lists(st.one_of(PIECES, st.sampled_from(["pack", "size"])), min_size=5, max_size=60))
@settings(deadline=None, max_examples=60)
def test_a_terminal_that_is_packed_shows_the_same(output: list[bytes | str]) -> None:
    packed, plain = (Terminal(12, 4, scrollback=4 * BLOCK) for _ in range(2))
    # So much that nearly each piece of output moves blocks of lines into the history.
    lines = b"".join(b"\x1b[3%dmc%d\x1b[m\r\n" % (n % 8, n) for n in range(BLOCK))
    for number, piece in enumerate(output):
        if piece == "pack":
            pack(packed)
        elif piece == "size":
            for terminal in (packed, plain):
                terminal.resize(3 + number % 4, 5 + number % 11)
        elif isinstance(piece, bytes):
            for terminal in (packed, plain):
                terminal.feed(piece + lines)
    pack(packed)
    assert packed.scrolled == plain.scrolled
    assert packed.prompts() == plain.prompts()
    assert [line.runs for line in packed.scrollback] == [line.runs for line in plain.scrollback]
    for features in (None, frozenset[str]()):
        one, other = (
            terminal.snapshot_writer(history=1000, features=features).whole()
            for terminal in (packed, plain)
        )
        assert one == other
    before = plain.scrolled - 3
    assert packed.history_writer(before, 100).whole() == plain.history_writer(before, 100).whole()


def test_prompts_are_found_without_unpacking() -> None:
    history = History(1000)
    history.extend(row(n) for n in range(1000))
    while history.pack(1000) or history.pack(1000):
        pass
    gc.collect()
    tracemalloc.start()
    try:
        prompts = sum(bool(flags & PROMPT) for flags in history.flags())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert prompts == sum(bool(row(n)[2] & PROMPT) for n in range(1000)) > 0
    assert peak < 64_000


def test_packed_lines_keep_their_colors_when_unused_ones_are_collected() -> None:
    terminal = Terminal(20, 3, scrollback=2 * BLOCK)

    def color(number: int) -> bytes:
        return b"\x1b[38;2;%d;%d;%dm" % (number >> 16, number >> 8 & 255, number & 255)

    for n in range(2 * BLOCK + 2):
        terminal.feed(color(n) + b"kept %d\r\n" % n)
    pack(terminal)
    kept = [line.runs for line in terminal.scrollback]
    assert len(kept) == 2 * BLOCK
    for n in range(1000, 1000 + MAX_PENS + 1000, 500):
        colors = b"".join(color(m) + b"x\r" for m in range(n, n + 500))
        terminal.feed(colors)
        assert terminal.usage.pens <= MAX_PENS
    for _ in range(100):
        terminal.feed(b"\r")
    assert terminal.usage.pens < MAX_PENS / 2
    assert [line.runs for line in terminal.scrollback] == kept


def test_a_thousand_lines_in_colors_are_packed_into_a_third() -> None:
    output = b"".join(
        b"\x1b[01;3%dmfile%x\x1b[0m  " % (n % 7, n * 2654435761 % 2**32)
        + (b"\r\n" if n % 8 == 7 else b"")
        for n in range(8 * 1050)
    )
    Terminal(120, 40, scrollback=1000).feed(output)
    tracemalloc.start()
    try:
        terminal = Terminal(120, 40, scrollback=1000)
        terminal.feed(output)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        pack(terminal)
        gc.collect()
        freed = before - tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert freed > 250_000
    assert len(terminal.scrollback) == 1000
