"""Operating system commands: titles, colours, links, clipboard, notifications, prompts.

Owns OSC by number. Does not own what the outside allows: Host does.
Source: xterm ctlseqs, "Operating System Commands"; iTerm2 (133), rxvt (777).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from engine.emulator.cells import colours
from engine.emulator.cells.rows import PROMPT
from engine.emulator.screen import window
from engine.emulator.screen.modal import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator.screen.modal import Screen

MAX_DIRECTORY: Final = 1024
MAX_PARTS: Final = 1024
"""Parts of one string that mean something: more than every colour there is, set at once."""
_PALETTE: Final = range(256)
_SELECTIONS: Final = frozenset("cpqs01234567")


def command(screen: Screen, text: str) -> None:
    """One whole OSC string, without its introducer and terminator."""
    number, separator, body = text.partition(";")
    if not (number.isascii() and number.isdigit() and len(number) <= 4):
        return
    code = int(number)
    if code in colours.DYNAMIC:
        _dynamic(screen, code, body)
    elif code - 100 in colours.DYNAMIC:
        screen.colours.dynamic.pop(code - 100, None)
    elif code in _COMMANDS and (separator or code in _WITHOUT_BODY):
        _COMMANDS[code](screen, body)


def _parts(screen: Screen, body: str) -> list[str]:
    parts = body.split(";", MAX_PARTS)[:MAX_PARTS]
    screen.work.done += len(parts)
    return parts


def _title(screen: Screen, text: str) -> None:
    window.set_title(screen, text, title=True, icon=False)


def _icon(screen: Screen, text: str) -> None:
    window.set_title(screen, text, title=False, icon=True)


def _title_and_icon(screen: Screen, text: str) -> None:
    window.set_title(screen, text, title=True, icon=True)


# -- colours


def _palette(screen: Screen, body: str) -> None:
    parts = _parts(screen, body)
    for index, specification in zip(parts[::2], parts[1::2], strict=False):
        if index.isascii() and index.isdigit() and len(index) <= 4:
            _colour(screen, int(index), specification, 4, int(index))


def _special(screen: Screen, body: str) -> None:
    parts = _parts(screen, body)
    for index, specification in zip(parts[::2], parts[1::2], strict=False):
        if index.isascii() and index.isdigit() and len(index) <= 4:
            _colour(screen, len(_PALETTE) + int(index), specification, 5, int(index))


def _colour(screen: Screen, index: int, specification: str, code: int, named: int) -> None:
    """Set or tell one entry; special colours follow the palette."""
    table, known = screen.colours.palette, screen.colours.palette_colour
    if index not in _PALETTE:
        index -= len(_PALETTE)
        if index >= colours.SPECIALS:
            return
        table, known = screen.colours.special, screen.colours.special_colour
    if specification == "?":
        screen.answer(f"\x1b]{code};{named};{colours.describe(known(index))}{screen.terminator}")
    elif (colour := colours.parse(specification)) is not None:
        table[index] = colour


def _reset_palette(screen: Screen, body: str) -> None:
    _forget(screen, body, 0)


def _reset_special(screen: Screen, body: str) -> None:
    _forget(screen, body, len(_PALETTE))


def _forget(screen: Screen, body: str, offset: int) -> None:
    if not body:
        (screen.colours.special if offset else screen.colours.palette).clear()
    for part in _parts(screen, body):
        if part.isascii() and part.isdigit() and len(part) <= 4:
            index = int(part) + offset
            screen.colours.palette.pop(index, None)
            screen.colours.special.pop(index - len(_PALETTE), None)


def _dynamic(screen: Screen, code: int, body: str) -> None:
    """OSC 10 and on: each further specification is for the next number."""
    for number, specification in enumerate(_parts(screen, body), code):
        if number not in colours.DYNAMIC:
            return
        if specification == "?":
            told = colours.describe(screen.colours.dynamic_colour(number))
            screen.answer(f"\x1b]{number};{told}{screen.terminator}")
        elif (colour := colours.parse(specification)) is not None:
            screen.colours.dynamic[number] = colour


# -- the rest


def _directory(screen: Screen, body: str) -> None:
    if len(body) <= MAX_DIRECTORY:
        screen.working_directory = "".join(filter(str.isprintable, body))


def _link(screen: Screen, body: str) -> None:
    parameters, _, uri = body.partition(";")
    link_id = ""
    for pair in parameters.split(":", MAX_PARTS)[:MAX_PARTS]:
        key, _, value = pair.partition("=")
        if key == "id":
            link_id = value
    screen.link = screen.links.number(uri, link_id)
    screen.change_pen(link=screen.link)


def _notify(screen: Screen, body: str) -> None:
    # ConEmu's commands have a number in front; they are no notifications.
    if not body.partition(";")[0].isdigit():
        screen.host.notify("", printable(body))


def _notify_rxvt(screen: Screen, body: str) -> None:
    kind, _, rest = body.partition(";")
    if kind == "notify":
        title, _, text = rest.partition(";")
        screen.host.notify(printable(title), printable(text))


def _clipboard(screen: Screen, body: str) -> None:
    selection, _, data = body.partition(";")
    if not _SELECTIONS.issuperset(selection) or len(selection) > len(_SELECTIONS):
        return
    selection = selection or "s0"
    if data == "?":
        text = screen.host.clipboard_read(selection)
        if text is not None:
            told = base64.b64encode(text.encode(errors="replace")).decode("ascii")
            screen.answer(f"\x1b]52;{selection};{told}{screen.terminator}")
        return
    try:
        # What is no base64 between is skipped, as in xterm; nothing else clears the selection.
        text = base64.b64decode(data).decode(errors="replace")
    except (binascii.Error, ValueError):
        text = ""
    screen.host.clipboard_write(selection, text)


def _prompt(screen: Screen, body: str) -> None:
    if body[:1] == "A":
        text, pens, flags = screen.rows[screen.cursor.y]
        screen.rows[screen.cursor.y] = (text, pens, flags | PROMPT)


_COMMANDS: dict[int, Callable[[Screen, str], None]] = {
    0: _title_and_icon,
    1: _icon,
    2: _title,
    4: _palette,
    5: _special,
    7: _directory,
    8: _link,
    9: _notify,
    52: _clipboard,
    104: _reset_palette,
    105: _reset_special,
    133: _prompt,
    777: _notify_rxvt,
}
_WITHOUT_BODY: Final = frozenset({104, 105})
