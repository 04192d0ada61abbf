"""The ends of terminals: none is given up before it is done, in this run or a later one.

Owns the records of shells while they run (records has their files), a queue of
pending ends per target (end_queue), and what is left of an earlier run. Does not own
how a terminal is ended (ending). An end that the target does not let happen now
(paused, its engine away, no room for a process) is tried again with growing pauses,
and at once when something changed about targets.

A shell that a dead instance left *live* is an orphan: it is logged and listed,
never adopted and not ended unasked. One that it left *ending* is ended now.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from engine.core.events import DockerStatusChanged, EndsPending, TargetsChanged
from engine.core.model import Target, TargetKind
from engine.core.tasks import start, supervise, to_nobody
from engine.pty.ends.container_processes import HOST_VARIABLE, SESSION_VARIABLE, TAG_VARIABLE
from engine.pty.ends.queue import EndQueue, Orphan, terminals
from engine.pty.ends.records import Record, RecordStore, boot_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.core.events import Event, EventBus
    from engine.core.tasks import Publish
    from engine.docker.engines import DockerEngines

logger = logging.getLogger(__name__)

PROGRESS_SECONDS = 1.0
"""Between two lines about ends that the program waits for before it stops."""


class TerminalEnds:
    """Everything runs on one loop. ``start()`` if there is a profile, at last ``stop()``.

    ``on_kept(session, text)`` is called when processes of a session's ended terminal
    go on because they asked to.
    """

    def __init__(
        self,
        docker: DockerEngines | None,
        *,
        events: EventBus | None = None,
        folder: Path | None = None,
        on_kept: Callable[[str, str], None] = lambda session, text: None,
    ) -> None:
        self.host = secrets.token_hex(16)
        """The profile's host id, once it is started; before, one of this object's own."""
        self.docker = docker
        self.on_kept = on_kept
        self.records: dict[str, Record] = {}
        self._instance = ""
        self._events = events
        self._folder = folder
        self.publish_event: Publish = to_nobody if events is None else events.publish
        self._files = _Files(self.publish_event)
        self._opening: asyncio.Task[RecordStore] | None = None
        self._queues: dict[tuple[str, str], EndQueue] = {}
        self._told: tuple[int, str] = (0, "")
        self._changed = asyncio.Event()
        self._stopping = False
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Take over what dead instances of the profile left; end what they were ending."""
        if self._events is not None:
            self._unsubscribe = self._events.subscribe(self._on_event)
        if self._folder is None:
            return
        # A start that is cancelled leaves the thread to its work: stop() closes what it opens.
        self._opening = asyncio.create_task(
            asyncio.to_thread(RecordStore, self._folder), name="open shell records"
        )
        try:
            store = await asyncio.shield(self._opening)
        except OSError as error:
            logger.warning(
                "Shells are not recorded, so none is found again after a crash: %s: %s",
                self._folder,
                error.strerror,
            )
            return
        self._files.use(store)
        self.host, self._instance = store.host, store.instance
        for record in await asyncio.to_thread(store.left):
            self._take_over(record)

    def _take_over(self, record: Record) -> None:
        self.records[record.tag] = record
        if record.host != self.host:
            logger.warning("A shell in %s was started by another host: left alone", record.name)
        elif record.boot and record.boot != boot_id():
            self.remove(record)
        else:
            self._queue(record).add(record)

    def new_record(
        self, target: Target, session: str, *, users: tuple[str, ...] = ("",), path: str = ""
    ) -> Record:
        """For a shell that is about to start; saved() waits until it is on disk."""
        local = target.kind is TargetKind.LOCAL
        record = Record(
            tag=secrets.token_hex(16),
            host=self.host,
            instance=self._instance,
            shell=session,
            engine="" if local else target.engine,
            container="" if local else target.ref,
            name=target.id,
            boot=boot_id() if local else "",
            users=users,
            path=path,
        )
        self.save(record)
        return record

    def environment(self, record: Record) -> dict[str, str]:
        """What marks the processes of the record's shell."""
        return {
            SESSION_VARIABLE: record.shell,
            TAG_VARIABLE: record.tag,
            HOST_VARIABLE: self.host,
        }

    def save(self, record: Record) -> None:
        self.records[record.tag] = record
        self._files.put(record.tag, msgspec.json.encode(record))

    def remove(self, record: Record) -> None:
        """Nothing is left of its shell, or nothing was ever started."""
        self.records.pop(record.tag, None)
        self._files.put(record.tag, None)

    async def saved(self) -> None:
        """Until the files are as save() and remove() said."""
        await self._files.flush()

    async def end(self, record: Record) -> None:
        """Begin to end its terminal; returns when that is done, or will take longer."""
        if record.tag in self.records:
            await asyncio.shield(self._queue(record).add(record))

    def pending(self) -> int:
        """How many terminals are being ended now."""
        return sum(queue.count for queue in self._queues.values())

    def kept(self, session: str) -> frozenset[int]:
        """The pids of a session's ended terminals that go on because they asked to."""
        return frozenset(
            pid
            for record in self.records.values()
            if record.shell == session and record.state == "kept"
            for pid, _ in record.kept
        )

    def orphans(self) -> tuple[Orphan, ...]:
        """Shells of earlier runs that still run, and ends that did not succeed so far."""
        return tuple(orphan for queue in self._queues.values() for orphan in queue.orphans())

    async def finish(self, seconds: float) -> int:
        """Wait for all ends, ``seconds`` at most; how many are left then, on disk for later."""
        self._stopping = True
        for record in tuple(self.records.values()):
            if record.state == "live" and record.instance == self._instance:
                self._queue(record).add(record)
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        told = self.pending()
        while (left := self.pending()) and loop.time() < until:
            self.publish()
            self._changed.clear()
            try:
                async with asyncio.timeout(min(PROGRESS_SECONDS, until - loop.time())):
                    await self._changed.wait()
            except TimeoutError:
                if told != (told := self.pending()) or left == told:
                    logger.info("Waiting for %s to end%s", terminals(told), self._why())
        if left:
            later = "the next start ends them" if self._files.has_store else "their processes stay"
            logger.warning("%s could not be ended%s; %s", terminals(left), self._why(), later)
        return left

    async def stop(self) -> None:
        """Leave no task behind. What is not done stays on disk."""
        self._unsubscribe()
        for queue in self._queues.values():
            await queue.stop()
        self._queues.clear()
        opening, self._opening = self._opening, None
        if opening is not None and not self._files.has_store:
            with contextlib.suppress(OSError):
                self._files.use(await opening)
        await self._files.close()

    # -- for the queues

    def publish(self) -> None:
        """Say how many are pending, when that or the reason has changed."""
        self._changed.set()
        reasons = dict.fromkeys(q.reason for q in self._queues.values() if q.count and q.reason)
        text = "; ".join(reasons)
        if self._stopping and not text:
            text = "Their programs are ending"
        now = (self.pending(), text if self.pending() else "")
        if self._events is not None and now != self._told:
            self._told = now
            self._events.publish(EndsPending(count=now[0], text=now[1]))

    def is_orphan(self, record: Record) -> bool:
        return record.state == "live" and record.instance != self._instance

    def _why(self) -> str:
        return f" ({self._told[1]})" if self._told[1] else ""

    def _queue(self, record: Record) -> EndQueue:
        if record.place not in self._queues:
            self._queues[record.place] = EndQueue(self, record)
        return self._queues[record.place]

    def _on_event(self, event: Event) -> None:
        if isinstance(event, TargetsChanged | DockerStatusChanged):
            for queue in self._queues.values():
                queue.wake()


class _Files:
    """Writes records in a thread, in order; without a store nothing is written."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._store: RecordStore | None = None
        self._waiting: dict[str, bytes | None] = {}
        self._task: asyncio.Task[None] | None = None
        self._failed = False

    @property
    def has_store(self) -> bool:
        return self._store is not None

    def use(self, store: RecordStore) -> None:
        """Write there from now on, and close it at the end."""
        self._store = store

    def put(self, tag: str, data: bytes | None) -> None:
        """Write the file of ``tag``, or remove it."""
        if self._store is None:
            return
        self._waiting[tag] = data
        if self._task is None or self._task.done():
            self._task = start(
                supervise("Recording shells", partial(self._run, self._store), self._publish),
                "shell records",
            )

    async def flush(self) -> None:
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def close(self) -> None:
        await self.flush()
        if self._store is not None:
            await asyncio.to_thread(self._store.close)
            self._store = None

    async def _run(self, store: RecordStore) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, {}
            try:
                await asyncio.to_thread(_write, store, waiting)
            except OSError as error:
                if not self._failed:
                    logger.warning("Shells cannot be recorded any more: %s", error)
                self._failed = True


def _write(store: RecordStore, waiting: dict[str, bytes | None]) -> None:
    for tag, data in waiting.items():
        if data is None:
            store.remove(tag)
        else:
            store.write(tag, data)
