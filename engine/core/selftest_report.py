"""What a self-test reports: one result per stage, in order.

Owns the stages' names, titles and the report's shape (also as JSON). Does not
own running them: that is engine.client.selftest.
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
    "channel_open": "Encrypt and open the channel (DTLS)",
    "pty_up": "Start the terminal",
    "echo_rtt": "Echo round trip",
    "resize": "Resize reaches the shell",
    "integrity": "1 MiB both ways, byte for byte",
    "throughput": "Throughput",
    "clean_close": "Close without a trace",
}
"""Stage name → title for people, in the order they run."""


@dataclass(frozen=True, slots=True)
class StageResult:
    """``seconds`` the stage took; ``detail`` its figures or why it failed, in words.

    ``code`` is the failing error's stable code; ``figures`` are the numbers behind
    the words (seconds, bytes, bytes per second).
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
        return bool(self.stages) and all(s.status is StageStatus.PASSED for s in self.stages)

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
