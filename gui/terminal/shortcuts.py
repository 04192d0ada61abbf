"""Which key presses belong to the window, which to the terminal's own commands.

Owns that division. Does not own what the rest of the keys send (keys).
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

from gui.terminal import keys

_MOD = Qt.KeyboardModifier
_CTRL_SHIFT = Qt.Modifier.CTRL | Qt.Modifier.SHIFT
_STANDARD = QKeySequence.StandardKey

COPY = QKeySequence(_STANDARD.Copy if keys.MAC else _CTRL_SHIFT | Qt.Key.Key_C)
PASTE = QKeySequence(_STANDARD.Paste if keys.MAC else _CTRL_SHIFT | Qt.Key.Key_V)
SELECT_ALL = QKeySequence(_STANDARD.SelectAll if keys.MAC else _CTRL_SHIFT | Qt.Key.Key_A)
CLEAR_SCROLLBACK = QKeySequence(
    Qt.Modifier.CTRL | Qt.Key.Key_K if keys.MAC else _CTRL_SHIFT | Qt.Key.Key_K
)

_ZOOM = {
    Qt.Key.Key_Plus: 1.0,
    Qt.Key.Key_Equal: 1.0,
    Qt.Key.Key_Minus: -1.0,
    Qt.Key.Key_0: 0.0,
}


def zoom(event: QKeyEvent) -> float | None:
    """Points to zoom by, 0 for the usual size, None when the key is not for zooming."""
    held = event.modifiers() & ~(_MOD.KeypadModifier | _MOD.ShiftModifier)
    if held != _MOD.ControlModifier:
        return None
    shifted = bool(event.modifiers() & _MOD.ShiftModifier)
    # On many layouts + needs Shift. Ctrl+Shift+- is Ctrl+_, which shells undo with.
    if shifted and event.key() not in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
        return None
    return _ZOOM.get(Qt.Key(event.key()))


def pages(event: QKeyEvent) -> int:
    """-1 or 1 for Shift+PageUp and Shift+PageDown, else 0."""
    if event.modifiers() & ~_MOD.KeypadModifier != _MOD.ShiftModifier:
        return 0
    return {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1}.get(Qt.Key(event.key()), 0)


def is_for_window(event: QKeyEvent) -> bool:
    """Ctrl+Shift with a letter, Ctrl+PageUp/PageDown, zooming; on a Mac all with Command."""
    modifiers, key = event.modifiers(), event.key()
    if keys.MAC:
        return bool(modifiers & _MOD.ControlModifier)
    if zoom(event) is not None:
        return True
    if not modifiers & _MOD.ControlModifier:
        return False
    if key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
        return True
    return bool(modifiers & _MOD.ShiftModifier) and Qt.Key.Key_A <= key <= Qt.Key.Key_Z
