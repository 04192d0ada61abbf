"""Which key presses are the window's, and which are the terminal's own commands."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from gui.terminal.input.keypress import MAC

_MOD = Qt.KeyboardModifier
_KEY = Qt.Key
_CTRL_SHIFT = Qt.Modifier.CTRL | Qt.Modifier.SHIFT
_STANDARD = QKeySequence.StandardKey

COPY = QKeySequence(_STANDARD.Copy if MAC else _CTRL_SHIFT | _KEY.Key_C)
PASTE = QKeySequence(_STANDARD.Paste if MAC else _CTRL_SHIFT | _KEY.Key_V)
SELECT_ALL = QKeySequence(_STANDARD.SelectAll if MAC else _CTRL_SHIFT | _KEY.Key_A)
FIND = QKeySequence(_STANDARD.Find if MAC else _CTRL_SHIFT | _KEY.Key_F)
CLEAR_SCROLLBACK = QKeySequence(Qt.Modifier.CTRL | _KEY.Key_K if MAC else _CTRL_SHIFT | _KEY.Key_K)
PREVIOUS_PROMPT = QKeySequence(_CTRL_SHIFT | _KEY.Key_Up)
NEXT_PROMPT = QKeySequence(_CTRL_SHIFT | _KEY.Key_Down)

_ZOOM = {
    _KEY.Key_Plus: 1.0,
    _KEY.Key_Equal: 1.0,
    _KEY.Key_Minus: -1.0,
    _KEY.Key_0: 0.0,
}


def zoom(event: QKeyEvent) -> float | None:
    """Points to zoom by, 0 for the usual size, None when the key is not for zooming."""
    held = event.modifiers() & ~(_MOD.KeypadModifier | _MOD.ShiftModifier)
    if held != _MOD.ControlModifier:
        return None
    shifted = bool(event.modifiers() & _MOD.ShiftModifier)
    # On many layouts + needs Shift. Ctrl+Shift+- is Ctrl+_, which shells undo with.
    if shifted and event.key() not in (_KEY.Key_Plus, _KEY.Key_Equal):
        return None
    return next((points for key, points in _ZOOM.items() if key == event.key()), None)


def pages(event: QKeyEvent) -> int:
    """-1 or 1 for Shift+PageUp and Shift+PageDown, else 0."""
    return _step(event, _MOD.ShiftModifier, _KEY.Key_PageUp, _KEY.Key_PageDown)


def ends(event: QKeyEvent) -> int:
    """-1 or 1 for Shift+Home and Shift+End, else 0."""
    return _step(event, _MOD.ShiftModifier, _KEY.Key_Home, _KEY.Key_End)


def prompts(event: QKeyEvent) -> int:
    """-1 or 1 for Ctrl+Shift+Up and Ctrl+Shift+Down, else 0."""
    held = _MOD.ControlModifier | _MOD.ShiftModifier
    return _step(event, held, _KEY.Key_Up, _KEY.Key_Down)


def _step(event: QKeyEvent, held: Qt.KeyboardModifier, back: Qt.Key, on: Qt.Key) -> int:
    if event.modifiers() & ~_MOD.KeypadModifier != held:
        return 0
    return -1 if event.key() == back else 1 if event.key() == on else 0


def is_bound(widget: QWidget, event: QKeyEvent) -> bool:
    """Whether the widget's window has a command for a key, one that cannot be used now, too."""
    keys = QKeySequence(event.keyCombination())
    window = widget.window()
    actions = (action.shortcuts() for action in window.findChildren(QAction))
    return any(keys in some for some in actions) or any(
        keys == some.key() for some in window.findChildren(QShortcut)
    )


def is_insert(event: QKeyEvent) -> bool:
    """Whether it is one of the keys that copy and paste with Insert."""
    if MAC or event.key() != _KEY.Key_Insert:
        return False
    return event.modifiers() & ~_MOD.KeypadModifier in (_MOD.ControlModifier, _MOD.ShiftModifier)


def is_for_window(event: QKeyEvent) -> bool:
    """Ctrl+Shift with a letter, Ctrl with PageUp, PageDown or a comma, zooming; on a Mac
    all with Command.
    """
    modifiers, key = event.modifiers(), event.key()
    if MAC:
        return bool(modifiers & _MOD.ControlModifier)
    if zoom(event) is not None:
        return True
    if not modifiers & _MOD.ControlModifier or modifiers & _MOD.AltModifier:
        return False
    if key in (_KEY.Key_PageUp, _KEY.Key_PageDown, _KEY.Key_Comma):
        return True
    return bool(modifiers & _MOD.ShiftModifier) and _KEY.Key_A <= key <= _KEY.Key_Z
