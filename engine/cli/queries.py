"""Takes the questions that terminals answer out of a program's output. No I/O.

The host answers them. A second answer, from a tty that got the output too, would reach the
program as if it had been typed. Everything else passes unchanged and in order.

Sources: xterm ctlseqs; vt100.net/emu/dec_ansi_parser; the kitty keyboard and graphics protocols.
"""

from __future__ import annotations

import enum
import re
from typing import Final

MAX_HELD: Final = 4096
"""Bytes of a sequence that wait for its end. No question is longer; a longer command (OSC)
passes, a longer control sequence (CSI) is dropped."""
END_STRING: Final = b"\x1b\\"


class _State(enum.Enum):
    TEXT = enum.auto()
    ESCAPE = enum.auto()
    CONTROL = enum.auto()
    """In a control sequence (CSI), which waits for its end."""
    COMMAND = enum.auto()
    """In a command (OSC), which waits for its end."""
    HEAD = enum.auto()
    """In the parameters of a device control string (DCS), which wait for its kind."""
    APPLICATION = enum.auto()
    """Before the first byte of an application's string (APC)."""
    PASSING = enum.auto()
    """In a string that passes."""
    DROPPING = enum.auto()
    """In a string that is dropped."""


_ESCAPE: Final = 0x1B
_ENQ: Final = 0x05
_TEXT: Final = re.compile(rb"[\x05\x1b]|\xc2[\x80-\x9f]")
_CONTROL: Final = re.compile(rb"[\x00-\x1f\x40-\x7e]|\xc2[\x80-\x9f]")
_STRING: Final = re.compile(rb"[\x07\x18\x1a\x1b]|\xc2[\x80-\x9f]")
_ABORTS: Final = b"\x18\x1a"
_OPENS: Final = {
    ord("["): _State.CONTROL,
    ord("]"): _State.COMMAND,
    ord("P"): _State.HEAD,
    ord("_"): _State.APPLICATION,
    ord("X"): _State.PASSING,
    ord("^"): _State.PASSING,
}
_QUESTION: Final = re.compile(
    rb"[>=]?[0-9;:]*c"  # DA1, DA2, DA3
    rb"|\??[0-9;:]*n"  # DSR; with > it sets how keys are modified
    rb"|>[0-9;:]*q"  # XTVERSION
    rb"|\?u"  # the kitty keyboard's flags
    rb"|\?[0-9;:]*m"  # XTQMODKEYS
    rb"|\?[0-9;:]*S"  # XTSMGRAPHICS
    rb"|[0-9;:]*x"  # DECREQTPARM
    rb"|0*(?:1[1-9]|2[01])(?:;[0-9;:]*)?t"  # reports of the window
    rb"|\??[0-9;:]*\$p"  # DECRQM
    rb"|[0-9;:]*\$[uw]"  # DECRQTSR, DECRQPSR
    rb"|&u"  # DECRQUPSS
    rb"|[0-9;:]*\*y"  # DECRQCRA
    rb'|[0-9;:]*"v'  # DECRQDE
    rb"|[0-9;:]*'\|"  # DECRQLP
    rb"|\??[0-9;:]*#[RS|]"  # XTREPORTCOLORS, XTREPORTSGR and the like
)
"""All of a control sequence after CSI."""
_SETS: Final = re.compile(rb"\?([0-9;]*)h")
_REPORTING: Final = frozenset({2031, 2048})
"""Modes in which a terminal reports without being asked: its color scheme, its size."""
_ASKING_COMMAND: Final = re.compile(
    rb"0*(?:"
    rb"(?:4|5|1[0-9]|21|22|50|52|99);(?:.*[;=])?\?"  # colors, pointer, font, clipboard, notes
    rb"|6[01](?:;|\Z)"  # XTGETALLOWED, XTGETDISALLOWED
    rb"|5522;(?:.*:)?type=read"
    rb"|1337;(?:Report|Request|Capabilities)"
    rb")",
    re.DOTALL,
)
"""The beginning of a command after OSC. In others, such as titles, a question mark is text."""
_ASKING_STRING: Final = re.compile(rb"[0-9;:]*[$+][qQ]")
"""DECRQSS, XTGETTCAP, XTGETXRES."""
_IGNORED: Final = bytes(range(0x20)) + b"\x7f"
"""What terminals skip within sequences."""
_HEAD_ENDS: Final = re.compile(rb"[\x18\x1a\x1b\x40-\x7e]|\xc2[\x80-\x9f]")


class Queries:
    """``passes()`` takes output in pieces of any size, and returns what the tty may have.

    What has not ended waits, at most MAX_HELD bytes. Kitty's graphics (APC G) do not pass:
    terminals answer those, too.
    """

    def __init__(self) -> None:
        self._state = _State.TEXT
        self._held = bytearray()
        """The beginning of a sequence that is not written yet, with its introducer."""
        self._body = 0
        """Where what follows the introducer begins in it."""
        self._cut = b""
        """The first byte of a C1 control, or of another character."""
        self._inside = False
        """Whether the terminal is inside of a string that passes."""
        self._bell_ends = False
        """Whether that string is a command (OSC)."""
        self._dropped = False
        """Whether the Esc under way has ended a string that did not pass."""
        self._out = bytearray()

    def passes(self, data: bytes) -> bytes:
        data = self._cut + data
        self._cut = b""
        if data.endswith(b"\xc2"):
            data, self._cut = data[:-1], b"\xc2"
        at = 0
        while at < len(data):
            at = self._step(data, at)
        out, self._out = bytes(self._out), bytearray()
        return out

    def _step(self, data: bytes, at: int) -> int:
        """Take some of ``data`` from ``at`` on; how far."""
        match self._state:
            case _State.TEXT:
                return self._text(data, at)
            case _State.ESCAPE:
                return self._escape(data, at)
            case _State.CONTROL:
                return self._control(data, at)
            case _State.HEAD:
                return self._head(data, at)
            case _State.APPLICATION:
                return self._application(data, at)
            case _:
                return self._string(data, at)

    def _text(self, data: bytes, at: int) -> int:
        found = _TEXT.search(data, at)
        if found is None:
            self._out += data[at:]
            return len(data)
        self._out += data[at : found.start()]
        if found[0][0] != _ENQ:
            self._introduced(found[0])
        return found.end()

    def _introduced(self, control: bytes) -> None:
        """An Esc or a C1 control has come, and ended whatever was under way."""
        self._held = bytearray(control)
        self._body = len(control)
        self._dropped = False
        if control[0] == _ESCAPE:
            self._state = _State.ESCAPE
        else:
            self._opened(control[1] - 0x40)

    def _opened(self, byte: int) -> None:
        """``byte`` says what an introducer opens, as after an Esc."""
        state = _OPENS.get(byte)
        if state is None:
            # DECID asks; all others are whole.
            self._end(drop=byte == ord("Z"))
            return
        self._state = state
        self._body = len(self._held)
        if state is _State.PASSING:
            self._write_held()

    def _escape(self, data: bytes, at: int) -> int:
        byte = data[at]
        if byte == _ESCAPE:
            self._introduced(b"\x1b")
        elif byte < 0x20:
            self._execute(byte)
        elif byte >= 0x7F:
            # No part of a sequence: a character, or DEL, which is ignored.
            self._end(drop=True)
            return at if byte >= 0x80 else at + 1
        else:
            self._held.append(byte)
            if byte >= 0x30:
                self._finish_escape(byte)
            elif len(self._held) > MAX_HELD:
                self._end(drop=True)
        return at + 1

    def _finish_escape(self, byte: int) -> None:
        if byte == ord("\\") and self._dropped:
            self._end(drop=True)
        elif len(self._held) == 2:
            self._opened(byte)
        else:
            # ESC % @ would end UTF-8, and questions would look different from then on.
            self._end(drop=bytes(self._held[1:]) == b"%@")

    def _execute(self, byte: int) -> None:
        """A C0 control within a sequence: it takes effect at once. CAN and SUB end the sequence."""
        if byte in _ABORTS:
            self._end(drop=True)
        if byte != _ENQ:
            self._out.append(byte)

    def _control(self, data: bytes, at: int) -> int:
        found = _CONTROL.search(data, at)
        end = found.start() if found is not None else len(data)
        room = MAX_HELD - len(self._held)
        # One that is too long is no question, and nothing that a terminal would understand.
        self._held += data[at : min(end, at + room + 1)]
        if found is None:
            return end
        control = found[0]
        if len(control) > 1 or control[0] == _ESCAPE:
            self._introduced(control)
        elif control[0] < 0x20:
            self._execute(control[0])
        else:
            self._held += control
            self._finish_control()
        return found.end()

    def _finish_control(self) -> None:
        body = self._plain()
        if len(self._held) > MAX_HELD or not body.isascii() or _QUESTION.fullmatch(body):
            self._end(drop=True)
            return
        if (sets := _SETS.fullmatch(body)) is not None:
            modes = [int(mode or b"0") for mode in sets[1].split(b";")]
            if kept := [mode for mode in modes if mode not in _REPORTING]:
                if len(kept) < len(modes):
                    self._held[self._body :] = f"?{';'.join(map(str, kept))}h".encode()
            else:
                self._end(drop=True)
                return
        self._end(drop=False)

    def _plain(self) -> bytes:
        """What is held after its introducer, as terminals read it."""
        return bytes(self._held[self._body :]).translate(None, _IGNORED)

    def _head(self, data: bytes, at: int) -> int:
        found = _HEAD_ENDS.search(data, at)
        end = found.start() if found is not None else len(data)
        self._held += data[at : min(end, at + MAX_HELD)]
        if len(self._held) > MAX_HELD:
            self._state = _State.DROPPING
            self._drop_held()
            return end
        if found is None:
            return end
        control = found[0]
        if len(control) > 1 or control[0] == _ESCAPE:
            self._introduced(control)
        elif control[0] < 0x20:
            self._execute(control[0])
        else:
            self._held += control
            head = self._plain()
            if _ASKING_STRING.fullmatch(head) or not head.isascii():
                self._state = _State.DROPPING
                self._drop_held()
            else:
                self._state = _State.PASSING
                self._write_held()
        return found.end()

    def _application(self, data: bytes, at: int) -> int:
        if data[at] == ord("G"):
            self._state = _State.DROPPING
            self._drop_held()
            return at + 1
        self._state = _State.PASSING
        self._write_held()
        return at

    def _string(self, data: bytes, at: int) -> int:
        """In a command, or a string that passes or is dropped."""
        found = _STRING.search(data, at)
        end = found.start() if found is not None else len(data)
        if self._state is _State.COMMAND:
            self._held += data[at:end]
            if len(self._held) > MAX_HELD:
                self._state, self._bell_ends = _State.PASSING, True
                self._write_held()
        elif self._state is _State.PASSING:
            self._out += data[at:end].replace(b"\x05", b"")
        if found is None:
            return end
        control = found[0]
        if control == b"\x07" and self._state is not _State.COMMAND and not self._bell_ends:
            if self._inside:
                self._out += control
            return found.end()
        self._ended(control)
        return found.end()

    def _ended(self, control: bytes) -> None:
        """A string ends, or is cut off, by ``control``."""
        if self._state is _State.COMMAND:
            if _ASKING_COMMAND.match(self._plain()):
                self._drop_held()
            else:
                self._write_held()
        if control == b"\x1b" or (len(control) > 1 and control[1] != 0x9C):
            self._introduced(control)
            self._dropped = not self._inside
            return
        if self._inside:
            self._out += control
        self._state = _State.TEXT
        self._inside = self._bell_ends = False
        self._held.clear()

    def _write_held(self) -> None:
        """The terminal is inside of a string from now on."""
        self._out += self._held
        self._held.clear()
        self._inside = True

    def _drop_held(self) -> None:
        if self._inside:
            # What began here would have ended the string before it.
            self._out += END_STRING
            self._inside = self._bell_ends = False
        self._held.clear()

    def _end(self, *, drop: bool) -> None:
        """A sequence has ended."""
        if drop:
            self._drop_held()
        else:
            self._out += self._held
            self._held.clear()
            self._inside = self._bell_ends = False
        self._state = _State.TEXT
