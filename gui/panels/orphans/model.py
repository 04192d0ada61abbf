"""What the window says about terminals that earlier runs left. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.core.model import Orphan, OrphansEnded, OrphanState
from engine.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_TARGET = 40
"""Characters of a target's name in the list."""
MAX_NAME = 20
MAX_NAMES = 3
"""Processes named of one terminal; the others are counted."""
MAX_ROWS = 10
"""Terminals named; the others are counted."""
GONE = "The terminals of earlier runs have ended already"


def orphans(rows: Iterable[Orphan]) -> tuple[Orphan, ...]:
    """Those to be offered: neither kept on request, nor another host's, nor ending already."""
    return tuple(row for row in rows if row.state is OrphanState.ORPHAN)


def offer(rows: Sequence[Orphan]) -> tuple[str, str]:
    """Title and details of the offer to end them."""
    were = "was" if len(rows) == 1 else "were"
    return f"{_terminals(len(rows))} {were} left by a Hatchway that did not stop properly", (
        _list(rows)
    )


def outcome(result: OrphansEnded) -> tuple[str, str]:
    """Title and details of what came of it."""
    kept = [row for row in result.left if row.state is OrphanState.KEPT]
    ending = [row for row in result.left if row.state is OrphanState.ENDING]
    details = []
    if ending:
        details.append(f"Hatchway keeps trying to end {_list(ending)}")
    if kept:
        details.append(f"Kept running because they asked to: {_list(kept)}")
    # Of a kept one the terminal has ended; a program that it started has not.
    ended = result.ended + len(kept)
    if not ended:
        title = f"{_terminals(len(ending))} not ended yet" if ending else GONE
    else:
        title = f"{_terminals(ended)} ended"
    return title, ". ".join(details)


def _terminals(count: int) -> str:
    return "1 terminal" if count == 1 else f"{count} terminals"


def _list(rows: Sequence[Orphan]) -> str:
    """``web: sh (12), sleep (30); db: unknown (db is paused)``, safe to show."""
    texts = [_one(row) for row in rows[:MAX_ROWS]]
    if len(rows) > MAX_ROWS:
        texts.append(f"{len(rows) - MAX_ROWS} more")
    return "; ".join(texts)


def _one(row: Orphan) -> str:
    names = [f"{shown(p.name, MAX_NAME)} ({p.pid})" for p in row.processes[:MAX_NAMES]]
    if more := row.more + len(row.processes) - len(names):
        names.append(f"{more} more")
    if row.reason:
        names.append(shown(row.reason))
    return f"{shown(row.target, MAX_TARGET)}: {', '.join(names)}" if names else shown(row.target)
