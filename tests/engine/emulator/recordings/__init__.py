"""Recordings of real programs in a terminal: the file format, and the files of this folder.

Owns reading and writing ``NAME-COLSxROWS.cast.xz``: asciicast v2, compressed.
Does not own making them (scripts/record_terminal.py) or replaying them.

Events are ``[seconds, kind, data]``: "o" output, "r" a new size ("80x24"), and
"m" a moment at which the program had drawn what it had to and was waiting.
Output that is no UTF-8 travels as lone surrogates (``surrogateescape``).
"""

from __future__ import annotations

import codecs
import json
import lzma
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent
SUFFIX = ".cast.xz"


@dataclass(frozen=True)
class Output:
    data: bytes


@dataclass(frozen=True)
class Resized:
    cols: int
    rows: int


@dataclass(frozen=True)
class Settled:
    """The program waits for a key (or was given all the time it gets)."""


Event = Output | Resized | Settled


@dataclass
class Recording:
    name: str
    cols: int
    rows: int
    events: list[tuple[float, Event]] = field(default_factory=list)

    @property
    def output(self) -> bytes:
        """All the program wrote, without the pauses and resizes between."""
        return b"".join(e.data for _, e in self.events if isinstance(e, Output))

    @property
    def resized(self) -> bool:
        return any(isinstance(event, Resized) for _, event in self.events)

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.name}-{self.cols}x{self.rows}{SUFFIX}"

    def save(self) -> None:
        header = {"version": 2, "width": self.cols, "height": self.rows, "title": self.name}
        lines = [json.dumps(header)]
        decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        for seconds, event in self.events:
            match event:
                case Output(data):
                    kind, text = "o", decode(data)
                case Resized(cols, rows):
                    kind, text = "r", f"{cols}x{rows}"
                case Settled():
                    kind, text = "m", "settled"
            if text:
                lines.append(json.dumps([round(seconds, 3), kind, text]))
        if rest := decode(b"", True):
            lines.append(json.dumps([self.events[-1][0], "o", rest]))
        self.path.write_bytes(lzma.compress("\n".join(lines).encode("ascii"), preset=9))


def load(path: Path) -> Recording:
    """The recording in a file. Raises ValueError on anything that is none."""
    header, *lines = lzma.decompress(path.read_bytes()).decode("ascii").splitlines()
    about = json.loads(header)
    recording = Recording(about["title"], about["width"], about["height"])
    for line in lines:
        seconds, kind, text = json.loads(line)
        recording.events.append((seconds, _event(kind, text)))
    return recording


def _event(kind: str, text: str) -> Event:
    if kind == "o":
        return Output(text.encode("utf-8", "surrogateescape"))
    if kind == "r" and (size := re.fullmatch(r"(\d+)x(\d+)", text)):
        return Resized(int(size[1]), int(size[2]))
    if kind == "m":
        return Settled()
    raise ValueError(f"No event of a recording: {kind!r} {text!r}")


def paths() -> list[Path]:
    return sorted(FOLDER.glob("*" + SUFFIX))


def segments(recording: Recording) -> Iterator[list[Event]]:
    """The events up to and with each Settled, and what comes after the last."""
    part: list[Event] = []
    for _, event in recording.events:
        part.append(event)
        if isinstance(event, Settled):
            yield part
            part = []
    if part:
        yield part
