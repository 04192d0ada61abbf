"""From bytes to pieces between two escapes, as many of them in one go as screen.work allows.

Decoding, the splitting of chunks, and what is left when enough was done. What a piece does
is in fast, ground and parser.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final

import pyte

from engine.emulator.parse.fast import FastPath
from engine.emulator.parse.ground import Ground
from engine.emulator.parse.guard import Guard
from engine.emulator.parse.parser import Parser
from engine.emulator.screen.work import CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.emulator.screen.screen import Screen

CHUNK: Final = 65_536
"""Characters worked on at a time: bounds what a huge feed() needs beside its data."""

_EIGHT_BIT: Final = re.compile("[\x80-\x9f]")
_LEADS_TO_C1: Final = b"\xc2"
"""What U+0080 to U+009F begin with in UTF-8."""
_EIGHT_BIT_BYTES: Final = re.compile(rb"\xc2[\x80-\x9f]")
LONGEST: Final = 1024 * 1024
"""Bytes of a picture beyond which it is too long to be read again from its beginning."""


class Stream(pyte.ByteStream):
    """Feeds one screen. Takes any bytes, never raises, and holds no more than its bounds.

    ``failed`` names what an unexpected exception was caught from; no input may cause one.
    """

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen)
        self._screen = screen
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._guard = Guard()
        self._rare = Parser(screen, self._guard)
        self._ground = Ground(screen, self._rare, self._guard)
        self._fast = FastPath(screen, self._ground, self._rare)
        self._text, self._at = "", 0
        """What was given and is not all done, and where the next chunk of it begins."""
        self._pieces: Iterator[str] | None = None
        """Of the chunk under way."""
        self._left = ""
        """Text between two sequences that is to be done before the next piece."""
        self._since_escape = 0
        """Bytes from the last escape on, with which what has not ended began."""
        self._since_before = 0
        """The same of the one before it, while the last one is all that is known of the next."""

    def _initialize_parser(self) -> None:
        """pyte's own parser is not used."""

    @property
    def failed(self) -> set[str]:
        return self._guard.failed

    @property
    def pending(self) -> int:
        """Characters held of a sequence that has not ended."""
        return self._rare.pending

    @property
    def at_rest(self) -> bool:
        """Whether all that was given is done and nothing has begun."""
        return not (self._text or self._screen.work.waits or self.unfinished or self.opener)

    @property
    def unfinished(self) -> int:
        """Bytes at the end that are not in the screen yet: of a sequence or a character that has
        not ended. Exact, and bounded, while nothing is left over.

        What ``opener`` stands for is not counted.
        """
        rare = self._rare
        if rare.tail == "\x1b" and not rare.idle and not self.opener:
            # It may be the end of a string.
            return self._since_before
        if rare.tail or not (rare.idle or self.opener):
            return self._since_escape
        return len(self._decoder.getstate()[0])

    @property
    def opener(self) -> str:
        """What makes another parser wait for the end of a string that means nothing; else ""."""
        return self._rare.opener(long=self._since_escape > LONGEST)

    def feed(self, data: bytes) -> None:  # type: ignore[override]  # as pyte's ByteStream does
        """All of it, however long it takes."""
        done = self.take(data)
        while not done:
            done = self.take(b"")

    def take(self, data: bytes) -> bool:
        """Do as much as the bound of work allows. False when some is left: call again.

        Then with b"", as a rule: what is given in the meantime is held, however much.
        """
        self._screen.work.begin()
        if data:
            self._decode(data)
        while not self._screen.work.over:
            if not self._go_on():
                return True
        return False

    def _decode(self, data: bytes) -> None:
        # Always UTF-8, as xterm -u8: ESC % @ does not leave it, and a lone byte from
        # 0x80 to 0x9F is no control but invalid.
        halved = self._decoder.getstate()[0]
        text = self._decoder.decode(data)
        escapes = [-self._since_before, -self._since_escape]
        if (last := data.rfind(b"\x1b")) >= 0:
            if (before := data.rfind(b"\x1b", 0, last)) >= 0:
                escapes.append(before)
            escapes.append(last)
        if (_LEADS_TO_C1 in data or halved == _LEADS_TO_C1) and _EIGHT_BIT.search(text):
            # C1 controls, decoded: the same as their seven-bit forms.
            text = _EIGHT_BIT.sub(lambda found: f"\x1b{chr(ord(found[0]) - 0x40)}", text)
            eight_bit = [found.start() for found in _EIGHT_BIT_BYTES.finditer(halved + data)]
            escapes += [at - len(halved) for at in eight_bit[-2:]]
            escapes.sort()
        self._since_before, self._since_escape = len(data) - escapes[-2], len(data) - escapes[-1]
        self._text = self._text[self._at :] + text if self._text else text
        self._at = 0

    def _go_on(self) -> bool:
        """One step towards the end of what was given; False at that end."""
        screen = self._screen
        if screen.work.waits:
            self._guard.call("work", screen.work.go_on)
            # As after any other sequence: REP repeats only what was printed right before it.
            screen.forget_printed()
        elif self._left:
            self._left = self._guard.text("text", self._ground.text, self._left) or ""
        elif self._pieces is not None:
            left = self._guard.text("sequence", self._fast.run, self._pieces)
            self._left = left or ""
            # After a failure the pieces that follow are still to be done.
            if left == "" and not screen.work.over:
                self._pieces = None
        elif self._at < len(self._text):
            whole = self._at == 0 and len(self._text) <= CHUNK
            part = self._text if whole else self._text[self._at : self._at + CHUNK]
            self._at += CHUNK
            screen.work.add(len(part) // CHARACTERS)
            self._pieces = iter(self._rare.resume(part).split("\x1b"))
            self._left = next(self._pieces)
        else:
            self._text = ""
            return False
        return True
