"""The emulator's two forms, source and compiled, measured in one run.

    python -m benchmarks.emulator_forms    (a child: one request a line, one answer)

Owns a pass of a workload through the form that is here, and the child that does the
same in the tree of the compiled form, which a process that has imported the source
cannot import. Does not own that tree (scripts/compiled.py) nor what comes of the times.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from benchmarks.emulator_workloads import Workload, workloads
from engine.emulator import Terminal
from engine.emulator.cells.rows import COMPILED

CHUNK = 16 * 1024
"""Bytes fed at once: the largest message of a data channel."""
SCROLLBACK = 10_000
ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "build" / "compiled"


def chunks(data: bytes) -> list[bytes]:
    return [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]


def seconds(work: Workload, repeat: int) -> float:
    """How long so many passes take on a new terminal."""
    feed = Terminal(work.cols, work.rows, scrollback=SCROLLBACK).feed
    pieces = chunks(work.data) * repeat
    began = time.perf_counter()
    for piece in pieces:
        feed(piece)
    return time.perf_counter() - began


class Compiled:
    """The compiled form, in a child. ``seconds()`` any number of times, then ``close()``."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.emulator_forms"],
            cwd=TREE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, work: Workload, repeat: int) -> float:
        """As the function of that name; RuntimeError when the child has ended."""
        asked, answers = _pipes(self._child)
        asked.write(json.dumps([work.name, repeat]) + "\n")
        asked.flush()
        line = answers.readline()
        if not line:
            raise RuntimeError("the process with the compiled emulator has ended")
        return float(line)

    def close(self) -> None:
        asked, answers = _pipes(self._child)
        asked.close()
        answers.close()
        self._child.wait()


def _pipes(child: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert child.stdin is not None
    assert child.stdout is not None
    return child.stdin, child.stdout


def compiled() -> Compiled | None:
    """The compiled form, made first when that is due; None where it cannot be, said on stderr."""
    made = subprocess.run(
        [sys.executable, "-m", "scripts.compiled", str(TREE)], cwd=ROOT, check=False
    )
    return Compiled() if made.returncode == 0 else None


def main() -> None:
    if not COMPILED:
        sys.exit("this is the source: run it in the tree of the compiled form")
    known = {work.name: work for work in workloads()}
    for line in sys.stdin:
        name, repeat = json.loads(line)
        print(seconds(known[name], repeat), flush=True)


if __name__ == "__main__":
    main()
