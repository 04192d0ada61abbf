"""Keys of one terminal: typed, sent, scrolled by, left to the window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QScrollBar
from pytestqt.qtbot import QtBot

from engine.emulator import Terminal
from gui.terminal.interaction.keyboard import Keyboard
from gui.terminal.source import Viewed
from gui.terminal.view.program import Program
from gui.terminal.view.scrolling import Scrolling
from tests.gui.terminal.acts import CTRL, CTRL_SHIFT, LINES, NONE, SHIFT


@dataclass
class Desk:
    """A keyboard and what became of its keys."""

    terminal: Terminal
    program: Program
    scrolling: Scrolling
    keyboard: Keyboard
    typed: list[bytes]
    sent: list[bytes]
    zoomed: list[float] = field(default_factory=list)
    bound: set[Qt.Key] = field(default_factory=set)
    """What the window has commands for."""
    did: list[str] = field(default_factory=list)


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    typed: list[bytes] = []
    sent: list[bytes] = []
    zoomed: list[float] = []
    terminal = Terminal(20, 5)
    bar = QScrollBar()
    qtbot.addWidget(bar)
    program = Program(terminal, sent.append)
    viewed = Viewed(terminal)
    scrolling = Scrolling(viewed, bar)
    bound: set[Qt.Key] = {Qt.Key.Key_T}
    did: list[str] = []
    keyboard = Keyboard(
        viewed,
        program,
        scrolling,
        type_in=typed.append,
        zoom=zoomed.append,
        is_bound=lambda event: event.key() in bound,
        copy=lambda: did.append("copy"),
        paste=lambda: did.append("paste"),
    )
    return Desk(terminal, program, scrolling, keyboard, typed, sent, zoomed, bound, did)


def key(
    key: Qt.Key,
    held: Qt.KeyboardModifier = NONE,
    text: str = "",
    kind: QEvent.Type = QEvent.Type.KeyPress,
) -> QKeyEvent:
    return QKeyEvent(kind, key, held, text)


def test_letters_are_typed_and_releases_are_only_sent(desk: Desk) -> None:
    release = key(Qt.Key.Key_Up, kind=QEvent.Type.KeyRelease)
    assert desk.keyboard.press(key(Qt.Key.Key_A, text="a"))
    assert not desk.keyboard.release(release)
    desk.terminal.feed(b"\x1b[>3u")
    assert desk.keyboard.release(release)
    assert desk.typed == [b"a"]
    assert desk.sent == [b"\x1b[1;1:3A"]


def test_an_ended_program_gets_no_key_and_claims_none(desk: Desk) -> None:
    letter = key(Qt.Key.Key_T, CTRL)
    assert desk.keyboard.claims(letter)
    desk.program.end()
    assert not desk.keyboard.claims(letter)
    assert not desk.keyboard.press(letter)
    assert desk.typed == []


def test_pages_scroll_but_on_the_alternate_screen_they_are_typed(desk: Desk) -> None:
    desk.terminal.feed(LINES)
    desk.scrolling.sync()
    bottom = desk.scrolling.top
    assert desk.keyboard.press(key(Qt.Key.Key_PageUp, SHIFT))
    assert desk.scrolling.top == bottom - 4
    assert desk.typed == []
    desk.terminal.feed(b"\x1b[?1049h")
    assert desk.keyboard.press(key(Qt.Key.Key_PageUp, SHIFT))
    assert desk.typed == [b"\x1b[5;2~"]


def test_zooming_and_the_windows_keys_are_not_typed(desk: Desk) -> None:
    assert desk.keyboard.press(key(Qt.Key.Key_Plus, CTRL, "+"))
    assert not desk.keyboard.press(key(Qt.Key.Key_T, CTRL_SHIFT))
    assert desk.zoomed == [1.0]
    assert desk.typed == []


@pytest.mark.parametrize(
    ("pressed", "held", "text", "sent"),
    [
        (Qt.Key.Key_J, CTRL_SHIFT, "\n", b"\n"),
        (Qt.Key.Key_PageUp, CTRL, "", b"\x1b[5;5~"),
        (Qt.Key.Key_Comma, CTRL, ",", b","),
    ],
)
def test_keys_that_do_nothing_in_the_window_are_the_programs(
    desk: Desk, pressed: Qt.Key, held: Qt.KeyboardModifier, text: str, sent: bytes
) -> None:
    assert desk.keyboard.claims(key(pressed, held, text))
    assert desk.keyboard.press(key(pressed, held, text))
    assert desk.typed == [sent]
    desk.bound.add(pressed)
    assert not desk.keyboard.claims(key(pressed, held, text))
    assert not desk.keyboard.press(key(pressed, held, text))
    assert desk.typed == [sent]


def test_insert_copies_and_pastes(desk: Desk) -> None:
    assert desk.keyboard.press(key(Qt.Key.Key_Insert, CTRL))
    assert desk.keyboard.press(key(Qt.Key.Key_Insert, SHIFT))
    assert desk.did == ["copy", "paste"]
    assert desk.typed == []
    assert desk.keyboard.press(key(Qt.Key.Key_Insert))
    assert desk.typed == [b"\x1b[2~"]


def test_a_prompt_jump_is_the_windows_only_where_prompts_are_marked(desk: Desk) -> None:
    jump = key(Qt.Key.Key_Up, CTRL_SHIFT)
    assert desk.keyboard.claims(jump)
    desk.terminal.feed(b"\x1b]133;A\x07$ ")
    assert not desk.keyboard.claims(jump)
