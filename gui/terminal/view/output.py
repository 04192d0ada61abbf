"""Output on its way to the screen: parsed in slices, shown in frames.

At most one frame in FRAME_MS, and none while a program holds it back (mode 2026). Output of a
shell's own terminal is parsed elsewhere: here it is only shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer, Signal

from gui.terminal.view.feeder import Feeder

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator import Terminal
    from gui.terminal.source import Viewed

FRAME_MS = 16
POLL_MS = 250
"""Between two looks at a terminal that reports no changes."""
SYNCHRONIZED_MS = 150
"""How long a program may hold back a frame; then it is shown unfinished."""


class Output(QObject):
    """``show`` brings the view up to date with what is ``viewed``, once per frame.

    ``own``: the terminal that feed() is for.
    """

    titleChanged = Signal(str)
    rang = Signal()
    """The bell."""
    screenSwitched = Signal()
    """Between the main and the alternate screen."""
    rendered = Signal(int)
    """So many more bytes have been parsed, and a frame has been due since."""
    came = Signal()
    """There was output since the frame before."""

    def __init__(
        self,
        viewed: Viewed,
        own: Terminal,
        show: Callable[[], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewed = viewed
        self._show = show
        self._title, self._bells, self._alternate = "", 0, False
        self._interval = FRAME_MS
        self._news = False
        self._feeder = Feeder(own.feed_some, self)
        self._feeder.progressed.connect(self.schedule)
        self._since_frame = QElapsedTimer()
        self._since_frame.start()
        self._held_back = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._due)
        self._poll = QTimer(self)
        self._poll.setTimerType(Qt.TimerType.CoarseTimer)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self.frame)

    @property
    def queued(self) -> int:
        """Bytes not parsed yet."""
        return self._feeder.queued

    def feed(self, data: bytes) -> None:
        """Output of the program, parsed soon; ``rendered`` reports the progress."""
        self._feeder.feed(data)

    def drop(self) -> None:
        """Drop what is not parsed yet; it counts as rendered."""
        self._feeder.clear()

    def changed(self) -> None:
        """A shell's own terminal has changed. Cheap: it may be called for every line."""
        if not self._news:
            self._news = True
            self.schedule()

    def set_interval(self, milliseconds: int) -> None:
        """The least time between two frames, FRAME_MS at first."""
        if milliseconds == self._interval:
            return
        self._interval = milliseconds
        if self._timer.isActive():
            self._timer.stop()
            self.schedule()

    def poll(self, polls: bool) -> None:
        """Whether to look for titles and bells from time to time, in place of changed()."""
        if polls and not self._poll.isActive():
            self._poll.start()
        elif not polls:
            self._poll.stop()

    def restart(self) -> None:
        """Another terminal is viewed: its bells so far were not for this view."""
        terminal = self._viewed.terminal
        self._bells, self._alternate = terminal.bells, terminal.alternate_screen
        self._held_back.invalidate()
        self.schedule()

    def schedule(self) -> None:
        """Have a frame soon: at once after a pause, else a frame's time after the last one."""
        if not self._timer.isActive():
            self._timer.start(max(0, self._interval - self._since_frame.elapsed()))

    def _due(self) -> None:
        """Parsing and painting never share a turn of the loop: its turns would be twice as long."""
        if self._feeder.take_worked():
            self._feeder.yield_turn()
            self._timer.start(0)
        else:
            self.frame()

    def frame(self) -> None:
        """Show what the terminal holds now, and report what changed."""
        self._since_frame.restart()
        came, self._news = self._news, False
        terminal = self._viewed.terminal
        if terminal.title != self._title:
            self._title = terminal.title
            self.titleChanged.emit(self._title)
        if terminal.bells != self._bells:
            self._bells = terminal.bells
            self.rang.emit()
        if terminal.alternate_screen != self._alternate:
            self._alternate = terminal.alternate_screen
            self.screenSwitched.emit()
        if not self._is_held_back():
            self._show()
            self._feeder.yield_turn()
        consumed = self._feeder.take_consumed()
        if came or consumed:
            self.came.emit()
        if consumed:
            self.rendered.emit(consumed)

    def _is_held_back(self) -> bool:
        """Whether the program is in the middle of a frame, and has not been for too long."""
        if not self._viewed.terminal.synchronized:
            self._held_back.invalidate()
            return False
        if not self._held_back.isValid():
            self._held_back.start()
        if self._held_back.elapsed() >= SYNCHRONIZED_MS:
            return False
        self.schedule()
        return True
