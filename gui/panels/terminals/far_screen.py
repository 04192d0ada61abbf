"""The screen of a terminal on another host: our own emulator, of the size that its shell has."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from engine.core.errors import ChannelClosedError, LimitError
from engine.emulator import Host, Terminal
from gui.terminal.view.feeder import Feeder

if TYPE_CHECKING:
    from engine.control.api import LinkTerminal
    from engine.core.model import Size
    from gui.terminal.paint.theme import Theme


class FarScreen(QObject):
    """A ScreenSource. What is fed is reported to the terminal given by ``belongs_to()``.

    It answers the program's questions only where the other host does not.
    """

    def __init__(
        self, size: Size, theme: Theme, scrollback: int, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.terminal = Terminal(size.cols, size.rows, self._answer, scrollback=scrollback)
        self.terminal.set_theme(theme.foreground, theme.background, theme.cursor, theme.palette)
        self._feeder = Feeder(self.terminal.feed_some, self)
        self._feeder.progressed.connect(self._progressed)
        self._line: LinkTerminal | None = None
        self._changed: list[Callable[[], None]] = []

    def belongs_to(self, line: LinkTerminal) -> None:
        self._line = line
        self._report()

    def feed(self, data: bytes) -> None:
        """Output, parsed soon in slices."""
        self._feeder.feed(data)

    def resize(self, size: Size) -> None:
        """The shell has another size from here on: after all output that came before."""
        self._feeder.finish()
        self.terminal.resize(size.rows, size.cols)
        self._progressed()

    # gui.terminal.source.ScreenSource

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        self._changed.append(changed)

        def end() -> None:
            if changed in self._changed:
                self._changed.remove(changed)

        return end

    def listen(self, host: Host) -> Callable[[], None]:
        """Only one tab shows it."""
        self.terminal.host = host

        def end() -> None:
            self.terminal.host = Host()

        return end

    def _progressed(self) -> None:
        for changed in tuple(self._changed):
            changed()
        self._report()

    def _report(self) -> None:
        if self._line is not None and (count := self._feeder.take_consumed()):
            self._line.rendered(count)

    def _answer(self, reply: bytes) -> None:
        line = self._line
        if line is None or line.mutes:
            return
        # The program does without the answer, or has ended.
        with contextlib.suppress(LimitError, ChannelClosedError):
            line.send(reply)
