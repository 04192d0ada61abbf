"""Keys to bytes, as xterm sends them.

Owns the table. Does not own shortcuts, nor what is typed as text. Keypad keys
act as xterm's do with Num Lock on: as the digits and signs printed on them, and
as cursor keys when the window system says so.
Source: xterm ctlseqs, "PC-Style Function Keys" and "VT220-Style Function Keys".
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from PySide6.QtCore import Qt

_Key = Qt.Key
_Modifier = Qt.KeyboardModifier

MAC = sys.platform == "darwin"

CURSOR_KEYS: dict[Qt.Key, str] = {
    _Key.Key_Up: "A",
    _Key.Key_Down: "B",
    _Key.Key_Right: "C",
    _Key.Key_Left: "D",
    _Key.Key_Clear: "E",
    _Key.Key_End: "F",
    _Key.Key_Home: "H",
}
"""CSI x, SS3 x in application cursor mode, CSI 1;m x with modifiers."""

FUNCTION_LETTERS: dict[Qt.Key, str] = {
    _Key.Key_F1: "P",
    _Key.Key_F2: "Q",
    _Key.Key_F3: "R",
    _Key.Key_F4: "S",
}
"""SS3 x, CSI 1;m x with modifiers."""

TILDE_KEYS: dict[Qt.Key, int] = {
    _Key.Key_Insert: 2,
    _Key.Key_Delete: 3,
    _Key.Key_PageUp: 5,
    _Key.Key_PageDown: 6,
    _Key.Key_F5: 15,
    _Key.Key_F6: 17,
    _Key.Key_F7: 18,
    _Key.Key_F8: 19,
    _Key.Key_F9: 20,
    _Key.Key_F10: 21,
    _Key.Key_F11: 23,
    _Key.Key_F12: 24,
    _Key.Key_F13: 25,
    _Key.Key_F14: 26,
    _Key.Key_F15: 28,
    _Key.Key_F16: 29,
    _Key.Key_F17: 31,
    _Key.Key_F18: 32,
    _Key.Key_F19: 33,
    _Key.Key_F20: 34,
}
"""CSI n ~, CSI n;m ~ with modifiers."""

PLAIN_KEYS: dict[Qt.Key, tuple[bytes, bytes]] = {
    _Key.Key_Return: (b"\r", b"\r"),
    _Key.Key_Enter: (b"\r", b"\r"),
    _Key.Key_Tab: (b"\t", b"\t"),
    _Key.Key_Backspace: (b"\x7f", b"\x08"),
    _Key.Key_Escape: (b"\x1b", b"\x1b"),
    _Key.Key_Space: (b" ", b"\x00"),
}
"""What the key sends, and what it sends with Ctrl. Alt puts ESC before it."""

CONTROL_SIGNS: dict[Qt.Key, bytes] = {
    _Key.Key_At: b"\x00",
    _Key.Key_2: b"\x00",
    _Key.Key_BracketLeft: b"\x1b",
    _Key.Key_3: b"\x1b",
    _Key.Key_Backslash: b"\x1c",
    _Key.Key_4: b"\x1c",
    _Key.Key_BracketRight: b"\x1d",
    _Key.Key_5: b"\x1d",
    _Key.Key_AsciiCircum: b"\x1e",
    _Key.Key_6: b"\x1e",
    _Key.Key_Underscore: b"\x1f",
    _Key.Key_Minus: b"\x1f",
    _Key.Key_Slash: b"\x1f",
    _Key.Key_7: b"\x1f",
    _Key.Key_Question: b"\x7f",
    _Key.Key_8: b"\x7f",
}
"""Ctrl with a sign."""


@dataclass(frozen=True, slots=True)
class Modifiers:
    """The modifiers a terminal knows, whatever the platform calls them."""

    shift: bool = False
    alt: bool = False
    ctrl: bool = False

    @classmethod
    def of(cls, modifiers: Qt.KeyboardModifier, mac: bool = MAC) -> Modifiers:
        # On a Mac Qt calls Command "Control", and Control "Meta".
        control = _Modifier.MetaModifier if mac else _Modifier.ControlModifier
        return cls(
            shift=bool(modifiers & _Modifier.ShiftModifier),
            alt=bool(modifiers & _Modifier.AltModifier),
            ctrl=bool(modifiers & control),
        )

    @property
    def code(self) -> int:
        """xterm's number: 1, plus 1 for Shift, 2 for Alt, 4 for Ctrl."""
        return 1 + self.shift + 2 * self.alt + 4 * self.ctrl


def encode(
    key: int,
    text: str,
    modifiers: Modifiers,
    *,
    application_cursor: bool = False,
    mac: bool = MAC,
) -> bytes:
    """What a key press sends; b"" for a key that sends nothing, such as Shift alone.

    ``text`` is the text the window system made of the press.
    """
    try:
        known = Qt.Key(key)
    except ValueError:
        known = Qt.Key.Key_unknown
    escape = b"\x1b" if modifiers.alt else b""
    if known is _Key.Key_Backtab or (known is _Key.Key_Tab and modifiers.shift):
        return b"\x1b[Z"
    if known in CURSOR_KEYS:
        letter = CURSOR_KEYS[known]
        if modifiers.code > 1:
            return f"\x1b[1;{modifiers.code}{letter}".encode()
        return f"\x1b{'O' if application_cursor else '['}{letter}".encode()
    if known in FUNCTION_LETTERS:
        letter = FUNCTION_LETTERS[known]
        if modifiers.code > 1:
            return f"\x1b[1;{modifiers.code}{letter}".encode()
        return f"\x1bO{letter}".encode()
    if known in TILDE_KEYS:
        modified = f";{modifiers.code}" if modifiers.code > 1 else ""
        return f"\x1b[{TILDE_KEYS[known]}{modified}~".encode()
    if known in PLAIN_KEYS:
        return escape + PLAIN_KEYS[known][modifiers.ctrl]
    return _encode_text(known, text, modifiers, escape, mac)


def _encode_text(key: Qt.Key, text: str, modifiers: Modifiers, escape: bytes, mac: bool) -> bytes:
    typed = text.encode("utf-8", "replace") if text and text.isprintable() else b""
    if typed and modifiers.alt and (modifiers.ctrl or mac):
        # AltGr comes as Ctrl+Alt on Windows, Option types signs on a Mac: text was meant.
        return typed
    if modifiers.ctrl:
        if _Key.Key_A <= key <= _Key.Key_Z:
            return escape + bytes([key & 0x1F])
        if key in CONTROL_SIGNS:
            return escape + CONTROL_SIGNS[key]
        if len(text) == 1 and text < " ":
            # A layout of other letters: the window system knows the control character.
            return escape + text.encode()
    return escape + typed if typed else b""
