"""The pending ends of one target, retried until they succeed.

Owns when to try, and what the outcome means for each record. The records belong to
ends; how terminals are ended, to ending. All pending ends share one helper in the
container. Each try also examines what kept jobs and dead instances' shells still run.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Protocol

from engine.core.errors import DockerAbsentError, DockerFailedError, HatchwayError
from engine.core.model import Target, TargetKind
from engine.core.tasks import start, supervise
from engine.core.text import shown
from engine.pty.ends.container_processes import TAG_VARIABLE, container_processes
from engine.pty.ends.ending import Outcome, Process, Terminal, end_terminals
from engine.pty.ends.local_processes import LocalProcesses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.core.tasks import Publish
    from engine.docker.engines import DockerEngines
    from engine.pty.ends.ending import ProcessTable
    from engine.pty.ends.records import Record

logger = logging.getLogger(__name__)

RETRY_FIRST_SECONDS = 0.5
RETRY_MOST_SECONDS = 15.0
"""Between two tries of an end that the target does not allow."""
ATTEMPT_SECONDS = 45.0
"""For one try, including Docker's own time limits."""
MAX_TOGETHER = 256
"""Terminals ended in one try."""
MAX_NAME = 60
"""Characters of one process: its name has 15 at most in Linux, its pid a few."""
NAMES_SHOWN = 5
"""Processes named in a message; the rest is counted."""


class Owner(Protocol):
    """What a queue needs of engine.pty.ends.ends.TerminalEnds."""

    docker: DockerEngines | None
    records: dict[str, Record]
    on_kept: Callable[[str, str], None]
    publish_event: Publish

    def save(self, record: Record) -> None: ...
    def remove(self, record: Record) -> None: ...
    def publish(self) -> None: ...
    def is_left(self, record: Record) -> bool: ...
    def examined(self, record: Record, processes: Sequence[Process]) -> None: ...


class EndQueue:
    """The queue of one target. ``add()`` starts its task, which ends with the last record."""

    def __init__(self, owner: Owner, record: Record) -> None:
        self._owner = owner
        self._target = Target(
            id=record.name,
            kind=TargetKind.CONTAINER if record.container else TargetKind.LOCAL,
            name=record.name,
            engine=record.engine,
            ref=record.container,
        )
        self._place = record.place
        self.reason = ""
        """Why the last try failed: a sentence without a full stop; empty when it succeeded."""
        self._ending: dict[str, Record] = {}
        self._unchecked: dict[str, Record] = {}
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def count(self) -> int:
        return len(self._ending)

    def add(self, record: Record) -> asyncio.Future[None]:
        """End the record's terminal. The future is done after the next try, however it went."""
        self._unchecked.pop(record.tag, None)
        if record.tag not in self._ending:
            self._ending[record.tag] = record
            record.ending()
            self._owner.save(record)
        return self._next_try(record)

    def examine(self, record: Record) -> asyncio.Future[None]:
        """Report to the owner which processes of a dead instance's shell still run.

        The future is done after the next try; the owner has no report if that failed.
        """
        self._unchecked[record.tag] = record
        return self._next_try(record)

    def _next_try(self, record: Record) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(record.tag, []).append(future)
        if self._task is None or self._task.done():
            name = f"Ending terminals in {self._target.id}"
            self._task = start(supervise(name, self._run, self._owner.publish_event), name)
        self.wake()
        return future

    def wake(self) -> None:
        """Try now: something changed."""
        self._wake.set()

    def reason_of(self, record: Record) -> str:
        """Why it could not be ended or examined yet; empty when it was, or was not tried."""
        waits = record.tag in self._ending or record.tag in self._unchecked
        return self.reason if waits else ""

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._release()

    async def _run(self) -> None:
        pause = RETRY_FIRST_SECONDS
        while self._ending or self._unchecked:
            self._wake.clear()
            reason = await self._try()
            if reason and reason != self.reason:
                what = terminals(self.count) if self.count else "What earlier runs left"
                logger.warning("%s in %s: %s; retrying", what, self._target.id, reason)
            self.reason = reason
            # Records that were not part of this try wait for the next one.
            self._release(everybody=bool(reason))
            self._owner.publish()
            if not reason:
                pause = RETRY_FIRST_SECONDS
                continue
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
                pause = RETRY_FIRST_SECONDS
            except TimeoutError:
                pause = min(pause * 2, RETRY_MOST_SECONDS)

    def _release(self, *, everybody: bool = True) -> None:
        for tag in tuple(self._waiting):
            if everybody or not (tag in self._ending or tag in self._unchecked):
                for future in self._waiting.pop(tag):
                    if not future.done():
                        future.set_result(None)

    async def _try(self) -> str:
        """End what is pending and check the rest; returns why that failed, "" on success."""
        batch = tuple(self._ending.values())[:MAX_TOGETHER]
        self._unchecked = {
            tag: record for tag, record in self._unchecked.items() if self._owner.is_left(record)
        }
        unchecked = tuple(self._unchecked.values())[:MAX_TOGETHER]
        kept = tuple(
            record
            for record in self._owner.records.values()
            if record.place == self._place and record.state == "kept"
        )
        if not (batch or unchecked):
            return ""
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                if not await self._runs():
                    for record in (*batch, *kept):
                        self._done(record)
                    for record in unchecked:
                        self._examined(record, ())
                    return ""
                async with self._table((*batch, *unchecked, *kept)) as table:
                    reasons = [
                        await self._end(table, [r for r in batch if r.everything is everything])
                        for everything in (False, True)
                    ]
                    await self._check_remaining(table, (*unchecked, *kept))
                    return "; ".join(filter(None, reasons))
        except TimeoutError:
            return f"{self._target.id} does not answer"
        except HatchwayError as error:
            return str(error).rstrip(".")
        except Exception as error:
            logger.exception("Ending terminals in %s failed", self._target.id)
            return f"Unexpected error: {error!r}"

    async def _runs(self) -> bool:
        """Whether the target runs, so that it can have processes. Raises DockerError."""
        target = self._target
        if target.kind is TargetKind.LOCAL:
            return True
        if self._owner.docker is None:
            raise DockerAbsentError("Docker is off")
        try:
            container = await self._owner.docker.call(
                target.engine, lambda client: dict(client.api.inspect_container(target.ref))
            )
        except DockerFailedError as error:
            if error.status == 404:
                return False
            raise
        state = container["State"]
        if state.get("Paused"):
            raise DockerFailedError(f"{target.id} is paused")
        return bool(state.get("Running"))

    def _table(
        self, records: tuple[Record, ...]
    ) -> contextlib.AbstractAsyncContextManager[ProcessTable]:
        docker = self._owner.docker
        if self._target.kind is TargetKind.LOCAL or docker is None:
            return contextlib.nullcontext(LocalProcesses(TAG_VARIABLE))
        return container_processes(
            docker,
            self._target,
            [record.tag for record in records],
            users=dict.fromkeys(user for record in records for user in record.users),
            shells=dict.fromkeys(record.path for record in records if record.path),
        )

    async def _end(self, table: ProcessTable, batch: Sequence[Record]) -> str:
        """``everything`` is the same for the whole batch."""
        if not batch:
            return ""
        everything = batch[0].everything
        shells = [
            Terminal(r.tag, r.pid, r.start_time, hup_ignored=r.hup_ignored, by_command=r.by_command)
            for r in batch
        ]
        left = Outcome()
        try:
            left = await end_terminals(table, shells, everything=everything)
        finally:
            for record, terminal in zip(batch, shells, strict=True):
                record.seen(terminal.pid, terminal.start_time, by_command=terminal.by_command)
        for record in batch:
            if record.tag in left.resisting or (
                # Asked meanwhile to end what is kept, too: the next try does.
                record.tag in left.kept and record.everything is not everything
            ):
                self._owner.save(record)
            elif record.tag in left.kept:
                self._kept(record, left.kept[record.tag])
            else:
                self._done(record)
        if left.resisting:
            resisting = [process for found in left.resisting.values() for process in found]
            return f"Still running: {names(resisting)}"
        return ""

    async def _check_remaining(self, table: ProcessTable, records: tuple[Record, ...]) -> None:
        """Drop records of kept jobs that have ended; report what dead instances left."""
        if not records:
            return
        sessions = {record.pid: record for record in records if record.pid}
        found = await table.find(sessions, [record.tag for record in records])
        # A session led by another process than our shell reused the number.
        sessions = {
            pid: record
            for pid, record in sessions.items()
            if not any(p.pid == pid and record.start_time not in (0, p.start_time) for p in found)
        }
        for record in records:
            left = [
                process
                for process in found
                if not process.dead
                and (sessions.get(process.session) is record or process.tag == record.tag)
            ]
            if record.tag in self._unchecked:
                self._examined(record, left)
            elif not left and record.state == "kept":
                self._done(record)

    def _examined(self, record: Record, left: Sequence[Process]) -> None:
        self._unchecked.pop(record.tag, None)
        self._owner.examined(record, left)

    def _kept(self, record: Record, left: list[Process]) -> None:
        self._ending.pop(record.tag, None)
        record.keeps((process.pid, process.name) for process in left[:MAX_TOGETHER])
        self._owner.save(record)
        text = f"Still running in the background: {names(left)}"
        logger.info("Session %s: %s", record.shell, text)
        self._owner.on_kept(record.shell, text)

    def _done(self, record: Record) -> None:
        self._ending.pop(record.tag, None)
        self._owner.remove(record)


def terminals(count: int) -> str:
    return "1 terminal" if count == 1 else f"{count} terminals"


def names(processes: Sequence[Process]) -> str:
    """The first of them, safe to show: programs choose their names."""
    text = ", ".join(shown(process, MAX_NAME) for process in processes[:NAMES_SHOWN])
    more = len(processes) - NAMES_SHOWN
    return f"{text} and {more} more" if more > 0 else text
