"""The terminal this program was started in: raw mode, keys, output that never blocks, size.

POSIX only (termios(3)). Its mode before is restored by ``leave()``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator

from engine.core.model import MAX_DIMENSION, MIN_DIMENSION, Size

if sys.platform != "win32":
    import termios
    import tty

READ_BYTES = 65_536
MAX_WAITING = 16 * 2**20
"""Bytes of output that may wait for a stopped terminal, far above what a host may send before
``written`` is called."""

RESET = b"\x1b[?1047l\x1b[?1000;1002;1003;1004;1006;2004l\x1b[?1l\x1b>\x1b[?25h\x1b[0m\r\n"
"""What a program may leave behind that was cut off: the alternate screen, mouse, focus and paste
reports, keypad modes, a hidden cursor, colors (xterm ctlseqs)."""


class Tty:
    """``enter()`` starts it, ``leave()`` ends it for good.

    Callbacks on the loop: ``typed`` gets keys as bytes, ``written`` the number of bytes of
    output that the terminal has taken, ``failed`` is called when it is gone or MAX_WAITING
    is exceeded. Output before ``enter()`` waits.
    """

    def __init__(
        self,
        typed: Callable[[bytes], object],
        written: Callable[[int], object],
        failed: Callable[[str], object],
        *,
        source: int = 0,
        sink: int = 1,
    ) -> None:
        """``source`` and ``sink`` are descriptors of terminals. Raises OSError."""
        self._typed = typed
        self._written = written
        self._failed = failed
        self._input = _reopened(source)
        try:
            self._output = _reopened(sink)
        except OSError:
            os.close(self._input)
            raise
        self._before = termios.tcgetattr(self._input)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[tuple[memoryview, bool]] = deque()
        self._bytes_waiting = 0
        self._gone = False
        """The terminal failed or was left: nothing is read or written any more."""
        self._left = False
        self._drained = asyncio.Event()
        self._drained.set()

    @property
    def waiting(self) -> int:
        """Bytes of output that the terminal has not taken yet."""
        return self._bytes_waiting

    def size(self) -> Size:
        """In cells; the default where the terminal does not know it."""
        try:
            cols, rows = os.get_terminal_size(self._output)
        except OSError:
            return Size()
        if not cols or not rows:
            return Size()
        return Size(_within(cols), _within(rows))

    def enter(self) -> None:
        """Raw mode: every key is a byte, no echo, no signals. Raises OSError."""
        loop = self._loop = asyncio.get_running_loop()
        # Neither waits for output, which may be stopped, nor drops what was typed ahead.
        try:
            tty.setraw(self._input, termios.TCSANOW)
        except termios.error as error:
            raise OSError(*error.args) from None
        loop.add_reader(self._input, self._read)
        self._flush()

    def write(self, data: bytes, *, count: bool = True) -> None:
        """Write as soon as the terminal takes it, in order; ``count``: report it as written."""
        if self._gone:
            return
        rest = memoryview(data)
        if self._loop is not None and not self._waiting:
            rest = rest[self._take(rest, count) :]
        if not rest or self._gone:
            return
        self._waiting.append((rest, count))
        self._bytes_waiting += len(rest)
        self._drained.clear()
        if self._bytes_waiting > MAX_WAITING:
            self._fail("The terminal does not take the output")
        elif self._loop is not None:
            self._loop.add_writer(self._output, self._flush)

    async def drained(self, seconds: float | None = None) -> bool:
        """Whether the terminal takes all output within ``seconds``; False when it is gone."""
        try:
            async with asyncio.timeout(seconds):
                await self._drained.wait()
        except TimeoutError:
            return False
        return not self._gone

    def leave(self, *, reset: bool) -> None:
        """Restore the terminal; idempotent. Never blocks and never raises.

        ``reset``: the program may have been cut off.
        """
        if self._left:
            return
        self._left = True
        self._stop()
        if self._loop is not None:
            if reset:
                with contextlib.suppress(OSError):
                    os.write(self._output, RESET)
            with contextlib.suppress(OSError, termios.error):
                # What was typed for the other shell must not run in this one.
                termios.tcflush(self._input, termios.TCIFLUSH)
            with contextlib.suppress(OSError, termios.error):
                termios.tcsetattr(self._input, termios.TCSANOW, self._before)
        os.close(self._input)
        os.close(self._output)

    def _read(self) -> None:
        try:
            data = os.read(self._input, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._typed(data)
        else:
            self._fail("The terminal has closed")

    def _flush(self) -> None:
        while self._waiting:
            data, count = self._waiting[0]
            taken = self._take(data, count)
            if self._gone:
                return
            self._bytes_waiting -= taken
            if taken < len(data):
                self._waiting[0] = data[taken:], count
                if self._loop is not None:
                    self._loop.add_writer(self._output, self._flush)
                return
            self._waiting.popleft()
        if self._loop is not None:
            self._loop.remove_writer(self._output)
        self._drained.set()

    def _take(self, data: memoryview, count: bool) -> int:
        """How many bytes of ``data`` the terminal takes now."""
        try:
            taken = os.write(self._output, data)
        except BlockingIOError:
            return 0
        except OSError:
            self._fail("The terminal has closed")
            return 0
        if count:
            self._written(taken)
        return taken

    def _fail(self, reason: str) -> None:
        self._stop()
        self._failed(reason)

    def _stop(self) -> None:
        if self._gone:
            return
        self._gone = True
        if self._loop is not None:
            self._loop.remove_reader(self._input)
            self._loop.remove_writer(self._output)
        self._waiting.clear()
        self._bytes_waiting = 0
        self._drained.set()


def _reopened(number: int) -> int:
    """A non-blocking descriptor of our own for the terminal at descriptor ``number``.

    Made non-blocking, the inherited one would be so for the shell that started us, too.
    """
    flags = os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY
    try:
        return os.open(os.ttyname(number), flags)
    except OSError:
        # It may belong to another user (su) or have no name here (a container).
        return os.open("/dev/tty", flags)


def _within(cells: int) -> int:
    return max(MIN_DIMENSION, min(cells, MAX_DIMENSION))


def is_tty(stream: object) -> bool:
    isatty = getattr(stream, "isatty", None)
    return isatty is not None and bool(isatty())


@contextlib.contextmanager
def quiet_log() -> Iterator[None]:
    """No records while the screen belongs to the program, unless they go elsewhere."""
    if not is_tty(sys.stderr):
        yield
        return
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
