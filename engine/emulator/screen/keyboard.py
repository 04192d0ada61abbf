"""What programs ask of the keyboard: the kitty protocol, modifyOtherKeys and the like.

State and answers only; the window encodes the keys. Source:
sw.kovidgoyal.net/kitty/keyboard-protocol, xterm ctlseqs (XTMODKEYS, XTFMTKEYS).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.emulator.screen.modes import Keyboard

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator.screen.params import Params
    from engine.emulator.screen.screen import Screen

ALL: Final = int(Keyboard(31))
MAX_STACK: Final = 16
"""Levels of the kitty protocol's stack; pushing more forgets the oldest."""
OTHER_KEYS: Final = 4
"""The resource of XTMODKEYS that is modifyOtherKeys."""
_RESOURCES: Final = range(8)


def push(screen: Screen, params: Params) -> None:
    """CSI > flags u."""
    stack = screen.page.keyboard
    stack.append(params.get(0) & ALL)
    if len(stack) > MAX_STACK:
        del stack[1]


def pop(screen: Screen, params: Params) -> None:
    """CSI < count u."""
    stack = screen.page.keyboard
    count = min(params.get(0) or 1, len(stack))
    del stack[len(stack) - count :]
    if not stack:
        stack.append(0)


def change(screen: Screen, params: Params) -> None:
    """CSI = flags ; how u: 1 sets all, 2 adds, 3 removes."""
    flags = params.get(0) & ALL
    stack = screen.page.keyboard
    how = params.get(1) or 1
    if how == 1:
        stack[-1] = flags
    elif how == 2:
        stack[-1] |= flags
    elif how == 3:
        stack[-1] &= ~flags


def report(screen: Screen, params: Params) -> None:
    """CSI ? u. No answer says that the protocol is unknown."""
    if "kitty_keyboard" in screen.features:
        screen.answer(f"\x1b[?{screen.page.keyboard[-1]}u")


def modify(screen: Screen, params: Params) -> None:
    """XTMODKEYS: CSI > resource ; value m. Without a value the default comes back."""
    _set(screen.key_options, params)


def modify_off(screen: Screen, params: Params) -> None:
    """CSI > resource n: keys of that kind are not modified at all."""
    resource = params.get(0, 2)
    if resource in _RESOURCES:
        screen.key_options[resource] = 0


def report_modify(screen: Screen, params: Params) -> None:
    """XTQMODKEYS: CSI ? resource m."""
    resource = params.get(0)
    if resource in _RESOURCES:
        screen.answer(f"\x1b[>{resource};{screen.key_options.get(resource, 0)}m")


def set_format(screen: Screen, params: Params) -> None:
    """XTFMTKEYS: CSI > resource ; value f."""
    _set(screen.key_formats, params)


def report_format(screen: Screen, params: Params) -> None:
    """XTQFMTKEYS: CSI ? resource g."""
    resource = params.get(0)
    if resource in _RESOURCES:
        screen.answer(f"\x1b[>{resource};{screen.key_formats.get(resource, 0)}f")


def _set(values: dict[int, int], params: Params) -> None:
    if not len(params):
        values.clear()
        return
    resource = params.get(0)
    if resource in _RESOURCES:
        if params.given(1):
            values[resource] = min(params.get(1), 3)
        else:
            values.pop(resource, None)


CSI: dict[str, Callable[[Screen, Params], None]] = {
    ">u": push,
    "<u": pop,
    "=u": change,
    "?u": report,
    ">m": modify,
    ">n": modify_off,
    "?m": report_modify,
    ">f": set_format,
    "?g": report_format,
}
