"""The program in the terminal: bytes to it, whether it still runs, whether one may type to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.emulator import Terminal


class Program:
    """``send`` takes bytes for the program, which gets no answers of ``terminal`` either while
    it accepts no input.

    ``terminal``: the widget's own. A shell's answers by itself.
    """

    def __init__(self, terminal: Terminal, send: Callable[[bytes], object]) -> None:
        self._terminal = terminal
        self._send = send
        self._ended = False
        self._refusal = ""

    @property
    def ended(self) -> bool:
        return self._ended

    @property
    def refusal(self) -> str:
        """Why one may not type, for the user; "" while one may."""
        return self._refusal

    @property
    def accepts(self) -> bool:
        """Whether what is sent reaches it."""
        return not self._ended and not self._refusal

    def send(self, data: bytes) -> None:
        """Bytes for the program; dropped while it accepts none."""
        if self.accepts:
            self._send(data)

    def refuse(self, reason: str) -> None:
        """Accept no input, because of ``reason``; "" accepts it again."""
        self._refusal = reason
        self._mute()

    def end(self) -> None:
        self._ended = True
        self._mute()

    def revive(self) -> None:
        """Another program runs in the terminal, or the same one again."""
        self._ended = False
        self._mute()

    def _mute(self) -> None:
        self._terminal.muted = not self.accepts
