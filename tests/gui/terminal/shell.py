"""A shell whose program is the test: what the widget's tests need of a ScreenSource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.emulator import Terminal
from engine.shells.audience import Audience

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator import Host


class Shell:
    """A ScreenSource with one terminal. ``answers``: what the terminal answered the program."""

    def __init__(self, cols: int = 60, rows: int = 20, output: bytes | str = b"") -> None:
        self.answers: list[bytes] = []
        self._audience = Audience()
        self.terminal = Terminal(cols, rows, self.answers.append, host=self._audience)
        self._changed: list[Callable[[], None]] = []
        self.listeners = 0
        self.print(output)

    @property
    def watchers(self) -> int:
        return len(self._changed)

    def print(self, output: bytes | str) -> None:
        """The program's output."""
        self.terminal.feed(output.encode() if isinstance(output, str) else output)
        self._report()

    def resize(self, cols: int, rows: int) -> None:
        self.terminal.resize(rows, cols)
        self._report()

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        self._changed.append(changed)
        return lambda: self._changed.remove(changed)

    def listen(self, host: Host) -> Callable[[], None]:
        self.listeners += 1
        end = self._audience.listen(host)

        def stop() -> None:
            self.listeners -= 1
            end()

        return stop

    def _report(self) -> None:
        for changed in tuple(self._changed):
            changed()
