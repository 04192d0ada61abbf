"""Ends terminals reliably: an end that fails is retried, in this run or a later one.

Owns the records of running shells (their files: records), one queue of pending ends
per target (queue), and what an earlier run left. How a terminal is ended: ending.
An end that the target does not allow now (paused, engine unreachable, no memory for
a process) is retried with growing pauses, and at once when a target changed.

A shell that a dead instance left *live* is an orphan: it is logged and listed, but
neither adopted nor ended without a request. One that it left *ending* is ended now.
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
"""Between two log lines about ends that stopping waits for."""


class TerminalEnds:
    """All ends of one program, on one loop. ``start()`` if there is a profile; ``stop()`` last.

    ``on_kept(session, text)`` is called when processes of a session's ended terminal
    keep running because they asked to.
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
        """The profile's host id once started; before that, one made for this object."""
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
        self._published: tuple[int, str] = (0, "")
        self._changed = asyncio.Event()
        self._stopping = False
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Adopt the records of dead instances of the profile; continue the ends they had begun."""
        if self._events is not None:
            self._unsubscribe = self._events.subscribe(self._on_event)
        if self._folder is None:
            return
        # If start() is cancelled the thread finishes; stop() closes the store it opens.
        self._opening = asyncio.create_task(
            asyncio.to_thread(RecordStore, self._folder), name="open shell records"
        )
        try:
            store = await asyncio.shield(self._opening)
        except OSError as error:
            logger.warning(
                "Cannot record running shells, so a crash would leave them behind: %s: %s",
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
            logger.warning("Ignoring a shell in %s that another host started", record.name)
        elif record.boot and record.boot != boot_id():
            self.remove(record)
        else:
            self._queue(record).add(record)

    def new_record(
        self,
        target: Target,
        session: str,
        *,
        users: tuple[str, ...] = ("",),
        path: str = "",
        by_command: bool = False,
    ) -> Record:
        """A record for a shell that is about to start; saved() waits until it is on disk.

        ``by_command``: it is a command instead of an interactive shell, and is ended as one.
        """
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
            by_command=by_command,
        )
        self.save(record)
        return record

    def environment(self, record: Record) -> dict[str, str]:
        """The environment variables that mark the processes of the record's shell."""
        return {
            SESSION_VARIABLE: record.shell,
            TAG_VARIABLE: record.tag,
            HOST_VARIABLE: self.host,
        }

    def save(self, record: Record) -> None:
        self.records[record.tag] = record
        self._files.put(record.tag, msgspec.json.encode(record))

    def remove(self, record: Record) -> None:
        """Remove the record: no process of its shell is left, or none ever started."""
        self.records.pop(record.tag, None)
        self._files.put(record.tag, None)

    async def saved(self) -> None:
        """Wait until all save() and remove() calls are on disk."""
        await self._files.flush()

    async def end(self, record: Record) -> None:
        """End its terminal; returns after the first try, which may have to be repeated later."""
        if record.tag in self.records:
            await asyncio.shield(self._queue(record).add(record))

    def pending(self) -> int:
        """How many terminals are being ended now."""
        return sum(queue.count for queue in self._queues.values())

    def kept(self, session: str) -> frozenset[int]:
        """The pids of a session's ended terminals that keep running because they asked to."""
        return frozenset(
            pid
            for record in self.records.values()
            if record.shell == session and record.state == "kept"
            for pid, _ in record.kept
        )

    def orphans(self) -> tuple[Orphan, ...]:
        """Shells of earlier runs that still run, and ends that have not succeeded yet."""
        return tuple(orphan for queue in self._queues.values() for orphan in queue.orphans())

    async def finish(self, seconds: float) -> int:
        """Wait for all ends, ``seconds`` at most; returns how many remain, on disk for later."""
        self._stopping = True
        for record in tuple(self.records.values()):
            if record.state == "live" and record.instance == self._instance:
                self._queue(record).add(record)
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        reported = self.pending()
        while (left := self.pending()) and loop.time() < until:
            self.publish()
            self._changed.clear()
            try:
                async with asyncio.timeout(min(PROGRESS_SECONDS, until - loop.time())):
                    await self._changed.wait()
            except TimeoutError:
                if reported != (reported := self.pending()) or left == reported:
                    logger.info("Waiting for %s to end%s", terminals(reported), self._reason())
        if left:
            later = "the next start ends them" if self._files.has_store else "they keep running"
            logger.warning("%s could not be ended%s; %s", terminals(left), self._reason(), later)
        return left

    async def stop(self) -> None:
        """Stop all tasks. Ends that are not done stay on disk."""
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
        """Publish how many ends are pending, when that or the reason has changed."""
        self._changed.set()
        reasons = dict.fromkeys(q.reason for q in self._queues.values() if q.count and q.reason)
        text = "; ".join(reasons)
        if self._stopping and not text:
            text = "Waiting for programs to exit"
        now = (self.pending(), text if self.pending() else "")
        if self._events is not None and now != self._published:
            self._published = now
            self._events.publish(EndsPending(count=now[0], text=now[1]))

    def is_orphan(self, record: Record) -> bool:
        return record.state == "live" and record.instance != self._instance

    def _reason(self) -> str:
        return f" ({self._published[1]})" if self._published[1] else ""

    def _queue(self, record: Record) -> EndQueue:
        if record.place not in self._queues:
            self._queues[record.place] = EndQueue(self, record)
        return self._queues[record.place]

    def _on_event(self, event: Event) -> None:
        if isinstance(event, TargetsChanged | DockerStatusChanged):
            for queue in self._queues.values():
                queue.wake()


class _Files:
    """Writes records in a thread, in order; writes nothing without a store."""

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
        """Write to ``store`` from now on; close() closes it."""
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
                    logger.warning("Cannot record running shells: %s", error)
                self._failed = True


def _write(store: RecordStore, waiting: dict[str, bytes | None]) -> None:
    for tag, data in waiting.items():
        if data is None:
            store.remove(tag)
        else:
            store.write(tag, data)
