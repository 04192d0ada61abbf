"""Copied HTML looks as the terminal does, and holds no markup of a program's."""

from __future__ import annotations

from engine.emulator import Terminal
from gui.terminal.paint.theme import Theme
from gui.terminal.paint.themes import DARK
from gui.terminal.source import Viewed
from gui.terminal.text import html
from gui.terminal.text.selection import Selection


def copied(data: str, cols: int = 40, theme: Theme = DARK) -> str:
    terminal = Terminal(cols, 5)
    terminal.feed(data.encode())
    selection = Selection(Viewed(terminal))
    selection.all()
    whole = html.of(selection.pieces(), theme, "Mono's")
    return whole[whole.index("<pre") :]


def body(data: str, cols: int = 40) -> str:
    whole = copied(data, cols)
    return whole[whole.index(">") + 1 : -len("</pre>")].rstrip("\n")


def test_the_frame_has_the_themes_colors() -> None:
    assert f"background-color:#{DARK.background:06x}" in copied("x")
    assert "Mono&#x27;s" in copied("x")


def test_styles_become_css() -> None:
    assert body("a\x1b[31mb\x1b[m c") == f'a<span style="color:#{DARK.palette[1]:06x}">b</span> c'
    assert body("\x1b[1;3mx") == '<span style="font-weight:bold;font-style:italic">x</span>'
    assert "text-decoration:underline solid" in body("\x1b[4mx")
    assert "text-decoration:line-through" in body("\x1b[9mx")
    swapped = body("\x1b[7mx")
    assert f"color:#{DARK.background:06x};background-color:#{DARK.foreground:06x}" in swapped


def test_markup_is_text() -> None:
    assert body("<script>&\"'") == "&lt;script&gt;&amp;&quot;&#x27;"


def test_a_wrapped_line_is_one_line() -> None:
    assert body("x" * 25, cols=10) == "x" * 25


def test_what_touches_its_neighbors_keeps_its_color() -> None:
    data = "\x1b[48;5;52;38;5;17ma\ue0b0\u2588\x1b[m"
    exact = f"color:#{DARK.color(17, 0):06x}"
    parts = copied(data, theme=DARK.with_contrast(4.5)).split("</span>")
    assert exact not in parts[0]
    assert exact in parts[1]
    assert parts[1].endswith("\ue0b0\u2588")
