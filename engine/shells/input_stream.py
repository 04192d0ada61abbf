"""What spans the messages of one participant's input: a UTF-8 character and a bracketed paste.

A bracketed paste lies between two markers, ``ESC[200~`` and ``ESC[201~`` (xterm ctlseqs,
"Bracketed Paste Mode"). The markers themselves may be cut anywhere between messages. No I/O.
"""

from __future__ import annotations

import copy
import re

START = b"\x1b[200~"
END = b"\x1b[201~"
_ESC = 0x1B
_LONGEST_KEY = 2
"""Esc and Alt+[ are keys; more of a marker than that is no key, and others wait for its rest."""

_CTRL = "(?:5|69|133|197)"  # with Caps Lock and Num Lock, which count 64 and 128
_CTRL_C = re.compile(
    # The key's code, or that of the same key in a Latin layout; press, repeat or release.
    rf"(?:\x03|\x1b\[(?:99(?::\d*){{0,2}}|\d+:\d*:99);{_CTRL}(?::[123])?(?:;[\d:]*)?u"
    # modifyOtherKeys.
    rf"|\x1b\[27;{_CTRL};99~)+".encode()
)
_MAX_CTRL_C = 256
"""Bytes; a longer message is not looked at."""


def is_ctrl_c(data: bytes) -> bool:
    """Whether a message is nothing but Ctrl+C, in any encoding that a terminal may use."""
    if data == b"\x03":
        return True
    return len(data) <= _MAX_CTRL_C and _CTRL_C.fullmatch(data) is not None


class InputStream:
    """Follows one participant's input, byte for byte, whether it enters the program or not."""

    __slots__ = ("_char", "_marker", "_torn", "dropping", "in_paste")

    def __init__(self) -> None:
        self.in_paste = False
        """Its last start marker has no end marker yet."""
        self.dropping = False
        """And that paste was cut: its rest must not enter."""
        self._marker = b""  # the beginning of the next marker
        self._torn = False  # not all of _marker has entered in one piece
        self._char = b""  # the beginning of a character

    @property
    def spans(self) -> bool:
        """Whether nobody else's input should enter now."""
        if self.in_paste:
            return not self.dropping
        return bool(self._char) or (len(self._marker) > _LONGEST_KEY and not self._torn)

    @property
    def skips(self) -> bool:
        """Whether ``skip()`` must be asked before something enters."""
        return self.dropping or self._torn

    def skip(self, data: bytes) -> int:
        """How many bytes at the beginning of ``data`` are the rest of a cut paste.

        They are done with; ``entered()`` or ``refused()`` follows for the others.
        """
        at = 0
        if self._torn:
            rest = START[len(self._marker) :]
            if data.startswith(rest):
                # The program did not see the marker in one piece: to it, this is no paste.
                self.in_paste = self.dropping = True
                self._marker, self._torn, at = b"", False, len(rest)
            elif not rest.startswith(data):
                self._torn = False
        if not self.dropping:
            return 0
        seen = self._marker + data[at:]
        end = seen.find(END)
        if end < 0:
            self._marker = _beginning(seen, END)
            return len(data)
        at += end + len(END) - len(self._marker)
        self.give_up_paste()
        return at

    def give_up_paste(self) -> None:
        """There is no rest of the cut paste (any more)."""
        self.in_paste = self.dropping = self._torn = False
        self._marker = b""

    def entered(self, data: bytes) -> None:
        """This was written to the program."""
        if self.dropping:
            return  # a Ctrl+C
        if not (self.in_paste or self._marker or self._char) and (
            _ESC not in data and data.isascii()
        ):
            return
        self._follow(data)
        self._torn = self._torn and len(self._marker) > len(data)
        self._char = _unfinished((self._char + data[-3:])[-3:])

    def refused(self, data: bytes) -> None:
        """This never enters. A paste that lost a part of itself is dropped to its end."""
        self._follow(data)
        self._char = b""
        if self.in_paste:
            self.dropping, self._torn = True, False
        else:
            self._torn = bool(self._marker)

    def cut(self) -> bool:
        """Let others enter; True if the program needs an end marker for that."""
        self._char = b""
        if self.in_paste:
            was_open = not self.dropping
            self.dropping = True
            return was_open
        self._torn = bool(self._marker)
        return False

    def after(self, data: bytes) -> InputStream:
        """This stream as it will be once ``data`` has entered."""
        other = copy.copy(self)
        other.entered(data)
        return other

    def _follow(self, data: bytes) -> None:
        seen, at = self._marker + data, 0
        while True:
            marker = END if self.in_paste else START
            found = seen.find(marker, at)
            if found < 0:
                break
            at = found + len(marker)
            self.in_paste = not self.in_paste
            self.dropping = False
        self._marker = _beginning(seen[at:], marker)


def _beginning(data: bytes, marker: bytes) -> bytes:
    """The end of ``data``, if it is the beginning of ``marker``."""
    escape = data.rfind(_ESC, max(0, len(data) - len(marker) + 1))
    if escape >= 0 and marker.startswith(data[escape:]):
        return data[escape:]
    return b""


def _unfinished(data: bytes) -> bytes:
    """The end of ``data``, if it is the beginning of a UTF-8 character."""
    for count in range(1, min(len(data), 3) + 1):
        first = data[-count]
        if 0x80 <= first < 0xC0:
            continue
        length = (first >= 0xC2) + (first >= 0xE0) + (first >= 0xF0) + 1 if first < 0xF5 else 1
        return data[-count:] if length > count else b""
    return b""
