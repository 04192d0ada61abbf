"""Replies of terminal emulators, recognized in input.

What xterm-like emulators send without a key being pressed, because a program asked: xterm
ctlseqs, kitty's keyboard protocol. No I/O.
"""

from __future__ import annotations

import re

MAX_REPLY = 4096
"""Bytes; something longer is input like any other."""
CURSOR = "R"
"""The kind of cursor position reports. Shift+F3 looks like one: ``CSI 1;2R``."""
IN_BAND_SIZE = "48t"
"""The kind of size reports that nobody asks for each time (mode 2048)."""

_STRING_END = rb"(?:\x07|\x1b\\)"
_REPLY = re.compile(
    rb"\x1b(?:"
    # DA1, DA2, DECXCPR, DSR, DECRQM, kitty's flags, XTSMGRAPHICS, XTQMODKEYS: no key has ? > =.
    rb"\[(?P<mark>[?>=])(?P<marked>[\d;:]*)(?P<final>\$?[a-zA-Z])"
    # CPR, DSR, DECRQM of ANSI modes, window reports, DECREQTPARM, DECMSR, locators.
    rb"|\[(?P<numbers>-?\d+(?:;-?\d+)*)(?P<end>R|n|t|x|\$y|\*\{|&w)"
    # Colors, clipboard; titles.
    rb"|\](?P<osc>\d+|[lL])[^\x07\x1b]*" + _STRING_END +
    # DA3, XTVERSION, DECRQSS, XTGETTCAP, DECCKSR; kitty's pictures.
    rb"|P(?P<dcs>[^\x1b]*)\x1b\\|_G[^\x1b]*\x1b\\)"
)  # fmt: skip
_BEGINNING = re.compile(
    rb"\x1b(?:\[(?:[?>=][\d;:]*\$?|-?\d*(?:;-?\d*)*[$*&]?)?|\](?:\d*|\d+[^\x07\x1b]*|[lL][^\x07\x1b]*)\x1b?"
    rb"|P[^\x1b]*\x1b?|_(?:G[^\x1b]*\x1b?)?)?"
)
_SHIFT_F3 = re.compile(rb"\x1b\[1;(?:[2-9]|1[0-6])R")  # or with other modifiers


def find(data: bytes, at: int) -> tuple[int, int, bool]:
    """The next reply from ``at`` on: its beginning, its end, and whether all of it is there.

    Without one: the length of ``data``, twice, and True. Of one that is not all there, the end
    is the length of ``data``.
    """
    while (begin := data.find(b"\x1b", at)) >= 0:
        if (match := _REPLY.match(data, begin)) is not None:
            if match.end() - begin <= MAX_REPLY:
                return begin, match.end(), True
        elif len(data) - begin < MAX_REPLY and _BEGINNING.fullmatch(data, begin):
            return begin, len(data), False
        at = begin + 1
    return len(data), len(data), True


def kind(reply: bytes) -> str:
    """What a reply answers, to compare: the same for every emulator's reply to one query."""
    match = _REPLY.match(reply)
    if match is None:
        return ""
    if (final := match["final"]) is not None:
        mark, numbers = match["mark"].decode(), match["marked"].decode()
        name = mark + final.decode()
        return name + numbers.partition(";")[0] if final in (b"$y", b"n") else name
    if (end := match["end"]) is not None:
        first = match["numbers"].decode().partition(";")[0]
        return (first if end in (b"t", b"$y") else "") + end.decode()
    if (osc := match["osc"]) is not None:
        if osc in (b"4", b"5"):
            return "]" + reply[2:].split(b"rgb", 1)[0].decode("latin-1")
        return "]" + osc.decode()
    if (dcs := match["dcs"]) is not None:
        # The digits before $r and +r say whether the query was understood.
        found = re.match(rb"\d*([$+]r|>\||!\||!~)", dcs)
        return "P" + (found[1].decode() if found is not None else "")
    return "G"


def may_be_key(reply: bytes) -> bool:
    """Whether this is also what a key sends."""
    return _SHIFT_F3.fullmatch(reply) is not None
