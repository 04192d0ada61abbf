"""Every key sends what xterm sends, in every mode, and none is forgotten."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent

from gui.terminal.input import keymap
from gui.terminal.input.keypress import KeyModes, KeyPress, Kind, Modifiers
from gui.terminal.input.keys import encode

K = Qt.Key
PLAIN = Modifiers()
SHIFT = Modifiers(shift=True)
ALT = Modifiers(alt=True)
CTRL = Modifiers(ctrl=True)
CTRL_ALT = Modifiers(ctrl=True, alt=True)
CTRL_SHIFT = Modifiers(ctrl=True, shift=True)
ALT_SHIFT = Modifiers(alt=True, shift=True)
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
    (K.Key_Find, PLAIN, "", b"\x1b[1~"),
    (K.Key_Insert, PLAIN, "", b"\x1b[2~"),
    (K.Key_Delete, PLAIN, "\x7f", b"\x1b[3~"),
    (K.Key_Select, PLAIN, "", b"\x1b[4~"),
    (K.Key_PageUp, PLAIN, "", b"\x1b[5~"),
    (K.Key_PageDown, PLAIN, "", b"\x1b[6~"),
    (K.Key_Delete, CTRL, "", b"\x1b[3;5~"),
    (K.Key_PageUp, ALT, "", b"\x1b[5;3~"),
    (K.Key_Help, PLAIN, "", b"\x1b[28~"),
    (K.Key_Menu, PLAIN, "", b"\x1b[29~"),
    (K.Key_F1, PLAIN, "", b"\x1bOP"),
    (K.Key_F2, PLAIN, "", b"\x1bOQ"),
    (K.Key_F3, PLAIN, "", b"\x1bOR"),
    (K.Key_F4, PLAIN, "", b"\x1bOS"),
    (K.Key_F1, SHIFT, "", b"\x1b[1;2P"),
    (K.Key_F4, CTRL, "", b"\x1b[1;5S"),
    *(
        (K(K.Key_F5.value + offset), PLAIN, "", b"\x1b[%d~" % number)
        for offset, number in enumerate(
            (15, 17, 18, 19, 20, 21, 23, 24, 25, 26, 28, 29, 31, 32, 33, 34, *range(42, 57))
        )
    ),
    (K.Key_F5, CTRL_SHIFT, "", b"\x1b[15;6~"),
    (K.Key_F24, ALT, "", b"\x1b[45;3~"),
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
    (K.Key_C, CTRL_ALT, "\x03", b"\x1b\x03"),
    (K.Key_At, CTRL_SHIFT, "", b"\x00"),
    (K.Key_QuoteLeft, CTRL, "", b"\x00"),
    (K.Key_BracketLeft, CTRL, "", b"\x1b"),
    (K.Key_BraceLeft, CTRL_SHIFT, "", b"\x1b"),
    (K.Key_Backslash, CTRL, "", b"\x1c"),
    (K.Key_Bar, CTRL_SHIFT, "", b"\x1c"),
    (K.Key_BracketRight, CTRL, "", b"\x1d"),
    (K.Key_BraceRight, CTRL_SHIFT, "", b"\x1d"),
    (K.Key_AsciiCircum, CTRL_SHIFT, "", b"\x1e"),
    (K.Key_AsciiTilde, CTRL_SHIFT, "", b"\x1e"),
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
    assert encode(KeyPress(key, text, modifiers), mac=False) == expected


def test_every_key_of_the_tables_is_tested() -> None:
    tested = {key for key, *_ in EXPECTED}
    tables = (keymap.CURSOR_KEYS, keymap.FUNCTION_LETTERS, keymap.TILDE_KEYS, keymap.PLAIN_KEYS)
    for table in (*tables, keymap.CONTROL_SIGNS):
        assert set(table) <= tested


def _between(first: Qt.Key, last: Qt.Key) -> frozenset[Qt.Key]:
    return frozenset(key for key in Qt.Key if first.value <= key.value <= last.value)


UNSENT: dict[str, frozenset[Qt.Key]] = {
    "composes: the window system sends the finished character": frozenset(
        {*_between(K.Key_Dead_Grave, K.Key_Dead_Longsolidusoverlay), K.Key_Multi_key}
    ),
    "an input method's: it commits text": _between(K.Key_Kanji, K.Key_Hangul_Special),
    "turns the writing direction of text fields": frozenset({K.Key_Direction_L, K.Key_Direction_R}),
    "the desktop's or a browser's": frozenset(
        {
            *_between(K.Key_Back, K.Key_Refresh),
            *_between(K.Key_BassBoost, K.Key_TrebleDown),
            *_between(K.Key_HomePage, K.Key_Redo),
            K.Key_MediaLast,
        }
    )
    - keymap.KITTY_CODES.keys()
    - keymap.TILDE_KEYS.keys(),
    "a telephone's, a remote control's or a camera's": frozenset(
        {
            *_between(K.Key_Yes, K.Key_No),
            *_between(K.Key_Cancel, K.Key_Exit),
            *_between(K.Key_Context1, K.Key_CameraFocus),
        }
    )
    - keymap.KITTY_CODES.keys(),
    "Qt knows no name for it: its text counts": frozenset({K.Key_unknown}),
}
"""Keys that send nothing, by reason."""


def types_text(key: Qt.Key) -> bool:
    """Whether it is a character's key: what it sends is the text the window system made."""
    return 0x20 <= key.value <= 0xFF


@pytest.mark.parametrize("key", Qt.Key, ids=lambda key: key.name)
def test_no_key_of_qts_is_forgotten(key: Qt.Key) -> None:
    """Each sends something, types text, changes others, or has a reason not to."""
    xterm = key in keymap.CURSOR_KEYS | keymap.FUNCTION_LETTERS | keymap.TILDE_KEYS
    sends = xterm or key in keymap.PLAIN_KEYS or key in keymap.KITTY_CODES
    reasons = [reason for reason, keys in UNSENT.items() if key in keys]
    assert len(reasons) <= 1
    assert bool(reasons) != (sends or types_text(key)), reasons
    if xterm or key in keymap.PLAIN_KEYS:
        assert encode(KeyPress(key))
    if sends:
        assert encode(KeyPress(key), KeyModes(kitty=0b1111)) or key is Qt.Key.Key_Find or xterm
    if reasons:
        for kitty in (0, 1, 31):
            assert encode(KeyPress(key), KeyModes(kitty=kitty)) == b""
    if types_text(key):
        text = chr(key.value)
        assert encode(KeyPress(key, text)) == text.encode()


# -- modes


@pytest.mark.parametrize("key", keymap.CURSOR_KEYS)
def test_application_cursor_keys(key: Qt.Key) -> None:
    letter = keymap.CURSOR_KEYS[key].encode()
    modes = KeyModes(application_cursor=True)
    assert encode(KeyPress(key), modes) == b"\x1bO" + letter
    assert encode(KeyPress(key, "", CTRL), modes) == b"\x1b[1;5" + letter


@pytest.mark.parametrize(("key", "letter"), keymap.APPLICATION_KEYPAD.items())
def test_application_keypad(key: Qt.Key, letter: str) -> None:
    modes = KeyModes(application_keypad=True)
    text = "\r" if key is Qt.Key.Key_Enter else chr(key.value)
    assert encode(KeyPress(key, text, keypad=True), modes) == f"\x1bO{letter}".encode()
    assert encode(KeyPress(key, text), modes) == text.encode()
    assert encode(KeyPress(key, text, keypad=True)) == text.encode()
    locked = KeyPress(key, text, Modifiers(num_lock=True), keypad=True)
    assert encode(locked, modes) == text.encode()
    shifted = KeyPress(key, text, SHIFT, keypad=True)
    assert encode(shifted, modes) == f"\x1bO2{letter}".encode()


def test_backspace_and_enter_have_modes() -> None:
    modes = KeyModes(backspace_is_bs=True, new_line=True)
    assert encode(KeyPress(K.Key_Backspace), modes) == b"\b"
    assert encode(KeyPress(K.Key_Backspace, "", CTRL), modes) == b"\x7f"
    assert encode(KeyPress(K.Key_Return, "\r"), modes) == b"\r\n"


def test_alt_can_set_the_eighth_bit() -> None:
    modes = KeyModes(alt_sends_escape=False)
    assert encode(KeyPress(K.Key_A, "a", ALT), modes, mac=False) == "á".encode()
    assert encode(KeyPress(K.Key_Aacute, "á", ALT), modes, mac=False) == b"\x1b" + "á".encode()


@pytest.mark.parametrize(
    ("level", "key", "text", "modifiers", "expected"),
    [
        (1, K.Key_I, "\t", CTRL, b"\t"),
        (1, K.Key_Tab, "\t", CTRL, b"\x1b[27;5;9~"),
        (1, K.Key_Tab, "\t", PLAIN, b"\t"),
        (1, K.Key_Backtab, "", SHIFT, b"\x1b[Z"),
        (1, K.Key_Return, "\r", SHIFT, b"\x1b[27;2;13~"),
        (1, K.Key_1, "1", CTRL, b"\x1b[27;5;49~"),
        (1, K.Key_3, "\x1b", CTRL, b"\x1b"),
        (1, K.Key_Semicolon, ";", CTRL, b"\x1b[27;5;59~"),
        (1, K.Key_A, "a", ALT, b"\x1ba"),
        (1, K.Key_Backspace, "", CTRL, b"\b"),
        (1, K.Key_Exclam, "!", SHIFT, b"!"),
        (2, K.Key_I, "\t", CTRL, b"\x1b[27;5;105~"),
        (2, K.Key_I, "\t", CTRL_SHIFT, b"\x1b[27;6;73~"),
        (2, K.Key_A, "a", ALT, b"\x1b[27;3;97~"),
        (2, K.Key_A, "A", ALT_SHIFT, b"\x1b[27;4;65~"),
        (2, K.Key_A, "A", SHIFT, b"A"),
        (2, K.Key_Space, " ", SHIFT, b"\x1b[27;2;32~"),
        (2, K.Key_Escape, "", CTRL, b"\x1b[27;5;27~"),
        (2, K.Key_Return, "\r", PLAIN, b"\r"),
        (2, K.Key_Backtab, "", SHIFT, b"\x1b[Z"),
        (2, K.Key_Up, "", CTRL, b"\x1b[1;5A"),
        (2, K.Key_Shift, "", SHIFT, b""),
    ],
)
def test_modify_other_keys(
    level: int, key: Qt.Key, text: str, modifiers: Modifiers, expected: bytes
) -> None:
    modes = KeyModes(modify_other_keys=level)
    assert encode(KeyPress(key, text, modifiers), modes, mac=False) == expected


# -- layouts


def test_alt_gr_types_its_sign() -> None:
    for modes in (KeyModes(), KeyModes(modify_other_keys=2), KeyModes(kitty=1)):
        assert encode(KeyPress(K.Key_Q, "@", CTRL_ALT), modes, windows=True) == b"@"


@pytest.mark.parametrize(
    ("key", "text", "modes", "expected"),
    [
        (K.Key_Period, ".", KeyModes(), b"\x1b."),
        (K.Key_Slash, "/", KeyModes(), b"\x1b\x1f"),
        (K.Key_Comma, ",", KeyModes(), b"\x1b,"),
        (K.Key_A, "\x01", KeyModes(), b"\x1b\x01"),
        (K.Key_Period, ".", KeyModes(modify_other_keys=2), b"\x1b[27;7;46~"),
        (K.Key_Period, ".", KeyModes(kitty=1), b"\x1b[46;7u"),
        (K.Key_At, "@", KeyModes(kitty=1), b"\x1b[64;7u"),
    ],
)
def test_control_and_alt_are_a_command_where_alt_gr_is_a_key_of_its_own(
    key: Qt.Key, text: str, modes: KeyModes, expected: bytes
) -> None:
    assert encode(KeyPress(key, text, CTRL_ALT), modes, mac=False, windows=False) == expected


def test_option_types_its_sign_on_a_mac() -> None:
    assert encode(KeyPress(K.Key_A, "å", ALT), mac=True) == "å".encode()


def test_control_with_another_alphabet() -> None:
    assert encode(KeyPress(0x0421, "\x03", CTRL), mac=False) == b"\x03"


def test_control_is_meta_on_a_mac() -> None:
    qt = Qt.KeyboardModifier
    assert Modifiers.of(qt.MetaModifier, mac=True) == CTRL
    assert Modifiers.of(qt.ControlModifier, mac=True) == Modifiers(super=True)
    assert Modifiers.of(qt.ControlModifier | qt.ShiftModifier, mac=False) == CTRL_SHIFT


def test_an_unknown_key_number_is_no_error() -> None:
    for modes in (KeyModes(), KeyModes(kitty=31), KeyModes(modify_other_keys=2)):
        assert encode(KeyPress(0x7FFFFFF1), modes) == b""
    assert encode(KeyPress(0x7FFFFFF1, "x")) == b"x"


def test_a_dead_key_sends_nothing_and_what_it_composes_is_text() -> None:
    assert encode(KeyPress(K.Key_Dead_Acute)) == b""
    assert encode(KeyPress(K.Key_Eacute, "é")) == "é".encode()


def test_a_press_is_read_off_qts_event() -> None:
    qt = Qt.KeyboardModifier
    held = qt.ShiftModifier | qt.KeypadModifier
    event = QKeyEvent(QEvent.Type.KeyRelease, K.Key_5, held, "5", False)
    press = KeyPress.of(event)
    assert press == KeyPress(K.Key_5, "5", SHIFT, Kind.RELEASE, keypad=True)
    again = QKeyEvent(QEvent.Type.KeyPress, K.Key_A, qt.NoModifier, "a", True)
    assert KeyPress.of(again).kind is Kind.REPEAT


# -- the kitty protocol: flags, press, expected; from its specification


def press(
    key: Qt.Key, text: str = "", held: Modifiers = PLAIN, kind: Kind = Kind.PRESS, **more: bool
) -> KeyPress:
    return KeyPress(key, text, held, kind, **more)


REPEAT, RELEASE = Kind.REPEAT, Kind.RELEASE
KITTY: list[tuple[int, KeyPress, bytes]] = [
    # 1: disambiguate
    (1, press(K.Key_A, "a"), b"a"),
    (1, press(K.Key_A, "A", SHIFT), b"A"),
    (1, press(K.Key_A, "", CTRL), b"\x1b[97;5u"),
    (1, press(K.Key_A, "a", ALT), b"\x1b[97;3u"),
    (1, press(K.Key_A, "A", ALT_SHIFT), b"\x1b[97;4u"),
    (1, press(K.Key_I, "\t", CTRL), b"\x1b[105;5u"),
    (1, press(K.Key_Escape, "\x1b"), b"\x1b[27u"),
    (1, press(K.Key_Return, "\r"), b"\r"),
    (1, press(K.Key_Return, "\r", SHIFT), b"\x1b[13;2u"),
    (1, press(K.Key_Tab, "\t"), b"\t"),
    (1, press(K.Key_Backtab, "", SHIFT), b"\x1b[9;2u"),
    (1, press(K.Key_Backspace, "\b"), b"\x7f"),
    (1, press(K.Key_Backspace, "", CTRL), b"\x1b[127;5u"),
    (1, press(K.Key_Up), b"\x1b[A"),
    (1, press(K.Key_Up, "", CTRL), b"\x1b[1;5A"),
    (1, press(K.Key_F1), b"\x1b[P"),
    (1, press(K.Key_F3), b"\x1b[13~"),
    (1, press(K.Key_F3, "", SHIFT), b"\x1b[13;2~"),
    (1, press(K.Key_F12), b"\x1b[24~"),
    (1, press(K.Key_F13), b"\x1b[57376u"),
    (1, press(K.Key_F35), b"\x1b[57398u"),
    (1, press(K.Key_Delete, "\x7f"), b"\x1b[3~"),
    (1, press(K.Key_Space, " "), b" "),
    (1, press(K.Key_Space, " ", CTRL), b"\x1b[32;5u"),
    (1, press(K.Key_5, "5", keypad=True), b"5"),
    (1, press(K.Key_Home, "", keypad=True), b"\x1b[57423u"),
    (1, press(K.Key_Enter, "\r", keypad=True), b"\x1b[57414u"),
    (1, press(K.Key_Shift, "", SHIFT), b""),
    (1, press(K.Key_A, "", kind=RELEASE), b""),
    (1, press(K.Key_A, "a", Modifiers(super=True)), b"\x1b[97;9u"),
    (1, press(K.Key_A, "", Modifiers(ctrl=True, caps_lock=True, num_lock=True)), b"\x1b[97;197u"),
    # 2: event types
    (3, press(K.Key_A, "a", kind=REPEAT), b"a"),
    (3, press(K.Key_A, "", kind=RELEASE), b"\x1b[97;1:3u"),
    (3, press(K.Key_A, "", CTRL, REPEAT), b"\x1b[97;5:2u"),
    (3, press(K.Key_Up, "", kind=RELEASE), b"\x1b[1;1:3A"),
    (3, press(K.Key_Return, "\r", kind=RELEASE), b""),
    (2, press(K.Key_Up), b"\x1b[A"),
    (2, press(K.Key_A, "", CTRL), b"\x01"),
    (2, press(K.Key_Up, "", kind=RELEASE), b"\x1b[1;1:3A"),
    # 4: alternate keys
    (5, press(K.Key_A, "", CTRL_SHIFT), b"\x1b[97:65;6u"),
    (5, KeyPress(0x0421, "\x03", CTRL, base="c"), b"\x1b[1089::99;5u"),
    (5, press(K.Key_Exclam, "!", ALT_SHIFT), b"\x1b[49:33;4u"),
    # 8: all keys
    (8, press(K.Key_A, "a"), b"\x1b[97u"),
    (8, press(K.Key_A, "A", SHIFT), b"\x1b[97;2u"),
    (8, press(K.Key_Return, "\r"), b"\x1b[13u"),
    (8, press(K.Key_Shift, "", SHIFT), b"\x1b[57441;2u"),
    (8, KeyPress(K.Key_Shift, "", SHIFT, right=True), b"\x1b[57447;2u"),
    (8, press(K.Key_5, "5", keypad=True), b"\x1b[57404u"),
    (10, press(K.Key_Return, "\r", kind=RELEASE), b"\x1b[13;1:3u"),
    (8, press(K.Key_VolumeUp), b"\x1b[57439u"),
    # 16: associated text
    (24, press(K.Key_A, "a"), b"\x1b[97;;97u"),
    (24, press(K.Key_A, "A", SHIFT), b"\x1b[97;2;65u"),
    (31, press(K.Key_A, "A", SHIFT), b"\x1b[97:65;2;65u"),
    (31, press(K.Key_A, "a", kind=REPEAT), b"\x1b[97;1:2;97u"),
    (31, press(K.Key_A, "", kind=RELEASE), b"\x1b[97;1:3u"),
    (24, press(K.Key_Return, "\r"), b"\x1b[13u"),
]


@pytest.mark.parametrize(("flags", "pressed", "expected"), KITTY)
def test_the_kitty_protocol(flags: int, pressed: KeyPress, expected: bytes) -> None:
    assert encode(pressed, KeyModes(kitty=flags), mac=False) == expected
