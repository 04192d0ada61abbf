"""Select Graphic Rendition: parameter text to Style, and Style back to parameters.

Owns CSI m in both directions. Source: ECMA-48 8.3.117, ITU T.416 for colons,
xterm ctlseqs for 90..107 and 38/48.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from engine.emulator.cells import DEFAULT_COLOUR, DEFAULT_STYLE, TRUECOLOUR

if TYPE_CHECKING:
    from engine.emulator.cells import Style

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
    39: (("fg", DEFAULT_COLOUR),),
    49: (("bg", DEFAULT_COLOUR),),
    **{30 + n: (("fg", n),) for n in range(8)},
    **{40 + n: (("bg", n),) for n in range(8)},
    **{90 + n: (("fg", 8 + n),) for n in range(8)},
    **{100 + n: (("bg", 8 + n),) for n in range(8)},
}

_COLOUR_TARGETS = {38: "fg", 48: "bg", 58: ""}
"""58 is the underline's colour: read, so that its numbers mean nothing else, not kept."""


@lru_cache(maxsize=1024)
def apply(style: Style, parameters: str) -> Style:
    """The style after ``CSI parameters m``. Unknown and malformed parts change nothing."""
    changes: dict[str, int | bool] = {}
    parts = parameters.split(";")
    index = 0
    while index < len(parts):
        part = parts[index]
        index += 1
        if ":" in part:
            _apply_colons(part, changes)
            continue
        code = int(part or 0)
        if code == 0:
            changes = dict(DEFAULT_STYLE._asdict())
        elif code in _SIMPLE:
            changes.update(_SIMPLE[code])
        elif code in _COLOUR_TARGETS:
            numbers = [int(p or 0) for p in parts[index : index + 4] if ":" not in p]
            colour, used = _colour(numbers)
            index += used
            _set_colour(changes, code, colour)
    return style._replace(**changes)  # type: ignore[arg-type]  # keys and types pair up in _SIMPLE


def _apply_colons(part: str, changes: dict[str, int | bool]) -> None:
    code, *numbers = (int(p or 0) for p in part.split(":"))
    if code == 4 and numbers:
        changes["underline"] = min(numbers[0], 5)
    elif code in _COLOUR_TARGETS:
        # T.416 puts a colour space between the 2 and the red; most programs leave it out.
        if numbers[:1] == [2] and len(numbers) >= 5:
            del numbers[1]
        _set_colour(changes, code, _colour(numbers)[0])


def _colour(numbers: list[int]) -> tuple[int | None, int]:
    """The colour the numbers after 38 or 48 name (None: none), and how many it took."""
    match numbers:
        case [5, index, *_]:
            return (index if index <= 255 else None), 2
        case [2, red, green, blue, *_]:
            if max(red, green, blue) > 255:
                return None, 4
            return TRUECOLOUR | red << 16 | green << 8 | blue, 4
        case _:
            return None, len(numbers)


def _set_colour(changes: dict[str, int | bool], code: int, colour: int | None) -> None:
    target = _COLOUR_TARGETS[code]
    if target and colour is not None:
        changes[target] = colour


@lru_cache(maxsize=1024)
def sequence(style: Style) -> str:
    """The control sequence that selects exactly ``style``, whatever was selected before."""
    codes = ["0"]
    flags = (
        (style.bold, "1"),
        (style.faint, "2"),
        (style.italic, "3"),
        (style.blink, "5"),
        (style.reverse, "7"),
        (style.conceal, "8"),
        (style.strike, "9"),
    )
    codes += [code for flag, code in flags if flag]
    if style.underline:
        codes.append({1: "4", 2: "21"}.get(style.underline, f"4:{style.underline}"))
    codes += _colour_codes(style.fg, 30)
    codes += _colour_codes(style.bg, 40)
    return f"\x1b[{';'.join(codes)}m"


def _colour_codes(colour: int, base: int) -> list[str]:
    if colour == DEFAULT_COLOUR:
        return []
    if colour & TRUECOLOUR:
        red, green, blue = colour >> 16 & 255, colour >> 8 & 255, colour & 255
        return [f"{base + 8};2;{red};{green};{blue}"]
    if colour < 8:
        return [str(base + colour)]
    if colour < 16:
        return [str(base + 60 + colour - 8)]
    return [f"{base + 8};5;{colour}"]
