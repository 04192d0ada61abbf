"""The parser: bytes to events on a screen, whatever the bytes and wherever they are cut.

Owns decoding, sequence boundaries and the tables from sequence to event name.
Does not own what an event does. Built on pyte's ByteStream: its tables are
extended, its character-at-a-time state machine is replaced by a table of
states with one regular expression for what is whole within the chunk.

Source: ECMA-48, xterm ctlseqs, and the state diagram at vt100.net/emu/dec_ansi_parser.
"""

from __future__ import annotations

import enum
import inspect
import logging
import re
from typing import TYPE_CHECKING, Any, ClassVar

import pyte

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator.screen import Screen

logger = logging.getLogger(__name__)

MAX_PARAMETER = 9999
"""Larger numbers in a sequence count as this."""
MAX_SEQUENCE = 512
"""Characters of one control sequence. A longer one is read to its end and dropped."""
MAX_STRING = 4096
"""Characters kept of an OSC string. The rest is read to its end and dropped."""
MAX_DIGITS = 6

_WHOLE = re.compile(
    r"([^\x00-\x1f\x7f-\x9f]+)"
    r"|(?:\x1b\[|\x9b)([0-9:;<=>?]{0,256})([ -/]{0,4})([@-~])"
    r"|([\x00-\x1a\x1c-\x1f\x7f])"
)
_TEXT, _SEQUENCE, _CONTROL = 1, 4, 5
_PLAIN_LINES = re.compile(r"(?:[ -~]{0,1000}\r\n){4,256}")
"""Enough lines to be worth the special case; bounded, as it may be tried at every line."""
_CSI_BODY = re.compile(r"([0-9:;<=>?]*)([ -/]*)")
_PARAMETERS = re.compile(r"([<=>?]*)([0-9:;]*)")
_STRING_TEXT = re.compile(r"[^\x07\x18\x1a\x1b\x9c]+")


class _State(enum.Enum):
    GROUND = enum.auto()
    ESCAPE = enum.auto()
    CSI = enum.auto()
    STRING = enum.auto()


class Stream(pyte.ByteStream):
    """Feeds one screen. feed() takes any bytes, never raises, and keeps no more than its bounds."""

    escape = {  # noqa: RUF012  # pyte declares these tables so
        **pyte.ByteStream.escape,
        "E": "next_line",
        "=": "application_keypad",
        ">": "normal_keypad",
    }
    # Keys are prefix, intermediates and final byte. pyte's "'" for HPA is a slip: it is "`".
    csi = {  # noqa: RUF012  # as above
        **{key: event for key, event in pyte.ByteStream.csi.items() if key != "'"},
        "e": "cursor_down_anywhere",
        "`": "cursor_to_column",
        "I": "tab_forward",
        "Z": "tab_back",
        "S": "scroll_up",
        "T": "scroll_down",
        "b": "repeat",
        "s": "save_cursor",
        "t": "window_report",
        "u": "restore_cursor",
        "?J": "erase_in_display",
        "?K": "erase_in_line",
        "?h": "set_private_mode",
        "?l": "reset_private_mode",
        "?n": "report_private_status",
        ">c": "report_secondary_attributes",
        "?$p": "report_private_mode",
        "!p": "soft_reset",
        " q": "cursor_shape",
        " @": "scroll_left",
        " A": "scroll_right",
        "'}": "insert_columns",
        "'~": "delete_columns",
    }
    events = frozenset(
        {*pyte.ByteStream.events, *escape.values(), *csi.values()}
        | {"draw", "set_title", "sgr", "define_charset"}
    )

    # A character in the last column leaves the cursor beyond it. These events leave it
    # there; all others, which move or edit, bring it back first.
    _KEEP_PENDING_WRAP: ClassVar[frozenset[str]] = frozenset(
        {
            "bell",
            "tab",
            "tab_forward",
            "scroll_up",
            "scroll_down",
            "save_cursor",
            "repeat",
            "set_mode",
            "reset_mode",
            "cursor_shape",
            "sgr",
        }
        | {"set_private_mode", "reset_private_mode", "application_keypad", "normal_keypad"}
        | {"define_charset", "set_title", "shift_in", "shift_out", "set_tab_stop", "clear_tab_stop"}
        | {event for event in (*csi.values(), *escape.values()) if "report" in event}
    )

    _C1: ClassVar[dict[str, str]] = {"\x84": "D", "\x85": "E", "\x88": "H", "\x8d": "M"}
    _STRINGS: ClassVar[dict[str, str]] = {
        "\x90": "P",
        "\x98": "X",
        "\x9d": "]",
        "\x9e": "^",
        "\x9f": "_",
    }

    def __init__(self, screen: Screen) -> None:
        self._state = _State.GROUND
        self._collected = ""
        self._string = ""
        self._string_kind = ""
        self.failed: set[str] = set()
        """Events whose handler raised: logged once each."""
        self._handlers: dict[str, tuple[Callable[..., Any], int]] = {}
        self._screen = screen
        super().__init__(screen)

    def attach(self, screen: pyte.Screen) -> None:
        super().attach(screen)
        for event in self.events:
            handler = getattr(screen, event)
            self._handlers[event] = (handler, _arity(handler))

    def _initialize_parser(self) -> None:
        """pyte's own parser is not used."""

    def _lines(self, text: str, position: int) -> int:
        """Hand a block of plain lines to the screen at once; returns where it ends."""
        if not self._screen.takes_lines():
            return position
        found = _PLAIN_LINES.match(text, position)
        if found:
            lines = found[0].split("\r\n")[:-1]
            if max(map(len, lines)) <= self._screen.columns:
                self._call("draw_lines", self._screen.draw_lines, (lines,))
                return found.end()
        return position

    def feed(self, data: bytes) -> None:  # type: ignore[override]  # as pyte's ByteStream does
        text = self.utf8_decoder.decode(data)
        draw, _ = self._handlers["draw"]
        match = _WHOLE.match
        position, length = 0, len(text)
        while position < length:
            if self._state is _State.GROUND and (found := match(text, position)):
                position = found.end()
                kind = found.lastindex
                if kind == _TEXT:
                    self._call("draw", draw, (found[1],))
                elif kind == _CONTROL:
                    self._control(found[5])
                    if found[5] == "\n":
                        position = self._lines(text, position)
                else:
                    self._csi(found[2], found[3], found[4])
            else:
                position = self._advance(text, position)

    @property
    def pending(self) -> int:
        """Characters held of a sequence that has not ended."""
        return len(self._collected) + len(self._string)

    # -- one character (or one string's worth) of a sequence cut by the chunk's end or odd

    def _advance(self, text: str, position: int) -> int:
        if self._state is _State.STRING:
            return self._advance_string(text, position)
        char = text[position]
        if char == "\x1b":
            self._enter(_State.ESCAPE)
        elif char in "\x18\x1a":
            self._enter(_State.GROUND)
        elif char < " ":
            self._control(char)
        elif char == "\x7f":
            pass
        elif "\x80" <= char <= "\x9f":
            self._enter(_State.GROUND)
            self._eight_bit(char)
        elif self._state is _State.CSI:
            self._advance_csi(char)
        elif self._state is _State.ESCAPE:
            self._advance_escape(char)
        return position + 1

    def _enter(self, state: _State) -> None:
        self._state = state
        self._collected = ""
        self._string = ""
        self._string_kind = ""

    def _eight_bit(self, char: str) -> None:
        if char in self._C1:
            self._event(self.escape[self._C1[char]])
        elif char == "\x9b":
            self._enter(_State.CSI)
        elif char in self._STRINGS:
            self._enter(_State.STRING)
            self._string_kind = self._STRINGS[char]

    def _advance_escape(self, char: str) -> None:
        kind = self._string_kind
        if char <= "/":
            if len(self._collected) < MAX_SEQUENCE:
                self._collected += char
            return
        collected, string = self._collected, self._string
        self._enter(_State.GROUND)
        if collected:
            self._designate(collected, char)
        elif char == "[":
            self._enter(_State.CSI)
        elif char in "PX]^_":
            self._enter(_State.STRING)
            self._string_kind = char
        elif char == "\\":
            self._string_end(kind, string)
        elif char in self.escape:
            self._event(self.escape[char])

    def _designate(self, intermediates: str, final: str) -> None:
        if intermediates == "#" and final in self.sharp:
            self._event(self.sharp[final])
        elif intermediates in ("(", ")"):
            self._event("define_charset", final, intermediates)

    def _advance_csi(self, char: str) -> None:
        if not "@" <= char <= "~":
            if char > "~":
                self._enter(_State.GROUND)
            elif len(self._collected) < MAX_SEQUENCE:
                self._collected += char
            return
        collected = self._collected
        self._enter(_State.GROUND)
        body = _CSI_BODY.fullmatch(collected)
        if body and len(collected) < MAX_SEQUENCE:
            self._csi(body[1], body[2], char)

    def _advance_string(self, text: str, position: int) -> int:
        found = _STRING_TEXT.match(text, position)
        if found:
            self._string += found[0][: MAX_STRING - len(self._string)]
            return found.end()
        char = text[position]
        kind, string = self._string_kind, self._string
        if char == "\x1b":
            # ESC \ ends the string; ESC and anything else breaks it off.
            self._state = _State.ESCAPE
        elif char == "\x07" and kind != "]":
            pass
        else:
            self._enter(_State.GROUND)
            if char in "\x07\x9c":
                self._string_end(kind, string)
        return position + 1

    # -- whole sequences

    def _control(self, char: str) -> None:
        event = self.basic.get(char)
        if event:
            self._event(event)

    def _csi(self, parameters: str, intermediates: str, final: str) -> None:
        found = _PARAMETERS.fullmatch(parameters)
        if found is None:
            return
        prefix, numbers = found[1], found[2]
        if final == "m" and not prefix and not intermediates:
            self._event("sgr", _bounded(numbers))
            return
        event = self.csi.get(prefix + intermediates + final)
        if event:
            self._event(event, *(_number(part) for part in numbers.split(";")))

    def _string_end(self, kind: str, string: str) -> None:
        if kind != "]":
            return
        code, _, body = string.partition(";")
        if code in ("0", "2"):
            self._event("set_title", body)

    def _event(self, event: str, *arguments: object) -> None:
        handler, arity = self._handlers[event]
        if event not in self._KEEP_PENDING_WRAP:
            self._screen.settle()
        self._call(event, handler, arguments[:arity])

    def _call(self, event: str, handler: Callable[..., Any], arguments: tuple[object, ...]) -> None:
        try:
            handler(*arguments)
        except Exception:
            # A mistake of ours must cost one sequence, not the session's screen.
            if event not in self.failed:
                self.failed.add(event)
                logger.exception("The terminal could not do %s%r", event, arguments)


def _arity(handler: Callable[..., Any]) -> int:
    """How many positional arguments the handler takes: further parameters are ignored."""
    parameters = inspect.signature(handler).parameters.values()
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return MAX_SEQUENCE
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def _number(text: str) -> int:
    digits = text.partition(":")[0].lstrip("0")
    return min(int(digits[:MAX_DIGITS] or 0), MAX_PARAMETER)


def _bounded(parameters: str) -> str:
    """SGR parameters as they came, but no number longer than MAX_DIGITS digits."""
    return _LONG_NUMBER.sub("9999", parameters) if len(parameters) > MAX_DIGITS else parameters


_LONG_NUMBER = re.compile(rf"[0-9]{{{MAX_DIGITS + 1},}}")
