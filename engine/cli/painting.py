"""Paints an emulator's screen onto a tty, as often as both change and the tty takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from engine.cli.painter import Painter
from engine.cli.tty import Tty
from engine.emulator import Terminal

FRAME_SECONDS: Final = 0.02
"""Between a change and the frame that shows it, with all that changes meanwhile."""
SLOW_SECONDS: Final = 0.1
"""Between two looks at a tty that does not take output."""


class Painting:
    """Goes on from ``start()`` to ``stop()``. ``lines`` are shown over the last rows."""

    def __init__(self, tty: Tty, terminal: Callable[[], Terminal]) -> None:
        self._tty = tty
        self._terminal = terminal
        self._painter: Painter | None = None
        self._lines: tuple[str, ...] = ()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_on(self) -> bool:
        return self._painter is not None

    def start(self, *, keyboard: int) -> None:
        """Nothing that was on the tty is known any more, but ``keyboard``: the flags of the
        kitty protocol that it has."""
        self._painter = Painter(keyboard=keyboard)
        self.soon()

    def stop(self) -> None:
        self._painter = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def cover(self, lines: Sequence[str]) -> None:
        self._lines = tuple(lines)
        self.soon()

    def soon(self) -> None:
        """Something has changed."""
        if self._painter is not None and self._timer is None:
            self._wait(FRAME_SECONDS)

    def now(self) -> None:
        """Paint what has changed, whether the tty takes it or not: at the end."""
        if self._painter is not None:
            size = self._tty.size()
            frame = self._painter.frame(self._terminal(), size, self._lines[-size.rows :])
            self._tty.write(frame, count=False)

    def _wait(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._tty.waiting:
            self._wait(SLOW_SECONDS)
        else:
            self.now()
