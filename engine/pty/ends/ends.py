"""Ends terminals reliably: an end that fails is retried, in this run or a later one.

Owns the records of running shells (their files: records) and one queue of pending ends
per target (queue). How a terminal is ended: ending. An end that the target does not allow
now (paused, engine unreachable, no memory for a process) is retried with growing pauses,
and at once when a target changed.

A shell that a dead instance left *live* is an orphan: it is logged and listed, and ended
on request (orphans). One that it left *ending* is ended now.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from engine.core.events import DockerStatusChanged, EndsPending, OrphansChanged, TargetsChanged
from engine.core.model import Orphan, OrphanProcess, OrphansEnded, OrphanState, Target, TargetKind
from engine.core.tasks import TaskOwner, start, supervise, to_nobody
from engine.pty.ends.container_processes import HOST_VARIABLE, SESSION_VARIABLE, TAG_VARIABLE
from engine.pty.ends.orphans import MAX_PROCESSES, Orphans
from engine.pty.ends.queue import EndQueue, names, terminals
from engine.pty.ends.records import Left, Record, RecordStore, boot_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from engine.core.events import Event, EventBus
    from engine.core.tasks import Publish
    from engine.docker.engines import DockerEngines
    from engine.pty.ends.ending import Process

logger = logging.getLogger(__name__)

PROGRESS_SECONDS = 1.0
"""Between two log lines about ends that stopping waits for."""
LOOK_SECONDS = 60.0
"""Between two looks for what dead instances left: others may die or end it meanwhile."""
ORPHANS_SECONDS = 10.0
"""How long a request to end orphans waits for them."""


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
        self._orphans: Orphans | None = None
        self._published_orphans: tuple[Orphan, ...] = ()
        self._hosts = False
        self._look_failed = False
        self._tasks = TaskOwner("ends", self.publish_event)
        self._queues: dict[tuple[str, str], EndQueue] = {}
        self._published: tuple[int, str] = (0, "")
        self._changed = asyncio.Event()
        self._stopping = False
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self, *, hosts: bool = True) -> None:
        """Continue the ends that dead instances of the profile had begun.

        Looks for orphans then and once a minute. Without ``hosts`` neither: look() and
        end_orphans() are all that happens, and these and start() raise OSError when the
        profile's folder cannot be used.
        """
        self._hosts = hosts
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
            if not hosts:
                raise
            logger.warning(
                "Cannot record running shells, so a crash would leave them behind: %s: %s",
                self._folder,
                error.strerror,
            )
            return
        self._files.use(store)
        self.host, self._instance = store.host, store.instance
        self._orphans = Orphans(store, self._files.forget)
        if hosts:
            await self._read_left()
            self._tasks.supervise("The search for orphans", self._keep_looking)

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

    def include_everything(self, session: str) -> None:
        """Let the end of this running shell include what asked to keep running."""
        for record in self.records.values():
            if record.shell == session:
                record.include_everything()
                self.save(record)

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
        """What earlier runs left, and ends that have not succeeded yet, sorted by target."""
        left = self._orphans.listed(self._why) if self._orphans else ()
        return tuple(sorted((*left, *self._unfinished()), key=lambda o: (o.target, o.id)))

    async def look(self, *, again: bool = True) -> None:
        """Look for what dead instances left; returns when each of them was examined.

        Without ``again`` not kept and foreign ones in containers that were found before.
        """
        records = await self._read_left()
        if not again and self._orphans is not None:
            records = [record for record in records if not self._orphans.settled(record)]
        await asyncio.gather(*(self._queue(record).examine(record) for record in records))
        self._publish_orphans()

    async def end_orphans(
        self, *, kept: bool = False, seconds: float = ORPHANS_SECONDS
    ) -> OrphansEnded:
        """End what dead instances left, with ``kept`` also what asked to keep running.

        Waits ``seconds`` at most; ends that have not succeeded then are retried, in the next
        run if need be. Of several programs that do this at once, one ends each shell.
        """
        await self._read_left()
        if self._orphans is None:
            return OrphansEnded(0)
        states = ("live", "ending", "kept") if kept else ("live", "ending")
        claimed = await self._orphans.claim(lambda record: record.state in states)
        earlier = [record for record in self.records.values() if self._is_earlier(record)]
        claimed += [record for record in earlier if kept or record.state == "ending"]
        for record in claimed:
            record.ending(everything=kept)
            self.save(record)
        # On disk first: after a crash the next start ends what was meant now.
        await self.saved()
        for record in claimed:
            self._queue(record).add(record)
        await self._wait_ended(claimed, seconds)
        self._publish_orphans()
        tags = {record.tag for record in claimed}
        left = tuple(orphan for orphan in self.orphans() if orphan.id in tags)
        return OrphansEnded(len(tags) - len(left), left)

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
        await self._tasks.close()
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
        """Publish how many ends are pending and which orphans there are, when that changed."""
        self._changed.set()
        self._publish_orphans()
        reasons = dict.fromkeys(q.reason for q in self._queues.values() if q.count and q.reason)
        text = "; ".join(reasons)
        if self._stopping and not text:
            text = "Waiting for programs to exit"
        now = (self.pending(), text if self.pending() else "")
        if self._events is not None and now != self._published:
            self._published = now
            self._events.publish(EndsPending(count=now[0], text=now[1]))

    def is_left(self, record: Record) -> bool:
        """Whether it is a record that a dead instance left, and nobody has claimed it."""
        return self._orphans is not None and self._orphans.has(record)

    def examined(self, record: Record, processes: Sequence[Process]) -> None:
        """Which processes of a dead instance's shell still run."""
        if self._orphans and self._orphans.examined(record, processes) and self._hosts:
            logger.warning(
                "Orphan: a shell of an earlier run in %s is still running: %s. "
                "End it with the command: orphans --end",
                record.name,
                names(processes),
            )

    # -- orphans

    async def _keep_looking(self) -> None:
        while True:
            await self.look(again=False)
            await asyncio.sleep(LOOK_SECONDS)

    async def _read_left(self) -> list[Record]:
        """Read which records dead instances left, and continue the ends they had begun.

        Returns those of which the processes have to be examined.
        """
        if self._orphans is None:
            return []
        try:
            found = await self._orphans.look()
        except OSError as error:
            if not self._hosts:
                raise
            if not self._look_failed:
                logger.warning("Cannot look for shells of earlier runs: %s", error)
            self._look_failed = True
            return []
        if self._hosts:
            for record in await self._orphans.claim(lambda record: record.state == "ending"):
                self._queue(record).add(record)
        return [record for record in found if self._orphans.has(record)]

    async def _wait_ended(self, records: Sequence[Record], seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while any(record.tag in self.records and record.state == "ending" for record in records):
            self._changed.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._changed.wait()
            except TimeoutError:
                return

    def _is_earlier(self, record: Record) -> bool:
        """Whether a dead instance started its shell."""
        return record.instance != self._instance

    def _unfinished(self) -> Iterator[Orphan]:
        """Our records that are listed among the orphans."""
        for record in self.records.values():
            reason = self._why(record)
            if record.state == "ending" and (reason or self._is_earlier(record)):
                yield Orphan(
                    record.tag, record.name, record.shell, OrphanState.ENDING, reason=reason
                )
            elif record.state == "kept" and self._is_earlier(record):
                processes = tuple(OrphanProcess(pid, name) for pid, name in record.kept)
                listed = processes[:MAX_PROCESSES]
                more = len(processes) - len(listed)
                yield Orphan(
                    record.tag, record.name, record.shell, OrphanState.KEPT, listed, more, reason
                )

    def _why(self, record: Record) -> str:
        queue = self._queues.get(record.place)
        return queue.reason_of(record) if queue else ""

    def _publish_orphans(self) -> None:
        now = self.orphans()
        if self._events is not None and now != self._published_orphans:
            self._published_orphans = now
            self._events.publish(OrphansChanged(orphans=now))

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
        self._waiting: dict[str, Callable[[RecordStore], None]] = {}
        """By tag, what is to be done in the folder; the last request wins."""
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
        if data is None:
            self._do(tag, lambda store: store.remove(tag))
        else:
            self._do(tag, lambda store: store.write(tag, data))

    def forget(self, left: Left) -> None:
        """Remove a record that a dead instance left."""
        self._do(left.record.tag, lambda store: store.forget(left))

    async def flush(self) -> None:
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def close(self) -> None:
        await self.flush()
        if self._store is not None:
            await asyncio.to_thread(self._store.close)
            self._store = None

    def _do(self, tag: str, job: Callable[[RecordStore], None]) -> None:
        if self._store is None:
            return
        self._waiting[tag] = job
        if self._task is None or self._task.done():
            self._task = start(
                supervise("Recording shells", partial(self._run, self._store), self._publish),
                "shell records",
            )

    async def _run(self, store: RecordStore) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, {}
            try:
                await asyncio.to_thread(_write, store, tuple(waiting.values()))
            except OSError as error:
                if not self._failed:
                    logger.warning("Cannot record running shells: %s", error)
                self._failed = True


def _write(store: RecordStore, jobs: Sequence[Callable[[RecordStore], None]]) -> None:
    for job in jobs:
        job(store)
