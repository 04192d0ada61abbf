"""Where something of our own can be written into a program's output without damage. No I/O."""

from __future__ import annotations

import enum
import re
from typing import Final


class _State(enum.Enum):
    TEXT = enum.auto()
    ESCAPE = enum.auto()
    CONTROL = enum.auto()
    """In a control sequence (CSI)."""
    COMMAND = enum.auto()
    """In a string that a BEL ends, too: a title or the like (OSC)."""
    STRING = enum.auto()
    """In another string (DCS, APC, PM, SOS)."""


_ESCAPE: Final = 0x1B
_ABORTS: Final = frozenset(b"\x18\x1a")
_BEGINS: Final = re.compile(rb"\x1b|\xc2[\x80-\x9f]")
_CONTROL_ENDS: Final = re.compile(rb"[\x40-\x7e\x18\x1a\x1b]")
_COMMAND_ENDS: Final = re.compile(rb"[\x07\x18\x1a\x1b]|\xc2\x9c")
_STRING_ENDS: Final = re.compile(rb"[\x18\x1a\x1b]|\xc2\x9c")
_HALVED: Final = re.compile(
    rb"[\xc2-\xdf]\Z|[\xe0-\xef][\x80-\xbf]?\Z|[\xf0-\xf4][\x80-\xbf]{0,2}\Z"
)
_AFTER_ESCAPE: Final = {
    ord("["): _State.CONTROL,
    ord("]"): _State.COMMAND,
    **dict.fromkeys(b"PX^_k", _State.STRING),
}
"""``ESC k`` begins a title in screen and tmux. All others end with their final byte."""


class Between:
    """Follows output in pieces of any size, as terminals parse it.

    Source: vt100.net/emu/dec_ansi_parser.
    """

    def __init__(self) -> None:
        self._state = _State.TEXT
        self._halved = b""
        """The beginning of a character that has not ended."""

    def feed(self, data: bytes) -> None:
        data = self._halved + data
        self._halved = b""
        at, end = 0, len(data)
        while at < end:
            at = self._step(data, at)

    def reset(self) -> None:
        """What was under way has been ended by other means."""
        self._state, self._halved = _State.TEXT, b""

    def __bool__(self) -> bool:
        """Whether all sequences and characters have ended."""
        return self._state is _State.TEXT and not self._halved

    def _step(self, data: bytes, at: int) -> int:
        """Follow some of it from ``at`` on; how far."""
        match self._state:
            case _State.TEXT:
                return self._text(data, at)
            case _State.ESCAPE:
                return self._escape(data, at)
            case _State.CONTROL:
                found = _CONTROL_ENDS.search(data, at)
            case _State.COMMAND:
                found = _COMMAND_ENDS.search(data, at)
            case _State.STRING:
                found = _STRING_ENDS.search(data, at)
        if found is None:
            # The end of a string may have begun.
            self._halved = b"\xc2" if data.endswith(b"\xc2") else b""
            return len(data)
        self._state = _State.ESCAPE if found[0] == b"\x1b" else _State.TEXT
        return found.end()

    def _text(self, data: bytes, at: int) -> int:
        found = _BEGINS.search(data, at)
        if found is None:
            if (halved := _HALVED.search(data, max(at, len(data) - 3))) is not None:
                self._halved = halved[0]
            return len(data)
        if found[0] == b"\x1b":
            self._state = _State.ESCAPE
        else:
            self._state = _AFTER_ESCAPE.get(found[0][1] - 0x40, _State.TEXT)
        return found.end()

    def _escape(self, data: bytes, at: int) -> int:
        byte = data[at]
        if byte in _AFTER_ESCAPE:
            self._state = _AFTER_ESCAPE[byte]
        elif byte in _ABORTS or byte >= 0x30:
            self._state = _State.TEXT
            if byte >= 0x80:
                # No part of it: a character.
                return at
        return at + 1
