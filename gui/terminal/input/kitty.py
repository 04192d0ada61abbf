"""The kitty keyboard protocol: an unambiguous encoding of every key, by its flags.

Source: https://sw.kovidgoyal.net/kitty/keyboard-protocol/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from gui.terminal.input import keymap
from gui.terminal.input.keypress import Kind

if TYPE_CHECKING:
    from gui.terminal.input.keypress import KeyPress

DISAMBIGUATE, EVENT_TYPES, ALTERNATES, ALL_KEYS, TEXT = 1, 2, 4, 8, 16
_LEGACY_TEXT = {
    Qt.Key.Key_Return: b"\r",
    Qt.Key.Key_Enter: b"\r",
    Qt.Key.Key_Tab: b"\t",
    Qt.Key.Key_Backspace: b"\x7f",
}
"""Keys that send these without modifiers, so that a shell stays usable after a crash."""


def encode(press: KeyPress, flags: int, *, is_text: bool = False) -> bytes | None:
    """The bytes under ``flags`` (not 0); None: as without the protocol. b"" is nothing.

    ``is_text``: Ctrl and Alt are only there to type it.
    """
    key = _qt_key(press.key)
    released = press.kind is Kind.RELEASE
    if released and not flags & EVENT_TYPES:
        return b""
    if key in keymap.MODIFIER_KEYS and not flags & ALL_KEYS:
        return b""
    strict = flags & ALL_KEYS
    held = press.modifiers
    bare = not (held.shift or held.alt or held.ctrl or held.super)
    if not strict and key in _LEGACY_TEXT and not press.keypad:
        # No ambiguity with Ctrl+M and the like: those are encoded differently.
        if released:
            return b""
        if bare:
            return _LEGACY_TEXT[key]
    text = press.typed
    if text and not strict and not released and (is_text or not _is_command(press)):
        return text.encode("utf-8", "replace")
    if not flags & (DISAMBIGUATE | ALL_KEYS):
        if press.kind is Kind.PRESS:
            return None
        if not (flags & EVENT_TYPES):
            return None
    return _escape(press, key, text, flags)


def _is_command(press: KeyPress) -> bool:
    """Whether Ctrl, Alt or Super make it more than text."""
    held = press.modifiers
    return held.ctrl or held.alt or held.super


def _escape(press: KeyPress, key: Qt.Key | None, text: str, flags: int) -> bytes:
    number, final = _number(press, key)
    if not final:
        return text.encode("utf-8", "replace") if press.kind is not Kind.RELEASE else b""
    codes = str(number)
    if flags & ALTERNATES and final == "u" and key not in keymap.KITTY_CODES:
        codes = _with_alternates(press, number)
    event = f":{press.kind:d}" if flags & EVENT_TYPES and press.kind is not Kind.PRESS else ""
    modifiers = press.modifiers.kitty
    state = f"{modifiers}{event}" if modifiers > 1 or event else ""
    points = ""
    if flags & ALL_KEYS and flags & TEXT and text and press.kind is not Kind.RELEASE:
        points = ":".join(str(ord(char)) for char in text)
    if points:
        return f"\x1b[{codes};{state};{points}{final}".encode()
    if state:
        return f"\x1b[{codes};{state}{final}".encode()
    return f"\x1b[{'' if codes == '1' and final != 'u' else codes}{final}".encode()


def _number(press: KeyPress, key: Qt.Key | None) -> tuple[int, str]:
    """A key's number and the final byte that goes with it; final "" when it has none."""
    if key is not None:
        if press.keypad and key in keymap.KITTY_KEYPAD:
            return keymap.KITTY_KEYPAD[key], "u"
        if key in keymap.KITTY_LETTERS:
            return 1, keymap.KITTY_LETTERS[key]
        if key in keymap.KITTY_TILDES:
            return keymap.KITTY_TILDES[key], "~"
        if key in keymap.KITTY_CODES:
            code = keymap.KITTY_CODES[key]
            right = press.right and keymap.KITTY_CODES[Qt.Key.Key_Shift] <= code <= 57446
            return code + keymap.RIGHT_OFFSET * right, "u"
    char = press.unshifted
    return (ord(char), "u") if char else (0, "")


def _with_alternates(press: KeyPress, number: int) -> str:
    """number:shifted:base, as far as they are known and differ."""
    shifted = ""
    if press.modifiers.shift and press.kind is not Kind.RELEASE:
        char = press.typed
        if not char and 0x20 <= press.key < 0x110000:
            char = chr(press.key)
        if len(char) == 1 and ord(char) != number:
            shifted = str(ord(char))
    base = str(ord(press.base)) if press.base and ord(press.base) != number else ""
    if base:
        return f"{number}:{shifted}:{base}"
    return f"{number}:{shifted}" if shifted else str(number)


def _qt_key(key: int) -> Qt.Key | None:
    try:
        return Qt.Key(key)
    except ValueError:
        return None
