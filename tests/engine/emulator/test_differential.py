"""Our emulator beside xterm.js on recordings of real programs.

Owns what is compared and when, and the table of the differences that stay,
each with the reason. Does not own the oracle (oracle/) or the recordings.

Both are fed the same bytes and compared wherever the program had drawn and was
waiting, and a few times between. What becomes of text at a resize is each
terminal's own affair (xterm cuts it off, xterm.js wraps it anew), so a screen
is compared again once the program has drawn it anew: the alternate one when
the program next waits, the normal one when it has been erased.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from engine.emulator import Terminal
from tests.engine.emulator.oracle import Oracle, cells_of, missing, screen_of, seen
from tests.engine.emulator.recordings import Output, Resized, Settled, load, paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.engine.emulator.oracle import OracleTerminal
    from tests.engine.emulator.recordings import Recording

BETWEEN = 16
"""Chunks of output after which the screens are compared though the program goes on."""
SHOWN = 5
"""Differences of one comparison that a failure lists."""
ERASED = re.compile(rb"\x1b\[2J|\x1b\[H\x1b\[0?J|\x1bc")
"""The screen is erased, so that nothing on it is older than this."""
CURSOR_REPORT = re.compile(rb"\x1b\[\??\d+;\d+R")
"""The answers both must give alike; who a terminal says it is may differ."""


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    if reason := missing():
        pytest.skip(reason)
    with Oracle() as oracle:
        yield oracle


class Pair:
    """Both emulators, in step."""

    def __init__(self, oracle: Oracle, recording: Recording) -> None:
        self.replies = bytearray()
        self.ours = Terminal(recording.cols, recording.rows, self.replies.extend)
        self.other: OracleTerminal = oracle.terminal(recording.cols, recording.rows)

    def feed(self, data: bytes) -> None:
        self.ours.feed(data)
        self.other.feed(data)

    def resize(self, size: Resized) -> None:
        self.ours.resize(size.rows, size.cols)
        self.other.resize(size.rows, size.cols)

    def differences(self, *, history: bool = False) -> list[str]:
        ours, theirs = screen_of(self.ours, history=history), self.other.screen(history=history)
        found = []
        if ours.alternate != theirs.alternate:
            found.append(f"alternate screen: {ours.alternate}, xterm.js {theirs.alternate}")
        for row, (mine, other) in enumerate(zip(ours.text, theirs.text, strict=True)):
            if mine != other:
                found.append(f"row {row}:\n      ours {mine!r}\n  xterm.js {other!r}")
        for row, (look, other_look) in enumerate(zip(ours.runs, theirs.runs, strict=True)):
            if look != other_look and ours.text[row] == theirs.text[row]:
                found += self._cells(row)
        if ours.cursor != theirs.cursor:
            found.append(f"cursor: {ours.cursor}, xterm.js {theirs.cursor}")
        if ours.history != theirs.history:
            found.append(f"scrollback: {_first_difference(ours.history, theirs.history)}")
        return found

    def _cells(self, row: int) -> Iterator[str]:
        cells = zip(seen(cells_of(self.ours, row)), seen(self.other.cells(row)), strict=True)
        for column, (mine, other) in enumerate(cells):
            if mine != other:
                yield f"row {row} column {column}: {mine}, xterm.js {other}"


def _first_difference(ours: list[str], theirs: list[str]) -> str:
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=False)):
        if mine != other:
            return f"line {number}: {mine!r}, xterm.js {other!r}"
    return f"{len(ours)} lines, xterm.js {len(theirs)}"


class Trust:
    """Which of the two screens can be compared."""

    def __init__(self) -> None:
        self.normal = self.alternate = True
        self._written = False

    def resized(self) -> None:
        self.normal = self.alternate = self._written = False

    def output(self, data: bytes, alternate: bool) -> None:
        self._written = True
        if not alternate and ERASED.search(data):
            self.normal = True

    def settled(self) -> None:
        # Some look at the new size only when the next key comes.
        self.alternate |= self._written


def compare(oracle: Oracle, recording: Recording) -> Iterator[tuple[int, list[str]]]:
    """What differs, by the number of bytes fed before."""
    pair = Pair(oracle, recording)
    trust = Trust()
    fed = chunks = 0
    last = len(recording.events) - 1
    for number, (_, event) in enumerate(recording.events):
        compared = number == last
        match event:
            case Output(data):
                pair.feed(data)
                trust.output(data, pair.ours.alternate_screen)
                fed, chunks = fed + len(data), chunks + 1
                compared |= chunks % BETWEEN == 0
            case Resized():
                pair.resize(event)
                trust.resized()
            case Settled():
                trust.settled()
                compared = True
        trusted = trust.alternate if pair.ours.alternate_screen else trust.normal
        if compared and trusted:
            whole = number == last and not recording.resized
            if found := pair.differences(history=whole):
                yield fed, found
    ours, theirs = (CURSOR_REPORT.findall(r) for r in (pair.replies, pair.other.take_replies()))
    if ours != theirs:
        yield fed, [f"cursor reports: {ours}, xterm.js {theirs}"]
    pair.other.close()


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.name.partition(".")[0])
def test_the_screen_is_that_of_xterm_js(oracle: Oracle, path: Path) -> None:
    recording = load(path)
    for fed, found in compare(oracle, recording):
        pytest.fail(
            f"After {fed} bytes:\n" + "\n".join(found[:SHOWN]) + f"\n({len(found)} differences)"
        )


def test_there_are_recordings_of_at_least_forty_programs() -> None:
    assert len({path.name.rpartition("-")[0] for path in paths()}) >= 40
    assert os.path.getsize(paths()[0]) > 0
