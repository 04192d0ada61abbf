"""Recorded escape sequences and the screens they must give: xterm.js's test data.

Owns the comparison, and the few screens that differ because xterm differs from
the data. The data has its own licence: fixtures/LICENSE.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from engine.emulator import Terminal
from tests.engine.emulator.inputs import check

FOLDER = Path(__file__).parent / "fixtures"
NAMES = sorted(path.stem for path in FOLDER.glob("*.in"))
COLS, ROWS = 80, 25

DIFFERENT: dict[str, tuple[int, str, str]] = {
    "t0060-DECSC": (4, "...", "xterm restores the pending wrap too (CursorRestore), so ^ wraps"),
    "t0061-CSI_s": (4, "...", "the same with CSI s"),
    "t0103-reverse_wrap": (
        0,
        "the endreally!",
        "since xterm 383 mode 45 goes back through wrapped lines only; 1045 goes anywhere",
    ),
}
"""The first row that differs, what it is here, and why."""


def data_of(name: str) -> bytes:
    return (FOLDER / f"{name}.in").read_bytes().replace(b"\n", b"\r\n")


def expected(name: str) -> list[str]:
    text = (FOLDER / f"{name}.text").read_text(encoding="utf-8")
    rows = [row.rstrip() for row in text.split("\n")][:ROWS]
    return rows + [""] * (ROWS - len(rows))


def test_all_of_them_are_here() -> None:
    assert len(NAMES) == 76


@pytest.mark.parametrize("size", [0, 1, 7])
@pytest.mark.parametrize("name", NAMES)
def test_screen(name: str, size: int) -> None:
    terminal = Terminal(COLS, ROWS)
    data = data_of(name)
    for start in range(0, len(data), size or len(data)):
        terminal.feed(data[start : start + (size or len(data))])
    rows = expected(name)
    if name in DIFFERENT:
        row, here, _ = DIFFERENT[name]
        assert terminal.text()[:row] == rows[:row]
        assert terminal.text()[row] == here
    else:
        assert terminal.text() == rows


@pytest.mark.parametrize("seed", range(40))
def test_mutated_bytes(seed: int) -> None:
    # Deletions, insertions, flips and moves in real sequences: more of them make
    # sense, and reach further, than bytes out of nowhere do.
    rng = random.Random(seed)
    data = bytearray(b"".join(data_of(name) for name in rng.sample(NAMES, 3)))
    for _ in range(len(data) // 20):
        at = rng.randrange(len(data))
        match rng.randrange(4):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                del data[at]
            case 2:
                data.insert(at, rng.choice(b"\x1b[]P0123456789;:?>\x07\x08\r\n\x9b\x90\xe6\xf0Hm"))
            case _:
                data[at:at] = data[rng.randrange(len(data)) :][: rng.randrange(20)]
    whole, cut = Terminal(COLS, ROWS), Terminal(COLS, ROWS)
    whole.feed(bytes(data))
    at = 0
    while at < len(data):
        size = rng.randint(1, 9)
        cut.feed(bytes(data[at : at + size]))
        at += size
    check(whole)
    assert cut.text() == whole.text()
    assert cut.cursor() == whole.cursor()
    whole.resize(rng.randint(1, 30), rng.randint(1, 100))
    check(whole)
