"""What keys do: bytes for the program, scrolling, zooming; the rest is the window's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt

from gui.terminal.input import keys, shortcuts
from gui.terminal.input.keypress import MAC, KeyModes, KeyPress

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QKeyEvent

    from gui.terminal.source import Viewed
    from gui.terminal.view.program import Program
    from gui.terminal.view.scrolling import Scrolling


class Keyboard:
    """``type_in`` sends bytes someone typed, ``zoom`` changes the font by so many points.

    ``is_bound`` tells whether the window does anything at a key; ``copy`` and ``paste`` are for
    the keys with Insert.
    """

    def __init__(
        self,
        viewed: Viewed,
        program: Program,
        scrolling: Scrolling,
        *,
        type_in: Callable[[bytes], None],
        zoom: Callable[[float], object],
        is_bound: Callable[[QKeyEvent], bool],
        copy: Callable[[], None],
        paste: Callable[[], None],
    ) -> None:
        self._viewed = viewed
        self._program = program
        self._scrolling = scrolling
        self._type_in = type_in
        self._zoom = zoom
        self._is_bound = is_bound
        self._copy, self._paste = copy, paste

    def claims(self, event: QKeyEvent) -> bool:
        """Whether a key is the program's although it is a shortcut of the window.

        A shell needs nearly every key; what the window may have is listed in shortcuts.
        """
        return (
            not self._program.ended
            and not self._is_for_window(event)
            and not self._is_prompt_jump(event)
            and bool(keys.encode(KeyPress.of(event), self._modes()))
        )

    def press(self, event: QKeyEvent) -> bool:
        """A key went down; False when it means nothing here."""
        points = shortcuts.zoom(event)
        if points is not None:
            self._zoom(points)
        elif shortcuts.is_insert(event):
            self._paste() if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else self._copy()
        elif self._scrolls(event):
            self._scroll_by(event)
        else:
            return not self._is_for_window(event) and self._send(event)
        return True

    def release(self, event: QKeyEvent) -> bool:
        """A key went up: reported only to programs that asked for it (the kitty protocol)."""
        if event.isAutoRepeat() or shortcuts.is_insert(event) or self._is_for_window(event):
            return False
        return self._send(event)

    def _is_for_window(self, event: QKeyEvent) -> bool:
        """The keys kept for the window are the program's where they do nothing there."""
        return shortcuts.is_for_window(event) and (
            MAC or shortcuts.zoom(event) is not None or self._is_bound(event)
        )

    def _scrolls(self, event: QKeyEvent) -> bool:
        """On the alternate screen there is nothing to scroll."""
        scrolls = shortcuts.pages(event) or shortcuts.ends(event)
        return bool(scrolls) and not self._viewed.terminal.alternate_screen

    def _is_prompt_jump(self, event: QKeyEvent) -> bool:
        """Where no prompt is marked the key is the program's."""
        return bool(shortcuts.prompts(event)) and bool(self._viewed.terminal.prompts())

    def _scroll_by(self, event: QKeyEvent) -> None:
        if end := shortcuts.ends(event):
            self._scrolling.to_top() if end < 0 else self._scrolling.to_bottom()
        else:
            self._scrolling.by_pages(shortcuts.pages(event))

    def _send(self, event: QKeyEvent) -> bool:
        """Send the key's bytes; False when it has none."""
        press = KeyPress.of(event)
        data = keys.encode(press, self._modes())
        if not data or self._program.ended:
            return False
        if event.type() == QEvent.Type.KeyRelease or keys.is_modifier(press):
            # Nothing was typed: the view stays where it is scrolled to.
            self._program.send(data)
        else:
            self._type_in(data)
        return True

    def _modes(self) -> KeyModes:
        """What the program set that changes what keys send."""
        terminal = self._viewed.terminal
        return KeyModes(
            application_cursor=terminal.application_cursor,
            application_keypad=terminal.application_keypad,
            backspace_is_bs=terminal.backarrow_sends_backspace,
            new_line=terminal.enter_sends_newline,
            alt_sends_escape=terminal.alt_sends_escape,
            modify_other_keys=terminal.modify_other_keys,
            format_other_keys=terminal.format_other_keys,
            kitty=terminal.keyboard,
        )
