"""A terminal's screen in memory: bytes in, rows of styled text out. Knows no Qt.

It has the screen, its history, its modes and the answers to a program's queries. Pixels,
keys and the source of the bytes are for others.
"""

from __future__ import annotations

from engine.emulator.cells.lines import Line, Run
from engine.emulator.cells.pictures import Picture, Piece, Strip
from engine.emulator.cells.style import DEFAULT_COLOR, DEFAULT_STYLE, TRUECOLOR, Hyperlink, Style
from engine.emulator.parse.skipping import Clean
from engine.emulator.screen.features import FEATURES
from engine.emulator.screen.host import Host, Pixels
from engine.emulator.screen.modes import CursorShape, Keyboard, MouseEncoding, MouseTracking
from engine.emulator.snapshot import SnapshotWriter
from engine.emulator.terminal import Terminal

__all__ = [
    "DEFAULT_COLOR",
    "DEFAULT_STYLE",
    "FEATURES",
    "TRUECOLOR",
    "Clean",
    "CursorShape",
    "Host",
    "Hyperlink",
    "Keyboard",
    "Line",
    "MouseEncoding",
    "MouseTracking",
    "Picture",
    "Piece",
    "Pixels",
    "Run",
    "SnapshotWriter",
    "Strip",
    "Style",
    "Terminal",
]
