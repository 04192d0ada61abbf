"""The asciicast v2 format: a header line, then one JSON array per line and event.

Source: docs.asciinema.org, "asciicast v2". Times are seconds since the recording began. Reading
is strict about whole lines and tolerant of a torn last one: the program may have been killed
while it wrote that.
"""

from __future__ import annotations

import codecs
from collections.abc import Generator
from pathlib import Path
from typing import IO, Annotated, Literal, NamedTuple

import msgspec

from engine.core.errors import BadRecordingError
from engine.core.model import Size

OUTPUT = "o"
INPUT = "i"
RESIZE = "r"
MARKER = "m"
TIME_DIGITS = 3
"""Times are written in milliseconds."""
MAX_HEADER_BYTES = 64 * 1024
MAX_LINE_BYTES = 64 * 1024 * 1024
"""A longer line is not one of ours: the longest is the screen at the beginning."""

MAX_TIME = 100_000_000_000
"""Seconds: no recording is of the year 5138, or as long."""

_Cells = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
_Stamp = Annotated[int, msgspec.Meta(ge=0, le=MAX_TIME)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=MAX_TIME)]
_Text = Annotated[str, msgspec.Meta(max_length=4096)]


class Origin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a recording shows, for our own lists; players ignore it."""

    target: _Text = ""
    shell: _Text = ""


class Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The first line. ``timestamp``: when it began, seconds since the epoch."""

    version: Literal[2]
    width: _Cells
    height: _Cells
    timestamp: _Stamp | _Seconds | None = None
    title: str | None = None
    env: dict[str, str | None] | None = None
    hatchway: Origin | None = None


class Event(NamedTuple):
    """``kind`` is OUTPUT, INPUT, RESIZE ("80x24"), MARKER, or what a newer version adds."""

    seconds: float
    kind: str
    data: str


class Encoder:
    """Makes the lines of one recording. Bytes are UTF-8 and may be split anywhere."""

    def __init__(self) -> None:
        self._json = msgspec.json.Encoder()
        self._decoders = {kind: _decoder() for kind in (OUTPUT, INPUT)}

    def header(self, header: Header) -> bytes:
        return self._json.encode(header) + b"\n"

    def event(self, seconds: float, kind: str, data: bytes) -> bytes:
        """Its line. b"" when all of ``data`` is the beginning of a character.

        What is not UTF-8 becomes U+FFFD. The end of a split character comes with its
        beginning, in the later event.
        """
        decoder = self._decoders.get(kind)
        text = decoder.decode(data) if decoder else data.decode("utf-8", "replace")
        return self.text(seconds, kind, text) if text else b""

    def text(self, seconds: float, kind: str, text: str) -> bytes:
        """The line of an event whose data is known as text."""
        return self._json.encode((round(seconds, TIME_DIGITS), kind, whole(text))) + b"\n"

    def flush(self, seconds: float) -> bytes:
        """Lines for the characters that have begun and will not be completed."""
        rest = ((kind, decoder.decode(b"", True)) for kind, decoder in self._decoders.items())
        return b"".join(self.text(seconds, kind, text) for kind, text in rest if text)


def read_recording(path: Path) -> tuple[Header, Generator[Event]]:
    """Header and events of a file, also while it is written.

    The events are read as they are asked for. Raises OSError, and BadRecordingError for a file,
    and later for a line, that is not asciicast v2.
    """
    with path.open("rb") as file:
        header = read_header(file)
    return header, _events(path)


def read_header(file: IO[bytes]) -> Header:
    """Read the first line. Raises BadRecordingError."""
    line = file.readline(MAX_HEADER_BYTES)
    try:
        if not line.endswith(b"\n"):
            raise msgspec.DecodeError
        return msgspec.json.decode(line, type=Header)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadRecordingError("The file is not an asciicast v2 recording") from None


def read_event(line: bytes) -> Event:
    """The event in a whole line. Raises BadRecordingError."""
    try:
        return Event(*msgspec.json.decode(line, type=tuple[_Seconds, str, str]))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadRecordingError("A line of the recording is not an asciicast v2 event") from None


def size_data(size: Size) -> bytes:
    """The data of a RESIZE event."""
    return b"%dx%d" % (size.cols, size.rows)


def whole(text: str) -> str:
    """``text`` without halves of surrogate pairs, which JSON in UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode()


def _decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")("replace")


def _events(path: Path) -> Generator[Event]:
    with path.open("rb") as file:
        file.readline(MAX_HEADER_BYTES)
        while line := file.readline(MAX_LINE_BYTES + 1):
            if not line.endswith(b"\n"):
                if len(line) > MAX_LINE_BYTES:
                    raise BadRecordingError("A line of the recording is too long")
                return  # torn
            if line.strip():
                yield read_event(line)
