"""The screen that a shell keeps: its terminal, fed from the output log.

Its terminal answers the program's queries and gives snapshots. It may lag behind the log by clean
output (text, line ends, colors), which is fast-forwarded: under a flood that nobody watches most
of it is never read. All else is fed at once, in slices of a few milliseconds. Nothing runs while
there is no output.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from engine.core.errors import PTYClosedError
from engine.core.model import Size
from engine.core.tasks import TaskOwner
from engine.emulator import Clean, Host, SnapshotWriter, Terminal
from engine.emulator.screen.modes import CursorShape
from engine.shells.audience import Audience
from engine.shells.output_log import OutputLog

logger = logging.getLogger(__name__)

LAG: Final = 4 * 1024 * 1024
"""Bytes that the screen may be behind the log; see ShellScreen.room()."""
SLICE_SECONDS: Final = 0.004
"""How long output is fed, or a snapshot written, before the loop may do other things."""
FRAME_SECONDS: Final = 0.016
"""How long clean output waits while somebody looks."""
UNSEEN_SECONDS: Final = 0.25
"""How long it waits while nobody does."""
PACK_SECONDS: Final = 0.25
"""How long a line is in the history, at least, before it is stored compactly."""
SMALL: Final = 4096
"""Bytes of a read that is fed in the turn in which it comes, unless many come:"""
FLOOD: Final = 64 * 1024
FLOOD_SECONDS: Final = 0.05
"""More than so many bytes in this time are a flood, whose clean reads wait."""
STEP: Final = 64 * 1024
"""Bytes fed in one go."""
SKIP_FROM: Final = 128 * 1024
"""Bytes waiting from which on it is tried to skip some."""
SKIP_UNKNOWN: Final = 512 * 1024
"""Bytes looked through in one go to find out whether they are clean."""
PIECE: Final = 16 * 1024
"""Bytes of a piece of a snapshot: what one message may hold."""
MAX_WITH_HISTORY: Final = 256 * 1024
"""Bytes of a snapshot beyond which it comes without history, to be asked for later."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A screen as bytes that draw it on a fresh terminal of ``cols`` by ``rows`` cells.

    Output continues at log position ``at``. ``data`` are pieces of at most PIECE bytes.
    ``history`` lines are in it; the oldest has number ``first``, before which more may be asked
    for with ShellScreen.history().
    """

    at: int
    cols: int
    rows: int
    data: tuple[bytes, ...]
    history: int
    first: int
    left_out: int = 0
    """Lines of history that it leaves out."""
    resizes: int = 0
    """How often the size had changed when it was taken."""
    seconds: float = 0.0
    """The time of the loop that writing it took."""


_Key = tuple[int, int, frozenset[str] | None]


class ShellScreen:
    """``terminal`` is for painters in the same process to read; only this class feeds it.

    ``reply`` gets what the terminal answers the program. For use in one event loop.
    """

    def __init__(
        self,
        log: OutputLog,
        size: Size,
        *,
        scrollback: int,
        reply: Callable[[bytes], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._audience = Audience()
        self.terminal = Terminal(
            size.cols, size.rows, reply, scrollback=scrollback, host=self._audience
        )
        self._log = log
        self._clean = Clean()
        self._seen = self._read = self._settled = log.end
        self._wanted = log.end
        """Up to where output is to be fed without delay."""
        self._left = False
        """The terminal has taken output that it is not done with."""
        self._clean_from = log.end
        """All output from here on is clean."""
        self._unskippable = 0
        """Output before this cannot be skipped, as was tried."""
        self._version = 0
        """Counts changes of the screen."""
        self._resizes = 0
        self._clock = clock
        self._burst_start, self._burst = 0.0, 0
        self._watchers: list[Callable[[], None]] = []
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0
        self._packing: asyncio.Handle | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._bringing_up = asyncio.Lock()
        self._held: Counter[int] = Counter()
        """Positions of snapshots being written."""
        self._writing: dict[_Key, asyncio.Task[Snapshot]] = {}
        self._tasks = TaskOwner("A shell's screen")
        self._closed = False

    # -- positions

    @property
    def position(self) -> int:
        """Output before this has been fed to the terminal."""
        return self._read

    @property
    def behind(self) -> int:
        """Bytes of the log that have not been fed."""
        return self._log.end - self._read

    @property
    def needed(self) -> int:
        """The log must keep output from here on: what was not fed, or is an unfinished sequence,
        or follows a snapshot that is being written."""
        return min(self._settled, *self._held) if self._held else self._settled

    async def room(self) -> None:
        """Wait until the screen is less than LAG behind, or SKIP_UNKNOWN where nothing can be
        skipped. To be awaited before the PTY is read: a
        program that draws faster than the terminal reads has to wait."""
        await self._room.wait()

    # -- feeding

    def printed(self) -> None:
        """Output was appended to the log.

        Fed in this turn, as far as a slice allows: a small read, and one that holds anything but
        clean output, after all that waits. The rest soon.
        """
        if self._closed:
            return
        new = self._log.end - self._seen
        clean = self._check()
        self._update_room()
        # A program that waits for the screen must not wait for a timer as well.
        waits = not self._room.is_set()
        if waits or not clean or (new <= SMALL and not self._floods(new)):
            self._wanted = self._log.end
            self._slice()
            self._update_room()
        self._plan()

    def _check(self) -> bool:
        """Whether all that is new is clean."""
        every = True
        while self._seen < self._log.end:
            piece = self._log.read(self._seen, LAG)
            self._seen += len(piece)
            if not self._clean.take(piece):
                every = False
                self._clean_from = self._seen
        return every

    def _floods(self, new: int) -> bool:
        now = self._clock()
        if now - self._burst_start > FLOOD_SECONDS:
            self._burst_start, self._burst = now, 0
        self._burst += new
        return self._burst > FLOOD

    def _urgent(self) -> bool:
        return self._left or self._read < self._wanted

    def _slice(self) -> None:
        """Feed what is urgent, for as long as a slice may take, unless bring_up() does."""
        if not self._bringing_up.locked():
            self._feed()

    def _feed(self) -> None:
        end = time.perf_counter() + SLICE_SECONDS
        before = self._version
        while self._urgent():
            self._left = not self.terminal.feed_some(b"" if self._left else self._next())
            self._version += 1
            if not self._left:
                self._settled = self._read - self.terminal.unfinished
            if time.perf_counter() >= end:
                break
        self._update_room()
        if self._version != before:
            self._publish()
            self._plan_packing()

    def _update_room(self) -> None:
        # To be further behind would not make it faster, and whoever joins would wait for that.
        most = LAG if self._read >= self._unskippable else SKIP_UNKNOWN
        if self.behind < most:
            self._room.set()
        else:
            self._room.clear()

    def _next(self) -> bytes:
        """What to feed next; ``position`` is then after it, or after what it stands for."""
        if self.behind >= SKIP_FROM and self._read >= self._unskippable:
            if self.terminal.unfinished:
                # A read may end anywhere. After a line's end, nothing is unfinished.
                line = self._log.read(self._read, SMALL)
                line = line[: line.find(b"\n") + 1] or line
                self._read += len(line)
                return line
            clean = self._read >= self._clean_from
            data = self._waiting(LAG if clean else SKIP_UNKNOWN)
            shorter = self.terminal.shortened(data, clean=clean)
            if shorter is not data:
                self._read += len(data)
                return shorter
            self._unskippable = self._read + len(data)
        data = self._log.read(self._read, STEP)
        self._read += len(data)
        return data

    def _waiting(self, limit: int) -> bytes:
        parts: list[bytes] = []
        at, end = self._read, min(self._read + limit, self._log.end)
        while at < end:
            parts.append(self._log.read(at, end - at))
            at += len(parts[-1])
        return b"".join(parts)

    def _plan(self) -> None:
        """See to it that what waits is fed, when it is time."""
        if self._closed or self._bringing_up.locked():
            return
        if self._urgent():
            self._arm(0)
        elif self.behind:
            self._arm(FRAME_SECONDS if self._watchers else UNSEEN_SECONDS)

    def _arm(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        when = loop.time() + seconds
        if self._timer is not None:
            if self._timer_at <= when:
                return
            self._timer.cancel()
        self._timer_at = when
        self._timer = loop.call_later(seconds, self._pump)

    def _pump(self) -> None:
        self._timer = None
        if not self._urgent():
            self._wanted = self._log.end
        self._slice()
        self._plan()

    async def bring_up(self) -> int:
        """Feed everything that is in the log now; returns ``position``.

        The terminal is done with all output before it, until the caller awaits something else.
        """
        end = self._wanted = self._log.end
        try:
            # One slice in a turn of the loop, however many wait for this.
            async with self._bringing_up:
                while (self._read < end or self._left) and not self._closed:
                    self._feed()
                    if self._read < end or self._left:
                        await asyncio.sleep(0)
        finally:
            self._plan()
        return self._read

    def resize(self, size: Size) -> None:
        """Change the size at ``position``. Right after bring_up(), in the same turn."""
        while self._left:
            self._left = not self.terminal.feed_some(b"")
        self.terminal.resize(size.rows, size.cols)
        self._resizes += 1
        self._version += 1
        self._publish()
        self._plan_packing()

    def _plan_packing(self) -> None:
        if self._packing is None and self.terminal.packable and not self._closed:
            loop = asyncio.get_running_loop()
            self._packing = loop.call_later(PACK_SECONDS, self._pack)

    def _pack(self) -> None:
        """Pack lines that have come to rest, for as long as a slice may take."""
        self._packing = None
        end = time.perf_counter() + SLICE_SECONDS
        while self.terminal.pack():
            if time.perf_counter() >= end:
                self._packing = asyncio.get_running_loop().call_soon(self._pack)
                return
        self._plan_packing()

    def set_theme(
        self, foreground: int, background: int, cursor: int, palette: tuple[int, ...]
    ) -> None:
        """The colors that queries are answered with; see Terminal.set_theme()."""
        self.terminal.set_theme(foreground, background, cursor, palette)

    def set_features(self, features: frozenset[str]) -> None:
        """What answers may report; see Terminal.set_features()."""
        self.terminal.set_features(features)

    def _publish(self) -> None:
        for changed in tuple(self._watchers):
            try:
                changed()
            except Exception:
                # A painter's error is not the shell's.
                logger.exception("A watcher of a shell's screen failed")

    def listen(self, host: Host) -> Callable[[], None]:
        """Pass notes and clipboard texts of the program to ``host``; see Audience."""
        return self._audience.listen(host)

    def look(self, cell: tuple[int, int], *, dark: bool) -> None:
        """How the terminal is painted: see Audience.report()."""
        self._audience.report(cell, dark=dark)

    def set_cursor_default(self, shape: CursorShape, *, blink: bool) -> None:
        self.terminal.set_cursor_default(shape, blink=blink)

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """``changed()`` is called after each slice that was fed and after a resize, until the
        function returned is called. While somebody looks, output is fed within a frame."""
        self._watchers.append(changed)
        self._plan()

        def unsubscribe() -> None:
            if changed in self._watchers:
                self._watchers.remove(changed)

        return unsubscribe

    # -- snapshots

    async def snapshot(
        self, *, history: int = 1000, features: frozenset[str] | None = None
    ) -> Snapshot:
        """The screen with everything that is in the log now.

        With at most ``history`` lines of history, or none of it when there is too much.
        ``features`` are those of the guest's terminal, None for one of ours. Callers of the same
        moment share one. Until it is returned, ``needed`` holds the output from ``at`` on.
        Raises PTYClosedError after close().
        """
        await self.bring_up()
        if self._closed:
            raise PTYClosedError("The terminal has ended")
        at = self._settled
        self._held[at] += 1
        try:
            key = (self._version, history, features)
            task = self._writing.get(key)
            if task is None:
                writer = self.terminal.snapshot_writer(history=history, features=features)
                size = Size(self.terminal.cols, self.terminal.rows)
                task = self._tasks.start(
                    _snapshot(
                        at,
                        size,
                        writer,
                        self.terminal.scrolled,
                        len(self.terminal.scrollback),
                        self._resizes,
                    ),
                    "A snapshot of a shell",
                )
                self._writing[key] = task
                task.add_done_callback(lambda _: self._writing.pop(key, None))
            await asyncio.wait([task])
            if task.cancelled():
                raise PTYClosedError("The terminal has ended")
            return task.result()
        finally:
            self._held[at] -= 1
            self._held += Counter()

    async def history(
        self, before: int, lines: int, *, features: frozenset[str] | None = None
    ) -> tuple[bytes, ...]:
        """Lines of the history before number ``before``, to be shown above a snapshot whose
        ``first`` that is: see Terminal.history_writer(). In pieces of at most PIECE bytes."""
        writer = self.terminal.history_writer(before, lines, features=features)
        return _pieces(await _written(writer) or b"")

    async def close(self) -> None:
        """Stop feeding, and end the snapshots under way: who waits for one is cancelled."""
        self._closed = True
        self._room.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._packing is not None:
            self._packing.cancel()
            self._packing = None
        await self._tasks.close()


async def _snapshot(
    at: int, size: Size, writer: SnapshotWriter, scrolled: int, stored: int, resizes: int
) -> Snapshot:
    spent: list[float] = []
    data = await _written(writer, MAX_WITH_HISTORY if writer.history else 0, spent.append)
    if data is None:
        writer = writer.without_history()
        data = await _written(writer, spent=spent.append)
    lines = writer.history
    return Snapshot(
        at,
        size.cols,
        size.rows,
        _pieces(data or b""),
        lines,
        scrolled - lines,
        stored - lines,
        resizes,
        sum(spent),
    )


async def _written(
    writer: SnapshotWriter, most: int = 0, spent: Callable[[float], None] = lambda seconds: None
) -> bytes | None:
    """All that it writes, in slices; None when that is more than ``most``. ``spent`` gets the
    seconds of each slice."""
    parts: list[bytes] = []
    size = 0
    while True:
        began = time.perf_counter()
        part = writer.slice(SLICE_SECONDS * 1000)
        spent(time.perf_counter() - began)
        parts.append(part)
        size += len(part)
        if most and size > most:
            return None
        if writer.done:
            return b"".join(parts)
        await asyncio.sleep(0)


def _pieces(data: bytes) -> tuple[bytes, ...]:
    return tuple(data[at : at + PIECE] for at in range(0, len(data), PIECE))
