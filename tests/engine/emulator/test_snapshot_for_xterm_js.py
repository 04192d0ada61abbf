"""Snapshots for guests whose terminal is not ours: xterm.js shows what we do.

Joins the snapshot, the recordings of real programs and the oracle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.emulator import Terminal
from tests.engine.emulator.oracle import Oracle, cells_of, missing, screen_of, seen
from tests.engine.emulator.recordings import Output, Resized, Settled, load, paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WITHOUT_MUCH = frozenset({"graphemes", "sync"})
"""What xterm.js can do of FEATURES, with the addon that the oracle has."""
AT_MOST = 3
"""Snapshots taken of one recording."""


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    if reason := missing():
        pytest.skip(reason)
    with Oracle() as oracle:
        yield oracle


def moments(path: Path) -> Iterator[Terminal]:
    """The terminal at some of the moments at which the program waited, and at the end."""
    recording = load(path)
    terminal = Terminal(recording.cols, recording.rows)
    settled = sum(isinstance(event, Settled) for _, event in recording.events)
    every = max(1, settled // (AT_MOST - 1))
    count = 0
    for _, event in recording.events:
        match event:
            case Output(data):
                terminal.feed(data)
            case Resized(cols=cols, rows=rows):
                terminal.resize(rows, cols)
            case Settled():
                count += 1
                if count % every == 0:
                    yield terminal
    yield terminal


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.name.partition(".")[0])
def test_xterm_js_shows_the_snapshot(oracle: Oracle, path: Path) -> None:
    for terminal in moments(path):
        other = oracle.terminal(terminal.cols, terminal.rows)
        other.feed(terminal.snapshot_writer(features=WITHOUT_MUCH).whole().encode())
        ours, theirs = screen_of(terminal, history=True), other.screen(history=True)
        assert ours.text == theirs.text
        assert ours.cursor == theirs.cursor
        assert ours.alternate == theirs.alternate
        # Its history keeps as many lines as it was made to.
        kept = min(len(theirs.history), 1000)
        assert kept == min(len(ours.history), 1000)
        assert ours.history[len(ours.history) - kept :] == theirs.history[-kept:] or not kept
        for row in range(terminal.rows):
            if ours.runs[row] != theirs.runs[row]:
                assert list(seen(cells_of(terminal, row))) == list(seen(other.cells(row)))
        assert not other.take_replies()
        other.close()
