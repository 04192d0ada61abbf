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

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from engine.emulator import Terminal
from tests.engine.emulator.oracle import Oracle, cells_of, missing, screen_of, seen
from tests.engine.emulator.recordings import FOLDER, SUFFIX, Output, Resized, Settled, load, paths

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


ERASED_AT_THE_MARGIN = (
    "EL with a wrap pending erases the character in the last column: xterm's cursor is on it "
    "(ClearRight), xterm.js's beyond it. xterm 379 shows what we do."
)
INVALID_UTF_8 = "Bytes that are no UTF-8 are shown as U+FFFD, as in xterm 379; xterm.js drops them."
GRAPHICS_AND_UTF_8 = (
    "In the DEC graphics set 0x5F is a blank (VT220 manual, xterm 379), which xterm.js leaves an "
    "underscore; and there are bytes that are no UTF-8."
)
NO_132_COLUMNS = (
    "DECCOLM does nothing unless mode 40 allows it (xterm ctlseqs; xterm 379 shows what we do): "
    "xterm.js erases the screen all the same."
)
RESTORED_WRAP = (
    "DECRC restores a pending wrap (DEC STD 070, xterm's CursorRestore), so that what is printed "
    "next is on the next line; xterm.js forgets it."
)
SKIN_TONE_ALONE = (
    "A joiner after a skin tone with nothing before it joins nothing (UAX #29, GB11), and xterm "
    "gives what follows cells of its own; xterm.js's addon joins whatever follows a joiner."
)
TAGS_APART = (
    "Characters without a width belong to the one before the cursor, as in xterm; after a movement "
    "xterm.js's addon puts them into a cell of their own."
)

DIFFERENT: dict[str, tuple[str, str]] = {
    "fzf-132x43": (ERASED_AT_THE_MARGIN, "d2854eb0"),
    "fzf-40x12": (ERASED_AT_THE_MARGIN, "ce858009"),
    "fzf-80x24": (ERASED_AT_THE_MARGIN, "883222e1"),
    "tmux-132x43": (SKIN_TONE_ALONE, "596291bc"),
    "top-132x43": (ERASED_AT_THE_MARGIN, "abf2e923"),
    "top-40x12": (ERASED_AT_THE_MARGIN, "3a0bb417"),
    "top-80x24": (ERASED_AT_THE_MARGIN, "c4f9728a"),
    "tput-132x43": (INVALID_UTF_8, "34781fe2"),
    "tput-40x12": (INVALID_UTF_8, "9762b5d9"),
    "tput-80x24": (INVALID_UTF_8, "a89f82b6"),
    "vim-emoji-132x43": (TAGS_APART, "5a0ce6b5"),
    "vim-emoji-40x12": (TAGS_APART, "288db50e"),
    "vim-emoji-80x24": (TAGS_APART, "c4c9009a"),
    "vttest-charsets-132x43": (GRAPHICS_AND_UTF_8, "6957387e"),
    "vttest-charsets-40x12": (GRAPHICS_AND_UTF_8, "2604696e"),
    "vttest-charsets-80x24": (GRAPHICS_AND_UTF_8, "6957387e"),
    "vttest-cursor-132x43": (NO_132_COLUMNS, "0bf2404f"),
    "vttest-cursor-40x12": (NO_132_COLUMNS, "4fe03a55"),
    "vttest-cursor-80x24": (NO_132_COLUMNS, "c9b333bd"),
    "vttest-screen-40x12": (RESTORED_WRAP, "b7b6596c"),
}
"""Recordings in which the screens differ: why xterm does as we do, and the digest of all the
differences, so that neither a new one nor one that has gone is missed."""


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


@dataclass(frozen=True)
class Comparison:
    """Screens after ``fed`` bytes; ``found`` is what differs, ``resized`` how often both were."""

    fed: int
    resized: int
    found: list[str]


def compare(oracle: Oracle, recording: Recording) -> Iterator[Comparison]:
    pair = Pair(oracle, recording)
    trust = Trust()
    fed = chunks = resized = 0
    last = len(recording.events) - 1
    for number, (_, event) in enumerate(recording.events):
        due = number == last
        match event:
            case Output(data):
                pair.feed(data)
                trust.output(data, pair.ours.alternate_screen)
                fed, chunks = fed + len(data), chunks + 1
                due |= chunks % BETWEEN == 0
            case Resized():
                pair.resize(event)
                trust.resized()
                resized += 1
            case Settled():
                trust.settled()
                due = True
        if due and (trust.alternate if pair.ours.alternate_screen else trust.normal):
            yield Comparison(fed, resized, pair.differences(history=number == last and not resized))
    ours, theirs = (CURSOR_REPORT.findall(r) for r in (pair.replies, pair.other.take_replies()))
    if ours != theirs:
        yield Comparison(fed, resized, [f"cursor reports: {ours}, xterm.js {theirs}"])
    pair.other.close()


def digest(differences: list[Comparison]) -> str:
    """Eight characters; "" for none."""
    text = ascii([(row.fed, row.found) for row in differences])
    return hashlib.sha256(text.encode()).hexdigest()[:8] if differences else ""


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.name.partition(".")[0])
def test_the_screen_is_that_of_xterm_js(oracle: Oracle, path: Path) -> None:
    compared = list(compare(oracle, load(path)))
    different = [row for row in compared if row.found]
    assert compared
    reason, known = DIFFERENT.get(path.name.partition(".")[0], ("", ""))
    if digest(different) == known:
        return
    lines = [f"{digest(different)!r}, {known!r} is known. {reason}"]
    for row in different[:SHOWN]:
        lines += [f"After {row.fed} bytes, {len(row.found)} differences:", *row.found[:SHOWN]]
    pytest.fail("\n".join(lines))


def test_there_are_recordings_of_at_least_forty_programs() -> None:
    names = {path.name.rpartition("-")[0] for path in paths()}
    assert len({name for name in names if not name.startswith("ncurses-")}) >= 40


def test_every_known_difference_has_its_recording() -> None:
    assert DIFFERENT.keys() <= {path.name.partition(".")[0] for path in paths()}


def test_most_are_compared_after_a_resize_too(oracle: Oracle) -> None:
    recording = load(FOLDER / f"vim-80x24{SUFFIX}")
    compared = list(compare(oracle, recording))
    resizes = sum(isinstance(event, Resized) for _, event in recording.events)
    assert {row.resized for row in compared} == set(range(resizes + 1))
