"""Text from outside on its way to a person's eyes."""

from __future__ import annotations

import io
import logging
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import log
from engine.core.errors import HatchwayError, TargetNotFoundError
from engine.core.text import CUT, escaped, shown

HIDDEN = ["\x00", "\t", "\n", "\r", "\x1b", "\x7f", "\x9b", "\xad", "\u061c", "\u200b", "\u200f",
          "\u2028", "\u202e", "\u2066", "\u2069", "\ufeff", "\ud800", "\udfff", "\u115f", "\u3164",
          "\ufe00", "\U000e0041", "\U000e0100"]  # fmt: skip


@pytest.mark.parametrize("character", HIDDEN, ids=ascii)
def test_what_is_not_seen_or_steers_is_written_out(character: str) -> None:
    assert escaped(f"a{character}b") == "a" + ascii(character)[1:-1] + "b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "web-1",
        "Zoë",
        "Ελλάδα 東京 עברית",
        "100 % \\ \"'<b>&",
        "a\u0301",
        "\U0001f600 \u2699\ufe0f",
    ],
)
def test_all_that_people_write_stays_as_it_is(text: str) -> None:
    assert escaped(text) == shown(text) == text


def test_no_control_or_format_character_of_this_python_is_left_out() -> None:
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    assert not {c for c in escaped(every) if unicodedata.category(c) in hidden}


def test_long_text_is_cut_after_it_was_escaped() -> None:
    assert shown("x" * 10, 10) == "x" * 10
    assert shown("x" * 11, 10) == "x" * 9 + CUT
    assert shown("\x1b" * 1_000_000, 10) == "\\x1b\\x1b\\" + CUT
    assert len(shown("\U0001f600" * 1000)) == 300


@given(st.text(), st.integers(1, 50))
def test_anything_is_one_bounded_line_and_twice_is_once(text: str, limit: int) -> None:
    line = shown(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert escaped(escaped(text)) == escaped(text)


def test_an_error_repeats_nothing_raw() -> None:
    error = TargetNotFoundError("web\x1b[2J\n\u202e1")
    assert str(error) == r"Device web\x1b[2J\n\u202e1 not found"
    assert error.device_id == "web\x1b[2J\n\u202e1"
    assert len(str(HatchwayError("x" * 5000))) == 1000


@pytest.fixture
def printed() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logger(printed: io.StringIO) -> logging.Logger:
    handler = logging.StreamHandler(printed)
    handler.setFormatter(log.Formatter())
    made = logging.Logger("engine.test")
    made.addHandler(handler)
    return made


FORGED = "x\r\n2026-01-01 00:00:00,000 INFO    engine.agent.agent: all is well\x1b[2A"


def test_a_record_is_one_line(logger: logging.Logger, printed: io.StringIO) -> None:
    logger.warning("Session %s: %r", FORGED, FORGED)
    logger.warning("long %s", "\x9b" * 100_000)
    first, second = printed.getvalue().splitlines()
    assert first.isprintable()
    assert first.count("engine.agent.agent: all is well") == 2
    assert second.isprintable()
    assert len(second) < log.MAX_MESSAGE + 100


def test_no_text_in_a_traceback_looks_like_a_record(
    logger: logging.Logger, printed: io.StringIO
) -> None:
    try:
        raise ValueError(FORGED)
    except ValueError:
        logger.exception("It failed", stack_info=True)
    lines = printed.getvalue().split("\n")
    assert "Traceback" in printed.getvalue()
    assert [line[:2] for line in lines[1:] if line] == ["  "] * (len(lines) - 2)
    assert all(line.isprintable() for line in lines)
