"""What a plain guest is spared of a flood that it has just interrupted.

Owns the rule which output can be left out. Does not own sending, or what an interrupt is.

A daemon holds about 2 MB of an exec's output that nothing can call back, which takes a slow
guest most of a second. A terminal driver drops what waits when the interrupt key is pressed
(POSIX, XBD 11.1.9, INTR); here only whole lines are dropped, and only from a stretch that
holds nothing but text, CR LF, tabs, bells, SGR and EL: of those only the last screenful is
ever seen. What was left out between, the SGRs that still count, goes in front of the rest.
"""

from __future__ import annotations

import re

KEPT = 32 * 1024
"""Bytes that follow an interrupt at least, where there are as many."""
MOST = 4 * 1024 * 1024
SECONDS = 1.0
"""How much output, and for how long, counts as printed before the interrupt."""
MAX_PENS = 64
"""Different SGRs that may have to be repeated."""

# Not UTF-8's way to write C1 controls either, which xterm.js follows.
_OTHER = re.compile(
    rb"[\0-\x06\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]|\xc2[\x80-\x9f]|\x1b(?!\[[0-9;:]*[mK])"
)
_BEGUN = re.compile(rb"(?:\x1b(?:\[[0-9;:]{0,30})?|\xc2)\Z")
_C1 = re.compile(rb"\xc2(?:[\x80-\x9f]|\Z)")
_SGR = re.compile(rb"\x1b\[[0-9;:]*m")
_RESETS = frozenset({b"\x1b[m", b"\x1b[0m"})
# After the last ESC: a whole CSI, an OSC ended by BEL, ST, or another whole sequence.
_WHOLE = re.compile(rb"\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[ -/]*[0-MQ-WYZ\\`-~]")


class FastForward:
    """All output passes through ``feed``. ``rows`` is the height of the guest's screen."""

    def __init__(self) -> None:
        self._ground = True  # no escape sequence is open
        self._until = 0.0
        self._left = 0
        self._rows = 0
        self._at_line_start = False
        self._held = bytearray()
        self._open = b""  # what the last read had of a sequence, to be seen with the next
        self._pens: dict[bytes, None] = {}

    @property
    def holds(self) -> bool:
        """Something waits for more, or for ``rest``."""
        return bool(self._held or self._pens or self._open)

    def interrupted(self, rows: int, now: float) -> None:
        """The interrupt key was pressed at ``now``, in seconds of a monotonic clock."""
        self._left, self._until, self._rows = MOST, now + SECONDS, rows

    def feed(self, data: bytes, now: float) -> bytes:
        """What of the output up to now is to be sent."""
        if self._left:
            self._left = max(0, self._left - len(data)) if now < self._until else 0
        data, self._open = self._open + data, b""
        if not (self._left and self._ground):
            self._follow(data)
            return self.rest() + data
        begun = _BEGUN.search(data)
        end = begun.start() if begun else len(data)
        if other := _OTHER.search(data, 0, end):
            at = other.start()
            out = self._take(data[:at]) + self.rest() + data[at:]
            self._follow(data)
            return out
        self._open = data[end:]
        return self._take(data[:end])

    def _take(self, data: bytes) -> bytes:
        """Hold what is nothing but text; what of it, and before it, is to be sent."""
        head = b""
        if not self._at_line_start:
            end = data.find(b"\r\n") + 2
            if end < 2:
                return data
            head, data = data[:end], data[end:]
            self._at_line_start = True
        self._held += data
        if len(self._held) <= 2 * KEPT or self._cut():
            return head
        return head + self.rest()

    def rest(self) -> bytes:
        """All that is held, to be sent now: no more comes soon."""
        rest = b"".join(self._pens) + self._held + self._open
        if self._open:
            self._follow(self._open)
            self._open = b""
        self._held.clear()
        self._pens.clear()
        self._at_line_start = False
        return rest

    def _cut(self) -> bool:
        """Drop whole lines but the last KEPT bytes; False where that would be seen."""
        end = self._held.find(b"\r\n", len(self._held) - KEPT) + 2
        if end < 2 or self._held.count(b"\n", end) < self._rows:
            return False
        pens = dict(self._pens)
        for pen in _SGR.findall(self._held, 0, end):
            if pen in _RESETS:
                pens.clear()
            # Of two that are the same the later one counts: each sets, none toggles.
            pens.pop(pen, None)
            pens[pen] = None
        if len(pens) > MAX_PENS:
            return False
        self._pens = pens
        del self._held[:end]
        return True

    def _follow(self, data: bytes) -> None:
        """Whether a sequence is open after ``data``; in doubt it is."""
        last = data.rfind(b"\x1b")
        if last >= 0:
            self._ground = _WHOLE.match(data, last + 1) is not None
        if _C1.search(data, max(last, 0)):
            self._ground = False
