"""Select Graphic Rendition: parameter text to Style, and Style back to parameters.

Source: ECMA-48 8.3.117, ITU T.416 for colons,
xterm ctlseqs for 90..107 and 38/48, kitty for 4:3 and 58.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from engine.emulator.cells.style import DEFAULT_COLOR, DEFAULT_STYLE, TRUECOLOR, Style

_SIMPLE: dict[int, tuple[tuple[str, int | bool], ...]] = {
    1: (("bold", True),),
    2: (("faint", True),),
    3: (("italic", True),),
    4: (("underline", 1),),
    5: (("blink", True),),
    6: (("blink", True),),
    7: (("reverse", True),),
    8: (("conceal", True),),
    9: (("strike", True),),
    21: (("underline", 2),),
    22: (("bold", False), ("faint", False)),
    23: (("italic", False),),
    24: (("underline", 0),),
    25: (("blink", False),),
    27: (("reverse", False),),
    28: (("conceal", False),),
    29: (("strike", False),),
    39: (("fg", DEFAULT_COLOR),),
    49: (("bg", DEFAULT_COLOR),),
    53: (("overline", True),),
    55: (("overline", False),),
    59: (("underline_color", DEFAULT_COLOR),),
    **{30 + n: (("fg", n),) for n in range(8)},
    **{40 + n: (("bg", n),) for n in range(8)},
    **{90 + n: (("fg", 8 + n),) for n in range(8)},
    **{100 + n: (("bg", 8 + n),) for n in range(8)},
}

_COLOR_TARGETS: Final = {38: "fg", 48: "bg", 58: "underline_color"}
_KEPT: Final = ("link", "protected")
"""What SGR 0 leaves alone: these are no renditions."""
_CLEARED: Final = {
    name: value for name, value in DEFAULT_STYLE._asdict().items() if name not in _KEPT
}
_FIELDS: Final = {
    code: [(Style._fields.index(name), value) for name, value in changes]
    for code, changes in _SIMPLE.items()
}
_RENDITIONS: Final = Style._fields.index(_KEPT[0])
"""How many fields come before those that SGR 0 leaves alone."""
MAX_FAST: Final = 48
"""Characters of parameters that are read as plain numbers; longer ones take the careful way."""
MAX_DIGITS: Final = 5
"""Digits of a number; a longer one is beyond everything that means something."""


def apply(style: Style, parameters: str) -> Style:
    """The style after ``CSI parameters m``. Unknown and malformed parts change nothing."""
    try:
        # As fast as can be: with many colors nearly every sequence is a new one.
        numbers = list(map(int, parameters.split(";")))
    except ValueError:
        return _apply(style, parameters)
    if len(parameters) > MAX_FAST:
        return _apply(style, parameters)
    fields: list[object] = list(style)
    index, count = 0, len(numbers)
    while index < count:
        code = numbers[index]
        index += 1
        if code == 38 or code == 48:
            kind = numbers[index] if index < count else 0
            if kind == 5 and index + 1 < count:
                color = numbers[index + 1]
                index += 2
                if color > 255:
                    continue
            elif kind == 2 and index + 3 < count:
                red, green, blue = numbers[index + 1 : index + 4]
                index += 4
                if red > 255 or green > 255 or blue > 255:
                    continue
                color = TRUECOLOR | red << 16 | green << 8 | blue
            else:
                return _apply(style, parameters)
            fields[code == 48] = color
        elif code in _FIELDS:
            for field, value in _FIELDS[code]:
                fields[field] = value
        elif code == 0:
            fields[:_RENDITIONS] = DEFAULT_STYLE[:_RENDITIONS]
        else:
            return _apply(style, parameters)
    return tuple.__new__(Style, fields)


_INDEXED: Final = {f"5;{n}": n for n in range(256)}
_TRUE: Final = re.compile(
    r"\[38;2;(\d{1,3});(\d{1,3});(\d{1,3});48;2;(\d{1,3});(\d{1,3});(\d{1,3})", re.ASCII
)


def two_colors(sequence: str) -> tuple[int, int] | None:
    """The foreground and background where "[38;…;48;…" sets both and no more, both of 256 or
    true colors.

    The most frequent of those that hardly ever come again: pictures, gradients.
    """
    front, _, back = sequence[4:].partition(";48;")
    fg, bg = _INDEXED.get(front), _INDEXED.get(back)
    if fg is not None and bg is not None:
        return fg, bg
    if found := _TRUE.fullmatch(sequence):
        r, g, b, red, green, blue = map(int, found.groups())
        if r | g | b | red | green | blue < 256:
            return TRUECOLOR | r << 16 | g << 8 | b, TRUECOLOR | red << 16 | green << 8 | blue
    return None


def _apply(style: Style, parameters: str) -> Style:
    """The same with whatever may be in it."""
    changes: dict[str, int | bool] = {}
    parts = parameters.split(";")
    index = 0
    while index < len(parts):
        part = parts[index]
        index += 1
        if ":" in part:
            _apply_colons(part, changes)
            continue
        code = _number(part)
        if code == 0:
            changes = dict(_CLEARED)
        elif code in _SIMPLE:
            changes.update(_SIMPLE[code])
        elif code in _COLOR_TARGETS:
            numbers = [_number(p) for p in parts[index : index + 4] if ":" not in p]
            color, used = _color(numbers)
            index += used
            _set_color(changes, code, color)
    return style._replace(**changes)  # type: ignore[arg-type]  # keys and types pair up in _SIMPLE


def _number(text: str) -> int:
    """0 for none, and something that means nothing for digits without end."""
    return int(text or 0) if len(text) <= MAX_DIGITS else int(text[-MAX_DIGITS:]) + 10**6


def _apply_colons(part: str, changes: dict[str, int | bool]) -> None:
    code, *numbers = (_number(p) for p in part.split(":"))
    if code == 4 and numbers:
        changes["underline"] = min(numbers[0], 5)
    elif code in _COLOR_TARGETS:
        # T.416 puts a color space between the 2 and the red; most programs leave it out.
        if numbers[:1] == [2] and len(numbers) >= 5:
            del numbers[1]
        _set_color(changes, code, _color(numbers)[0])


def _color(numbers: list[int]) -> tuple[int | None, int]:
    """The color the numbers after 38 or 48 name (None: none), and how many it took."""
    match numbers:
        case [5, index, *_]:
            return (index if index <= 255 else None), 2
        case [2, red, green, blue, *_]:
            if max(red, green, blue) > 255:
                return None, 4
            return TRUECOLOR | red << 16 | green << 8 | blue, 4
        case _:
            return None, len(numbers)


def _set_color(changes: dict[str, int | bool], code: int, color: int | None) -> None:
    if color is not None:
        changes[_COLOR_TARGETS[code]] = color


_LEVELS: Final = (0, 95, 135, 175, 215, 255)


def nearest(color: int) -> int:
    """A color of the 6x6x6 cube in place of a true color; others as they are."""
    if color == DEFAULT_COLOR or not color & TRUECOLOR:
        return color
    index = 16
    for shift, weight in ((16, 36), (8, 6), (0, 1)):
        value = color >> shift & 255
        index += weight * min(range(6), key=lambda n: abs(_LEVELS[n] - value))
    return index


def codes(style: Style) -> list[str]:
    """The parameters that select exactly ``style`` (link and protection apart)."""
    codes = ["0"]
    flags = (
        (style.bold, "1"),
        (style.faint, "2"),
        (style.italic, "3"),
        (style.blink, "5"),
        (style.reverse, "7"),
        (style.conceal, "8"),
        (style.strike, "9"),
        (style.overline, "53"),
    )
    codes += [code for flag, code in flags if flag]
    if style.underline:
        codes.append({1: "4", 2: "21"}.get(style.underline, f"4:{style.underline}"))
    codes += _color_codes(style.fg, 30)
    codes += _color_codes(style.bg, 40)
    codes += _color_codes(style.underline_color, 50)
    return codes


@lru_cache(maxsize=1024)
def sequence(style: Style) -> str:
    """The control sequence that selects ``style``, whatever was selected before."""
    return f"\x1b[{';'.join(codes(style))}m"


_USUAL_COLORS: Final = ("39", "49")
"""What selects the default of the first two fields, the foreground and the background."""


def change(before: Style, style: Style) -> str:
    """A short control sequence that leads from ``before`` to ``style`` (link and protection
    apart); "" where nothing changes."""
    if style[:_RENDITIONS] == before[:_RENDITIONS]:
        return ""
    if style[:_RENDITIONS] == DEFAULT_STYLE[:_RENDITIONS]:
        return "\x1b[m"
    usual: list[str] = []
    added: list[object] = list(DEFAULT_STYLE)
    for field in range(_RENDITIONS):
        if style[field] == before[field]:
            continue
        if field >= len(_USUAL_COLORS) and before[field] != DEFAULT_STYLE[field]:
            return sequence(style)  # which codes end one rendition alone differs by terminal
        if style[field] == DEFAULT_STYLE[field]:
            usual.append(_USUAL_COLORS[field])
        else:
            added[field] = style[field]
    return f"\x1b[{';'.join([*usual, *codes(tuple.__new__(Style, added))[1:]])}m"


def _color_codes(color: int, base: int) -> list[str]:
    if color == DEFAULT_COLOR:
        return []
    if color & TRUECOLOR:
        red, green, blue = color >> 16 & 255, color >> 8 & 255, color & 255
        if base == 50:
            return [f"58:2::{red}:{green}:{blue}"]
        return [f"{base + 8};2;{red};{green};{blue}"]
    if base == 50:
        return [f"58:5:{color}"]
    if color < 8:
        return [str(base + color)]
    if color < 16:
        return [str(base + 60 + color - 8)]
    return [f"{base + 8};5;{color}"]
