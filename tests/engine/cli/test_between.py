"""Where output may be interrupted."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.between import Between

BETWEEN = [
    b"",
    b"text\r\n",
    "é€😀".encode(),
    b"\x1b[31m",
    b"\x1b[?1049h",
    b"\x1bc",
    b"\x1b(B",
    b"\x1b]0;title\x07",
    b"\x1b]0;title\x1b\\",
    b"\x1bPq#0\x1b\\",
    b"\x1b[3\x18",
    b"\x1b]0;ti\x1b[m",
    b"\x9b",
    b"\xff\xff",
    "\x9b31m".encode(),
    "\x9d0;title\x9c".encode(),
    b"\x1b\xe2\x82\xac",
    b"\x1bktitle\x1b\\",
]
INSIDE = [
    b"\x1b",
    b"\x1b[",
    b"\x1b[31;",
    b"\x1b(",
    b"\x1b]0;title",
    b"\x1b]0;title\x1b",
    b"\x1bPq\x07",
    "é".encode()[:1],
    "€".encode()[:2],
    "😀".encode()[:3],
    "\x9b31".encode(),
    "\x9d0;title".encode(),
    b"\x1b\x1b",
    b"\x1b[m\x1b[",
    b"\x1b\xe2\x82",
]


def between(data: bytes) -> bool:
    follower = Between()
    follower.feed(data)
    return bool(follower)


@pytest.mark.parametrize("data", BETWEEN, ids=repr)
def test_all_has_ended(data: bytes) -> None:
    assert between(data)
    assert between(b"before" + data)


@pytest.mark.parametrize("data", INSIDE, ids=repr)
def test_something_has_begun(data: bytes) -> None:
    assert not between(data)
    assert not between(b"before" + data)


def test_a_reset_forgets_what_had_begun() -> None:
    follower = Between()
    follower.feed(b"\x1b]0;title")
    follower.reset()
    assert follower


PIECES = st.sampled_from([*BETWEEN, *INSIDE, b"a", b"\\", b"m", b"\x07", b"\xc2", b"\x9c"])


@given(st.lists(PIECES, max_size=8), st.lists(st.integers(0, 60), max_size=5))
def test_it_does_not_matter_how_output_is_cut(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)
    follower = Between()
    places = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    for begin, end in itertools.pairwise(places):
        follower.feed(data[begin:end])
    assert bool(follower) == between(data)


@given(st.binary(max_size=50))
def test_a_string_terminator_ends_whatever_had_begun(data: bytes) -> None:
    assert between(data + b"\x1b\\")
