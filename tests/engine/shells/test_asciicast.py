"""The asciicast v2 format, checked by hand against its specification, and torn files."""

from __future__ import annotations

import json
import re
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import BadRecordingError
from engine.core.model import Size
from engine.shells.asciicast import (
    INPUT,
    MARKER,
    MAX_HEADER_BYTES,
    OUTPUT,
    RESIZE,
    Encoder,
    Event,
    Header,
    Origin,
    read_recording,
    size_data,
)

HEADER = Header(version=2, width=80, height=24, timestamp=1_700_000_000, title="web")
TEXT = "a€😀\r\n\x1b[31mé"


def follows_the_specification(data: bytes) -> list[list[Any]]:
    """Assert what docs.asciinema.org says about asciicast v2; the events."""
    assert data.endswith(b"\n")
    first, *rest = data.decode("utf-8").split("\n")[:-1]
    header = json.loads(first)
    assert header["version"] == 2
    assert type(header["width"]) is type(header["height"]) is int
    if "timestamp" in header:
        assert type(header["timestamp"]) is int
    if "title" in header:
        assert type(header["title"]) is str
    for name, value in header.get("env", {}).items():
        assert type(name) is type(value) is str
    events: list[list[Any]] = [json.loads(line) for line in rest]
    before = 0.0
    for event in events:
        seconds, kind, text = event
        assert type(seconds) in (int, float)
        assert seconds >= before
        before = seconds
        assert kind in ("o", "i", "m", "r")
        assert type(text) is str
        if kind == "r":
            assert re.fullmatch(r"[1-9]\d*x[1-9]\d*", text)
    return events


def events_of(path: Path) -> list[Event]:
    _, events = read_recording(path)
    return list(events)


def test_what_is_written_follows_the_specification() -> None:
    encoder = Encoder()
    lines = [
        encoder.header(HEADER),
        encoder.event(0.0, OUTPUT, TEXT.encode()),
        encoder.event(0.5, INPUT, b"\x03"),
        encoder.event(1.23456, RESIZE, size_data(Size(100, 50))),
        encoder.event(2.0, MARKER, b"here"),
    ]
    assert follows_the_specification(b"".join(lines)) == [
        [0.0, "o", TEXT],
        [0.5, "i", "\x03"],
        [1.235, "r", "100x50"],
        [2.0, "m", "here"],
    ]


@given(st.text(), st.lists(st.integers(0, 400), max_size=20))
def test_a_split_character_is_whole(text: str, cuts: list[int]) -> None:
    data = text.encode("utf-8", "replace")
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    encoder = Encoder()
    lines = [encoder.event(0.0, OUTPUT, data[a:b]) for a, b in pairwise(places)]
    assert encoder.flush(0.0) == b""
    shown = [json.loads(line)[2] for line in lines if line]
    assert "".join(shown) == data.decode()
    assert "" not in shown


def test_output_and_input_are_split_apart_from_each_other() -> None:
    encoder = Encoder()
    sign = "€".encode()
    assert encoder.event(0, OUTPUT, sign[:1]) == b""
    assert encoder.event(0, INPUT, sign[:2]) == b""
    assert json.loads(encoder.event(1, OUTPUT, sign[1:])) == [1, "o", "€"]
    assert json.loads(encoder.event(2, INPUT, sign[2:])) == [2, "i", "€"]


def test_what_is_not_utf_8_is_replaced() -> None:
    encoder = Encoder()
    assert json.loads(encoder.event(0, OUTPUT, b"a\xffb\xc3"))[2] == "a\ufffdb"
    assert json.loads(encoder.flush(3)) == [3, "o", "\ufffd"]
    assert encoder.flush(3) == b""
    assert json.loads(encoder.text(0, MARKER, "\ud800x"))[2] == "?x"


def test_a_recording_cut_anywhere_is_its_beginning(tmp_path: Path) -> None:
    encoder = Encoder()
    head = encoder.header(HEADER)
    lines = [encoder.event(n / 10, OUTPUT, f"{n} €".encode()) for n in range(4)]
    lines.append(encoder.event(1, MARKER, b"end"))
    whole = head + b"".join(lines)
    path = tmp_path / "x.cast"
    path.write_bytes(whole)
    everything = events_of(path)
    assert len(everything) == 5
    for cut in range(len(head), len(whole)):
        path.write_bytes(whole[:cut])
        count = whole[len(head) : cut].count(b"\n")
        assert events_of(path) == everything[:count]
    # What a file system may leave after a power cut.
    path.write_bytes(whole + b"\0" * 5000)
    assert events_of(path) == everything


def test_where_it_was_recorded_is_in_the_header(tmp_path: Path) -> None:
    header = Header(version=2, width=1, height=2, hatchway=Origin(target="web", shell="s1"))
    path = tmp_path / "x.cast"
    path.write_bytes(Encoder().header(header))
    found, events = read_recording(path)
    assert (found, list(events)) == (header, [])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[]\n",
        b'{"version": 2, "width": 80, "height": 24}',
        b'{"version": 1, "width": 80, "height": 24}\n',
        b'{"version": 2, "width": 0, "height": 24}\n',
        b'{"version": 2, "width": "80", "height": 24}\n',
        b'{"version": 2, "width": 80, "height": 24, "timestamp": 1' + b"0" * 400 + b"}\n",
        b'{"version": 2, "width": 80, "height": 24, "timestamp": -1}\n',
        b"\xff\xfe\n",
        b"[" * 50_000 + b"\n",
        b" " * MAX_HEADER_BYTES + b"\n",
    ],
    ids=lambda content: repr(content[:20]),
)
def test_a_file_that_is_no_recording_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.cast"
    path.write_bytes(content)
    with pytest.raises(BadRecordingError, match="not an asciicast v2 recording"):
        read_recording(path)


@pytest.mark.parametrize(
    "line",
    [
        *(b"x", b"[]", b"\0", b"[" * 100_000),
        *(b'[1, "o"]', b'["1", "o", "x"]', b'[1, "o", 5]', b'[1, "o", "\xff"]'),
        *(b'[1e999, "o", "x"]', b'[1e300, "o", "x"]', b'[-1, "o", "x"]'),
    ],
    ids=lambda line: repr(line[:20]),
)
def test_a_whole_line_that_is_no_event_is_an_error(tmp_path: Path, line: bytes) -> None:
    encoder = Encoder()
    path = tmp_path / "x.cast"
    path.write_bytes(encoder.header(HEADER) + encoder.event(0, OUTPUT, b"a") + line + b"\n")
    _, events = read_recording(path)
    assert next(events) == Event(0, "o", "a")
    with pytest.raises(BadRecordingError, match="not an asciicast v2 event"):
        next(events)


def test_what_other_programs_write_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.cast"
    path.write_text(
        '{"version": 2, "width": 80, "height": 24, "timestamp": 1504467315.5, "command": "vi", '
        '"idle_time_limit": 1, "theme": {"fg": "#fff"}, "env": {"SHELL": null}}\n'
        '[1, "o", "a"]\n\n[2.5, "x", "new"]\n'
    )
    header, events = read_recording(path)
    assert header.timestamp == 1504467315.5
    assert list(events) == [Event(1.0, "o", "a"), Event(2.5, "x", "new")]


def test_closing_the_events_closes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.cast"
    encoder = Encoder()
    path.write_bytes(encoder.header(HEADER) + encoder.event(0, OUTPUT, b"a") * 2)
    # An open file would be a warning, and every warning fails.
    with closing(read_recording(path)[1]) as events:
        assert next(events) == Event(0, "o", "a")
