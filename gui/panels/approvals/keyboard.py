"""Guests who ask for the keyboard: a strip for each, which no stray key can answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from engine.control.commands import DenyKeyboard, GrantKeyboard
from engine.core.text import shown
from gui.kit import people
from gui.kit.strips import ElidedLabel, Strip
from gui.kit.style import Tone

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.core.events import KeyboardAsked
    from engine.core.model import ShellInfo
    from gui.control.adapter import EngineAdapter
    from gui.control.shells import ShellBook
    from gui.kit.attention import Attention
    from gui.kit.icons import Icons


class KeyboardStrip(Strip):
    """``Ann asks for the keyboard in web-1``: ``answered`` gets whether to give it."""

    def __init__(
        self,
        icons: Icons,
        name: str,
        terminal: str,
        answered: Callable[[bool], object],
        clock: Callable[[], float],
    ) -> None:
        super().__init__(icons, "keyboard", Tone.WARN, clock)
        self.who = ElidedLabel(name, "stripTitle", minimum=12)
        self.request = ElidedLabel(f"asks for the keyboard in {terminal}", minimum=24)
        self.row.addWidget(self.who)
        self.row.addWidget(self.request)
        self.row.addStretch(1)
        self.refuse = self.button("Not now", lambda: answered(False))
        self.give = self.button("Give", lambda: answered(True), primary=True)
        self.give.setToolTip("Only this guest can type until the keyboard is handed back or taken")
        self.setAccessibleName(f"{name} {self.request.text()}")


class KeyboardRequests(QObject):
    """Shows a strip for each guest who asks, until it is answered or the guest no longer asks."""

    def __init__(
        self, adapter: EngineAdapter, icons: Icons, book: ShellBook, attention: Attention
    ) -> None:
        super().__init__(attention)
        self._adapter = adapter
        self._icons = icons
        self._book = book
        self._attention = attention
        self._strips: dict[tuple[str, str], KeyboardStrip] = {}
        adapter.keyboardAsked.connect(self._asked)
        book.changed.connect(self._shell_changed)
        book.ended.connect(self._shell_ended)

    @property
    def waiting(self) -> tuple[KeyboardStrip, ...]:
        return tuple(self._strips.values())

    def _asked(self, event: KeyboardAsked) -> None:
        key = (event.shell_id, event.participant)
        shell = self._book.shell(event.shell_id)
        if shell is None or key in self._strips:
            return
        name = shown(event.name, people.MAX_NAME) or "A guest"
        strip = self._strips[key] = KeyboardStrip(
            self._icons,
            name,
            people.title(shell),
            lambda give: self._answer(key, give),
            self._attention.clock,
        )
        self._attention.add(strip)
        window = self._attention.window()
        if not window.isActiveWindow():
            QApplication.alert(window)

    def _answer(self, key: tuple[str, str], give: bool) -> None:
        strip = self._strips.pop(key, None)
        if strip is not None:
            self._adapter.do((GrantKeyboard if give else DenyKeyboard)(*key))
            self._attention.take(strip)

    def _shell_changed(self, shell_id: str) -> None:
        shell = self._book.shell(shell_id)
        for key in [key for key in self._strips if key[0] == shell_id]:
            if shell is not None and key[1] not in shell.asking:
                self._drop(key, _outcome(shell, key[1], self._strips[key].who.text()))

    def _shell_ended(self, shell_id: str) -> None:
        for key in [key for key in self._strips if key[0] == shell_id]:
            self._drop(key, "The terminal has ended.")

    def _drop(self, key: tuple[str, str], why: str) -> None:
        strip = self._strips.pop(key, None)
        if strip is not None:
            self._attention.void(strip, why)


def _outcome(shell: ShellInfo, participant: str, name: str) -> str:
    """Why somebody no longer asks."""
    if not any(one.id == participant for one in shell.participants):
        return f"{name} has left."
    if shell.holder == participant:
        return f"{name} has the keyboard."
    return f"{name} no longer asks for the keyboard."
