"""Keys to bytes, as xterm sends them.

The legacy encodings and modifyOtherKeys. Keypad keys act as xterm's do with Num Lock on: as
the digits and signs printed on them, as cursor keys when the window system reports them so,
and as the keypad's own with Num Lock off.
Source: xterm ctlseqs, "Special Keyboard Keys", and xterm's input.c.
"""

from __future__ import annotations

from PySide6.QtCore import Qt

from gui.terminal.input import kitty
from gui.terminal.input.keymap import (
    APPLICATION_KEYPAD,
    CONTROL_SIGNS,
    CURSOR_KEYS,
    FUNCTION_LETTERS,
    MODIFIER_KEYS,
    PLAIN_KEYS,
    TILDE_KEYS,
)
from gui.terminal.input.keypress import MAC, WINDOWS, KeyModes, KeyPress, Kind, Modifiers

_Key = Qt.Key
PLAIN_MODES = KeyModes()
_TAB_KEYS = (_Key.Key_Tab, _Key.Key_Backtab)
_OTHER_CODES = {
    _Key.Key_Return: 13,
    _Key.Key_Enter: 13,
    _Key.Key_Tab: 9,
    _Key.Key_Backtab: 9,
    _Key.Key_Backspace: 127,
    _Key.Key_Escape: 27,
    _Key.Key_Space: 32,
}


def encode(
    press: KeyPress,
    modes: KeyModes = PLAIN_MODES,
    *,
    mac: bool = MAC,
    windows: bool = WINDOWS,
) -> bytes:
    """What a key sends; b"" for one that sends nothing, such as Shift alone."""
    is_text = press.is_alt_gr(windows=windows)
    if modes.kitty:
        data = kitty.encode(press, modes.kitty, is_text=is_text)
        if data is not None:
            return data
    if press.kind is Kind.RELEASE:
        return b""
    try:
        key = Qt.Key(press.key)
    except ValueError:
        key = _Key.Key_unknown
    if press.keypad and (data := _keypad(key, press.modifiers, modes)):
        return data
    # Option types signs on a Mac, too.
    is_text = is_text or (mac and press.modifiers.alt and bool(press.typed))
    if modes.modify_other_keys and not is_text and (data := _other(key, press, modes)):
        return data
    return _function(key, press.modifiers, modes) or _plain(key, press, modes, is_text=is_text)


def is_modifier(press: KeyPress) -> bool:
    """Whether the key only changes what others send: reporting it is not typing."""
    return any(key.value == press.key for key in MODIFIER_KEYS)


def _function(key: Qt.Key, held: Modifiers, modes: KeyModes) -> bytes:
    if key in CURSOR_KEYS:
        letter = CURSOR_KEYS[key]
        if held.code > 1:
            return f"\x1b[1;{held.code}{letter}".encode()
        return f"\x1b{'O' if modes.application_cursor else '['}{letter}".encode()
    if key in FUNCTION_LETTERS:
        letter = FUNCTION_LETTERS[key]
        if held.code > 1:
            return f"\x1b[1;{held.code}{letter}".encode()
        return f"\x1bO{letter}".encode()
    if key in TILDE_KEYS:
        modified = f";{held.code}" if held.code > 1 else ""
        return f"\x1b[{TILDE_KEYS[key]}{modified}~".encode()
    return b""


def _keypad(key: Qt.Key, held: Modifiers, modes: KeyModes) -> bytes:
    if not modes.application_keypad or held.num_lock or key not in APPLICATION_KEYPAD:
        return b""
    letter = APPLICATION_KEYPAD[key]
    return f"\x1bO{held.code if held.code > 1 else ''}{letter}".encode()


def _plain(key: Qt.Key, press: KeyPress, modes: KeyModes, *, is_text: bool) -> bytes:
    held = press.modifiers
    if key in _TAB_KEYS and held.shift:
        return b"\x1b[Z"
    if key in PLAIN_KEYS:
        data = PLAIN_KEYS[key][held.ctrl]
        if key is _Key.Key_Backspace and modes.backspace_is_bs:
            data = PLAIN_KEYS[key][not held.ctrl]
        elif data == b"\r" and modes.new_line:
            data = b"\r\n"
        return _with_alt(data, held, modes)
    text = press.text
    typed = press.typed.encode()
    if is_text:
        return typed
    if held.ctrl:
        if _Key.Key_A <= key <= _Key.Key_Z:
            return _with_alt(bytes([key & 0x1F]), held, modes)
        if key in CONTROL_SIGNS:
            return _with_alt(CONTROL_SIGNS[key], held, modes)
        if len(text) == 1 and text < " ":
            # A layout of other letters: the window system knows the control character.
            return _with_alt(text.encode(), held, modes)
    return _with_alt(typed, held, modes) if typed else b""


def _with_alt(data: bytes, held: Modifiers, modes: KeyModes) -> bytes:
    if not held.alt:
        return data
    if modes.alt_sends_escape or len(data) != 1 or data[0] > 0x7F:
        return b"\x1b" + data
    # The eighth bit, as the character it makes: the terminal's text is UTF-8.
    return chr(data[0] | 0x80).encode()


def _other(key: Qt.Key, press: KeyPress, modes: KeyModes) -> bytes:
    """CSI 27;m;c ~ (or c;m u) for keys the program wants in that form (XTMODKEYS 4), else b""."""
    held = press.modifiers
    text = press.typed
    code = _OTHER_CODES.get(key, 0)
    if not code and len(text) == 1:
        code = ord(text)
    if not code and 0x20 <= key.value < 0x7F:
        code = ord(chr(key.value).upper() if held.shift else chr(key.value).lower())
    if not code or key is _Key.Key_unknown:
        return b""
    wanted = {1: _wanted_at_1, 2: _wanted_at_2}.get(modes.modify_other_keys, _wanted_at_3)
    if not wanted(key, held):
        return b""
    if modes.format_other_keys == 1:
        return f"\x1b[{code};{held.code}u".encode()
    return f"\x1b[27;{held.code};{code}~".encode()


def _wanted_at_1(key: Qt.Key, held: Modifiers) -> bool:
    """All with modifiers but what has a well-known meaning."""
    if key in (_Key.Key_Return, _Key.Key_Enter, _Key.Key_Tab):
        return held.shift or held.ctrl
    if key is _Key.Key_Backtab:
        return held.ctrl
    if key in PLAIN_KEYS or key in CONTROL_SIGNS or _Key.Key_A <= key <= _Key.Key_Z:
        return False
    return held.ctrl


def _wanted_at_2(key: Qt.Key, held: Modifiers) -> bool:
    """All with modifiers but what Shift only turns into another character."""
    if key is _Key.Key_Backspace:
        return held.shift or held.alt
    if key in PLAIN_KEYS:
        return held.code > 1 and (key is not _Key.Key_Backtab or held.ctrl or held.alt)
    return held.ctrl or held.alt


def _wanted_at_3(key: Qt.Key, held: Modifiers) -> bool:
    """As at 2, and the keys that are no characters without modifiers, too."""
    return _wanted_at_2(key, held) or (key in PLAIN_KEYS and key is not _Key.Key_Space)
