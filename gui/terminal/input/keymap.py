"""The keys' tables: what Qt calls a key, xterm's number for it, kitty's number for it.

Sources: xterm ctlseqs, "PC-Style Function Keys" and
"VT220-Style Function Keys"; the kitty keyboard protocol, "Functional key
definitions".
"""

from __future__ import annotations

from PySide6.QtCore import Qt

_Key = Qt.Key

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

_FUNCTION_NUMBERS = (
    *(15, 17, 18, 19, 20, 21, 23, 24),  # F5 to F12
    *(25, 26, 28, 29, 31, 32, 33, 34),  # F13 to F20
    *range(42, 57),  # F21 to F35
)
TILDE_KEYS: dict[Qt.Key, int] = {
    _Key.Key_Find: 1,
    _Key.Key_Insert: 2,
    _Key.Key_Delete: 3,
    _Key.Key_Select: 4,
    _Key.Key_PageUp: 5,
    _Key.Key_PageDown: 6,
    _Key.Key_Help: 28,
    _Key.Key_Menu: 29,
    **{_Key(_Key.Key_F5.value + at): number for at, number in enumerate(_FUNCTION_NUMBERS)},
}
"""CSI n ~, CSI n;m ~ with modifiers."""

PLAIN_KEYS: dict[Qt.Key, tuple[bytes, bytes]] = {
    _Key.Key_Return: (b"\r", b"\r"),
    _Key.Key_Enter: (b"\r", b"\r"),
    _Key.Key_Tab: (b"\t", b"\t"),
    _Key.Key_Backtab: (b"\t", b"\t"),
    _Key.Key_Backspace: (b"\x7f", b"\x08"),
    _Key.Key_Escape: (b"\x1b", b"\x1b"),
    _Key.Key_Space: (b" ", b"\x00"),
}
"""What the key sends, and what it sends with Ctrl. Alt puts ESC before it."""

CONTROL_SIGNS: dict[Qt.Key, bytes] = {
    _Key.Key_At: b"\x00",
    _Key.Key_2: b"\x00",
    _Key.Key_QuoteLeft: b"\x00",
    _Key.Key_BracketLeft: b"\x1b",
    _Key.Key_BraceLeft: b"\x1b",
    _Key.Key_3: b"\x1b",
    _Key.Key_Backslash: b"\x1c",
    _Key.Key_Bar: b"\x1c",
    _Key.Key_4: b"\x1c",
    _Key.Key_BracketRight: b"\x1d",
    _Key.Key_BraceRight: b"\x1d",
    _Key.Key_5: b"\x1d",
    _Key.Key_AsciiCircum: b"\x1e",
    _Key.Key_AsciiTilde: b"\x1e",
    _Key.Key_6: b"\x1e",
    _Key.Key_Underscore: b"\x1f",
    _Key.Key_Minus: b"\x1f",
    _Key.Key_Slash: b"\x1f",
    _Key.Key_7: b"\x1f",
    _Key.Key_Question: b"\x7f",
    _Key.Key_8: b"\x7f",
}
"""Ctrl with a sign. Minus and the quote are no xterm's, but every terminal's today."""

APPLICATION_KEYPAD: dict[Qt.Key, str] = {
    **{_Key(_Key.Key_0.value + digit): chr(ord("p") + digit) for digit in range(10)},
    _Key.Key_Asterisk: "j",
    _Key.Key_Plus: "k",
    _Key.Key_Comma: "l",
    _Key.Key_Minus: "m",
    _Key.Key_Period: "n",
    _Key.Key_Slash: "o",
    _Key.Key_Equal: "X",
    _Key.Key_Enter: "M",
}
"""SS3 x, for a key of the keypad in application mode with Num Lock off."""

# -- the kitty protocol

KITTY_LETTERS: dict[Qt.Key, str] = {
    **CURSOR_KEYS,
    _Key.Key_F1: "P",
    _Key.Key_F2: "Q",
    _Key.Key_F4: "S",
}
"""CSI 1;m x. F3 is not here: its R would be read as a cursor position report."""
KITTY_TILDES: dict[Qt.Key, int] = {
    _Key.Key_Insert: 2,
    _Key.Key_Delete: 3,
    _Key.Key_PageUp: 5,
    _Key.Key_PageDown: 6,
    _Key.Key_F3: 13,
    **{_Key(_Key.Key_F5.value + at): _FUNCTION_NUMBERS[at] for at in range(8)},
}
"""CSI n;m ~"""
KITTY_CODES: dict[Qt.Key, int] = {
    _Key.Key_Escape: 27,
    _Key.Key_Return: 13,
    _Key.Key_Enter: 13,
    _Key.Key_Tab: 9,
    _Key.Key_Backtab: 9,
    _Key.Key_Backspace: 127,
    _Key.Key_CapsLock: 57358,
    _Key.Key_ScrollLock: 57359,
    _Key.Key_NumLock: 57360,
    _Key.Key_Print: 57361,
    _Key.Key_SysReq: 57361,
    _Key.Key_Pause: 57362,
    _Key.Key_Menu: 57363,
    **{_Key(_Key.Key_F13.value + at): 57376 + at for at in range(23)},
    _Key.Key_MediaPlay: 57428,
    _Key.Key_Play: 57428,
    _Key.Key_MediaPause: 57429,
    _Key.Key_MediaTogglePlayPause: 57430,
    _Key.Key_MediaStop: 57432,
    _Key.Key_AudioForward: 57433,
    _Key.Key_AudioRewind: 57434,
    _Key.Key_MediaNext: 57435,
    _Key.Key_MediaPrevious: 57436,
    _Key.Key_MediaRecord: 57437,
    _Key.Key_VolumeDown: 57438,
    _Key.Key_VolumeUp: 57439,
    _Key.Key_VolumeMute: 57440,
    _Key.Key_Shift: 57441,
    _Key.Key_Control: 57442,
    _Key.Key_Alt: 57443,
    _Key.Key_Meta: 57444,
    _Key.Key_Super_L: 57444,
    _Key.Key_Super_R: 57450,
    _Key.Key_Hyper_L: 57445,
    _Key.Key_Hyper_R: 57451,
    _Key.Key_AltGr: 57453,
    _Key.Key_Mode_switch: 57453,
}
"""CSI n;m u"""
KITTY_KEYPAD: dict[Qt.Key, int] = {
    **{_Key(_Key.Key_0.value + digit): 57399 + digit for digit in range(10)},
    _Key.Key_Period: 57409,
    _Key.Key_Slash: 57410,
    _Key.Key_Asterisk: 57411,
    _Key.Key_Minus: 57412,
    _Key.Key_Plus: 57413,
    _Key.Key_Enter: 57414,
    _Key.Key_Return: 57414,
    _Key.Key_Equal: 57415,
    _Key.Key_Comma: 57416,
    _Key.Key_Left: 57417,
    _Key.Key_Right: 57418,
    _Key.Key_Up: 57419,
    _Key.Key_Down: 57420,
    _Key.Key_PageUp: 57421,
    _Key.Key_PageDown: 57422,
    _Key.Key_Home: 57423,
    _Key.Key_End: 57424,
    _Key.Key_Insert: 57425,
    _Key.Key_Delete: 57426,
    _Key.Key_Clear: 57427,
}
"""CSI n;m u, for a key of the keypad."""
MODIFIER_KEYS = frozenset(
    {
        *(_Key.Key_Shift, _Key.Key_Control, _Key.Key_Alt, _Key.Key_Meta, _Key.Key_AltGr),
        *(_Key.Key_Super_L, _Key.Key_Super_R, _Key.Key_Hyper_L, _Key.Key_Hyper_R),
        *(_Key.Key_CapsLock, _Key.Key_NumLock, _Key.Key_ScrollLock, _Key.Key_Mode_switch),
    }
)
"""Keys that only change others: reported only to programs that want every key."""
RIGHT_OFFSET = 6
"""From a left modifier's code to the right one's."""
