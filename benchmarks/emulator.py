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

from benchmarks import emulator_forms
from benchmarks.emulator_forms import SCROLLBACK, Compiled, chunks
from benchmarks.emulator_workloads import Workload, lines_of_text, workloads
from engine.emulator import Terminal
from tests.engine.emulator.oracle import Oracle, missing

SECONDS = 0.3
"""How long the faster two are measured for in each round, after one pass that does not count."""
ROUNDS, SHORT_ROUNDS = 3, 2
SHORT_BYTES = 2 * emulator_forms.CHUNK
MEMORY_LINES = 10_000
MEMORY_SIZE = (120, 40)
MEMORY = "memory "
"""What the names of such figures begin with."""

Feed = Callable[[bytes], None]


@dataclass(frozen=True)
class Speed:
    """MB/s. ``pyte_failed`` is the share of the chunks in which pyte raised.

    ``ours`` is the compiled form, which is what ships, and ``source`` the other one; without
    a C compiler there is only that, and ``source`` is None.
    """

    ours: float
    pyte: float
    xterm_js: float | None
    pyte_failed: float = 0.0
    source: float | None = None


@dataclass(frozen=True)
class Memory:
    """Bytes per line of history."""

    ours: float
    pyte: float
    xterm_js: float | None


def _pyte(cols: int, rows: int) -> Feed:
    feed: Feed = pyte.ByteStream(pyte.HistoryScreen(cols, rows, history=SCROLLBACK)).feed
    return feed


def _seconds(feed: Feed, pieces: list[bytes]) -> float:
    """How long one pass takes."""
    began = time.perf_counter()
    for chunk in pieces:
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
    whole = chunks(work.data)
    failed = 0
    for chunk in whole:
        try:
            feed(chunk)
        except Exception:
            failed += 1
            pieces += re.split(rb"(?=\x1b)", chunk)
        else:
            pieces.append(chunk)
    return pieces, failed / len(whole)


def _steady(once: Callable[[int], float], size: int) -> float:
    """MB/s of ``once(repeat)`` seconds, repeated for about SECONDS."""
    warm = once(1)
    repeat = max(1, min(200, int(SECONDS / max(warm, 1e-6))))
    return size * repeat / once(repeat) / 1e6


def speed(
    work: Workload, oracle: Oracle | None, compiled: Compiled | None, *, short: bool
) -> Speed:
    """``short`` gives pyte a part of the data, as its speed is the same from the first byte to
    the last, and measures fewer rounds; two, since xterm.js is compiled while it runs."""
    size = len(work.data)
    encoded = base64.b64encode(work.data).decode("ascii")

    def xterm_js(repeat: int) -> float:
        assert oracle is not None
        asked = {"cols": work.cols, "rows": work.rows, "scrollback": SCROLLBACK}
        answer = oracle.ask(
            op="bench", data=encoded, chunk=emulator_forms.CHUNK, repeat=repeat, **asked
        )
        return float(answer["ms"]) / 1000

    forms: dict[str, Callable[[int], float]] = {
        "source": lambda repeat: emulator_forms.seconds(work, repeat)
    }
    if compiled is not None:
        forms["compiled"] = lambda repeat: compiled.seconds(work, repeat)
    if oracle is not None:
        forms["xterm_js"] = xterm_js
    pieces, failed = _for_pyte(work.cut(SHORT_BYTES) if short else work)
    given = sum(map(len, pieces))
    found: dict[str, list[float]] = {name: [] for name in ("pyte", *forms)}
    for _ in range(SHORT_ROUNDS if short else ROUNDS):
        for name, once in forms.items():
            found[name].append(_steady(once, size))
        found["pyte"].append(given / _seconds(_pyte(work.cols, work.rows), pieces) / 1e6)
    # The best of the rounds: what disturbs a run only ever makes it slower.
    best = {name: max(values) for name, values in found.items()}
    source = best["source"]
    if compiled is None:
        return Speed(source, best["pyte"], best.get("xterm_js"), failed)
    return Speed(best["compiled"], best["pyte"], best.get("xterm_js"), failed, source)


def _bytes_per_line(feed: Feed, data: bytes, lines: int) -> float:
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for chunk in chunks(data):
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
    compiled = emulator_forms.compiled()
    oracle = None if missing() else Oracle()
    try:
        for work in chosen:
            found[work.name] = speed(work, oracle, compiled, short=short)
        for style in ("plain", "coloured") if not names else ():
            found[f"{MEMORY}{style}"] = memory(style, oracle, short=short)
    finally:
        if oracle is not None:
            oracle.close()
        if compiled is not None:
            compiled.close()
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
    titles = ("ours", "source", "pyte")
    head = f"{'MB/s':<16}" + "".join(f"{title:>8}" for title in titles)
    lines = [f"{head}{'xterm.js':>10}{'× pyte':>9}{'× xterm.js':>12}"]

    def line(
        name: str, ours: float, source: float | None, stock: float, other: float | None, note: str
    ) -> None:
        text = f"{name:<16}{ours:>8.1f}" + (f"{source:>8.1f}" if source else f"{'-':>8}")
        text += f"{stock:>8.2f}"
        text += f"{other:>10.1f}" if other else f"{'-':>10}"
        text += f"{ours / stock:>9.1f}" + (f"{ours / other:>12.2f}" if other else f"{'-':>12}")
        lines.append(text + note)

    for name, row in speeds.items():
        note = f"  (pyte raised in {row.pyte_failed:.0%} of the chunks)" if row.pyte_failed else ""
        line(name, row.ours, row.source, row.pyte, row.xterm_js, note)
    if speeds:
        rows = list(speeds.values())
        others = [row.xterm_js for row in rows if row.xterm_js]
        sources = [row.source for row in rows if row.source]
        line(
            "geometric mean",
            mean([row.ours for row in rows]),
            mean(sources) if sources else None,
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
