"""What dead instances of the profile left: looked for, listed, and claimed to be ended.

Owns which records there are and what was found of their processes. Those are examined by
the queues of ends, which also end what was claimed here. Records of living instances are
never read, and those of another host or another boot never claimed.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from engine.core.model import Orphan, OrphanProcess, OrphanState
from engine.pty.ends.records import boot_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine.pty.ends.ending import Process
    from engine.pty.ends.records import Left, Record, RecordStore

logger = logging.getLogger(__name__)

MAX_PROCESSES = 20
"""Processes that are listed of one shell; the others are counted."""
MAX_NAME = 60
"""Characters of a process name. Linux has 15 at most, but a container may claim more."""


class Orphans:
    """The records that dead instances left. ``forget`` removes one's file."""

    def __init__(self, store: RecordStore, forget: Callable[[Left], None]) -> None:
        self._store = store
        self._forget = forget
        self._boot = boot_id()
        self._left: dict[str, Left] = {}
        self._found: dict[str, Sequence[Process]] = {}
        self._changing = asyncio.Lock()

    async def look(self) -> list[Record]:
        """Read the records again and return those whose processes have to be examined.

        Raises OSError.
        """
        async with self._changing:
            left = await asyncio.to_thread(self._store.left)
            self._left = {one.record.tag: one for one in left if self._may_run(one)}
            self._found = {tag: seen for tag, seen in self._found.items() if tag in self._left}
        return [one.record for one in self._left.values()]

    async def claim(self, wanted: Callable[[Record], bool]) -> list[Record]:
        """Take the wanted ones for this instance. What another program took is not returned."""
        async with self._changing:
            chosen = [
                one
                for one in self._left.values()
                if not self._is_foreign(one.record) and wanted(one.record)
            ]
            claimed: list[Record] = []
            for one, record in zip(
                chosen, await asyncio.to_thread(self._claim, chosen), strict=True
            ):
                if isinstance(record, OSError):
                    logger.warning("Cannot claim the shell in %s: %s", one.record.name, record)
                    continue
                del self._left[one.record.tag]
                self._found.pop(one.record.tag, None)
                if record is not None:
                    claimed.append(record)
        return claimed

    def has(self, record: Record) -> bool:
        """Whether it is among those that dead instances left."""
        return record.tag in self._left

    def settled(self, record: Record) -> bool:
        """Whether it is known to run in a container, and nobody is asked to end it.

        Examining it again would start a helper there each time.
        """
        known = bool(record.container) and record.tag in self._found
        return known and self._state(record) is not OrphanState.ORPHAN

    def examined(self, record: Record, processes: Sequence[Process]) -> bool:
        """Note which processes of it are left; whether it is a new orphan.

        The record of a shell of which nothing is left is removed, unless it is foreign.
        """
        left = self._left.get(record.tag)
        if left is None:
            return False  # claimed meanwhile
        known = record.tag in self._found
        if processes:
            self._found[record.tag] = processes
            return not known and self._state(record) is OrphanState.ORPHAN
        self._found.pop(record.tag, None)
        if not self._is_foreign(record):
            del self._left[record.tag]
            self._forget(left)
        return False

    def listed(self, reason: Callable[[Record], str]) -> Iterator[Orphan]:
        """Those whose processes were found, or could not be for the ``reason``."""
        for tag, left in self._left.items():
            record = left.record
            processes = self._found.get(tag, ())
            why = reason(record)
            if processes or why:
                yield Orphan(
                    tag,
                    record.name,
                    record.shell,
                    self._state(record),
                    tuple(OrphanProcess(p.pid, p.name[:MAX_NAME]) for p in processes)[
                        :MAX_PROCESSES
                    ],
                    max(0, len(processes) - MAX_PROCESSES),
                    why,
                    record.host if self._is_foreign(record) else "",
                )

    def _may_run(self, left: Left) -> bool:
        record = left.record
        if not record.boot or record.boot == self._boot:
            return True
        if not self._is_foreign(record):
            self._forget(left)
        return False

    def _claim(self, chosen: Sequence[Left]) -> list[Record | OSError | None]:
        claimed: list[Record | OSError | None] = []
        for one in chosen:
            try:
                claimed.append(self._store.claim(one))
            except OSError as error:
                claimed.append(error)
        return claimed

    def _is_foreign(self, record: Record) -> bool:
        return record.host != self._store.host

    def _state(self, record: Record) -> OrphanState:
        if self._is_foreign(record):
            return OrphanState.FOREIGN
        return _STATES[record.state]


_STATES = {
    "live": OrphanState.ORPHAN,
    "ending": OrphanState.ENDING,
    "kept": OrphanState.KEPT,
}
