"""When a loopback test has passed."""

from __future__ import annotations

import pytest

from engine.core.selftest_report import STAGES, SelfTestReport, StageResult, StageStatus

PASSED, SKIPPED, FAILED, RUNNING = (
    StageStatus.PASSED,
    StageStatus.SKIPPED,
    StageStatus.FAILED,
    StageStatus.RUNNING,
)


def report(*statuses: StageStatus) -> SelfTestReport:
    return SelfTestReport(
        "web",
        tuple(StageResult(name, status) for name, status in zip(STAGES, statuses, strict=False)),
    )


@pytest.mark.parametrize(
    ("statuses", "passed", "failed"),
    [
        ((PASSED, PASSED, PASSED), True, None),
        ((SKIPPED, PASSED, PASSED), True, None),
        ((PASSED, FAILED, SKIPPED), False, "offer_answer"),
        ((PASSED, FAILED, PASSED), False, "offer_answer"),
        ((PASSED, RUNNING), False, None),
        ((SKIPPED, SKIPPED), False, None),
        ((), False, None),
    ],
)
def test_it_has_passed_when_a_stage_did_and_none_failed(
    statuses: tuple[StageStatus, ...], passed: bool, failed: str | None
) -> None:
    made = report(*statuses)
    assert made.passed is passed
    assert (made.failed_stage.name if made.failed_stage else None) == failed
    assert (made.to_json()["passed"], made.to_json()["failed_stage"]) == (passed, failed)
