"""What spans messages: characters and pastes, whole, cut, refused, and cut anywhere."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.shells.input_stream import END, START, InputStream, is_ctrl_c


@pytest.mark.parametrize(
    "data",
    [
        b"\x03",
        b"\x03\x03",
        b"\x1b[99;5u",
        b"\x1b[99;5:1u",
        b"\x1b[99;5:3u",
        b"\x1b[99;69u",
        b"\x1b[99:67;5u",
        b"\x1b[1089::99;5u",
        b"\x1b[99;5;99u",
        b"\x1b[27;5;99~",
        b"\x1b[99;5:1u\x1b[99;5:3u",
    ],
)
def test_ctrl_c(data: bytes) -> None:
    assert is_ctrl_c(data)


@pytest.mark.parametrize(
    "data", [b"", b"\x03x", b"c", b"\x1b[99u", b"\x1b[99;1u", b"\x1b[98;5u", b"\x03" * 1000]
)
def test_anything_else(data: bytes) -> None:
    assert not is_ctrl_c(data)


def test_a_character_spans_until_it_is_whole() -> None:
    stream = InputStream()
    for count, spans in ((1, True), (2, True), (3, True), (4, False)):
        stream = InputStream()
        stream.entered("a🙂".encode()[: 1 + count])
        assert stream.spans is spans
    for byte in "é€🙂".encode():
        stream.entered(bytes([byte]))
    assert not stream.spans


@pytest.mark.parametrize("data", [b"\x80", b"\xc0", b"\xf5", b"\xff", b"\xe2\x82\xac", b"\xc3a"])
def test_what_cannot_become_a_character_does_not_span(data: bytes) -> None:
    stream = InputStream()
    stream.entered(data)
    assert not stream.spans


def test_keys_do_not_span_but_the_beginning_of_a_marker_does() -> None:
    for count in range(1, len(START) + 1):
        stream = InputStream()
        stream.entered(START[:count])
        assert stream.spans is (count > 2)
    stream.entered(END)
    assert not stream.spans


def test_a_cut_paste_is_dropped_to_its_end() -> None:
    stream = InputStream()
    stream.entered(START + b"one")
    assert stream.cut()
    assert not stream.cut()
    assert not stream.spans
    assert stream.skip(b"two") == 3
    assert stream.skip(b"three" + END + b"x") == 5 + len(END)
    assert not stream.skips


def test_a_paste_whose_beginning_was_refused_is_dropped() -> None:
    stream = InputStream()
    stream.refused(b"ls" + START + b"one")
    assert not stream.spans
    assert stream.skip(b"two" + END) == 3 + len(END)


def test_a_marker_that_the_program_did_not_see_whole_begins_no_paste() -> None:
    stream = InputStream()
    stream.entered(START[:2])
    assert not stream.cut()
    assert stream.skip(START[2:4]) == 0
    stream.entered(START[2:4])
    rest = START[4:] + b"rm" + END + b"x"
    assert stream.skip(rest) == len(rest) - 1
    assert not stream.skips


def test_a_key_before_a_cut_is_only_a_key() -> None:
    stream = InputStream()
    stream.entered(b"\x1b")
    stream.cut()
    assert stream.skip(b"[A") == 0
    stream.entered(b"[A")
    assert not stream.skips
    assert not stream.spans


PIECES = st.lists(
    st.sampled_from([b"a", b"\x1b", b"[", b"\x1b[A", START, END, "é".encode(), b"\xe2"]),
    max_size=12,
).map(b"".join)


@given(PIECES, st.lists(st.integers(0, 60), max_size=6))
def test_it_does_not_matter_how_input_is_cut_into_messages(data: bytes, cuts: list[int]) -> None:
    whole, pieces = InputStream(), InputStream()
    whole.entered(data)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for first, last in itertools.pairwise(edges):
        pieces.entered(data[first:last])
    assert (pieces.in_paste, pieces.spans) == (whole.in_paste, whole.spans)
    assert whole.in_paste == (data.rfind(START) >= 0 and _open(data))


def _open(data: bytes) -> bool:
    """The same, in the plainest way: marker after marker."""
    inside = False
    while (at := data.find(END if inside else START)) >= 0:
        data = data[at + len(START) :]
        inside = not inside
    return inside


@given(PIECES, st.integers(0, 60), st.lists(st.integers(0, 60), max_size=6))
def test_after_a_cut_exactly_the_rest_of_the_paste_is_dropped(
    data: bytes, cut: int, cuts: list[int]
) -> None:
    cut = min(cut, len(data))
    stream = InputStream()
    stream.entered(data[:cut])
    was_open = stream.in_paste
    assert stream.cut() is was_open
    kept = b""
    edges = [cut, *sorted(max(cut, min(at, len(data))) for at in cuts), len(data)]
    for first, last in itertools.pairwise(edges):
        message = data[first:last]
        while message and stream.skips and (skipped := stream.skip(message)):
            message = message[skipped:]
        stream.entered(message)
        kept += message
    if was_open:
        # The end marker may have begun before the cut.
        begun = next(n for n in range(5, -1, -1) if data[:cut].endswith(END[:n]))
        end = data.find(END, max(cut - begun, data[:cut].rfind(START) + len(START)))
        assert kept == (data[end + len(END) :] if end >= 0 else b"")
    elif START not in data[max(0, cut - 5) : cut + 5]:
        assert kept == data[cut:]
