"""The program in the terminal: bytes to it, and whether it still runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator import Terminal


class Program:
    """``send`` takes bytes for the program, which is muted in ``terminal`` once it has ended."""

    def __init__(self, terminal: Terminal, send: Callable[[bytes], object]) -> None:
        self._terminal = terminal
        self._send = send
        self._ended = False

    @property
    def ended(self) -> bool:
        return self._ended

    def send(self, data: bytes) -> None:
        """Bytes for the program; dropped once it has ended."""
        if not self._ended:
            self._send(data)

    def end(self) -> None:
        self._ended = self._terminal.muted = True

    def revive(self) -> None:
        """Another program runs in the terminal, or the same one again."""
        self._ended = self._terminal.muted = False
