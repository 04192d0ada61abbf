"""What the emulators are made to read: thirteen kinds of output, the same every time.

Owns making the bytes. Does not own feeding them (benchmarks/emulator.py).
Generated with a fixed seed, or taken from the recordings of real programs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.engine.emulator.recordings import FOLDER, SUFFIX, load

SIZE = 256 * 1024
"""Bytes of a workload, or a little more."""
COLS, ROWS = 120, 40
SEED = 20_260_101
SOURCE = Path(__file__).resolve().parent.parent / "engine"

WORDS = [
    "the",
    "terminal",
    "shows",
    "a",
    "row",
    "of",
    "cells",
    "and",
    "every",
    "cell",
    "holds",
    "one",
    "character",
    "while",
    "the",
    "cursor",
    "waits",
    "for",
    "what",
    "comes",
    "next",
    "from",
    "a",
    "program",
    "that",
    "prints",
    "as",
    "fast",
    "as",
    "it",
    "can",
]
CJK = "日本語中文字符端末表示終端宽度한국어텍스트あいうえおカキクケコ漢字"
EMOJI = ("😀", "🚀", "👍🏽", "👩‍💻", "🇩🇪", "❤️", "👨‍👩‍👧‍👦", "🎉", "1️⃣", "☕", "🏳️‍🌈", "é")
NAMES = ("src", "notes.txt", "run.sh", "archive.tar.gz", "picture.png", "link", "lib", "README.md")
LS_COLORS = ("01;34", "0", "01;32", "01;31", "01;35", "01;36", "01;34", "0")


@dataclass(frozen=True)
class Workload:
    name: str
    data: bytes
    cols: int = COLS
    rows: int = ROWS

    def cut(self, size: int) -> Workload:
        return replace(self, data=self.data[:size])


Part = Iterator[str]
"""Endless output, piece by piece."""


def _plain(rng: random.Random) -> Part:
    while True:
        yield " ".join(rng.choices(WORDS, k=rng.randint(4, 20))) + "\r\n"


def _source(_: random.Random) -> Part:
    texts = [path.read_text(encoding="utf-8") for path in sorted(SOURCE.rglob("*.py"))]
    while True:
        for text in texts:
            yield text.replace("\n", "\r\n")


def _yes(_: random.Random) -> Part:
    while True:
        yield "y\r\n"


def _ls(rng: random.Random) -> Part:
    while True:
        for _ in range(rng.randint(3, 6)):
            which = rng.randrange(len(NAMES))
            name = f"{rng.choice(WORDS)}-{NAMES[which]}"
            yield f"\x1b[0m\x1b[{LS_COLORS[which]}m{name}\x1b[0m" + " " * (22 - len(name))
        yield "\r\n"


def _random_256(rng: random.Random) -> Part:
    while True:
        for _ in range(COLS):
            yield f"\x1b[38;5;{rng.randrange(256)};48;5;{rng.randrange(256)}m{rng.choice('#@%abc')}"
        yield "\x1b[0m\r\n"


def _truecolor(rng: random.Random) -> Part:
    """A picture in half blocks."""
    shift = 0
    while True:
        shift = (shift + rng.randrange(3)) % 128
        for x in range(COLS):
            r, g, b = x * 2, 255 - x * 2, shift + x
            yield f"\x1b[38;2;{r};{g};{b};48;2;{b};{r};{g}m▀"
        yield "\x1b[0m\r\n"


def _vim(rng: random.Random) -> Part:
    """Frames as an editor with syntax colors draws them."""
    top = 1
    while True:
        top += 1
        yield "\x1b[?25l"
        for row in range(1, ROWS):
            word = rng.choice(WORDS)
            yield (
                f"\x1b[{row};1H\x1b[38;5;130m{top + row:>4} \x1b[m{'    ' * rng.randrange(4)}"
                f"\x1b[38;5;130mdef\x1b[m \x1b[36m{word}\x1b[m({' '.join(rng.choices(WORDS, k=5))})"
                f": \x1b[34m# {rng.choice(WORDS)}\x1b[m\x1b[K"
            )
        yield f"\x1b[{ROWS};1H\x1b[7m notes.py {top},1 \x1b[K\x1b[m\x1b[{ROWS // 2};9H\x1b[?25h"


def _scroll_region(rng: random.Random) -> Part:
    """Text scrolling between a head and a foot, both ways."""
    while True:
        yield f"\x1b[4;{ROWS - 3}r\x1b[{ROWS - 3};1H"
        for _ in range(30):
            yield f"\n\r\x1b[32m{' '.join(rng.choices(WORDS, k=8))}\x1b[m\x1b[K"
        yield "\x1b[4;1H"
        for _ in range(10):
            yield f"\x1bM\r{' '.join(rng.choices(WORDS, k=8))}\x1b[K"
        yield f"\x1b[10;1H\x1b[2L{rng.choice(WORDS)}\x1b[20;1H\x1b[3M\x1b[r"


def _cjk(rng: random.Random) -> Part:
    while True:
        yield "".join(rng.choices(CJK, k=rng.randint(10, COLS // 2))) + "\r\n"


def _emoji(rng: random.Random) -> Part:
    while True:
        yield " ".join(rng.choices(EMOJI, k=rng.randint(5, 30))) + " text\r\n"


GENERATED = {
    "plain": _plain,
    "source": _source,
    "yes": _yes,
    "ls --color": _ls,
    "random 256": _random_256,
    "truecolour": _truecolor,
    "vim-like": _vim,
    "scroll region": _scroll_region,
    "CJK": _cjk,
    "emoji": _emoji,
}
RECORDED = {"htop": "htop-132x43", "vim": "vim-132x43", "vim colours": "vim-colour-132x43"}


def _filled(parts: Iterator[bytes]) -> bytes:
    data = bytearray()
    while len(data) < SIZE:
        data += next(parts)
    return bytes(data)


def workloads() -> list[Workload]:
    """All of them: the generated ones, then the recorded ones at their own size."""
    found = [
        Workload(name, _filled(part.encode() for part in make(random.Random(SEED))))
        for name, make in GENERATED.items()
    ]
    for name, file in RECORDED.items():
        recording = load(FOLDER / (file + SUFFIX))
        output = recording.output
        found.append(
            Workload(name, output * -(-SIZE // len(output)), recording.cols, recording.rows)
        )
    return found


def lines_of_text(count: int, style: str) -> bytes:
    """Lines for the history: "plain" ones of about 55 characters, or "coloured" in six runs."""
    rng = random.Random(SEED)
    lines = []
    for _ in range(count):
        words = rng.choices(WORDS, k=12)
        if style == "coloured":
            words[::2] = [f"\x1b[{rng.randint(31, 36)}m{word}\x1b[m" for word in words[::2]]
        lines.append(" ".join(words) + "\r\n")
    return "".join(lines).encode()
