"""Which rows are to be painted anew, and what is marked of them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from PySide6.QtWidgets import QScrollBar
from pytestqt.qtbot import QtBot

from engine.emulator import Terminal
from gui.terminal.paint.painter import Mark, MarkKind
from gui.terminal.source import Viewed
from gui.terminal.text.find import Find
from gui.terminal.text.links import Link
from gui.terminal.text.selection import Place, Selection
from gui.terminal.view.rows import Rows
from gui.terminal.view.scrolling import Scrolling


@dataclass
class Parts:
    terminal: Terminal
    selection: Selection
    rows: Rows


@pytest.fixture
def parts(qtbot: QtBot) -> Parts:
    terminal = Terminal(20, 5)
    bar = QScrollBar()
    qtbot.addWidget(bar)
    viewed = Viewed(terminal)
    selection = Selection(viewed)
    rows = Rows(viewed, Scrolling(viewed, bar), selection, Find(viewed, bar))
    rows.refresh()
    return Parts(terminal, selection, rows)


def test_only_what_changed_is_reported(parts: Parts) -> None:
    assert parts.rows.refresh() == []
    parts.terminal.feed(b"one\r\n\r\nthree")
    assert parts.rows.refresh() == [0, 2]
    assert [line.text for _, line, _ in parts.rows.shown] == ["one", "", "three", "", ""]
    assert parts.rows.refresh() == []


def test_marks_are_changes_too(parts: Parts) -> None:
    parts.terminal.feed(b"one two")
    parts.rows.refresh()
    parts.selection.select(Place(0, 4), Place(0, 7))
    assert parts.rows.refresh() == [0]
    assert parts.rows.shown[0][2] == (Mark(4, 7, MarkKind.SELECTED),)
    link = Link("https://example.org", ((0, 0, 3),), marked=False)
    assert parts.rows.hover(link)
    assert not parts.rows.hover(link)
    parts.rows.refresh()
    assert parts.rows.shown[0][2][-1] == Mark(0, 3, MarkKind.LINK)


def test_a_selection_goes_with_its_text(parts: Parts) -> None:
    parts.terminal.feed(b"one\r\ntwo")
    parts.rows.refresh()
    parts.selection.select(Place(0, 0), Place(0, 3))
    parts.terminal.feed(b"!")
    parts.rows.clear_changed_selection()
    assert parts.selection.text() == "one"
    parts.terminal.feed(b"\x1b[HX")
    parts.rows.clear_changed_selection()
    assert parts.selection.text() == ""


def test_rows_with_blinking_text_are_known(parts: Parts) -> None:
    parts.terminal.feed(b"steady\r\n\x1b[5mblinks")
    parts.rows.refresh()
    assert parts.rows.blinking == (1,)
