"""The stream's safety net: nothing needs it, and what it catches costs one sequence."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.emulator import Host, Terminal
from engine.emulator.parse import tables
from engine.emulator.parse.stream import Stream
from engine.emulator.screen import reflow
from engine.emulator.screen.screen import Screen
from tests.engine.emulator.inputs import PIECES


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=20))
def test_no_handler_fails(pieces: list[bytes]) -> None:
    # The safety net is for mistakes of ours; no input may need it.
    stream = Stream(screen := Screen(9, 4, 50, lambda _: None, Host))
    stream.feed(b"".join(pieces))
    reflow.resize(screen, 2, 5)
    stream.feed(b"".join(pieces))
    assert stream.failed == set()


def test_a_failing_handler_costs_one_sequence_and_one_log_line(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(screen: Screen, count: int) -> None:
        raise RuntimeError("broken")

    monkeypatch.setitem(tables.CSI_OF_ONE, "S", broken)
    terminal = Terminal(10, 2)
    with caplog.at_level(logging.ERROR):
        terminal.feed(b"a\x1b[Sb\x1b[Sc")
    assert terminal.text()[0] == "abc"
    assert len(caplog.records) == 1
    caplog.clear()


def test_a_failing_reply_does_not_stop_the_screen(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(data: bytes) -> None:
        raise ConnectionError("gone")

    terminal = Terminal(10, 2, refuse)
    terminal.feed(b"a\x1b[6nb")
    assert terminal.text()[0] == "ab"
    assert "gone" in caplog.text
    caplog.clear()
