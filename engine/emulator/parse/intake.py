"""From bytes to pieces between two escapes, and as many of them as are done at once.

Owns decoding, the splitting of chunks, what is left when it is time to leave off, and that a
mistake of ours costs no more than one piece. Does not own what a piece does (stream, ground,
parser) nor how much is done at once (work).
"""

from __future__ import annotations

import codecs
import logging
import re
from typing import TYPE_CHECKING, Any, Final

import pyte

from engine.emulator.parse import tables
from engine.emulator.parse.ground import Ground
from engine.emulator.parse.heads import Heads
from engine.emulator.parse.parser import Parser
from engine.emulator.screen.work import CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.emulator.screen.modal import Screen

logger = logging.getLogger(__name__)

CHUNK: Final = 65_536
"""Characters worked on at a time: bounds what a huge feed() needs beside its data."""

_EIGHT_BIT: Final = re.compile("[\x80-\x9f]")
_LEADS_TO_C1: Final = b"\xc2"
"""What U+0080 to U+009F begin with in UTF-8."""


class Intake(pyte.ByteStream):
    """Of one screen. take() takes any bytes, never raises, and keeps no more than its bounds."""

    basic = tables.BASIC
    escape = tables.ESCAPE
    sharp = tables.SHARP
    csi = tables.PLAIN_CSI
    events = pyte.ByteStream.events | tables.EVENTS

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self.failed: set[str] = set()
        """Events whose handler raised: each is logged once."""
        self._heads = Heads()
        super().__init__(screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._parser_of_rest = Parser(screen, self._call)
        self._ground = Ground(screen, self._parser_of_rest, self._call)
        self._text, self._at = "", 0
        """What was given and is not all done, and where the next chunk of it begins."""
        self._pieces: Iterator[str] | None = None
        """Of the chunk under way."""
        self._left = ""
        """Text between two sequences that is to be done before the next piece."""

    def _initialize_parser(self) -> None:
        """pyte's own parser is not used."""

    @property
    def pending(self) -> int:
        """Characters held of a sequence that has not ended."""
        return self._parser_of_rest.pending

    def feed(self, data: bytes) -> None:  # type: ignore[override]  # as pyte's ByteStream does
        """All of it, however long it takes."""
        done = self.take(data)
        while not done:
            done = self.take(b"")

    def take(self, data: bytes) -> bool:
        """Do as much as is done at once (work). False when some is left: call again.

        Then with b"", as a rule: what is given in the meantime is kept, however much.
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
        if (_LEADS_TO_C1 in data or halved == _LEADS_TO_C1) and _EIGHT_BIT.search(text):
            # C1 controls, decoded: the same as their seven-bit forms.
            text = _EIGHT_BIT.sub(lambda found: f"\x1b{chr(ord(found[0]) - 0x40)}", text)
        self._text = self._text[self._at :] + text if self._text else text
        self._at = 0

    def _go_on(self) -> bool:
        """One step towards the end of what was given; False at that end."""
        screen = self._screen
        if screen.work.waits:
            self._call("work", screen.work.go_on)
            # As after any other sequence: REP repeats only what was printed right before it.
            screen.last = ""
        elif self._left:
            left, self._left = self._left, ""
            self._guarded(self._between, left)
        elif self._pieces is not None:
            done = self._guarded(self._run, self._pieces)
            if done and not self._leaves_off():
                self._pieces = None
        elif self._at < len(self._text):
            whole = self._at == 0 and len(self._text) <= CHUNK
            part = self._text if whole else self._text[self._at : self._at + CHUNK]
            self._at += CHUNK
            screen.work.done += len(part) // CHARACTERS
            self._pieces = iter(self._parser_of_rest.resume(part).split("\x1b"))
            self._left = next(self._pieces)
        else:
            self._text = ""
            return False
        return True

    def _leaves_off(self) -> bool:
        return bool(self._left) or self._screen.work.over

    def _between(self, text: str) -> None:
        self._left = self._ground.text(text)

    def _guarded(self, work: Callable[[Any], None], argument: Any) -> bool:
        """Do it; a mistake of ours costs one piece and one log line, not the session's screen."""
        try:
            work(argument)
        except Exception as error:
            if type(error).__name__ not in self.failed:
                self.failed.add(type(error).__name__)
                logger.exception("The terminal could not take some output")
            return False
        return True

    def _call(self, event: str, handler: Callable[..., Any], *arguments: object) -> None:
        try:
            handler(*arguments)
        except Exception:
            if event not in self.failed:
                self.failed.add(event)
                logger.exception("The terminal could not do %s%r", event, arguments)

    def _run(self, pieces: Iterator[str]) -> None:
        """Each piece is what follows an escape: a sequence and the text after it.

        Leaves off when enough was done at once, with the text that comes first then in _left.
        """
        raise NotImplementedError
