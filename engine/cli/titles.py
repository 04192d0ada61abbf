"""Notes in a tty's window title: what is on its screen belongs to the program."""

from __future__ import annotations

from engine.cli.between import Between
from engine.cli.painter import END_STRING, MAX_TITLE
from engine.cli.tty import Tty
from engine.core.text import shown


class Titles:
    """``enter()`` once the tty is in raw mode, ``leave()`` before it is restored.

    Titles are written where ``between`` says that nothing is cut, else at the next ``flush()``.
    """

    def __init__(self, tty: Tty, between: Between) -> None:
        self._tty = tty
        self._between = between
        self._entered = False
        self._note = ""
        self._program = ""
        self._unwritten = ""

    def enter(self) -> None:
        self._entered = True
        # The title before is kept on a stack (xterm ctlseqs, CSI 22 ; 0 t).
        self._tty.write(b"\x1b[22;0t", count=False)
        self.flush()

    def leave(self) -> None:
        """The title before comes back. Idempotent."""
        if self._entered:
            self._entered = False
            end = "" if self._between else END_STRING
            self._tty.write(f"{end}\x1b[23;0t".encode(), count=False)

    def note(self, text: str, *, bell: bool = True) -> None:
        """Show a sentence."""
        self._note = shown(text, MAX_TITLE)
        self._write(bell=bell)

    def clear_note(self) -> None:
        """The title is the program's again."""
        if self._note:
            self._note = ""
            self._write()

    def program(self, title: str, *, write: bool = False) -> None:
        """The program has this title. ``write``: it has not written it to the tty itself."""
        title = shown(title, MAX_TITLE)
        if title != self._program:
            self._program = title
            if write and not self._note:
                self._write()

    def flush(self) -> None:
        """Something was written to the tty."""
        if self._unwritten and self._entered and self._between:
            self._tty.write(self._unwritten.encode("utf-8", "replace"), count=False)
            self._unwritten = ""

    def _write(self, *, bell: bool = False) -> None:
        title = self._note or self._program
        # Without one it is that from before.
        self._unwritten = f"\x1b]2;{title}\x1b\\" if title else "\x1b[23;0t\x1b[22;0t"
        self._unwritten += "\x07" if bell else ""
        self.flush()
