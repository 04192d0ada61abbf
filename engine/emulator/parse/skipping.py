"""Fast-forward: leaving out lines that nobody can see any more, before they are read.

Output is *clean* that holds nothing but text, CR, LF, tabs, SGR, EL and NUL, which does nothing.
While the scrolling region is the whole screen and ``screen.fast`` is set, only the last lines of
clean output, as many as screen and history have, can ever be seen. Of what comes before them only
the pen is left.

The checks are searches for what is not clean: three of them are several times faster than one
pattern for what is.
"""

from __future__ import annotations

import re
from typing import Final

_OTHER_ESCAPE: Final = re.compile(rb"\x1b(?!\[[0-9;:]*[mK])")
_C1: Final = re.compile(rb"\xc2[\x80-\x9f]")
_OTHER_CONTROLS: Final = bytes(set(range(1, 32)) - set(b"\t\n\r\x1b")) + b"\x7f"
_OTHER_CONTROL: Final = re.compile(b"[%s]" % re.escape(_OTHER_CONTROLS))
_SGR: Final = re.compile(rb"\x1b\[[0-9;:]*m")
_RESETS: Final = (b"\x1b[m", b"\x1b[0m", b"\x1b[0;")
_BEGUN: Final = re.compile(rb"\x1b(?:\[[0-9;:]{0,32})?|\xc2")
"""What clean output may end with."""
SEARCHED_FROM: Final = 4096
"""Bytes from which on a search for each control costs less than one pass over all of them."""
WORTH: Final = 4
"""How many times shorter than what it stands for the pen's sequences must be."""


class Clean:
    """Whether pieces of output, one after the other, are clean; they may be cut anywhere."""

    def __init__(self) -> None:
        self._begun = b""

    def take(self, data: bytes) -> bool:
        if self._begun:
            data = self._begun + data
            self._begun = b""
        if (at := data.rfind(b"\x1b", -40)) >= 0 and _BEGUN.fullmatch(data, at):
            last = at
        elif data[-1:] == b"\xc2":
            last = len(data) - 1
        else:
            last = len(data)
        self._begun = data[last:]
        return _end(data, last) == last


def _end(data: bytes, end: int) -> int:
    """Where clean output ends."""
    if data.find(b"\x1b", 0, end) >= 0 and (found := _OTHER_ESCAPE.search(data, 0, end)):
        end = found.start()
    if data.find(b"\xc2", 0, end) >= 0 and (found := _C1.search(data, 0, end)):
        end = found.start()
    if _has_other_controls(data) and (found := _OTHER_CONTROL.search(data, 0, end)):
        end = found.start()
    return end


def _has_other_controls(data: bytes) -> bool:
    if len(data) < SEARCHED_FROM:
        return len(data.translate(None, _OTHER_CONTROLS)) != len(data)
    return any(control in data for control in _OTHER_CONTROLS)


def shortened(data: bytes, rows: int, history: int, *, clean: bool) -> bytes:
    """What leads a screen of ``rows`` with that much history where ``data`` does.

    The same object when that is not shorter. ``clean`` says that all of it is known to be.
    """
    seen = rows + history + 1
    if len(data) < 4 * seen:
        return data
    if data[0] == data[-1] == 0 and data == bytes(len(data)):
        return b"\0"
    end = len(data) if clean else _end(data, len(data))
    at = end
    for _ in range(seen):
        at = data.rfind(b"\n", 0, at)
        if at < 0:
            return data
    # The cursor is in the first column there.
    while at > 0 and data[at - 1] != 0x0D:
        at = data.rfind(b"\n", 0, at)
    if at <= 0 or not _has_lines(data, at, rows):
        return data
    cut = at + 1
    pen = _pen(data, cut)
    if (len(pen) + rows) * WORTH > cut:
        return data
    # To the bottom left: what is on the screen now is among what cannot be seen any more.
    return b"%s\r%s%s" % (pen, b"\n" * rows, data[cut:])


def _has_lines(data: bytes, end: int, count: int) -> bool:
    at = -1
    for _ in range(count):
        at = data.find(b"\n", at + 1, end)
        if at < 0:
            return False
    return True


def _pen(data: bytes, end: int) -> bytes:
    """SGRs that lead to the pen that all of them lead to.

    An SGR sets some fields of the style to what it says, so of equal ones the last decides.
    """
    if data.find(b"\x1b", 0, end) < 0:
        return b""
    start = 0
    for reset in _RESETS:
        start = max(start, data.rfind(reset, start, end))
    every = _SGR.findall(data, start, end)
    every.reverse()
    last = list(dict.fromkeys(every))
    last.reverse()
    return b"".join(last)
