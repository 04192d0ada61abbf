"""What a frame of the terminal costs.

    python -m benchmarks.painting [--json] [WORKLOAD...]

A real TerminalWidget of 240 by 67 cells, painted into a picture as the window
would. Owns the workloads and a table. Does not own any verdict.

- warm: nothing changed, the whole view is exposed again
- scroll: one new line at the bottom, everything moves up, the whole view is painted
- source: every row is new, of real source code with syntax colors
- dense: every row is new and full to the last column, as ``ls --color`` fills it:
  twenty names a row, each in its kind's color, some bold, some on a background
- cells: as dense, with another color on another background for every single cell
- cat: a large file through ``feed`` as fast as it goes at 60 frames a second; the
  figure is the longest stretch the event loop was not free for
"""

from __future__ import annotations

import gc
import io
import keyword
import os
import random
import re
import statistics
import sys
import time
import tokenize
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication

from benchmarks.painting_figures import TARGETS, Result, to_json
from benchmarks.widgets import shown_widget
from gui.loop.garbage import WindowGarbageCollector

COLS, ROWS = 240, 67
FRAMES = 40
LISTED = 12
"""Columns of a name in a dense listing."""
KINDS = [*range(31, 38), *range(91, 97), "38;5;208", "38;5;141", "38;5;40", "30;42", "37;41"]
"""Colors of a dense listing, as SGR."""
CAT_BYTES = 8 * 1024 * 1024
ROOT = Path(__file__).parents[1]
COLORS = {
    tokenize.COMMENT: "2;3",
    tokenize.STRING: "32",
    tokenize.NUMBER: "35",
    tokenize.OP: "36",
}
"""How a highlighter colors real source: SGR by kind of token."""


def source() -> list[str]:
    """Lines of this project's own code, highlighted."""
    lines: list[str] = []
    for path in sorted((ROOT / "gui").rglob("*.py")):
        lines += highlighted(path.read_text(encoding="utf-8"))
    return lines


def highlighted(text: str) -> list[str]:
    lines = text.splitlines()
    marks: list[tuple[int, int, int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.start[0] != token.end[0]:
            continue
        sgr = COLORS.get(token.type, "")
        if token.type == tokenize.NAME and keyword.iskeyword(token.string):
            sgr = "1;34"
        if sgr:
            marks.append((token.start[0] - 1, token.start[1], token.end[1], sgr))
    for row, start, end, sgr in sorted(marks, reverse=True):
        line = lines[row]
        lines[row] = f"{line[:start]}\x1b[{sgr}m{line[start:end]}\x1b[m{line[end:]}"
    return lines


class Screen:
    """The widget at its size, and a picture to paint it into."""

    def __init__(self) -> None:
        self.widget = shown_widget(COLS, ROWS)
        ratio = self.widget.devicePixelRatioF()
        self.image = QImage(self.widget.viewport().size() * ratio, QImage.Format.Format_RGB32)

    def show(self, data: str) -> None:
        """Put it through the emulator, and let the view see it, unmeasured."""
        self.widget.terminal.feed(data.encode())
        self.widget.output.frame()

    def settle(self) -> None:
        """Let the window do what it was asked to, and be rid of what made the workloads."""
        QApplication.processEvents()
        gc.collect()

    def paint(self) -> float:
        """Seconds the whole view takes to be painted, its cached rows included."""
        painter = QPainter(self.image)
        began = time.perf_counter()
        self.widget.canvas.paint(painter, self.widget.viewport().rect())
        painter.end()
        return time.perf_counter() - began


def warm(screen: Screen, lines: list[str]) -> list[float]:
    screen.show("\x1b[2J\x1b[H" + "\r\n".join(lines[:ROWS]))
    screen.paint()
    return [screen.paint() for _ in range(FRAMES * 5)]


def scroll(screen: Screen, lines: list[str]) -> list[float]:
    screen.show("\x1b[2J\x1b[H" + "\r\n".join(lines[:ROWS]))
    screen.paint()
    times = []
    for line in lines[ROWS : ROWS + FRAMES * 5]:
        screen.show("\r\n" + line)
        times.append(screen.paint())
    return times


def new_source(screen: Screen, lines: list[str]) -> list[float]:
    times = []
    for frame in range(FRAMES):
        at = frame * ROWS % (len(lines) - ROWS)
        screen.show("\x1b[2J\x1b[H" + "\r\n".join(lines[at : at + ROWS]))
        times.append(screen.paint())
    return times


def dense(screen: Screen, lines: list[str]) -> list[float]:
    random_ = random.Random(7)
    names = [word for word in re.findall(r"\w+", " ".join(lines)) if len(word) >= 7]
    times = []
    for _ in range(FRAMES):
        rows = []
        for _ in range(ROWS):
            picked = random_.sample(names, COLS // LISTED)
            # As dircolors has it: bold for some kinds, a background for few.
            colors = [random_.choice(("", "1;")) + str(random_.choice(KINDS)) for _ in picked]
            rows.append(
                "".join(
                    f"\x1b[{color}m{name[: LISTED - 1]}\x1b[m".ljust(
                        LISTED + len(f"\x1b[{color}m\x1b[m")
                    )
                    for color, name in zip(colors, picked, strict=True)
                )
            )
        screen.show("\x1b[2J\x1b[H" + "\r\n".join(rows))
        times.append(screen.paint())
    return times


def cells(screen: Screen, _: list[str]) -> list[float]:
    """As much work as a screen can be; no program is known to draw it."""
    random_ = random.Random(7)
    times = []
    for _frame in range(FRAMES):
        every = [
            f"\x1b[38;5;{random_.randrange(256)};48;5;{random_.randrange(256)}m"
            f"{chr(random_.randrange(33, 127))}"
            for _ in range(COLS * ROWS)
        ]
        rows = ["".join(every[at : at + COLS]) for at in range(0, COLS * ROWS, COLS)]
        screen.show("\x1b[2J\x1b[H" + "\r\n".join(rows) + "\x1b[m")
        times.append(screen.paint())
    return times


def cat(screen: Screen, lines: list[str]) -> list[float]:
    """How long the loop was away, each time, while a large file was shown."""
    text = "\r\n".join(lines) + "\r\n"
    data = (text * (CAT_BYTES // len(text) + 1)).encode()[:CAT_BYTES]
    gaps: list[float] = []
    last = time.perf_counter()
    done = 0

    def tick() -> None:
        nonlocal last
        now = time.perf_counter()
        gaps.append(now - last)
        last = now

    def count(some: int) -> None:
        nonlocal done
        done += some
        if done >= len(data):
            loop.quit()

    # It begins at rest: other workloads painted without the loop, which still has to.
    screen.settle()
    loop = QEventLoop()
    # Between any two events of the loop: the longest pause is the longest event.
    timer = QTimer()
    timer.setInterval(0)
    timer.timeout.connect(tick)
    screen.widget.rendered.connect(count)
    for at in range(0, len(data), 65_536):
        screen.widget.feed(data[at : at + 65_536])
    last = time.perf_counter()
    timer.start()
    loop.exec()
    timer.stop()
    return gaps


def result(name: str, times: list[float]) -> Result:
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return Result(
        *(round(value * 1e3, 3) for value in (statistics.median(ordered), p99, ordered[-1])),
        TARGETS[name],
    )


WORKLOADS = {
    "warm": warm,
    "scroll": scroll,
    "source": new_source,
    "dense": dense,
    "cat": cat,
    "cells": cells,
}


def measure(names: list[str]) -> dict[str, Result]:
    """By workload, in some 5 s; "cells" takes half a minute and must be asked for.

    Raises KeyError for a name that is none.
    """
    works = {name: WORKLOADS[name] for name in names or WORKLOADS if names or TARGETS[name]}
    app = QApplication.instance() or QApplication([])
    lines = source()
    # As in the program: garbage is collected between events, not in the middle of one.
    collector = WindowGarbageCollector(app)
    screen = Screen()
    found = {name: result(name, work(screen, lines)) for name, work in works.items()}
    screen.widget.close()
    collector.stop()
    app.processEvents()
    return found


def table(found: dict[str, Result]) -> str:
    lines = [
        f"{f'{COLS} x {ROWS} cells, ms':<24}{'median':>9}{'p99':>9}{'longest':>9}{'target':>9}"
    ]
    for name, row in found.items():
        lines.append(f"{name:<24}{row.median:>9}{row.p99:>9}{row.longest:>9}{row.target:>9}")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    found = measure([name for name in arguments if not name.startswith("--")])
    print(to_json(found) if "--json" in arguments else table(found))


if __name__ == "__main__":
    main(sys.argv[1:])
