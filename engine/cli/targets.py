"""``targets``: list the targets, and the Docker engines that do not respond."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from engine.cli.start import running_instance
from engine.control.commands import WaitForTargets
from engine.control.queries import DockerStatuses, Targets
from engine.core import stdio
from engine.core.model import DockerStatus, EngineState, Target
from engine.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.cli.parser import CommandLine
    from engine.core.settings import Settings

CATALOGUE_SECONDS = 5.0
"""How long to wait for the first answer of the Docker engines."""
MAX_LINE = 1000
"""Characters of a printed line that repeats the text of a container or an engine."""


async def run(line: CommandLine, settings: Settings) -> int:
    found, statuses = await _list(line, settings)
    if "json" in line.options:
        _print_json(found, statuses)
    else:
        _print_table(found, statuses)
    return 0


async def _list(
    line: CommandLine, settings: Settings
) -> tuple[Sequence[Target], Sequence[DockerStatus]]:
    """As the running instance of the profile knows them, when there is one."""
    remote = await running_instance(line)
    if remote is None:
        from engine.control.listing import list_targets

        return await list_targets(settings, CATALOGUE_SECONDS)
    try:
        await remote.do(WaitForTargets(CATALOGUE_SECONDS))
        return remote.ask(Targets()), remote.ask(DockerStatuses())
    finally:
        await remote.stop()


def _print_json(found: Sequence[Target], statuses: Sequence[DockerStatus]) -> None:
    rows = [
        {"id": t.id, "kind": t.kind, "name": t.name, "state": t.state, "image": t.image,
         "engine": t.engine, "shared": t.shared} for t in found
    ]  # fmt: skip
    engines = [
        {"engine": s.engine, "url": s.url, "state": s.state, "detail": s.detail} for s in statuses
    ]
    stdio.say(json.dumps({"targets": rows, "engines": engines}))


def _print_table(found: Sequence[Target], statuses: Sequence[DockerStatus]) -> None:
    width = max((len(t.id) for t in found), default=0)
    lines = []
    for target in found:
        shared = "  shared" if target.shared else ""
        row = f"{target.id:<{width}}  {target.state:<8} {target.image}{shared}"
        lines.append(shown(row.rstrip()))
    stdio.say("\n".join(lines))
    for status in statuses:
        if status.state is not EngineState.READY:
            trouble = f"Docker ({status.engine}): {status.detail or status.state}"
            stdio.warn(shown(trouble, MAX_LINE))
