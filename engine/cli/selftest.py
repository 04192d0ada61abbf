"""``selftest``: the loopback test against one target; prints each stage or a JSON report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from engine.cli.start import RELAY_SECONDS, hosting
from engine.control.commands import RunSelfTest, WaitForRelay, WaitForTargets
from engine.control.queries import Targets
from engine.core import stdio
from engine.core.errors import BadRequestError
from engine.core.events import Event, SelfTestStage
from engine.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.cli.parser import CommandLine
    from engine.core.model import Target
    from engine.core.selftest_report import SelfTestReport, StageResult
    from engine.core.settings import Settings

CATALOGUE_SECONDS = 5.0
"""How long to wait for the first answer of the Docker engines."""
MAX_LINE = 1000
"""Characters of a printed line that repeats the text of a container, an engine or a relay."""


async def run(line: CommandLine, settings: Settings) -> int:
    """Test ``--target``; 0 when every stage passed, else 1."""
    as_json = "json" in line.options
    async with hosting(settings, lasting=False) as control:
        if not as_json:
            control.subscribe(_print_event)
        await control.do(WaitForTargets(CATALOGUE_SECONDS))
        await control.do(WaitForRelay(RELAY_SECONDS))
        target, targets = line.options["target"], control.ask(Targets())
        if not target.strip():
            raise BadRequestError(f"Name a target to test. {_listed(targets)}")
        report = await control.do(RunSelfTest(target))
    if as_json:
        stdio.say(json.dumps(report.to_json()))
    else:
        _print_verdict(report)
        if not any(target in (one.id, one.name, one.ref) for one in targets):
            stdio.say(shown(f"There is no target “{target}”. {_listed(targets)}", MAX_LINE))
    return 0 if report.passed else 1


def _listed(targets: Sequence[Target]) -> str:
    names = ", ".join(target.id for target in targets)
    return f"There are these targets: {names}." if names else "There are no targets."


def _print_event(event: Event) -> None:
    if isinstance(event, SelfTestStage):
        _print_stage(event.stage)


def _print_stage(stage: StageResult) -> None:
    if stage.status == "running":
        return
    took = f"{stage.seconds * 1000:8.0f} ms" if stage.seconds else " " * 11
    line = f"{stage.status:<8}{took}  {stage.title}: {stage.detail}".rstrip(": ")
    stdio.say(shown(line, MAX_LINE))


def _print_verdict(report: SelfTestReport) -> None:
    failed = report.failed_stage
    if failed is None:
        stdio.say(f"All stages passed for {report.target}.")
    else:
        stdio.say(shown(f"Failed at “{failed.title}”: {failed.detail}", MAX_LINE))
