"""The independent emulator ours is compared with: xterm.js, headless, in a Node process.

Owns the process (JSON lines both ways) and what a screen of either emulator
looks like in one common form. Does not own what is fed to them.
"""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from engine.emulator import Line, Style, Terminal

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[3]
TRUECOLOR = 1 << 24

Look = tuple[int, ...]
"""fg, bg, bold, faint, italic, underline 0..5, blink, reverse, conceal, strike, overline,
the underline's color (of no account without one).

Colors are -1 (default), 0..255, or TRUECOLOR | 0xRRGGBB."""
PLAIN: Look = (-1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1)
Cell = tuple[str, Look]
"""What one column holds; the right half of a wide character has the text ""."""
Runs = list[tuple[int, str, Look]]
"""A row as neighbouring cells of one look: how many, their text, the look."""


@dataclass(frozen=True)
class Screen:
    """What a terminal shows; ``history`` only when it was asked for."""

    text: list[str]
    runs: list[Runs]
    cursor: tuple[int, int]
    alternate: bool
    history: list[str]


def seen(cells: list[Cell]) -> list[Cell]:
    """The cells as far as one can see them: a blank has no foreground to tell."""
    return [_seen(*cell) for cell in cells]


def _seen(text: str, look: Look) -> Cell:
    _, bg, _, _, _, underline, _, reverse, conceal, strike, overline, _ = look
    if text.strip(" ") or reverse or (not conceal and (underline or strike or overline)):
        return text, look
    return text, (-1, bg, *PLAIN[2:])


def screen_of(terminal: Terminal, *, history: bool = False) -> Screen:
    """What our emulator shows."""
    return Screen(
        terminal.text(),
        [_runs(terminal.line(row), terminal.cols) for row in range(terminal.rows)],
        terminal.cursor(),
        terminal.alternate_screen,
        [line.text for line in terminal.scrollback] if history else [],
    )


def _runs(line: Line, cols: int) -> Runs:
    runs: Runs = []

    def add(cells: int, text: str, look: Look) -> None:
        if runs and runs[-1][2] == look:
            before, start, _ = runs.pop()
            cells, text = before + cells, start + text
        runs.append((cells, text, look))

    column = 0
    for run in line.runs:
        if run.column > column:
            add(run.column - column, " " * (run.column - column), PLAIN)
        add(run.cells, run.text, _look(run.style))
        column = run.column + run.cells
    if column < cols:
        add(cols - column, " " * (cols - column), PLAIN)
    return runs


def cells_of(terminal: Terminal, row: int) -> list[Cell]:
    """One row of ours, cell by cell."""
    cells: list[Cell] = [(" ", PLAIN)] * terminal.cols
    for run in terminal.line(row).runs:
        look = _look(run.style)
        texts = [run.text, ""][: run.cells] if run.cluster else run.text
        cells[run.column : run.column + run.cells] = [(text, look) for text in texts]
    return cells


@lru_cache(maxsize=4096)
def _look(style: Style) -> Look:
    s = style
    flags = (s.bold, s.faint, s.italic, s.underline, s.blink, s.reverse, s.conceal, s.strike)
    underline_color = s.underline_color if s.underline else -1
    return (s.fg, s.bg, *map(int, flags), int(s.overline), underline_color)


def missing() -> str:
    """Why there is no oracle on this machine; "" when there is one."""
    if not (FOLDER / "node_modules/@xterm/headless").is_dir():
        return "the oracle's packages are not installed: scripts/setup.sh test does that"
    return ""


class OracleError(Exception):
    """The Node process could not do what it was told."""


class Oracle:
    """One Node process holding any number of terminals. Use as a context manager."""

    def __init__(self) -> None:
        if reason := missing():
            raise OracleError(reason)
        self._process = subprocess.Popen(
            [ROOT / "scripts/web.sh", "node", "--expose-gc", FOLDER / "oracle.cjs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._ids = itertools.count()

    def __enter__(self) -> Oracle:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process; it ends by itself when its input does."""
        self._process.communicate(timeout=10)

    def ask(self, **request: Any) -> dict[str, Any]:
        """One request, one answer (oracle.cjs says which there are)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise OracleError("the Node process has ended")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise OracleError(answer["error"])
        return answer

    def terminal(self, cols: int, rows: int) -> OracleTerminal:
        return OracleTerminal(self, next(self._ids), cols, rows)


class OracleTerminal:
    """A terminal of the oracle, with the seam of ours."""

    def __init__(self, oracle: Oracle, number: int, cols: int, rows: int) -> None:
        self._oracle, self._id = oracle, number
        oracle.ask(op="create", id=number, cols=cols, rows=rows)

    def feed(self, data: bytes) -> None:
        self._oracle.ask(op="write", id=self._id, data=base64.b64encode(data).decode("ascii"))

    def resize(self, rows: int, cols: int) -> None:
        self._oracle.ask(op="resize", id=self._id, cols=cols, rows=rows)

    def screen(self, *, history: bool = False) -> Screen:
        shown = self._oracle.ask(op="dump", id=self._id, scrollback=history)
        row, column = shown["cursor"]
        return Screen(
            [text.rstrip(" ") for text in shown["text"]],
            [[(cells, text, tuple(look)) for cells, text, look in row] for row in shown["runs"]],
            # Like us, xterm.js waits beyond the last column before it wraps.
            (row, min(column, shown["cols"] - 1)),
            shown["alternate"],
            [text.rstrip(" ") for text in shown["history"]],
        )

    def cells(self, row: int) -> list[Cell]:
        found = self._oracle.ask(op="cells", id=self._id, row=row)["cells"]
        return [(text, tuple(look)) for text, look in found]

    def take_replies(self) -> bytes:
        """What it answered since the last time."""
        text: str = self._oracle.ask(op="replies", id=self._id)["replies"]
        return text.encode()

    def close(self) -> None:
        self._oracle.ask(op="dispose", id=self._id)
