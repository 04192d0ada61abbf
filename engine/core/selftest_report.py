"""The report of a loopback test: one result per stage, in order, also as JSON.

engine.client.selftest runs the test.
"""

from __future__ import annotations

import enum
import time
from dataclasses import asdict, dataclass, field
from typing import Any


class StageStatus(enum.StrEnum):
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


STAGES: dict[str, str] = {
    "relay_connect": "Reach the relay",
    "offer_answer": "Offer and answer",
    "ice": "Find a path (ICE)",
    "channel_open": "Open the channel (DTLS)",
    "pty_up": "Start the terminal",
    "echo_rtt": "Echo round trip",
    "resize": "Resize reaches the shell",
    "integrity": "1 MiB both ways, byte for byte",
    "throughput": "Throughput",
    "clean_close": "Close and clean up",
}
"""Stage name → title for people, in the order of the stages."""


@dataclass(frozen=True, slots=True)
class StageResult:
    """One stage's outcome. ``seconds`` is how long it took.

    ``detail`` is a text for people: its figures, or why it failed. ``code`` is the error's
    stable code. ``figures`` are the numbers in ``detail`` (seconds, bytes, bytes per second).
    """

    name: str
    status: StageStatus
    seconds: float = 0.0
    detail: str = ""
    code: str = ""
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return STAGES[self.name]


@dataclass(frozen=True, slots=True)
class SelfTestReport:
    target: str
    stages: tuple[StageResult, ...]
    started_at: float = field(default_factory=time.time)

    @property
    def passed(self) -> bool:
        """Whether no stage failed, and one passed. A stage may be skipped without a failure
        before it: the relay's, in a test that leaves the relay out."""
        statuses = {stage.status for stage in self.stages}
        return StageStatus.PASSED in statuses <= {StageStatus.PASSED, StageStatus.SKIPPED}

    @property
    def failed_stage(self) -> StageResult | None:
        return next((s for s in self.stages if s.status is StageStatus.FAILED), None)

    def to_json(self) -> dict[str, Any]:
        """A plain object: target, passed, failed_stage (name or null), stages."""
        failed = self.failed_stage
        return {
            "target": self.target,
            "passed": self.passed,
            "failed_stage": failed.name if failed else None,
            "started_at": self.started_at,
            "stages": [{**asdict(stage), "title": stage.title} for stage in self.stages],
        }
