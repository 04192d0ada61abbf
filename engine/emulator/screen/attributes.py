"""What the next character printed gets: its character set, style, link and protection.

SCS, the shifts, SGR, XTPUSHSGR and XTPOPSGR, DECSCA, SPA and EPA. Source: xterm ctlseqs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator.screen.params import Params
    from engine.emulator.screen.screen import Screen

MAX_PENS_SAVED: Final = 10
"""XTPUSHSGR's stack; pushing more forgets the oldest."""
_SLOTS: Final = {"(": 0, ")": 1, "*": 2, "+": 3, "-": 1, ".": 2, "/": 3}

# -- charsets


def define_charset(screen: Screen, name: str, intermediate: str) -> None:
    """SCS: ``intermediate`` says which of G0..G3."""
    slot = _SLOTS.get(intermediate)
    if slot is not None:
        screen.charsets = screen.charsets.designate(slot, name)
        screen.refresh()


def shift_out(screen: Screen) -> None:
    _lock_shift(screen, 1)


def shift_in(screen: Screen) -> None:
    _lock_shift(screen, 0)


def lock_shift_2(screen: Screen) -> None:
    _lock_shift(screen, 2)


def lock_shift_3(screen: Screen) -> None:
    _lock_shift(screen, 3)


def _lock_shift(screen: Screen, slot: int) -> None:
    screen.charsets = screen.charsets._replace(left=slot)
    screen.refresh()


def shift_once_2(screen: Screen) -> None:
    """SS2: the next character only."""
    _shift_once(screen, 2)


def shift_once_3(screen: Screen) -> None:
    """SS3."""
    _shift_once(screen, 3)


def _shift_once(screen: Screen, slot: int) -> None:
    screen.single_shift = slot
    screen.refresh()


# -- styles


def sgr(screen: Screen, parameters: str) -> None:
    """CSI parameters m."""
    screen.pen = screen.pens.step(screen.pen, parameters, f"[{parameters}")[0]


def _change_pen(screen: Screen, **changes: Any) -> None:
    """Fields of the style that are no renditions: link and protection."""
    screen.pen = screen.pens.pen(screen.pens.style(screen.pen)._replace(**changes))


def set_link(screen: Screen, uri: str, link_id: str) -> None:
    """OSC 8; "" ends the link."""
    screen.link = screen.links.number(uri, link_id)
    _change_pen(screen, link=screen.link)


def push_pen(screen: Screen, params: Params) -> None:
    """XTPUSHSGR."""
    screen.pen_stack.append(screen.pen)
    del screen.pen_stack[:-MAX_PENS_SAVED]


def pop_pen(screen: Screen, params: Params) -> None:
    """XTPOPSGR."""
    if screen.pen_stack:
        screen.pen = screen.pen_stack.pop()


# -- protection


def protect(screen: Screen, params: Params) -> None:
    """DECSCA."""
    _protect(screen, params.get(0) == 1, iso=False)


def iso_protect(screen: Screen) -> None:
    """SPA."""
    _protect(screen, True, iso=True)


def iso_unprotect(screen: Screen) -> None:
    """EPA."""
    _protect(screen, False, iso=True)


def _protect(screen: Screen, on: bool, *, iso: bool) -> None:
    _change_pen(screen, protected=on)
    if on or not iso:
        screen.iso_protection = iso and on


CSI: dict[str, Callable[[Screen, Params], None]] = {
    '"q': protect,
    "#{": push_pen,
    "#p": push_pen,
    "#}": pop_pen,
    "#q": pop_pen,
}
