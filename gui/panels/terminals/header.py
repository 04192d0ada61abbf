"""The strip above a terminal that others are in: who, who may type, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from engine.core.model import Asked, KeyboardState, Role
from engine.core.text import shown
from gui.kit import formats, people
from gui.kit.strips import ElidedLabel, restyle
from gui.kit.style import Tone
from gui.kit.widgets import IconLabel, SteadyButton, named_label

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QWidget

    from engine.core.model import LinkState, ShellInfo
    from gui.kit.icons import Icons

ROOMY = 100
"""Characters of width from which on everything is shown."""
MAX_HELD = 60
"""Characters shown of what was typed while the connection was lost."""
YOU = {Role.CONTROL: "You type", Role.VIEW: "You view"}
"""The own role, as the header's badge."""

PAUSED = "The container is paused: nothing happens until it is unpaused"


class Header(QFrame):
    """Hidden while nobody else has to do with the terminal."""

    takeWanted = Signal()
    handBackWanted = Signal()
    freezeWanted = Signal(bool)
    shareWanted = Signal()
    keepWanted = Signal()
    askWanted = Signal()
    heldDecided = Signal(bool)
    """Whether to send what was typed while the connection was lost."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("terminalHeader")
        self._icons = icons
        self._frozen = self._sharable = False
        self._picture = IconLabel(16)
        self.badge = named_label("stripTitle")
        self.people = ElidedLabel("", "", minimum=8)
        self.state = ElidedLabel("", "muted")
        self.recording = named_label("recording", "● Recording")
        self.recording.setToolTip("Everything this terminal prints is recorded")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 6, 4)
        row.setSpacing(8)
        for widget in (self._picture, self.badge, self.people, self.state):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.recording)
        self.take = self._button("Take keyboard", "Only you can type until you hand it back")
        self.back = self._button("Hand back", "Everyone who types can type again")
        self.freeze = self._button("Freeze", "", "Unfreeze")
        self.share = self._button("Share…", "Create a link to this terminal")
        self.keep = self._button("Keep open", "Do not end the terminal for want of activity")
        self.ask = self._button(
            "Ask for keyboard", "The host decides whether you may type", "Asked for keyboard"
        )
        self.send = self._button("Send", "Type it now")
        self.discard = self._button("Discard", "Forget what was typed meanwhile")
        self.ask.clicked.connect(self.askWanted)
        self.send.clicked.connect(lambda: self.heldDecided.emit(True))
        self.discard.clicked.connect(lambda: self.heldDecided.emit(False))
        self.take.clicked.connect(self.takeWanted)
        self.back.clicked.connect(self.handBackWanted)
        self.freeze.clicked.connect(lambda: self.freezeWanted.emit(not self._frozen))
        self.share.clicked.connect(self.shareWanted)
        self.keep.clicked.connect(self.keepWanted)
        for button in (self.take, self.back, self.freeze, self.share):
            row.addWidget(button)
        for button in (self.ask, self.send, self.discard, self.keep):
            button.hide()
            row.addWidget(button)
        self.hide()

    def show_shell(
        self, shell: ShellInfo, role: Role, *, watches: bool, paused: bool = False
    ) -> None:
        """A shell of this process in which we have a ``role``; ``watches``: as a viewer at
        first, who may have taken over since; ``paused``: its container is."""
        guests = people.guests(shell)
        recording = shell.recording_since is not None
        apart = watches or recording or paused or shell.keyboard is not KeyboardState.OPEN
        self._frozen = shell.keyboard is KeyboardState.FROZEN
        ours = people.host_has_keyboard(shell)
        self._icons.bind(self._picture, "eye" if role is Role.VIEW else "sessions", Tone.MUTED)
        self.badge.setText(YOU[role])
        self.people.setText(
            " · ".join(f"{people.name(one)} {people.does(one)}" for one in guests)
            or "Nobody else is here"
        )
        everyone = shell.keyboard is KeyboardState.OPEN
        self.state.setText(PAUSED if paused else "" if everyone else people.keyboard(shell))
        self.recording.setVisible(recording)
        self.take.setVisible(not ours)
        self.back.setVisible(shell.keyboard is KeyboardState.TAKEN)
        self.freeze.setText("Unfreeze" if self._frozen else "Freeze")
        self.freeze.setToolTip(
            "Guests can type again" if self._frozen else "No guest can type in this terminal"
        )
        self.freeze.setVisible(bool(guests) or self._frozen)
        self._mark(watches)
        self._sharable = True
        self._fit()
        self.setVisible(bool(guests) or apart)

    def show_link(self, state: LinkState) -> None:
        """A terminal on another host."""
        self._icons.bind(self._picture, "link", Tone.WARN if state.lost else Tone.MUTED)
        self.badge.setText(YOU[state.role])
        others = [one for one in state.people if one.id != state.participant]
        self.people.setText(
            " · ".join(
                f"{people.seen(one)} {'is typing' if one.typing else people.ROLES[one.role]}"
                for one in others
            )
            or "On another computer"
        )
        self.state.setText(_of_link(state))
        self.setToolTip(f"Code {state.code}, also on the host’s screen" if state.code else "")
        self.recording.setVisible(state.recording is not None)
        keyboard = state.keyboard
        holds = keyboard is not None and bool(keyboard.holder)
        mine = keyboard is not None and holds and keyboard.holder == state.participant
        asked = keyboard.asked if keyboard is not None else Asked.NO
        self.take.hide()
        self.freeze.hide()
        self.back.setVisible(mine)
        self.ask.setVisible(keyboard is not None and not state.may_type and not state.lost)
        self.ask.setEnabled(asked is Asked.NO and not (keyboard and keyboard.again_in))
        self.ask.setText("Asked for keyboard" if asked is Asked.WAITING else "Ask for keyboard")
        self.send.setVisible(bool(state.held))
        self.discard.setVisible(bool(state.held))
        self.keep.setVisible(state.idle is not None)
        self._sharable = False
        self._fit()
        self._mark(False)
        self.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Names come before what menus offer, too."""
        roomy = self.width() >= ROOMY * self.fontMetrics().averageCharWidth()
        self.recording.setText("● Recording" if roomy else "●")
        self.share.setVisible(self._sharable and roomy)

    def _mark(self, watching: bool) -> None:
        if self.property("watching") is not watching:
            self.setProperty("watching", watching)
            restyle(self)

    def _button(self, text: str, tip: str, *later: str) -> QPushButton:
        """``later``: texts that it may show later."""
        button = SteadyButton(text, *later)
        button.setObjectName("stripButton")
        button.setToolTip(tip)
        button.setAutoDefault(False)
        # A click leaves the keyboard with the terminal.
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button


def _of_link(state: LinkState) -> str:
    """What is to be known of a terminal on another host, the most urgent first."""
    if state.lost:
        return "Connection lost. Reconnecting…"
    if state.held:
        typed = shown(state.held.decode("utf-8", "replace"), MAX_HELD)
        return f"Typed while you were away: {typed}"
    if state.idle is not None:
        return f"Ends in {formats.duration(state.idle)}: no activity"
    keyboard = state.keyboard
    if keyboard is None or keyboard.state is KeyboardState.OPEN:
        return ""
    if keyboard.state is KeyboardState.FROZEN:
        return "The host has frozen the keyboard"
    if keyboard.holder == state.participant:
        return "You have the keyboard"
    names = (people.seen(one) for one in state.people if one.id == keyboard.holder)
    return f"{next(names, 'Somebody')} has the keyboard"
