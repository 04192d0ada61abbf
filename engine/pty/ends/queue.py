"""The pending ends of one target, tried until they succeed.

Owns when they are tried, with what, and what a try's outcome means for each record.
Does not own the records (ends), nor how terminals are ended (ending). All that wait
go together, with one helper in the container. Also looks, once the target answers,
whether kept jobs and the orphans of earlier runs are still there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.core.errors import DockerFailedError, HatchwayError
from engine.core.model import Target, TargetKind
from engine.core.tasks import start, supervise
from engine.core.text import shown
from engine.pty.ends.container_processes import TAG_VARIABLE, container_processes
from engine.pty.ends.ending import Left, Process, Terminal, end_terminals
from engine.pty.ends.local_processes import LocalProcesses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.core.tasks import Publish
    from engine.docker.engines import DockerEngines
    from engine.pty.ends.ending import ProcessTable
    from engine.pty.ends.records import Record

logger = logging.getLogger(__name__)

RETRY_FIRST_SECONDS = 0.5
RETRY_MOST_SECONDS = 15.0
"""Between two tries of an end that its target does not let happen."""
ATTEMPT_SECONDS = 45.0
"""One try, Docker's own time limits included."""
MAX_TOGETHER = 256
"""Terminals ended by one helper."""
MAX_NAME = 60
"""Characters of one process: its name has 15 at most in Linux, its pid a few."""
NAMES_SHOWN = 5
"""Processes named in a line for people; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A shell that no terminal belongs to any more. ``reason`` says why it is still there."""

    record: Record
    processes: tuple[str, ...]
    reason: str


class Owner(Protocol):
    """What a queue needs of engine.pty.ends.ends.TerminalEnds."""

    docker: DockerEngines | None
    records: dict[str, Record]
    on_kept: Callable[[str, str], None]
    publish_event: Publish

    def save(self, record: Record) -> None: ...
    def remove(self, record: Record) -> None: ...
    def publish(self) -> None: ...
    def is_orphan(self, record: Record) -> bool: ...


class EndQueue:
    """One target's. ``add()`` starts its task, which ends with the last pending record."""

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
        """Why the last try did not succeed; a sentence without its full stop."""
        self._ending: dict[str, Record] = {}
        self._unseen: dict[str, Record] = {}
        self._orphans: dict[str, tuple[str, ...]] = {}
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def count(self) -> int:
        return len(self._ending)

    def add(self, record: Record) -> asyncio.Future[None]:
        """End the record's terminal; look, for a kept one and an orphan, what is left of it.

        The result is done after the next try, whatever came of it.
        """
        owner = self._owner
        if record.state == "kept" or owner.is_orphan(record):
            self._unseen[record.tag] = record
        elif record.tag not in self._ending:
            self._ending[record.tag] = record
            record.ending()
            owner.save(record)
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(record.tag, []).append(future)
        if self._task is None or self._task.done():
            name = f"Ending terminals in {self._target.id}"
            self._task = start(supervise(name, self._run, owner.publish_event), name)
        self.wake()
        return future

    def wake(self) -> None:
        """Try now: something has changed."""
        self._wake.set()

    def orphans(self) -> Iterable[Orphan]:
        for tag, processes in self._orphans.items():
            yield Orphan(self._owner.records[tag], processes, "Its program ended without ending it")
        if self.reason:
            for record in self._ending.values():
                yield Orphan(record, (), self.reason)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._release()

    async def _run(self) -> None:
        pause = RETRY_FIRST_SECONDS
        while self._ending or self._unseen:
            self._wake.clear()
            reason = await self._try()
            if reason and reason != self.reason:
                logger.warning(
                    "%s in %s: %s; trying again", terminals(self.count), self._target.id, reason
                )
            self.reason = reason
            # Those that were not part of this try have the next one to wait for.
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
            if everybody or not (tag in self._ending or tag in self._unseen):
                for future in self._waiting.pop(tag):
                    if not future.done():
                        future.set_result(None)

    async def _try(self) -> str:
        """End what is pending and look after the rest; the reason when that cannot be done."""
        batch = tuple(self._ending.values())[:MAX_TOGETHER]
        unseen = tuple(self._unseen.values())[:MAX_TOGETHER]
        kept = tuple(
            record
            for record in self._owner.records.values()
            if record.place == self._place and record.state == "kept" and record not in unseen
        )
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                if not await self._runs():
                    for record in (*batch, *unseen, *kept):
                        self._done(record)
                    return ""
                async with self._table((*batch, *unseen, *kept)) as table:
                    reason = await self._end(table, batch) if batch else ""
                    await self._look_after(table, (*unseen, *kept))
                    return reason
        except TimeoutError:
            return f"{self._target.id} does not answer"
        except HatchwayError as error:
            return str(error).rstrip(".")
        except Exception as error:
            logger.exception("Ending terminals in %s failed", self._target.id)
            return f"It failed: {error!r}"

    async def _runs(self) -> bool:
        """Whether there can be processes of ours at all. Raises DockerError."""
        target = self._target
        if target.kind is TargetKind.LOCAL or self._owner.docker is None:
            return target.kind is TargetKind.LOCAL
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

    async def _end(self, table: ProcessTable, batch: tuple[Record, ...]) -> str:
        shells = [
            Terminal(r.tag, r.pid, r.birth, deaf=r.deaf, by_command=r.by_command) for r in batch
        ]
        left = Left()
        try:
            left = await end_terminals(table, shells)
        finally:
            for record, terminal in zip(batch, shells, strict=True):
                record.seen(terminal.pid, terminal.birth, by_command=terminal.by_command)
        for record in batch:
            if record.tag in left.resisting:
                self._owner.save(record)
            elif record.tag in left.kept:
                self._kept(record, left.kept[record.tag])
            else:
                self._done(record)
        if left.resisting:
            resisting = [process for found in left.resisting.values() for process in found]
            return f"Not ended: {_named(resisting)}"
        return ""

    async def _look_after(self, table: ProcessTable, records: tuple[Record, ...]) -> None:
        """Kept jobs that have ended meanwhile, and what is left of orphans."""
        if not records:
            return
        sessions = {record.pid: record for record in records if record.pid}
        found = await table.find(sessions, [record.tag for record in records])
        # A session led by another than our shell has got its number anew.
        sessions = {
            pid: record
            for pid, record in sessions.items()
            if not any(p.pid == pid and record.birth not in (0, p.birth) for p in found)
        }
        for record in records:
            left = [
                process
                for process in found
                if not process.dead
                and (sessions.get(process.session) is record or process.tag == record.tag)
            ]
            self._unseen.pop(record.tag, None)
            if not left:
                self._done(record)
            elif record.state == "live":
                self._orphans[record.tag] = tuple(map(_clean, left))
                logger.warning(
                    "Orphan: a shell of an earlier run in %s still runs: %s",
                    self._target.id,
                    _named(left),
                )

    def _kept(self, record: Record, left: list[Process]) -> None:
        self._ending.pop(record.tag, None)
        record.keeps((process.pid, process.name) for process in left[:MAX_TOGETHER])
        self._owner.save(record)
        text = f"Kept running, as they asked: {_named(left)}"
        logger.info("Session %s: %s", record.shell, text)
        self._owner.on_kept(record.shell, text)

    def _done(self, record: Record) -> None:
        for found in (self._ending, self._unseen):
            found.pop(record.tag, None)
        self._orphans.pop(record.tag, None)
        self._owner.remove(record)


def terminals(count: int) -> str:
    return "1 terminal" if count == 1 else f"{count} terminals"


def _clean(process: Process) -> str:
    """A process as people may see it: programs choose their names."""
    return shown(process, MAX_NAME)


def _named(processes: list[Process]) -> str:
    names = ", ".join(map(_clean, processes[:NAMES_SHOWN]))
    more = len(processes) - NAMES_SHOWN
    return f"{names} and {more} more" if more > 0 else names
