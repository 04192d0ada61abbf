"""``~`` at the beginning of a line, as in ssh: commands to this program among the keys. No I/O."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator


class Escape(enum.Enum):
    END = "~."
    HELP = "~?"
    STATUS = "~s"
    QUESTIONS = "~q"
    KEYBOARD = "~k"
    DISCARD = "~d"
    LINK = "~l"


GUESTS = (
    Escape.END,
    Escape.HELP,
    Escape.STATUS,
    Escape.KEYBOARD,
    Escape.DISCARD,
    Escape.LINK,
)
HOSTS = (Escape.END, Escape.HELP, Escape.STATUS, Escape.QUESTIONS, Escape.KEYBOARD)

HELP = """\
~.  end the connection
~k  ask for the keyboard, or hand it back
~s  show who is here; send what was typed while the connection was lost
~d  discard what was typed while the connection was lost
~l  show a link for another device, which takes your place here
~~  send one ~
~?  this help
Only at the beginning of a line."""
HOST_HELP = """\
~.  leave
~s  show the links and who is here
~q  show who asks to join or for the keyboard
~k  take back the keyboard that you gave
~~  send one ~
Only at the beginning of a line. Any key closes this help."""

_TILDE = ord("~")
_LINE_ENDS = b"\r\n"


class Escapes:
    """Reads typed bytes in pieces of any size. ``known`` are the commands that there are."""

    def __init__(self, known: Iterable[Escape] = GUESTS) -> None:
        self._known = {ord(escape.value[1]): escape for escape in known}
        self._line_begins = True
        self._after_tilde = False

    def begin_line(self) -> None:
        """A ``~`` that comes next begins a command, wherever it is."""
        self._line_begins = True

    def read(self, data: bytes) -> Iterator[bytes | Escape]:
        """Bytes for the shell, and the commands between them, in order.

        A ``~`` at the beginning of a line waits for the byte after it.
        """
        plain = bytearray()
        for byte in data:
            if self._after_tilde:
                self._after_tilde = False
                if (escape := self._known.get(byte)) is not None:
                    if plain:
                        yield bytes(plain)
                        plain.clear()
                    yield escape
                    continue
                plain.append(_TILDE)
                self._line_begins = byte in _LINE_ENDS
                if byte != _TILDE:
                    plain.append(byte)
            elif byte == _TILDE and self._line_begins:
                self._after_tilde = True
            else:
                plain.append(byte)
                self._line_begins = byte in _LINE_ENDS
        if plain:
            yield bytes(plain)
