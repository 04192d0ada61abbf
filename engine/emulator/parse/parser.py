"""The grammar of what is rare: every escape that the fast path (fast) does not know.

Sequence boundaries, strings, and what is held of either until it ends. ESC, CAN and SUB
break off whatever was open. What sequences do is in tables. Source: ECMA-48, and the
state diagram at vt100.net/emu/dec_ansi_parser.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from engine.emulator.cells.sixel import PICTURE, Decoder
from engine.emulator.parse import osc, tables
from engine.emulator.parse.heads import PREFIXES
from engine.emulator.screen import attributes, graphics, reports
from engine.emulator.screen.params import Params
from engine.emulator.screen.work import CHARACTERS, STRING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.emulator.parse.guard import Guard
    from engine.emulator.screen.screen import Screen

MAX_SEQUENCE: Final = 512
"""Characters of one control sequence. A longer one is read to its end and dropped."""
MAX_KNOWN, MAX_KNOWN_LENGTH = 1024, 16
"""Control sequences whose call is remembered (all are forgotten beyond it), and their length."""
MAX_STRING: Final = 262_144
"""Characters of one OSC or DCS string. A longer one is read to its end and dropped."""

_CSI: Final = re.compile(r"\[([<=>?]?)([0-9:;]*)([ -/]*)([@-~])")
_SHORT: Final = re.compile(r"([ -/]*)([0-~])")
_UNFINISHED: Final = re.compile(
    "[\x00-\x17\x19\x1c-\x1f\x7f]*(?:[ -/][\x00-\x17\x19\x1c-/\x7f]*)?"
    "|[\x00-\x17\x19\x1c-\x1f\x7f]*\\[[\x00-\x17\x19\x1c-?\x7f]*"
)
_CONTROLS: Final = re.compile("[\x00-\x17\x19\x1c-\x1f\x7f]*")
_BREAKS: Final = re.compile("[\x18\x1a]")
_OSC_ENDS: Final = re.compile("[\x07\x18\x1a]")
_SEQUENCE_ENDS: Final = re.compile("[\x18\x1a@-~\x80-\U0010ffff]")
_SHORT_ENDS: Final = re.compile("[\x18\x1a0-~\x80-\U0010ffff]")
_INNER_CONTROL: Final = re.compile("[\x00-\x1f]")
_SIXEL_HEAD: Final = re.compile("([0-9;]{0,63})q")
MAX_HEAD: Final = 64
"""Characters of a DCS within which it is known whether it is sixel graphics."""
_BELL: Final = "\x07"
_ST: Final = "\x1b\\"
_STRINGS: Final = frozenset("PX]^_")
_CLIPBOARD: Final = "52;"
_DROPPED: Final = frozenset("X^_")
"""Strings without a meaning here."""
_SIXEL: Final = "q"
"""The kind of a DCS that turned out to be sixel graphics: decoded as it comes, never held."""
_OVERLONG, _OVERLONG_SHORT = "[", "("
"""Kinds of "string" that sequences longer than MAX_SEQUENCE become: only their end matters."""
_ENDS: Final = {
    "]": _OSC_ENDS,
    "P": _BREAKS,
    _SIXEL: _BREAKS,
    "X": _BREAKS,
    "^": _BREAKS,
    "_": _BREAKS,
    _OVERLONG: _SEQUENCE_ENDS,
    _OVERLONG_SHORT: _SHORT_ENDS,
}


class Parser:
    """``escape(piece)`` does one sequence and returns the text after it."""

    def __init__(self, screen: Screen, guard: Guard) -> None:
        self._screen, self._guard = screen, guard
        self._tail = ""
        """What the last chunk ended with of a sequence, with its escape."""
        self._kind = ""
        self._string: list[str] = []
        self._length = 0
        self._too_much = False
        """The string is too long, and was for the clipboard: whoever wants it is told."""
        self._decoder: Decoder | None = None
        self._known: dict[str, tuple[Any, ...]] = {}
        """Control sequences to the call each makes."""

    @property
    def idle(self) -> bool:
        """Whether no string is open."""
        return not self._kind

    @property
    def pending(self) -> int:
        """Characters held of what has not ended."""
        held = self._decoder.held if self._decoder else 0
        return len(self._tail) + min(self._length, MAX_STRING) + held

    @property
    def tail(self) -> str:
        """What is held of a sequence, with its escape; a string is not part of it."""
        return self._tail

    def opener(self, *, long: bool) -> str:
        """What makes another parser wait for the end of the open string, where what it holds
        means nothing (or is a picture and ``long``); else ""."""
        kind = self._kind
        if kind in _DROPPED or (kind == _SIXEL and long):
            return "\x1bX"
        if kind in (_OVERLONG, _OVERLONG_SHORT):
            return "\x1b" + ("[" + "0" * MAX_SEQUENCE if kind == _OVERLONG else " " * MAX_SEQUENCE)
        if self._length > MAX_STRING:
            # BEL ends an OSC only, and this one is no command.
            return "\x1b]-" if kind == "]" else "\x1bX"
        return ""

    # -- chunks

    def resume(self, chunk: str) -> str:
        """The chunk with what was held before it, without what its end leaves unfinished."""
        if self._tail:
            chunk, self._tail = self._tail + chunk, ""
        last = chunk.rfind("\x1b")
        if (
            last >= 0
            and len(chunk) - last <= MAX_SEQUENCE
            and _UNFINISHED.fullmatch(chunk, last + 1)
        ):
            self._tail = chunk[last:]
            return chunk[:last]
        return chunk

    def _open(self, kind: str) -> None:
        self._kind, self._string, self._length = kind, [], 0
        self._too_much = False
        self._decoder = None

    # -- strings

    def collect(self, text: str) -> str:
        """Text while a string is open; returns what comes after the string."""
        kind = self._kind
        found = _ENDS[kind].search(text)
        part = text[: found.start()] if found else text
        if kind in (_OVERLONG, _OVERLONG_SHORT):
            self._controls(_INNER_CONTROL.findall(part))
        elif self._decoder is not None:
            self._decoder.feed(part)
        elif self._length <= MAX_STRING:
            self._string.append(part)
            self._length += len(part)
            if kind == "P" and self._length - len(part) < MAX_HEAD:
                self._detect_sixel()
            elif self._length > MAX_STRING:
                # Too long to mean anything: only its end is waited for.
                self._too_much = kind == "]" and "".join(self._string).startswith(_CLIPBOARD)
                self._string, self._length = [], MAX_STRING + 1
        if found is None:
            return ""
        if found[0] == _BELL:
            self._finish(_BELL)
        else:
            self._open("")
        return text[found.end() :]

    def _detect_sixel(self) -> None:
        """Whether the string that began is sixel graphics: then it is decoded from here on."""
        string = "".join(self._string)
        head = _SIXEL_HEAD.match(string)
        if head is not None:
            allowance = self._screen.pictures.allowance
            if allowance.take(PICTURE):
                self._open(_SIXEL)
                self._decoder = Decoder(head[1], allowance)
                self._decoder.feed(string[head.end() :])
            else:
                self._open("X")

    def _finish(self, end: str = _ST) -> None:
        decoder = self._decoder
        kind, string, length = self._kind, "".join(self._string), self._length
        refused = self._too_much
        self._open("")
        self._screen.work.add(STRING + length // CHARACTERS)
        if length > MAX_STRING:
            if refused:
                self._guard.call("osc", self._screen.host.clipboard_refused)
            return
        if kind == "]":
            self._guard.call("osc", osc.command, self._screen, string, end)
        elif decoder is not None:
            self._guard.call("sixel", graphics.place, self._screen, decoder)
        elif kind == "P":
            self._device_string(string)

    def _device_string(self, string: str) -> None:
        if string.startswith("$q"):
            if self._screen.level > 1:
                self._guard.call("DECRQSS", reports.setting, self._screen, string[2:])
        elif string.startswith("+q"):
            self._guard.call("XTGETTCAP", reports.capabilities, self._screen, string[2:])

    # -- sequences

    def escape(self, piece: str) -> str:
        """What follows an escape: a sequence, done now, and text, returned."""
        if self._kind:
            if piece[:1] == "\\":
                self._finish()
                return piece[1:]
            self._open("")
        first = piece[:1]
        if first == "[":
            found = _CSI.match(piece)
            if found and (known := self._known.get(found[0])) is not None:
                self._guard.call(*known)
                return piece[found.end() :]
            if found and found.end() < MAX_SEQUENCE:
                self._sequence(found[0], found[1], found[2], found[3], found[4])
                return piece[found.end() :]
            return self._odd_sequence(piece)
        if first in _STRINGS and first:
            self._open(first)
            return self.collect(piece[1:])
        if first < " " or first == "\x7f":
            # Controls act even here; CAN and SUB break off.
            found = _CONTROLS.match(piece)
            end = found.end() if found else 0
            self._controls(piece[:end])
            if end == 0 or end == len(piece):
                return piece[1:]
            return self.escape(piece[end:])
        found = _SHORT.match(piece)
        if found is None:
            return self._odd_short(piece)
        if found.end() < MAX_SEQUENCE:
            self._short(found[1], found[2])
        return piece[found.end() :]

    def _odd_short(self, piece: str) -> str:
        """An escape with controls between its intermediates, or no escape at all."""
        intermediates = ""
        for index, char in enumerate(piece):
            if char in "\x18\x1a":
                return piece[index + 1 :]
            if char < " ":
                self._inner(char)
            elif char <= "/":
                intermediates += char if len(intermediates) < 4 else ""
            elif char <= "~":
                if index + 1 < MAX_SEQUENCE:
                    self._short(intermediates, char)
                return piece[index + 1 :]
            elif char > "\x7f":
                return piece[index + 1 :]
        self._open(_OVERLONG_SHORT)
        return ""

    def _odd_sequence(self, piece: str) -> str:
        """A control sequence with controls inside, malformed, or too long."""
        collected: list[str] = ["["]
        for index in range(1, len(piece)):
            char = piece[index]
            if char in "\x18\x1a" or char > "\x7f":
                return piece[index + 1 :]
            if char < " ":
                self._inner(char)
            elif char < "@":
                collected.append(char)
            elif char <= "~":
                collected.append(char)
                if index + 1 < MAX_SEQUENCE and (found := _CSI.fullmatch("".join(collected))):
                    self._sequence(found[0], found[1], found[2], found[3], found[4])
                return piece[index + 1 :]
        self._open(_OVERLONG)
        return ""

    def _controls(self, chars: Iterable[str]) -> None:
        for char in chars:
            self._inner(char)

    def _inner(self, char: str) -> None:
        """A control inside a sequence. Nothing can be left off there: too many are left out."""
        work = self._screen.work
        if not work.over:
            work.add(1)
            self.control(char)

    def control(self, char: str) -> None:
        function = tables.CONTROLS.get(char)
        if function:
            self._guard.call(char, function, self._screen)

    def sequence(self, whole: str) -> None:
        """``[prefix numbers final``, known to be well-formed."""
        known = self._known.get(whole)
        if known is not None:
            self._guard.call(*known)
        elif len(whole) < MAX_SEQUENCE:
            prefix = whole[1] if whole[1] in PREFIXES else ""
            self._sequence(whole, prefix, whole[1 + len(prefix) : -1], "", whole[-1])

    def _sequence(
        self, whole: str, prefix: str, numbers: str, intermediates: str, final: str
    ) -> None:
        """Do it; what ``whole`` calls for is the same the next time."""
        screen = self._screen
        key = prefix + intermediates + final
        call: tuple[Any, ...]
        if key == "m":
            call = (key, attributes.sgr, screen, numbers)
        elif key in tables.CSI_OF_ONE:
            call = (key, tables.CSI_OF_ONE[key], screen, Params(numbers).get(0))
        elif key in tables.CSI_OF_TWO:
            params = Params(numbers)
            call = (key, tables.CSI_OF_TWO[key], screen, params.get(0), params.get(1))
        elif key in tables.CSI_OF_ALL:
            call = (key, tables.CSI_OF_ALL[key], screen, Params(numbers))
        elif key in tables.CSI:
            call = (key, tables.CSI[key], screen)
        else:
            return
        if len(whole) <= MAX_KNOWN_LENGTH:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[whole] = call
        self._guard.call(*call)

    def _short(self, intermediates: str, final: str) -> None:
        key = intermediates + final
        if key in tables.ESCAPES:
            self._guard.call(key, tables.ESCAPES[key], self._screen)
        elif intermediates[:1] in tables.DESIGNATIONS and intermediates:
            name = intermediates[1:] + final
            self._guard.call("SCS", attributes.define_charset, self._screen, name, intermediates[0])
