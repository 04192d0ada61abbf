"""Tables of pens, clusters and links are bounded, and what no row needs is freed."""

from __future__ import annotations

import random
from itertools import pairwise

from engine.emulator import TRUECOLOR, Hyperlink, Terminal
from engine.emulator.cells.clusters import MAX_CLUSTERS
from engine.emulator.cells.links import MAX_LINKS
from engine.emulator.cells.pens import MAX_PENS, NEAR_FULL
from engine.emulator.screen.collector import CODES_PER_FEED

COLS, ROWS = 10, 4


def test_pens_are_bounded_and_unused_ones_come_back() -> None:
    terminal = Terminal(COLS, ROWS, scrollback=100)
    for block in range(0, MAX_PENS * 2, 1000):
        colors = (
            b"\x1b[38;2;%d;%d;%dmx" % (n >> 16 & 255, n >> 8 & 255, n & 255)
            for n in range(block, block + 1000)
        )
        terminal.feed(b"".join(colors) + b"\r\n")
        assert terminal.usage.pens <= MAX_PENS
    assert terminal.line(ROWS - 2).runs[-1].style.fg & 0xFFFFFF == block + 999


def test_links_are_bounded_and_unused_ones_come_back() -> None:
    terminal = Terminal(COLS, ROWS, scrollback=100)
    for n in range(0, MAX_LINKS * 3, 64):
        links = (b"\x1b]8;;http://x/%d\x07y" % m for m in range(n, n + 64))
        terminal.feed(b"".join(links) + b"\r\n")
        assert terminal.usage.links <= MAX_LINKS
    link = terminal.line(ROWS - 2).runs[-1].style.link
    assert terminal.hyperlink(link) == Hyperlink(f"http://x/{n + 63}")


def test_clusters_are_bounded_and_unused_ones_come_back() -> None:
    terminal = Terminal(COLS, ROWS, scrollback=100)
    marks = [chr(code) for code in range(0x300, 0x364)]

    def cluster(number: int) -> str:
        return chr(0x61 + number % 20) + marks[number // 20 % 100] + marks[number // 2000 % 100]

    for block in range(0, MAX_CLUSTERS * 2, 1000):
        terminal.feed("".join(map(cluster, range(block, block + 1000))).encode() + b"\r\n")
        assert terminal.usage.clusters <= MAX_CLUSTERS
    assert terminal.line(ROWS - 2).text.endswith(cluster(block + 999))


def test_lines_printed_with_an_empty_one_before_them_keep_their_color() -> None:
    terminal = Terminal(40, 3, scrollback=300)
    lines = b"\r\n\r\n\r\n" + b"hello\r\n" * 5
    terminal.feed(b"\r\n" * 5 + b"\x1b[38;2;1;2;3m" + lines + b"\x1b[m" + b"\r\n" * 4)
    hello = [line for line in range(len(terminal.scrollback)) if terminal.scrollback[line].text]
    terminal.feed(b"\x1b[?1049h")
    most = number = 0
    while terminal.usage.pens >= most:
        most = terminal.usage.pens
        number += 1
        colors = [f"\x1b[38;2;{number >> 8};{number & 255};{n};48;2;9;9;9mx" for n in range(100)]
        terminal.feed("".join(["\x1b[H", *colors]).encode())
    for _ in range(2 * MAX_PENS // CODES_PER_FEED):
        # To the end of the sweep.
        terminal.feed(b"")
    assert terminal.usage.pens < NEAR_FULL // 2
    colors_shown = {terminal.scrollback[line].runs[0].style.fg for line in hello}
    assert (len(hello), colors_shown) == (5, {TRUECOLOR | 0x010203})


def test_colors_without_end_are_right_while_pens_are_swept() -> None:
    """More styles than there are pens, few of them at one time on the screen or in the history."""
    chance = random.Random(5)
    terminal = Terminal(100, 4, scrollback=20)
    shown: list[list[int]] = []
    numbers: list[int] = []
    for _ in range(2 * MAX_PENS // 100):
        colors = [chance.randrange(1 << 24) for _ in range(100)]
        shown = [*shown[-3:], colors]
        line = "".join(
            f"\x1b[38;2;{c >> 16};{c >> 8 & 255};{c & 255};48;2;{c & 255};0;{c >> 16}mx"
            for c in colors
        )
        terminal.feed(f"\r\n{line}".encode())
        numbers.append(terminal.usage.pens)
        if len(numbers) % 40 == 0:
            for row, expected in enumerate(shown[-4:], 4 - len(shown[-4:])):
                found = [run.style.fg for run in terminal.line(row).runs for _ in range(run.cells)]
                assert found == [TRUECOLOR | color for color in expected]
    assert NEAR_FULL < max(numbers) < MAX_PENS
    # Never all at once: what one feed frees is bounded.
    assert max(a - b for a, b in pairwise(numbers)) <= CODES_PER_FEED
    assert numbers[-1] < NEAR_FULL
