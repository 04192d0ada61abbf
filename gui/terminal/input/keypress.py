"""A key press as a terminal sees it: the same on every window system."""

from __future__ import annotations

import enum
import sys
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QGuiApplication

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

MAC = sys.platform == "darwin"
WINDOWS = sys.platform == "win32"
_Modifier = Qt.KeyboardModifier

_LOCK_BITS = {"xcb": (0x2, 0x10), "wayland": (0x2, 0x10), "windows": (0x100, 0x200)}
"""Caps Lock's and Num Lock's bit in Qt's native modifiers, by platform plugin."""
_EVDEV_OFFSET = 8
"""X11 and Wayland number keys as Linux's input layer does, plus this."""
_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
)
"""Linux's number of the first key of a row; what a US keyboard has there, plain and shifted."""
_US_PLAIN = {first + n: c for first, plain, _ in _ROWS for n, c in enumerate(plain)}
_US_UNSHIFTED = {
    shifted: plain
    for _, row, shifted_row in _ROWS
    for plain, shifted in zip(row, shifted_row, strict=True)
}


_NO_TEXT = frozenset({"Cc", "Co", "Cs"})
"""Unicode categories that are not text: control, private use, half a surrogate pair."""


class Kind(enum.IntEnum):
    """What happened to the key; the numbers are the kitty protocol's."""

    PRESS = 1
    REPEAT = 2
    RELEASE = 3


@dataclass(frozen=True, slots=True)
class Modifiers:
    """The modifiers a terminal knows, by the same names on every platform."""

    shift: bool = False
    alt: bool = False
    ctrl: bool = False
    super: bool = False
    caps_lock: bool = False
    num_lock: bool = False

    @classmethod
    def of(cls, modifiers: Qt.KeyboardModifier, mac: bool = MAC) -> Modifiers:
        # On a Mac Qt calls Command "Control", and Control "Meta".
        meta = bool(modifiers & _Modifier.MetaModifier)
        control = bool(modifiers & _Modifier.ControlModifier)
        return cls(
            shift=bool(modifiers & _Modifier.ShiftModifier),
            alt=bool(modifiers & _Modifier.AltModifier),
            ctrl=meta if mac else control,
            super=control if mac else meta,
        )

    @property
    def code(self) -> int:
        """xterm's number: 1, plus 1 for Shift, 2 for Alt, 4 for Ctrl."""
        return 1 + self.shift + 2 * self.alt + 4 * self.ctrl

    @property
    def kitty(self) -> int:
        """The kitty protocol's number: xterm's, plus 8 Super, 64 Caps Lock, 128 Num Lock."""
        return self.code + 8 * self.super + 64 * self.caps_lock + 128 * self.num_lock


@dataclass(frozen=True, slots=True)
class KeyPress:
    """One press, repeat or release.

    ``text`` is what the window system made of it, "" for a release. ``base`` is
    the character a US keyboard has on that key, "" where that is not known.
    """

    key: int
    text: str = ""
    modifiers: Modifiers = Modifiers()
    kind: Kind = Kind.PRESS
    keypad: bool = False
    base: str = ""
    right: bool = False
    """For Shift, Ctrl, Alt and Super: the one on the right."""

    @classmethod
    def of(cls, event: QKeyEvent) -> KeyPress:
        released = event.type() == QEvent.Type.KeyRelease
        repeated = Kind.REPEAT if event.isAutoRepeat() else Kind.PRESS
        platform = QGuiApplication.platformName()
        modifiers = Modifiers.of(event.modifiers())
        native = event.nativeModifiers()
        caps, num = _LOCK_BITS.get(platform, (0, 0))
        keypad = bool(event.modifiers() & _Modifier.KeypadModifier)
        evdev = event.nativeScanCode() - _EVDEV_OFFSET if platform in ("xcb", "wayland") else 0
        return cls(
            key=event.key(),
            text=event.text(),
            modifiers=Modifiers(
                modifiers.shift,
                modifiers.alt,
                modifiers.ctrl,
                modifiers.super,
                caps_lock=bool(native & caps),
                num_lock=bool(native & num),
            ),
            kind=Kind.RELEASE if released else repeated,
            # Not a Mac's arrow keys, which Qt counts as keypad keys.
            keypad=keypad and not (MAC and event.text() == ""),
            base=_US_PLAIN.get(evdev, ""),
            right=evdev in _RIGHT_KEYS,
        )

    @property
    def typed(self) -> str:
        """The text, without what only looks like text: control characters, and the
        private ones a Mac gives its function keys."""
        odd = any(unicodedata.category(char) in _NO_TEXT for char in self.text)
        return "" if odd else self.text

    def is_alt_gr(self, *, windows: bool = WINDOWS) -> bool:
        """Whether Ctrl+Alt is the AltGr of a Windows keyboard, and its text is what was typed.

        Elsewhere AltGr is a key of its own, and Ctrl+Alt with a sign is a command.
        """
        held = self.modifiers
        return windows and held.ctrl and held.alt and bool(self.typed)

    @property
    def unshifted(self) -> str:
        """The character of the key without Shift; "" when it is no character's key."""
        if not 0x20 <= self.key < 0x110000 or 0x7F <= self.key < 0xA0:
            return ""
        char = chr(self.key)
        if len(char.lower()) == 1 and char.lower() != char:
            return char.lower()
        if self.modifiers.shift and char in _US_UNSHIFTED:
            # Right where the layout has this sign on the key a US keyboard has it on.
            plain = _US_UNSHIFTED[char]
            if not self.base or self.base == plain:
                return plain
        return char


_RIGHT_KEYS = frozenset({54, 97, 100, 126})
"""Linux's numbers of the right Shift, Ctrl, Alt and Super."""


@dataclass(frozen=True, slots=True)
class KeyModes:
    """What a program set that changes what keys send; the defaults are xterm's."""

    application_cursor: bool = False
    application_keypad: bool = False
    backspace_is_bs: bool = False
    """DECBKM: the Backspace key sends BS, and DEL with Ctrl."""
    new_line: bool = False
    """LNM: Enter sends CR LF."""
    alt_sends_escape: bool = True
    """1036 and 1039: Alt puts ESC before; otherwise it sets the eighth bit."""
    modify_other_keys: int = 0
    """XTMODKEYS 4: 0 off, 1 all but well-known ones, 2 all, 3 with no modifier too."""
    format_other_keys: int = 0
    """XTFMTKEYS 4: 0 is CSI 27;modifier;code ~, 1 is CSI code;modifier u."""
    kitty: int = 0
    """The kitty protocol's flags in force; 0 is off."""
