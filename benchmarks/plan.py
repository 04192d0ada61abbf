"""How long and how often: the short form, which ends within 3 minutes, and the long one.

Owns the numbers and the progress lines. Does not own what is measured.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Plan:
    """Times in seconds. All of these may differ between the forms; nothing else does."""

    long: bool = False
    rounds: int = 2
    """Turns each competitor takes; the median of them is told."""
    warm: float = 0.3
    """Of a flood, before counting begins."""
    flood_seconds: float = 1.0
    ping_seconds: float = 2.0
    echoes: int = 300
    """Round trips of one turn on an idle session."""
    prompts: int = 50
    sessions: int = 200
    filled: int = 100
    """Of these sessions, how many get a history."""
    joins: int = 10
    """Of a page, to a shell at rest and again to one that floods."""
    idle_seconds: float = 4.0
    probe_seconds: float = 3.0
    cat_bytes: int = 16_000_000
    wan_warm: float = 0.7
    wan_seconds: float = 1.5
    """Of a flood without losses: the window stands still once it is open."""
    wan_lossy_seconds: float = 5.0
    wan_rtts: tuple[float, ...] = (0.040, 0.100)
    wan_losses: tuple[float, ...] = (0.0, 0.005, 0.02)
    wan_seeds: tuple[int, ...] = (1, 2)
    """Of the losses of each cell that has some; both stacks are given the same ones."""
    suite_seconds: float = 60.0
    """After which a suite has failed, and its children are killed."""
    began: float = field(default_factory=time.monotonic)
    step: str = ""

    @property
    def form(self) -> str:
        return "long" if self.long else "short"

    def say(self, text: str) -> None:
        """A line of progress, on stderr: the table on stdout stays clean."""
        print(f"{time.monotonic() - self.began:6.1f} s  {self.step}: {text}", file=sys.stderr,
              flush=True)  # fmt: skip


def short() -> Plan:
    return Plan()


def long() -> Plan:
    return Plan(
        long=True,
        rounds=5,
        warm=0.5,
        flood_seconds=4.0,
        ping_seconds=8.0,
        echoes=1000,
        prompts=200,
        filled=200,
        joins=50,
        idle_seconds=15.0,
        probe_seconds=15.0,
        cat_bytes=64_000_000,
        wan_warm=2.0,
        wan_seconds=6.0,
        wan_lossy_seconds=20.0,
        wan_rtts=(0.005, 0.040, 0.100, 0.200),
        wan_losses=(0.0, 0.005, 0.010, 0.02),
        wan_seeds=(1, 2, 3),
        suite_seconds=600.0,
    )
