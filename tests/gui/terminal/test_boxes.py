"""Colours, paste, mouse encoding and box drawing, without a window."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QImage, QPainter, QPalette

from engine.emulator import TRUECOLOUR, MouseTracking, Style
from gui.terminal import boxes, mouse, paste
from gui.terminal.theme import DARK, LIGHT, Theme, for_palette, mix


def luminance(rgb: int) -> float:
    parts = [(rgb >> shift & 255) / 255 for shift in (16, 8, 0)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: int, other: int) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_text_is_readable(theme: Theme) -> None:
    assert contrast(theme.foreground, theme.background) >= 7
    assert contrast(theme.foreground, theme.selection) >= 4.5
    assert contrast(theme.cursor_text, theme.cursor) >= 4.5
    for colour in theme.palette[1:7]:
        assert contrast(colour, theme.background) >= 4.5


@pytest.mark.parametrize(
    ("colour", "rgb"),
    [
        (1, DARK.palette[1]),
        (16, 0x000000),
        (21, 0x0000FF),
        (196, 0xFF0000),
        (231, 0xFFFFFF),
        (232, 0x080808),
        (255, 0xEEEEEE),
        (TRUECOLOUR | 0x123456, 0x123456),
        (-1, 0xABCDEF),
    ],
)
def test_colours(colour: int, rgb: int) -> None:
    assert DARK.colour(colour, 0xABCDEF) == rgb


def test_what_styles_do_to_colours() -> None:
    text, back = DARK.foreground, DARK.background
    assert DARK.pair(Style()) == (text, back)
    assert DARK.pair(Style(reverse=True)) == (back, text)
    assert DARK.pair(Style(conceal=True, bg=1)) == (DARK.palette[1], DARK.palette[1])
    assert DARK.pair(Style(faint=True)) == (mix(text, back, 0.5), back)
    assert DARK.reversed().pair(Style()) == (back, text)


def test_the_theme_follows_the_palette() -> None:
    palette = QPalette(QColor("#202020"))
    palette.setColor(QPalette.ColorRole.Base, QColor("#101010"))
    assert for_palette(palette) is DARK
    palette.setColor(QPalette.ColorRole.Base, QColor("#fefefe"))
    assert for_palette(palette) is LIGHT


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("ls -l", "ls -l"),
        ("a\nb\r\nc\rd", "a\rb\rc\rd"),
        ("a\tb", "a\tb"),
        ("x\x1b[201~rm\x9b31m\x00\x7f", "x[201~rm31m"),
        ("é日😀", "é日😀"),
    ],
)
def test_pasted_text_is_cleaned(text: str, cleaned: str) -> None:
    assert paste.clean(text) == cleaned


def test_paste_encoding_and_counting() -> None:
    assert paste.encode("a\rb", bracketed=True) == b"\x1b[200~a\rb\x1b[201~"
    assert paste.encode("a\ud800", bracketed=False) == b"a?"
    assert (paste.line_count("a"), paste.line_count("a\r"), paste.line_count("a\rb")) == (1, 1, 2)
    assert paste.is_multiline("a\r")
    assert not paste.is_multiline("a")


@pytest.mark.parametrize(
    ("action", "button", "sgr", "expected"),
    [
        (mouse.Action.PRESS, mouse.Button.LEFT, True, b"\x1b[<0;3;2M"),
        (mouse.Action.RELEASE, mouse.Button.RIGHT, True, b"\x1b[<2;3;2m"),
        (mouse.Action.MOVE, mouse.Button.NONE, True, b"\x1b[<35;3;2M"),
        (mouse.Action.PRESS, mouse.Button.WHEEL_UP, True, b"\x1b[<64;3;2M"),
        (mouse.Action.PRESS, mouse.Button.LEFT, False, b'\x1b[M #"'),
        (mouse.Action.RELEASE, mouse.Button.LEFT, False, b'\x1b[M##"'),
    ],
)
def test_mouse_encoding(
    action: mouse.Action, button: mouse.Button, sgr: bool, expected: bytes
) -> None:
    assert mouse.encode(action, button, 2, 1, 0, sgr=sgr) == expected


def test_the_old_mouse_encoding_has_an_end() -> None:
    press, left = mouse.Action.PRESS, mouse.Button.LEFT
    assert mouse.encode(press, left, 222, 222, 0, sgr=False) == b"\x1b[M \xff\xff"
    assert mouse.encode(press, left, 223, 0, 0, sgr=False) == b""


@pytest.mark.parametrize(
    ("tracking", "wanted"),
    [
        (MouseTracking.OFF, []),
        (MouseTracking.PRESS, ["press"]),
        (MouseTracking.BUTTONS, ["press", "release"]),
        (MouseTracking.DRAG, ["press", "release", "drag"]),
        (MouseTracking.MOTION, ["press", "release", "drag", "move"]),
    ],
)
def test_which_events_a_program_gets(tracking: MouseTracking, wanted: list[str]) -> None:
    events = {
        "press": (mouse.Action.PRESS, mouse.Button.LEFT),
        "release": (mouse.Action.RELEASE, mouse.Button.LEFT),
        "drag": (mouse.Action.MOVE, mouse.Button.LEFT),
        "move": (mouse.Action.MOVE, mouse.Button.NONE),
    }
    assert [name for name, event in events.items() if mouse.wanted(tracking, *event)] == wanted


CELL = boxes.Cell(0, 0, 9, 17, 1)


def drawn(char: str) -> QImage:
    image = QImage(CELL.width, CELL.height, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    painter = QPainter(image)
    boxes.draw(painter, char, CELL, QColor("white"))
    painter.end()
    return image


def lit(image: QImage, x: int, y: int) -> bool:
    return image.pixelColor(x, y).lightness() > 100


def touches(char: str) -> set[str]:
    """The edges of the cell that the character reaches."""
    image = drawn(char)
    width, height = CELL.width, CELL.height
    edges = {
        "up": any(lit(image, x, 0) for x in range(width)),
        "down": any(lit(image, x, height - 1) for x in range(width)),
        "left": any(lit(image, 0, y) for y in range(height)),
        "right": any(lit(image, width - 1, y) for y in range(height)),
    }
    return {edge for edge, reached in edges.items() if reached}


@pytest.mark.parametrize(
    ("char", "edges"),
    [
        ("─", {"left", "right"}),
        ("│", {"up", "down"}),
        ("┌", {"down", "right"}),
        ("┘", {"up", "left"}),
        ("┼", {"up", "down", "left", "right"}),
        ("┣", {"up", "down", "right"}),
        ("╔", {"down", "right"}),
        ("╩", {"up", "left", "right"}),
        ("╒", {"down", "right"}),
        ("╟", {"up", "down", "right"}),
        ("╰", {"up", "right"}),
        ("╮", {"down", "left"}),
        ("╸", {"left"}),
        ("╼", {"left", "right"}),
        ("█", {"up", "down", "left", "right"}),
    ],
)
def test_lines_reach_exactly_the_edges_they_should(char: str, edges: set[str]) -> None:
    assert touches(char) == edges


def test_every_box_and_block_draws_something() -> None:
    for code in range(0x2500, 0x25A0):
        char = chr(code)
        if boxes.covers(char):
            image = drawn(char)
            bits = [lit(image, x, y) for x in range(CELL.width) for y in range(CELL.height)]
            assert any(bits) or char == "░", char
    assert not boxes.covers("╱")
    assert not boxes.covers("a")


def test_a_double_line_is_two_lines() -> None:
    image = drawn("═")
    column = [lit(image, 4, y) for y in range(CELL.height)]
    assert column.count(True) == 2
    assert not column[CELL.height // 2]


def test_halves_meet_without_gap_or_overlap() -> None:
    upper, lower = drawn("▀"), drawn("▄")
    for y in range(CELL.height):
        assert lit(upper, 4, y) != lit(lower, 4, y)
