"""What a screen kept at the agent costs under a flood: MB/s of processor time.

    python -m benchmarks.forward

A shell's screen that nobody looks at follows the log (fast-forward), beside a terminal that reads
everything. Both take turns; the best round counts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from benchmarks.emulator_workloads import Workload, workloads
from engine.core.model import Size
from engine.emulator import Terminal
from engine.shells.output_log import OutputLog
from engine.shells.screen import ShellScreen

READ = 64 * 1024
"""Bytes of a read of the PTY."""
SIZE = 16 * 1024 * 1024
HISTORY = 1000
ROUNDS = 3
NAMES = frozenset({"plain", "source", "yes", "ls --color", "emoji", "vim-like"})


def reads(workload: Workload) -> list[bytes]:
    data = workload.data * (SIZE // len(workload.data))
    return [data[at : at + READ] for at in range(0, len(data), READ)]


def seconds(work: Callable[[], None]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def reading(workload: Workload, every: list[bytes]) -> None:
    terminal = Terminal(workload.cols, workload.rows, scrollback=HISTORY)
    for data in every:
        terminal.feed(data)


def following(workload: Workload, every: list[bytes]) -> None:
    async def run() -> None:
        log = OutputLog(READ)
        size = Size(workload.cols, workload.rows)
        screen = ShellScreen(log, size, scrollback=HISTORY, reply=lambda answer: None)
        for data in every:
            await screen.room()
            log.append(data)
            screen.printed()
            log.trim(screen.needed)
            await asyncio.sleep(0)
        await screen.bring_up()
        await screen.close()

    asyncio.run(run())


def main() -> None:
    print(f"{'':12} {'reading':>8} {'following':>10} {'ratio':>6}  (MB/s)")
    for workload in workloads():
        if workload.name not in NAMES:
            continue
        every = reads(workload)
        total = sum(map(len, every)) / 1e6
        times = [
            (
                seconds(lambda w=workload, e=every: reading(w, e)),
                seconds(lambda w=workload, e=every: following(w, e)),
            )
            for _ in range(ROUNDS)
        ]
        read, followed = (total / min(column) for column in zip(*times, strict=True))
        print(f"{workload.name:12} {read:8.1f} {followed:10.1f} {followed / read:6.1f}")


if __name__ == "__main__":
    main()
