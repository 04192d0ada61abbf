"""Selected text as HTML, with its colors and styles."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from engine.emulator import DEFAULT_COLOR, DEFAULT_STYLE, Style
from gui.terminal.paint import blocks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gui.terminal.paint.theme import Theme
    from gui.terminal.text.selection import Piece

_UNDERLINES = ("", "solid", "double", "wavy", "dotted", "dashed")


def of(pieces: Iterable[Piece], theme: Theme, family: str) -> str:
    """A fragment: one ``pre`` in the theme's colors and the font's family."""
    parts: list[str] = []
    for piece in pieces:
        parts += _line(piece, theme)
        if not piece.goes_on:
            parts.append("\n")
    text = "".join(parts).removesuffix("\n")
    style = (
        f"color:#{theme.foreground:06x};background-color:#{theme.background:06x};"
        f"font-family:'{escape(family)}',monospace;padding:8px"
    )
    return f'<meta charset="utf-8"><pre style="{style}">{text}</pre>'


def _line(piece: Piece, theme: Theme) -> Iterable[str]:
    column = piece.start
    for run in piece.line.runs:
        start, end = max(run.column, piece.start), min(run.column + run.cells, piece.end)
        if start >= end:
            continue
        if start > column:
            yield " " * (start - column)
        text = run.text if run.cluster else run.text[start - run.column : end - run.column]
        for exact, group in groupby(text, blocks.touches):
            css = _css(run.style, theme, exact=exact)
            part = escape("".join(group))
            yield f'<span style="{css}">{part}</span>' if css else part
        column = end


def _css(style: Style, theme: Theme, *, exact: bool) -> str:
    if style == DEFAULT_STYLE:
        return ""
    text, background = theme.exact(style) if exact else theme.pair(style)
    rules: list[str] = []
    if text != theme.foreground:
        rules.append(f"color:#{text:06x}")
    if background != theme.background:
        rules.append(f"background-color:#{background:06x}")
    if style.bold:
        rules.append("font-weight:bold")
    if style.italic:
        rules.append("font-style:italic")
    lines = [
        name
        for name, on in (
            ("underline", style.underline),
            ("overline", style.overline),
            ("line-through", style.strike),
        )
        if on
    ]
    if lines:
        color = ""
        if style.underline and style.underline_color != DEFAULT_COLOR:
            color = f" #{theme.color(style.underline_color, text):06x}"
        kind = f" {_UNDERLINES[style.underline]}" if style.underline else ""
        rules.append(f"text-decoration:{' '.join(lines)}{kind}{color}")
    return ";".join(rules)
