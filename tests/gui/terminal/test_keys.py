"""Every key of the table sends what xterm sends."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from gui.terminal import keys
from gui.terminal.keys import Modifiers, encode

K = Qt.Key
PLAIN = Modifiers()
SHIFT = Modifiers(shift=True)
ALT = Modifiers(alt=True)
CTRL = Modifiers(ctrl=True)
CTRL_SHIFT = Modifiers(ctrl=True, shift=True)
ALL = Modifiers(shift=True, alt=True, ctrl=True)

# key, modifiers, text: xterm's bytes, from its control sequences document.
EXPECTED: list[tuple[Qt.Key, Modifiers, str, bytes]] = [
    (K.Key_Up, PLAIN, "", b"\x1b[A"),
    (K.Key_Down, PLAIN, "", b"\x1b[B"),
    (K.Key_Right, PLAIN, "", b"\x1b[C"),
    (K.Key_Left, PLAIN, "", b"\x1b[D"),
    (K.Key_Clear, PLAIN, "", b"\x1b[E"),
    (K.Key_End, PLAIN, "", b"\x1b[F"),
    (K.Key_Home, PLAIN, "", b"\x1b[H"),
    (K.Key_Up, SHIFT, "", b"\x1b[1;2A"),
    (K.Key_Right, CTRL, "", b"\x1b[1;5C"),
    (K.Key_Left, ALT, "", b"\x1b[1;3D"),
    (K.Key_End, ALL, "", b"\x1b[1;8F"),
    (K.Key_Insert, PLAIN, "", b"\x1b[2~"),
    (K.Key_Delete, PLAIN, "\x7f", b"\x1b[3~"),
    (K.Key_PageUp, PLAIN, "", b"\x1b[5~"),
    (K.Key_PageDown, PLAIN, "", b"\x1b[6~"),
    (K.Key_Delete, CTRL, "", b"\x1b[3;5~"),
    (K.Key_PageUp, ALT, "", b"\x1b[5;3~"),
    (K.Key_F1, PLAIN, "", b"\x1bOP"),
    (K.Key_F2, PLAIN, "", b"\x1bOQ"),
    (K.Key_F3, PLAIN, "", b"\x1bOR"),
    (K.Key_F4, PLAIN, "", b"\x1bOS"),
    (K.Key_F1, SHIFT, "", b"\x1b[1;2P"),
    (K.Key_F4, CTRL, "", b"\x1b[1;5S"),
    *(
        (K(K.Key_F5.value + offset), PLAIN, "", b"\x1b[%d~" % number)
        for offset, number in enumerate(
            (15, 17, 18, 19, 20, 21, 23, 24, 25, 26, 28, 29, 31, 32, 33, 34)
        )
    ),
    (K.Key_F5, CTRL_SHIFT, "", b"\x1b[15;6~"),
    (K.Key_Return, PLAIN, "\r", b"\r"),
    (K.Key_Enter, PLAIN, "\r", b"\r"),
    (K.Key_Return, SHIFT, "\r", b"\r"),
    (K.Key_Return, ALT, "\r", b"\x1b\r"),
    (K.Key_Tab, PLAIN, "\t", b"\t"),
    (K.Key_Backtab, SHIFT, "\t", b"\x1b[Z"),
    (K.Key_Tab, SHIFT, "\t", b"\x1b[Z"),
    (K.Key_Backspace, PLAIN, "\b", b"\x7f"),
    (K.Key_Backspace, CTRL, "\x7f", b"\x08"),
    (K.Key_Backspace, ALT, "\b", b"\x1b\x7f"),
    (K.Key_Escape, PLAIN, "\x1b", b"\x1b"),
    (K.Key_Escape, ALT, "\x1b", b"\x1b\x1b"),
    (K.Key_Space, PLAIN, " ", b" "),
    (K.Key_Space, CTRL, " ", b"\x00"),
    (K.Key_Space, ALT, " ", b"\x1b "),
    *((K(ord(letter)), CTRL, "", bytes([ord(letter) - 64])) for letter in map(chr, range(65, 91))),
    (K.Key_C, Modifiers(ctrl=True, alt=True), "\x03", b"\x1b\x03"),
    (K.Key_At, CTRL_SHIFT, "", b"\x00"),
    (K.Key_BracketLeft, CTRL, "", b"\x1b"),
    (K.Key_Backslash, CTRL, "", b"\x1c"),
    (K.Key_BracketRight, CTRL, "", b"\x1d"),
    (K.Key_AsciiCircum, CTRL_SHIFT, "", b"\x1e"),
    (K.Key_Underscore, CTRL_SHIFT, "", b"\x1f"),
    (K.Key_Minus, CTRL, "", b"\x1f"),
    (K.Key_Slash, CTRL, "", b"\x1f"),
    (K.Key_Question, CTRL_SHIFT, "", b"\x7f"),
    (K.Key_2, CTRL, "", b"\x00"),
    (K.Key_3, CTRL, "", b"\x1b"),
    (K.Key_4, CTRL, "", b"\x1c"),
    (K.Key_5, CTRL, "", b"\x1d"),
    (K.Key_6, CTRL, "", b"\x1e"),
    (K.Key_7, CTRL, "", b"\x1f"),
    (K.Key_8, CTRL, "", b"\x7f"),
    (K.Key_A, PLAIN, "a", b"a"),
    (K.Key_A, SHIFT, "A", b"A"),
    (K.Key_A, ALT, "a", b"\x1ba"),
    (K.Key_Adiaeresis, PLAIN, "ä", "ä".encode()),
    (K.Key_Shift, SHIFT, "", b""),
    (K.Key_unknown, PLAIN, "", b""),
]


@pytest.mark.parametrize(("key", "modifiers", "text", "expected"), EXPECTED)
def test_key(key: Qt.Key, modifiers: Modifiers, text: str, expected: bytes) -> None:
    assert encode(key, text, modifiers, mac=False) == expected


def test_every_key_of_the_tables_is_tested() -> None:
    tested = {key for key, *_ in EXPECTED}
    tables = (keys.CURSOR_KEYS, keys.FUNCTION_LETTERS, keys.TILDE_KEYS, keys.PLAIN_KEYS)
    for table in (*tables, keys.CONTROL_SIGNS):
        assert set(table) <= tested


@pytest.mark.parametrize("key", keys.CURSOR_KEYS)
def test_application_cursor_keys(key: Qt.Key) -> None:
    letter = keys.CURSOR_KEYS[key].encode()
    assert encode(key, "", PLAIN, application_cursor=True) == b"\x1bO" + letter
    assert encode(key, "", CTRL, application_cursor=True) == b"\x1b[1;5" + letter


def test_alt_gr_types_its_sign() -> None:
    assert encode(K.Key_Q, "@", Modifiers(ctrl=True, alt=True), mac=False) == b"@"


def test_option_types_its_sign_on_a_mac() -> None:
    assert encode(K.Key_A, "å", ALT, mac=True) == "å".encode()


def test_control_with_another_alphabet() -> None:
    assert encode(0x0421, "\x03", CTRL, mac=False) == b"\x03"


def test_control_is_meta_on_a_mac() -> None:
    qt = Qt.KeyboardModifier
    assert Modifiers.of(qt.MetaModifier, mac=True) == CTRL
    assert Modifiers.of(qt.ControlModifier, mac=True) == PLAIN
    assert Modifiers.of(qt.ControlModifier | qt.ShiftModifier, mac=False) == CTRL_SHIFT


def test_an_unknown_key_number_is_no_error() -> None:
    assert encode(0x7FFFFFF1, "", PLAIN) == b""
    assert encode(0x7FFFFFF1, "x", PLAIN) == b"x"
