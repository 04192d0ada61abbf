"""The emulator's speed and memory beside stock pyte and xterm.js, in one run.

    python -m benchmarks.emulator [--short] [--json] [WORKLOAD...]

Owns the measuring and a table. Does not own the workloads
(benchmarks/emulator_workloads.py) or any verdict. All three read the same
bytes in the same chunks at the same size, keep the same number of lines, and
take turns, so that a busy machine is busy for all.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import json
import re
import statistics
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass

import pyte

from benchmarks.emulator_workloads import Workload, lines_of_text, workloads
from engine.emulator import Terminal
from tests.engine.emulator.oracle import Oracle, missing

CHUNK = 16 * 1024
"""Bytes fed at once: the largest message of a data channel."""
SCROLLBACK = 10_000
SECONDS = 0.3
"""How long the faster two are measured for in each round, after one pass that does not count."""
ROUNDS, SHORT_ROUNDS = 3, 2
SHORT_BYTES = 2 * CHUNK
MEMORY_LINES = 10_000
MEMORY_SIZE = (120, 40)
MEMORY = "memory "
"""What the names of such figures begin with."""

Feed = Callable[[bytes], None]


@dataclass(frozen=True)
class Speed:
    """MB/s. ``pyte_failed`` is the share of the chunks in which pyte raised."""

    ours: float
    pyte: float
    xterm_js: float | None
    pyte_failed: float = 0.0


@dataclass(frozen=True)
class Memory:
    """Bytes per line of history."""

    ours: float
    pyte: float
    xterm_js: float | None


def _chunks(data: bytes) -> list[bytes]:
    return [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]


def _ours(work: Workload) -> Feed:
    return Terminal(work.cols, work.rows, scrollback=SCROLLBACK).feed


def _pyte(cols: int, rows: int) -> Feed:
    feed: Feed = pyte.ByteStream(pyte.HistoryScreen(cols, rows, history=SCROLLBACK)).feed
    return feed


def _seconds(feed: Feed, chunks: list[bytes]) -> float:
    """How long one pass takes."""
    began = time.perf_counter()
    for chunk in chunks:
        with contextlib.suppress(Exception):  # pyte's
            feed(chunk)
    return time.perf_counter() - began


def _for_pyte(work: Workload) -> tuple[list[bytes], float]:
    """The chunks, and the share of them in which pyte raises.

    Raising, it loses the rest of a chunk, which would look like speed: such chunks are
    cut before each escape, so that it loses one sequence at a time.
    """
    feed = _pyte(work.cols, work.rows)
    pieces: list[bytes] = []
    chunks = _chunks(work.data)
    failed = 0
    for chunk in chunks:
        try:
            feed(chunk)
        except Exception:
            failed += 1
            pieces += re.split(rb"(?=\x1b)", chunk)
        else:
            pieces.append(chunk)
    return pieces, failed / len(chunks)


def _steady(once: Callable[[int], float], size: int) -> float:
    """MB/s of ``once(repeat)`` seconds, repeated for about SECONDS."""
    warm = once(1)
    repeat = max(1, min(200, int(SECONDS / max(warm, 1e-6))))
    return size * repeat / once(repeat) / 1e6


def speed(work: Workload, oracle: Oracle | None, *, short: bool) -> Speed:
    """``short`` gives pyte a part of the data, as its speed is the same from the first byte to
    the last, and measures fewer rounds; two, since xterm.js is compiled while it runs."""
    chunks = _chunks(work.data)
    size = len(work.data)
    encoded = base64.b64encode(work.data).decode("ascii")

    def ours(repeat: int) -> float:
        return _seconds(_ours(work), chunks * repeat)

    def xterm_js(repeat: int) -> float:
        assert oracle is not None
        asked = {"cols": work.cols, "rows": work.rows, "scrollback": SCROLLBACK}
        answer = oracle.ask(op="bench", data=encoded, chunk=CHUNK, repeat=repeat, **asked)
        return float(answer["ms"]) / 1000

    found: dict[str, list[float]] = {"ours": [], "pyte": [], "xterm_js": []}
    pieces, failed = _for_pyte(work.cut(SHORT_BYTES) if short else work)
    given = sum(map(len, pieces))
    for _ in range(SHORT_ROUNDS if short else ROUNDS):
        found["ours"].append(_steady(ours, size))
        found["pyte"].append(given / _seconds(_pyte(work.cols, work.rows), pieces) / 1e6)
        if oracle is not None:
            found["xterm_js"].append(_steady(xterm_js, size))
    # The best of the rounds: what disturbs a run only ever makes it slower.
    best = {name: max(values) for name, values in found.items() if values}
    return Speed(best["ours"], best["pyte"], best.get("xterm_js"), failed)


def _bytes_per_line(feed: Feed, data: bytes, lines: int) -> float:
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for chunk in _chunks(data):
            feed(chunk)
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / lines
    finally:
        tracemalloc.stop()


def memory(style: str, oracle: Oracle | None, *, short: bool) -> Memory:
    """``short`` spares pyte, which takes as much for each line however many there are."""

    def of(feed: Feed, lines: int) -> float:
        return _bytes_per_line(feed, lines_of_text(lines + rows - 1, style), lines)

    cols, rows = MEMORY_SIZE
    stock = of(_pyte(cols, rows), MEMORY_LINES // 20 if short else MEMORY_LINES)
    other = None
    if oracle is not None:
        data = base64.b64encode(lines_of_text(MEMORY_LINES, style)).decode("ascii")
        answer = oracle.ask(op="memory", data=data, cols=cols, rows=rows, scrollback=SCROLLBACK)
        other = answer["bytes"] / answer["lines"]
    return Memory(of(Terminal(cols, rows, scrollback=SCROLLBACK).feed, MEMORY_LINES), stock, other)


def measure(short: bool, names: list[str]) -> dict[str, Speed | Memory]:
    """Speeds by "NAME" of the workload and memory by "memory NAME"; ``short`` takes seconds.

    ``names`` are the workloads wanted; none means all of them, and memory.
    """
    chosen = [work for work in workloads() if not names or work.name in names]
    found: dict[str, Speed | Memory] = {}
    oracle = None if missing() else Oracle()
    try:
        for work in chosen:
            found[work.name] = speed(work, oracle, short=short)
        for style in ("plain", "coloured") if not names else ():
            found[f"{MEMORY}{style}"] = memory(style, oracle, short=short)
    finally:
        if oracle is not None:
            oracle.close()
    return found


def to_json(found: dict[str, Speed | Memory]) -> str:
    return json.dumps({name: asdict(row) for name, row in found.items()})


def from_json(text: str) -> dict[str, Speed | Memory]:
    return {
        name: Memory(**row) if name.startswith(MEMORY) else Speed(**row)
        for name, row in json.loads(text).items()
    }


def mean(values: list[float]) -> float:
    return statistics.geometric_mean(values) if values else float("nan")


def table(found: dict[str, Speed | Memory]) -> str:
    """What measure() found, for people."""
    speeds = {name: row for name, row in found.items() if isinstance(row, Speed)}
    lines = [f"{'MB/s':<16}{'ours':>8}{'pyte':>8}{'xterm.js':>10}{'× pyte':>9}{'× xterm.js':>12}"]

    def line(name: str, ours: float, stock: float, other: float | None, note: str) -> None:
        text = f"{name:<16}{ours:>8.1f}{stock:>8.2f}"
        text += f"{other:>10.1f}" if other else f"{'-':>10}"
        text += f"{ours / stock:>9.1f}" + (f"{ours / other:>12.2f}" if other else f"{'-':>12}")
        lines.append(text + note)

    for name, row in speeds.items():
        note = f"  (pyte raised in {row.pyte_failed:.0%} of the chunks)" if row.pyte_failed else ""
        line(name, row.ours, row.pyte, row.xterm_js, note)
    if speeds:
        rows = list(speeds.values())
        others = [row.xterm_js for row in rows if row.xterm_js]
        line(
            "geometric mean",
            mean([row.ours for row in rows]),
            mean([row.pyte for row in rows]),
            mean(others) if len(others) == len(rows) else None,
            "",
        )
    for name, row in found.items():
        if isinstance(row, Memory):
            other = f"{row.xterm_js:.0f}" if row.xterm_js else "-"
            lines.append(
                f"{name}: {row.ours:.0f} bytes a line, pyte {row.pyte:.0f}, xterm.js {other}"
            )
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    warnings.simplefilter("ignore")  # pyte's own
    if reason := missing():
        print(f"without xterm.js: {reason}", file=sys.stderr)
    names = [name for name in arguments if not name.startswith("--")]
    found = measure("--short" in arguments, names)
    print(to_json(found) if "--json" in arguments else table(found))


if __name__ == "__main__":
    main(sys.argv[1:])
