"""``orphans``: list the shells that a host left when it was killed, and end them with ``--end``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.cli.exit_codes import FAILED
from engine.cli.start import running_instance
from engine.control.commands import EndOrphans
from engine.control.queries import Orphans
from engine.core import log, stdio
from engine.core.model import Orphan, OrphanState
from engine.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.cli.parser import CommandLine
    from engine.core.settings import Settings

MAX_LINE = 1000
"""Characters of a printed line that repeats the text of a container or an engine."""
NOTHING = "No terminals of earlier runs are left."
TITLES = {
    OrphanState.ORPHAN: "Left by a Hatchway that did not stop properly; --end ends them:",
    OrphanState.ENDING: "Not ended completely yet:",
    OrphanState.KEPT: "Kept running on request (nohup, setsid, tmux); --end --kept ends them:",
    OrphanState.FOREIGN: "Started by another host; never ended from here:",
}


async def run(line: CommandLine, settings: Settings) -> int:
    """Exit code 1 when something could not be ended."""
    if "log_level" not in line.options:
        log.configure("ERROR")  # what would be logged is printed
    try:
        ended, found = await _work(line, settings)
    except OSError as error:
        stdio.warn(f"Error: Cannot read the records of running terminals: {error}")
        return FAILED
    if "json" in line.options:
        stdio.say(json.dumps(_as_json(found, ended)))
    else:
        stdio.say(_as_text(found, ended))
    unfinished = any(one.state is OrphanState.ENDING for one in found)
    return FAILED if ended is not None and unfinished else 0


async def _work(line: CommandLine, settings: Settings) -> tuple[int | None, Sequence[Orphan]]:
    """How many were ended, None when that was not asked for, and what is left.

    By the running instance of the profile, when there is one. Raises OSError.
    """
    end, kept = "end" in line.options, "kept" in line.options
    remote = await running_instance(line)
    if remote is None:
        from engine.control.orphans import end_orphans, list_orphans

        if not end:
            return None, await list_orphans(settings)
        result = await end_orphans(settings, kept=kept)
        return result.ended, result.left
    try:
        if not end:
            return None, remote.ask(Orphans())
        ended = await remote.do(EndOrphans(kept))
        return ended.ended, remote.ask(Orphans())
    finally:
        await remote.stop()


def _as_json(found: Sequence[Orphan], ended: int | None) -> dict[str, Any]:
    def rows(*states: OrphanState) -> list[dict[str, Any]]:
        return [_row(one) for one in found if one.state in states]

    answer: dict[str, Any] = {
        "orphans": rows(OrphanState.ORPHAN, OrphanState.ENDING),
        "kept": rows(OrphanState.KEPT),
        "foreign": rows(OrphanState.FOREIGN),
    }
    return answer if ended is None else {"ended": ended, **answer}


def _row(one: Orphan) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": one.id,
        "target": one.target,
        "session": one.session,
        "state": one.state,
        "processes": [{"pid": p.pid, "name": p.name} for p in one.processes],
        "more": one.more,
        "reason": one.reason,
    }
    return {**row, "host": one.host} if one.host else row


def _as_text(found: Sequence[Orphan], ended: int | None) -> str:
    lines = []
    if ended is not None:
        lines.append(f"Ended {ended} {'terminal' if ended == 1 else 'terminals'}.")
    elif not found:
        lines.append(NOTHING)
    width = max((len(shown(one.target)) for one in found), default=0)
    for state, title in TITLES.items():
        rows = [one for one in found if one.state is state]
        if rows:
            lines.append(title)
            lines += [
                shown(f"  {shown(one.target):<{width}}  {_what(one)}", MAX_LINE) for one in rows
            ]
    return "\n".join(lines)


def _what(one: Orphan) -> str:
    what = ", ".join(f"{process.name} ({process.pid})" for process in one.processes)
    if one.more:
        what += f" and {one.more} more"
    return "; ".join(filter(None, (what, one.reason)))
