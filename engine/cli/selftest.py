"""``selftest``: the loopback test against one target; prints each stage or a JSON report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from engine.cli.start import RELAY_SECONDS, make_agent
from engine.core import stdio
from engine.core.text import shown

if TYPE_CHECKING:
    from engine.cli.parser import CommandLine
    from engine.client.selftest_report import SelfTestReport, StageResult
    from engine.core.settings import Settings

CATALOGUE_SECONDS = 5.0
"""How long to wait for the first answer of the Docker engines."""
MAX_LINE = 1000
"""Characters of a printed line that repeats the text of a container, an engine or a relay."""


async def run(line: CommandLine, settings: Settings) -> int:
    """Test ``--target``; 0 when every stage passed, else 1."""
    as_json = "json" in line.options
    agent = make_agent(settings)
    await agent.start()
    try:
        await agent.targets.settled(CATALOGUE_SECONDS)
        await agent.wait_for_relay(RELAY_SECONDS)
        report = await agent.self_test(
            line.options["target"], lambda stage: None if as_json else _print_stage(stage)
        )
    finally:
        await agent.stop()
    if as_json:
        stdio.say(json.dumps(report.to_json()))
    else:
        _print_verdict(report)
    return 0 if report.passed else 1


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
