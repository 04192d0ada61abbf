"""A terminal tab: a terminal widget, its connection, and who else is in the terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QProgressBar, QStackedLayout, QVBoxLayout, QWidget

from engine.control.commands import EndShell, Freeze, OpenKeyboard, TakeKeyboard
from engine.core.model import LOCAL_TARGET, KeyboardState, Role, Size
from engine.core.text import shown
from gui.kit import people
from gui.kit.widgets import named_label
from gui.panels.terminals.connection import Connection
from gui.panels.terminals.header import Header
from gui.panels.terminals.ways import Reports, Way, own_shell
from gui.terminal.widget import TerminalWidget

if TYPE_CHECKING:
    from PySide6.QtGui import QHideEvent, QShowEvent

    from engine.core.model import LinkState, ParticipantInfo, ShellInfo
    from gui.control.adapter import EngineAdapter
    from gui.control.shells import ShellBook
    from gui.kit.icons import Icons
    from gui.panels.terminals.connection import Line

MakeWidget = Callable[[], TerminalWidget]
WATCHING = "You are watching. Choose “Take keyboard” to type."


class TerminalTab(QWidget):
    """One terminal, from connecting to ended, and again when reconnected.

    ``way``: how it gets its terminal, by default as a new shell of this process in the target.
    ``watches``: it only watches a running shell, until it takes the keyboard.
    """

    titleChanged = Signal(str)
    stateChanged = Signal()
    rang = Signal()
    noted = Signal(str, str)
    """A program's note, or a sentence of another host: title and text."""
    shareWanted = Signal(str)
    """The id of the shell."""
    closeWanted = Signal()

    def __init__(
        self,
        adapter: EngineAdapter,
        icons: Icons,
        book: ShellBook,
        make_widget: MakeWidget,
        target_id: str,
        way: Way | None = None,
        *,
        watches: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._adapter = adapter
        self._book = book
        self._way = way or own_shell(adapter, target_id)
        self.target_id = target_id
        self.watches = watches
        self.paused = False
        """Whether its container is."""
        self._program_title = ""
        self.title = self._title()
        self.notice = ""
        """Why there is no terminal, for the user; "" while there is one."""
        self._connection: Connection | None = None
        self._takes = self._shut = False
        self._size = Size()
        self.header = Header(icons)
        self.terminal = make_widget()
        self.overlay = self._connecting_overlay()
        # The overlay lies above the terminal, which so has its size before it connects.
        body = QWidget(self)
        self._stack = QStackedLayout(body)
        self._stack.setStackingMode(QStackedLayout.StackingMode.StackAll)
        self._stack.addWidget(self.terminal)
        self._stack.addWidget(self.overlay)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(body, 1)
        self.setFocusProxy(self.terminal)
        self._connect()

    def _connect(self) -> None:
        terminal, header = self.terminal, self.header
        terminal.typed.connect(self._typed)
        terminal.resized.connect(self._resized)
        terminal.rendered.connect(self._rendered)
        terminal.titleChanged.connect(self._retitle)
        terminal.lookChanged.connect(self._say_look)
        terminal.bell.connect(self.rang)
        terminal.notified.connect(self._note)
        header.takeWanted.connect(self.take_keyboard)
        header.handBackWanted.connect(self.hand_back)
        header.freezeWanted.connect(self.freeze)
        header.shareWanted.connect(lambda: self.shareWanted.emit(self.shell_id))
        header.keepWanted.connect(self._keep)
        header.askWanted.connect(lambda: self._ask_keyboard(True))
        header.heldDecided.connect(self._decide_held)
        self._book.changed.connect(self._shell_changed)

    # -- what it is

    @property
    def icon(self) -> str:
        """The name of its icon."""
        if self._way.icon:
            return self._way.icon
        return "computer" if self.target_id == LOCAL_TARGET else "container"

    @property
    def elsewhere(self) -> bool:
        """Whether its terminal is on another host."""
        return self._way.elsewhere

    @property
    def line(self) -> Line | None:
        """The engine's terminal while connected."""
        return self._connection.line if self._connection is not None else None

    @property
    def connected(self) -> bool:
        return self.line is not None

    @property
    def connecting(self) -> bool:
        return self._connection is not None and self._connection.opening

    @property
    def waits_for(self) -> str:
        """What is shown while it connects."""
        return self._wait_words.text()

    @property
    def session_id(self) -> str:
        """Of a terminal that is connected as a peer; "" of others."""
        return "" if self.line is None else self.line.session_id

    @property
    def shell_id(self) -> str:
        """Of a shell in this process, while attached; "" otherwise."""
        place = self._connection.place if self._connection is not None else None
        return "" if place is None else place.shell_id

    @property
    def participant(self) -> str:
        """Its place in that shell."""
        place = self._connection.place if self._connection is not None else None
        return "" if place is None else place.participant

    @property
    def shell(self) -> ShellInfo | None:
        return self._book.shell(self.shell_id) if self.shell_id else None

    @property
    def guests(self) -> tuple[ParticipantInfo, ...]:
        """Who else is in its shell, tabs of this window aside."""
        shell = self.shell
        return () if shell is None else people.guests(shell)

    @property
    def ends_shell(self) -> bool:
        """Whether its shell ends with it, when no guest is in it: it is an own one, and no other
        tab has it."""
        shell = self.shell
        if shell is None or not shell.own or self.watches:
            return False
        others = (one for one in shell.participants if one.id != self.participant)
        return not any(one.kind.is_host for one in others)

    # -- what it does

    def connect_terminal(self) -> None:
        """Open the terminal, or open it anew after it ended."""
        if self.connecting or self.connected:
            return
        if self._connection is not None:
            # What the former one may still report is not for this one.
            self._connection.drop()
            self.terminal.show_source(None)
            self.terminal.clear()
        self.notice = ""
        self.header.hide()
        self._wait(f"Connecting to {shown(self.target_id)}…")
        reports = Reports(self.terminal, self._refused, self._link_changed, self._host_says)
        self._connection = Connection(
            self._adapter,
            self._way.open(reports),
            self._size,
            output=self.terminal.feed,
            ended=self._ended,
            settled=self._settled,
            after=self._way.after,
        )
        self._connection.seen(self.isVisible())
        self.stateChanged.emit()

    def _come_back(self) -> None:
        """To the place on another host that was taken from elsewhere."""
        if self._connection is None:
            return
        self.notice = ""
        self.terminal.clear()
        self._wait("Coming back…")
        self._connection.come_back()
        self.stateChanged.emit()

    def _wait(self, words: str) -> None:
        self._wait_words.setText(words)
        self.overlay.show()
        self._stack.setCurrentWidget(self.overlay)

    def shut(self, *, keep: bool = False) -> None:
        """Let go of the terminal, whatever state it is in. The tab cannot be used afterwards.

        Its shell ends with it, unless ``keep`` or others are in it (``ends_shell``).
        """
        if self._shut:
            return
        self._shut = True
        shell_id, ends = self.shell_id, self.ends_shell and not self.guests and not keep
        self._book.changed.disconnect(self._shell_changed)
        if self._connection is not None:
            self._connection.drop()
        if ends:
            self._adapter.do(EndShell(shell_id))

    def target_renamed(self, target_id: str) -> None:
        """Its container has another id now: the next shell is in that one, too."""
        self.target_id = target_id
        if self._way.renamed is not None:
            self._way = self._way.renamed(target_id)
        self._retitle(self._program_title)

    def target_paused(self, paused: bool) -> None:
        """Its container is paused, or goes on."""
        if paused is not self.paused:
            self.paused = paused
            self._show_shell()
            self.stateChanged.emit()

    def end(self) -> None:
        """End the terminal, whoever else is in it, and shut the tab."""
        shell_id = self.shell_id
        self.shut(keep=True)
        if shell_id:
            self._adapter.do(EndShell(shell_id))

    def take_keyboard(self) -> None:
        if self.shell_id:
            self._adapter.do(TakeKeyboard(self.shell_id, self.participant))

    def take_when_connected(self) -> None:
        """Take the keyboard as soon as it is attached."""
        self._takes = True

    def hand_back(self) -> None:
        if self.shell_id:
            self._adapter.do(OpenKeyboard(self.shell_id))
        else:
            self._ask_keyboard(False)

    @property
    def return_link(self) -> str:
        """The personal link by which one comes back to this place of another host from another
        device; "" where there is none."""
        link = self._connection.link if self._connection is not None else None
        return "" if link is None else link.return_link()

    def freeze(self, on: bool) -> None:
        """No guest types in its shell, or they do again."""
        if self.shell_id:
            self._adapter.do(Freeze(self.shell_id, on))

    # -- what happens

    def _settled(self) -> None:
        if self._connection is not None and self._connection.screen is not None:
            self.terminal.show_source(self._connection.screen)
            self._say_look()
        # Focus stays where it is: meanwhile the user may be typing elsewhere.
        self.overlay.hide()
        if self._takes and self.connected:
            self.take_keyboard()
        self._takes = False
        self._show_shell()
        self.stateChanged.emit()

    def _ended(self, notice: str) -> None:
        self.notice = notice
        self.header.hide()
        self.terminal.set_read_only("")
        if self._connection is not None and self._connection.may_come_back:
            self.terminal.set_ended(notice, "Come back here", self._come_back)
        elif self._way.again:
            self.terminal.set_ended(notice, self._way.again, self.connect_terminal)
        else:
            self.terminal.set_ended(notice, "Close tab", self.closeWanted.emit)
        self.stateChanged.emit()

    def _shell_changed(self, shell_id: str) -> None:
        if shell_id == self.shell_id:
            self._show_shell()

    def _show_shell(self) -> None:
        shell = self.shell
        if shell is None:
            return
        me = next((one for one in shell.participants if one.id == self.participant), None)
        # The engine has not told of us yet.
        first = Role.VIEW if self.watches else Role.CONTROL
        role = first if me is None else me.role
        self.header.show_shell(shell, role, watches=self.watches, paused=self.paused)
        reason = WATCHING if role is Role.VIEW else ""
        if self.terminal.read_only != reason:
            self.terminal.set_read_only(reason)
        self.stateChanged.emit()

    def _link_changed(self, state: LinkState) -> None:
        if state.target and state.target != self.target_id:
            self.target_id = state.target
            self._retitle("")
        if state.approval == "waiting":
            code = f" Code {shown(state.code)}" if state.code else ""
            self._wait_words.setText(f"Waiting for the host to let you in.{code}")
        elif state.approval == "denied":
            self._wait_words.setText("The host has not let you in.")
        self.header.show_link(state)
        reason = "" if state.may_type else _refusal(state)
        if self.terminal.read_only != reason:
            self.terminal.set_read_only(reason)

    def _ask_keyboard(self, on: bool) -> None:
        """Of another host."""
        link = self._connection.link if self._connection is not None else None
        if link is not None:
            link.ask_keyboard(on)

    def _decide_held(self, send: bool) -> None:
        link = self._connection.link if self._connection is not None else None
        if link is not None:
            (link.send_held if send else link.discard_held)()

    def _host_says(self, text: str) -> None:
        self.noted.emit(f"Message from the host of {shown(self.target_id)}", shown(text))

    def _refused(self, reason: str) -> None:
        """The shell did not take a key."""
        self.terminal.hint.present(shown(reason))

    def _keep(self) -> None:
        if self.line is not None:
            self.line.keep()

    def _typed(self, data: bytes) -> None:
        if self._connection is not None:
            self._connection.send(data)

    def _resized(self, cols: int, rows: int) -> None:
        with contextlib.suppress(ValueError):
            self._size = Size(cols, rows)
        if self._connection is not None:
            self._connection.resize(self._size)

    def _say_look(self) -> None:
        place = self._connection.place if self._connection is not None else None
        if place is not None:
            place.look(self.terminal, leads=not self.watches)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._say_seen(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._say_seen(False)

    def _say_seen(self, seen: bool) -> None:
        if self._connection is not None:
            self._connection.seen(seen)

    def _rendered(self, count: int) -> None:
        if self._connection is not None:
            self._connection.rendered(count)

    def _retitle(self, title: str) -> None:
        self._program_title = title
        self.title = self._title()
        self.titleChanged.emit(self.title)

    def _title(self) -> str:
        words = shown(self._program_title) or shown(self.target_id)
        return f"Watching {words}" if self.watches else words

    def _note(self, title: str, text: str) -> None:
        self.noted.emit(shown(title) or self.title, shown(text))

    def _connecting_overlay(self) -> QWidget:
        overlay = QWidget()
        overlay.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        label = self._wait_words = named_label("muted")
        label.setTextFormat(Qt.TextFormat.PlainText)
        busy = QProgressBar()
        busy.setRange(0, 0)
        busy.setTextVisible(False)
        busy.setFixedWidth(180)
        column = QVBoxLayout(overlay)
        column.addStretch(1)
        column.addWidget(label, alignment=Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(6)
        column.addWidget(busy, alignment=Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        overlay.hide()
        return overlay


def _refusal(state: LinkState) -> str:
    """Why one may not type on another host."""
    if state.role is Role.VIEW:
        return "You can only view this terminal."
    if state.keyboard is not None and state.keyboard.state is KeyboardState.FROZEN:
        return "The host has frozen the keyboard."
    return "Somebody else has the keyboard."
