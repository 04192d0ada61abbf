"""Operating system commands: titles, colors, links, clipboard, notifications, prompts.

What the outside allows is the Host's to decide.
Source: xterm ctlseqs, "Operating System Commands"; iTerm2 (133), rxvt (777).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from engine.emulator.cells import colors
from engine.emulator.screen import attributes, restoring, window
from engine.emulator.screen.window import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator.screen.screen import Screen

MAX_PARTS: Final = 1024
"""Parts of one string that are read: enough to set every color there is."""
_PALETTE: Final = range(256)
_SELECTIONS: Final = frozenset("cpqs01234567")


def command(screen: Screen, text: str, end: str) -> None:
    """One whole OSC string, without its introducer and terminator.

    ``end`` is the terminator, BEL or ST: answers end with that of the question (as xterm).
    """
    number, separator, body = text.partition(";")
    if not (number.isascii() and number.isdigit() and len(number) <= 4):
        return
    code = int(number)
    if code in colors.DYNAMIC:
        _dynamic(screen, code, body, end)
    elif code - 100 in colors.DYNAMIC:
        screen.colors.dynamic.pop(code - 100, None)
    elif code in _QUERIES and separator:
        _QUERIES[code](screen, body, end)
    elif code in _COMMANDS and (separator or code in _WITHOUT_BODY):
        _COMMANDS[code](screen, body)


def _parts(screen: Screen, body: str) -> list[str]:
    parts = body.split(";", MAX_PARTS)[:MAX_PARTS]
    screen.work.add(len(parts))
    return parts


def _title(screen: Screen, text: str) -> None:
    window.set_title(screen, text, title=True, icon=False)


def _icon(screen: Screen, text: str) -> None:
    window.set_title(screen, text, title=False, icon=True)


def _title_and_icon(screen: Screen, text: str) -> None:
    window.set_title(screen, text, title=True, icon=True)


# -- colors


def _palette(screen: Screen, body: str, end: str) -> None:
    parts = _parts(screen, body)
    for index, specification in zip(parts[::2], parts[1::2], strict=False):
        if index.isascii() and index.isdigit() and len(index) <= 4:
            _color(screen, int(index), specification, 4, int(index), end)


def _special(screen: Screen, body: str, end: str) -> None:
    parts = _parts(screen, body)
    for index, specification in zip(parts[::2], parts[1::2], strict=False):
        if index.isascii() and index.isdigit() and len(index) <= 4:
            _color(screen, len(_PALETTE) + int(index), specification, 5, int(index), end)


def _color(screen: Screen, index: int, specification: str, code: int, named: int, end: str) -> None:
    """Set or report one entry; special colors follow the palette."""
    table, known = screen.colors.palette, screen.colors.palette_color
    if index not in _PALETTE:
        index -= len(_PALETTE)
        if index >= colors.SPECIALS:
            return
        table, known = screen.colors.special, screen.colors.special_color
    if specification == "?":
        screen.answer(f"\x1b]{code};{named};{colors.describe(known(index))}{end}")
    elif (color := colors.parse(specification)) is not None:
        table[index] = color


def _reset_palette(screen: Screen, body: str) -> None:
    _forget(screen, body, 0)


def _reset_special(screen: Screen, body: str) -> None:
    _forget(screen, body, len(_PALETTE))


def _forget(screen: Screen, body: str, offset: int) -> None:
    if not body:
        (screen.colors.special if offset else screen.colors.palette).clear()
    for part in _parts(screen, body):
        if part.isascii() and part.isdigit() and len(part) <= 4:
            index = int(part) + offset
            screen.colors.palette.pop(index, None)
            screen.colors.special.pop(index - len(_PALETTE), None)


def _dynamic(screen: Screen, code: int, body: str, end: str) -> None:
    """OSC 10 and on: each further specification is for the next number."""
    for number, specification in enumerate(_parts(screen, body), code):
        if number not in colors.DYNAMIC:
            return
        if specification == "?":
            color = screen.colors.dynamic_color(number)
            screen.answer(f"\x1b]{number};{colors.describe(color)}{end}")
        elif (chosen := colors.parse(specification)) is not None:
            screen.colors.dynamic[number] = chosen


# -- the rest


def _link(screen: Screen, body: str) -> None:
    parameters, _, uri = body.partition(";")
    link_id = ""
    for pair in parameters.split(":", MAX_PARTS)[:MAX_PARTS]:
        key, _, value = pair.partition("=")
        if key == "id":
            link_id = value
    attributes.set_link(screen, uri, link_id)


def _notify(screen: Screen, body: str) -> None:
    # ConEmu's commands have a number in front; they are no notifications.
    if not body.partition(";")[0].isdigit():
        screen.host.notify("", printable(body))


def _notify_rxvt(screen: Screen, body: str) -> None:
    kind, _, rest = body.partition(";")
    if kind == "notify":
        title, _, text = rest.partition(";")
        screen.host.notify(printable(title), printable(text))


def _clipboard(screen: Screen, body: str, end: str) -> None:
    selection, _, data = body.partition(";")
    if not _SELECTIONS.issuperset(selection) or len(selection) > len(_SELECTIONS):
        return
    selection = selection or "s0"
    if data == "?":
        asks = "osc52" in screen.features
        text = screen.host.clipboard_read(selection) if asks else None
        if text is not None:
            encoded = base64.b64encode(text.encode(errors="replace")).decode("ascii")
            screen.answer(f"\x1b]52;{selection};{encoded}{end}")
        return
    try:
        # What is no base64 between is skipped, as in xterm; nothing else clears the selection.
        text = base64.b64decode(data).decode(errors="replace")
    except (binascii.Error, ValueError):
        text = ""
    screen.host.clipboard_write(selection, text)


def _prompt(screen: Screen, body: str) -> None:
    if body[:1] == "A":
        screen.mark_prompt()


_COMMANDS: dict[int, Callable[[Screen, str], None]] = {
    0: _title_and_icon,
    1: _icon,
    2: _title,
    7: window.set_directory,
    8: _link,
    9: _notify,
    104: _reset_palette,
    105: _reset_special,
    133: _prompt,
    777: _notify_rxvt,
    restoring.CODE: restoring.command,
}
_QUERIES: dict[int, Callable[[Screen, str, str], None]] = {
    4: _palette,
    5: _special,
    52: _clipboard,
}
"""Those that may ask something."""
_WITHOUT_BODY: Final = frozenset({104, 105})
