"""Records one shell to an asciicast v2 file, without ever making the shell wait.

The loop's side only queues. A thread writes what is queued once a second, in whole lines, so
a killed program loses at most that second. This is the one place where terminal bytes pass
through a thread: a disk may take any time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.core.model import Size
from engine.core.text import shown
from engine.shells.asciicast import (
    INPUT,
    MARKER,
    OUTPUT,
    RESIZE,
    Encoder,
    Header,
    Origin,
    size_data,
    whole,
)
from engine.shells.backlog import MAX_WAITING, Backlog
from engine.shells.recording_file import append, created, file_name

logger = logging.getLogger(__name__)

WRITE_SECONDS = 1.0
"""Between two writes, unless SOON_BYTES wait before."""
SOON_BYTES = 1024 * 1024
SLICE_BYTES = 256 * 1024
"""How much is encoded and written at once. Encoding holds the interpreter's lock, so more would
hold up the loop."""
CLOSE_SECONDS = 5.0
"""How long close() waits for the disk."""
GAP_SECONDS = 60.0
"""Between two reports of gaps; each is marked in the recording."""
MAX_MARKER = 1000
"""Characters of a marker."""


@dataclass(frozen=True, slots=True)
class RecordingMeta:
    """What is recorded: the target's id, the shell's id, and a title for players."""

    target: str
    shell: str = ""
    title: str = ""
    term: str = "xterm-256color"


def no_limit(_count: int) -> None:
    """The ``make_room`` of a recording that no cap applies to."""


class Recorder:
    """One shell's recording. Everything but the file's I/O is called on the event loop.

    No method raises. ``since`` is its beginning in seconds since the epoch. ``path`` exists
    soon after the start, unless on_problem was called.
    """

    def __init__(
        self,
        path: Path,
        meta: RecordingMeta,
        since: float,
        *,
        input: bool,
        on_gap: Callable[[str], None],
        on_problem: Callable[[str], None],
        make_room: Callable[[int], None],
        clock: Callable[[], float],
    ) -> None:
        self.path = path
        self.since = since
        self._name = shown(meta.title or meta.target)
        self._input = input
        self._on_gap = on_gap
        self._on_problem = on_problem
        self._make_room = make_room
        self._clock = clock
        self._began = clock()
        self._last_gap: float | None = None
        self._loop = asyncio.get_running_loop()
        self._backlog = Backlog()
        self._recording = True
        self._closing = False
        # For the thread: there is something to write, and it must not wait for the second.
        self._some = threading.Event()
        self._soon = threading.Event()
        self._ended = asyncio.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def start(
        cls,
        folder: Path,
        meta: RecordingMeta,
        size: Size,
        screen: str | bytes = b"",
        *,
        input: bool = False,
        on_gap: Callable[[str], None] = lambda text: None,
        on_problem: Callable[[str], None] = lambda text: None,
        make_room: Callable[[int], None] = no_limit,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> Recorder:
        """Begin a new file in ``folder``. ``screen`` draws what the shell shows at present.

        ``input``: record what is typed, passwords included. ``on_gap`` and ``on_problem`` get a
        sentence for people, on the loop; after a problem, of which there is at most one,
        nothing more is recorded. ``make_room`` is called in the thread before each write with
        its bytes; its OSError is such a problem.
        """
        since = now()
        recorder = cls(
            folder / file_name(meta.target, since),
            meta,
            since,
            input=input,
            on_gap=on_gap,
            on_problem=on_problem,
            make_room=make_room,
            clock=clock,
        )
        recorder._begin(meta, size, screen)
        return recorder

    @property
    def is_recording(self) -> bool:
        """False after a problem, and from close() on."""
        return self._recording

    def printed(self, data: bytes) -> None:
        """Output of the shell, in order."""
        self._add(OUTPUT, data)

    def typed(self, data: bytes) -> None:
        """Input that entered the shell; ignored unless input is recorded."""
        if self._input:
            self._add(INPUT, data)

    def resized(self, size: Size) -> None:
        """The shell's size from here on."""
        self._add(RESIZE, size_data(size))

    def marker(self, text: str) -> None:
        """A mark that players can go to."""
        self._add(MARKER, text[:MAX_MARKER].encode("utf-8", "replace"))

    async def close(self) -> None:
        """Write everything and close the file; within CLOSE_SECONDS. Idempotent.

        If the disk takes longer, the thread finishes by itself.
        """
        self._recording = False
        # Whatever room there is: the mark has to be in the recording.
        self._backlog.end_gap()
        self._closing = True
        self._some.set()
        self._soon.set()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._ended.wait()
        except TimeoutError:
            logger.warning("The recording %s is still being written", self.path)
            return
        if self._thread is not None:
            # Nothing is left for it to do but to return.
            self._thread.join()

    def _add(self, kind: str, data: bytes) -> None:
        if not self._recording:
            return
        now = self._clock()
        if self._backlog.add(now - self._began, kind, data):
            self._report_gap(now)
        if not self._some.is_set():
            self._some.set()
        if self._backlog.waiting >= SOON_BYTES and not self._soon.is_set():
            self._soon.set()

    def _report_gap(self, now: float) -> None:
        if self._last_gap is None or now - self._last_gap >= GAP_SECONDS:
            self._last_gap = now
            size = f"{MAX_WAITING // (1024 * 1024)} MiB"
            self._on_gap(
                f"The recording of {self._name} has a gap: the disk is too slow, and more than "
                f"{size} waited to be written"
            )

    def _begin(self, meta: RecordingMeta, size: Size, screen: str | bytes) -> None:
        header = Header(
            version=2,
            width=size.cols,
            height=size.rows,
            timestamp=int(self.since),
            title=self._name,
            env={"TERM": meta.term},
            hatchway=Origin(target=whole(meta.target[:1000]), shell=whole(meta.shell[:1000])),
        )
        self._thread = threading.Thread(
            # A disk that hangs must not keep the program from ending.
            target=self._run,
            args=(header, screen),
            name=f"recorder {self.path.name}",
            daemon=True,
        )
        try:
            self._thread.start()
        except RuntimeError as error:
            self._thread = None
            self._loop.call_soon(self._has_ended, str(error))

    def _has_ended(self, problem: str) -> None:
        """On the loop: the thread is done."""
        self._recording = False
        self._ended.set()
        # What still waits is never written.
        self._backlog = Backlog()
        if problem:
            text = f"The recording of {self._name} has stopped: {shown(problem)}"
            logger.warning("%s (%s)", text, self.path)
            self._on_problem(text)

    # The thread.

    def _run(self, header: Header, screen: str | bytes) -> None:
        problem = ""
        try:
            self._record(header, screen)
        except OSError as error:
            problem = error.strerror or str(error)
        except Exception:
            logger.exception("Writing the recording %s failed", self.path)
            problem = "unexpected error; the log has the details"
        # Without a loop there is nobody to tell.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._has_ended, problem)

    def _record(self, header: Header, screen: str | bytes) -> None:
        text = screen if isinstance(screen, str) else screen.decode("utf-8", "replace")
        encoder = Encoder()
        begin = encoder.header(header) + (encoder.text(0.0, OUTPUT, text) if text else b"")
        self._make_room(len(begin))
        with created(self.path) as file:
            append(file, begin)
            closing, last = False, 0.0
            while not closing:
                self._some.wait()
                self._soon.wait(WRITE_SECONDS)
                self._some.clear()
                self._soon.clear()
                # Read before the queue: everything that was added before close() is written.
                closing = self._closing
                while entries := self._backlog.take(SLICE_BYTES):
                    self._put(file, b"".join(encoder.event(*entry) for entry in entries))
                    self._backlog.wrote(entries)
                    last = entries[-1].seconds
            self._put(file, encoder.flush(last))

    def _put(self, file: int, lines: bytes) -> None:
        if lines:
            self._make_room(len(lines))
            append(file, lines)
