"""A terminal's commands: their shortcuts, and the right-click menu that lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QMenu

from gui.terminal.input import shortcuts
from gui.terminal.view.fit import Oversize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PySide6.QtGui import QKeySequence
    from PySide6.QtWidgets import QWidget

    from gui.terminal.interaction.hover import Hover
    from gui.terminal.source import Viewed
    from gui.terminal.text.selection import Selection
    from gui.terminal.view.fit import Fit
    from gui.terminal.view.program import Program

_COMMANDS: tuple[tuple[str, str, QKeySequence | None], ...] = (
    ("copy", "&Copy", shortcuts.COPY),
    ("copy_html", "Copy as &HTML", None),
    ("paste", "&Paste", shortcuts.PASTE),
    ("select_all", "Select &All", shortcuts.SELECT_ALL),
    ("find", "&Find…", shortcuts.FIND),
    ("previous_prompt", "Pre&vious Prompt", shortcuts.PREVIOUS_PROMPT),
    ("next_prompt", "&Next Prompt", shortcuts.NEXT_PROMPT),
    ("fit", "&Shrink to Fit", None),
    ("clear", "Clear Sc&rollback", shortcuts.CLEAR_SCROLLBACK),
    ("reset", "Reset &Terminal", None),
)
_GROUPS = (
    ("copy", "copy_html", "paste"),
    ("select_all", "find"),
    ("previous_prompt", "next_prompt"),
    ("clear", "reset"),
)
_OF_A_SHELL = ("fit",)
"""Of a terminal that has not always the size that fits."""


class Menu:
    """``commands`` has a callable for every name in _COMMANDS. Their shortcuts act in ``owner``."""

    def __init__(
        self,
        viewed: Viewed,
        program: Program,
        selection: Selection,
        hover: Hover,
        fit: Fit,
        commands: Mapping[str, Callable[[], object]],
        owner: QWidget,
    ) -> None:
        self._viewed = viewed
        self._program = program
        self._selection = selection
        self._hover = hover
        self._fit = fit
        self._owner = owner
        self._address = ""
        """Of the link the menu was opened on."""
        self._open_link = self._action("&Open Link", self._open)
        self._copy_link = self._action("Copy &Link Address", self._copy)
        self._actions = {
            name: self._action(text, commands[name], keys) for name, text, keys in _COMMANDS
        }
        self._actions["fit"].setCheckable(True)

    def _action(
        self, text: str, command: Callable[[], object], keys: QKeySequence | None = None
    ) -> QAction:
        action = QAction(text, self._owner)
        action.setShortcutVisibleInContextMenu(True)
        if keys is not None:
            action.setShortcut(keys)
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(lambda: command())
        self._owner.addAction(action)
        return action

    def at(self, position: QPoint | None = None) -> QMenu:
        """The menu for a position in the viewport. The caller opens it, it deletes itself."""
        menu = QMenu(self._owner)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        link = self._hover.link_at(position.toPointF()) if position is not None else None
        self._address = link.uri if link is not None else ""
        if link is not None:
            menu.addActions([self._open_link, self._copy_link])
            menu.addSeparator()
        actions = self._actions
        for name, enabled in self._enabled().items():
            actions[name].setEnabled(enabled)
        actions["fit"].setChecked(self._fit.oversize is Oversize.FIT)
        for group in _GROUPS if self._viewed.is_own else (*_GROUPS, _OF_A_SHELL):
            menu.addActions([actions[name] for name in group])
            menu.addSeparator()
        # Once it is closed the shortcuts act again, selection or not.
        menu.aboutToHide.connect(self._enable_all)
        return menu

    def _enabled(self) -> dict[str, bool]:
        selected = self._selection.range is not None
        prompts = bool(self._viewed.terminal.prompts())
        return {
            "copy": selected,
            "copy_html": selected,
            "paste": self._program.accepts,
            "previous_prompt": prompts,
            "next_prompt": prompts,
            # Of a shell's own terminal others see the same.
            "clear": self._viewed.is_own,
            "reset": self._viewed.is_own,
        }

    def _enable_all(self) -> None:
        for action in self._actions.values():
            action.setEnabled(True)

    def _open(self) -> None:
        self._hover.open(self._address)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._address)
