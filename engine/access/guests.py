"""Guests that the host knows: those it removed, and those it is not asked about again.

A guest says in ``hello.guest``, inside DTLS, 128 random bits that it made for this host. Only
their SHA-256 is kept here: the *identity*. A guest without one (plain JSON, an old page) is its
link and its address; by the address alone nobody is known, as many people may share one.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from typing import TypeVar

from engine.access.kept_guests import (
    MAX_KEY,
    MAX_NAME,
    MAX_REMEMBERED,
    MAX_REMOVED,
    MAX_TARGET,
    Kept,
    KeptGuests,
    Remembered,
    Removed,
)
from engine.core.model import Guest, Role

ADDRESS_SECONDS = 600.0
"""How long a refused address is refused."""
MAX_ADDRESSES = 1000

_SAID = re.compile(r"[0-9a-f]{32}")


def identity(said: str | None) -> str:
    """The identity of a guest that said so in ``hello.guest``: 64 hex digits, or "" for none.

    Whatever is not 32 lower-case hex digits is none.
    """
    if not said or not _SAID.fullmatch(said):
        return ""
    return hashlib.sha256(bytes.fromhex(said)).hexdigest()


def key(guest: Guest) -> str:
    """Whose shells count together, and what a removal applies to. "" for this app itself.

    Without an identity it is the link and the address, of which the relay reports the latter.
    """
    if guest.own:
        return ""
    if guest.identity:
        return f"identity {guest.identity}"
    return _storable(f"link {guest.share} at {guest.address}", MAX_KEY)


class Guests:
    """The guests of one agent. Without a ``file`` nothing outlives the program."""

    def __init__(
        self,
        file: KeptGuests | None = None,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = file
        self._clock = clock
        self._monotonic = monotonic
        self._removed: dict[str, Removed] = {}
        self._remembered: dict[tuple[str, str], Remembered] = {}
        self._refused: dict[str, float] = {}
        """Address → until when, on the monotonic clock."""

    def restore(self) -> None:
        """Read the file. Whatever is wrong with it is a warning. Blocks: call it in a thread."""
        if self._file is None:
            return
        kept = self._file.read()
        self._removed = {one.key: one for one in kept.removed} | self._removed
        self._remembered = {
            (one.identity, one.target): one for one in kept.remembered
        } | self._remembered

    async def flush(self) -> bool:
        """Whether everything is on disk, once no write is under way."""
        return await self._file.flush() if self._file is not None else True

    async def close(self) -> None:
        """Flush, and let another process write the file."""
        if self._file is not None:
            await self._file.close()

    def remove(self, guest: Guest) -> None:
        """Refuse the guest for good, and ask about it again should that be undone.

        Without identity and link nobody can be refused for good: see refuse_address().
        """
        self._remembered = {
            place: one
            for place, one in self._remembered.items()
            if not guest.identity or one.identity != guest.identity
        }
        if guest.identity or guest.share:
            whose = key(guest)
            self._removed.pop(whose, None)
            self._removed[whose] = Removed(whose, _storable(guest.name, MAX_NAME), self._clock())
            _bound(self._removed, MAX_REMOVED)
        self._save()

    def readmit(self, whose: str) -> None:
        """Undo a removal, by the key in removed()."""
        if self._removed.pop(whose, None) is not None:
            self._save()

    def refuse_address(self, address: str, seconds: float = ADDRESS_SECONDS) -> None:
        """Refuse guests without a link from an address for some time; in this run only."""
        now = self._monotonic()
        self._refused = {one: until for one, until in self._refused.items() if until > now}
        self._refused.pop(address, None)
        self._refused[address] = now + seconds
        _bound(self._refused, MAX_ADDRESSES)

    def is_refused(self, guest: Guest) -> bool:
        """Whether the host removed this guest, as far as it is known by now.

        Its identity is known once it said hello: ask again before a terminal starts.
        """
        if guest.own:
            return False
        if key(guest) in self._removed:
            return True
        return not guest.share and self._refused.get(guest.address, 0.0) > self._monotonic()

    def remember(self, guest: Guest, target: str, role: Role, *, compared: bool) -> bool:
        """Do not ask about the guest again, in that target. False for one without identity."""
        if not guest.identity:
            return False
        self._remembered.pop((guest.identity, target), None)
        self._remembered[guest.identity, target] = Remembered(
            guest.identity, target, role, compared, _storable(guest.name, MAX_NAME), self._clock()
        )
        _bound(self._remembered, MAX_REMEMBERED)
        self._save()
        return True

    def forget(self, whose: str) -> None:
        """Ask about a guest again, in all targets, by its identity."""
        kept = {at: one for at, one in self._remembered.items() if one.identity != whose}
        if len(kept) < len(self._remembered):
            self._remembered = kept
            self._save()

    def find(self, guest: Guest, target: str) -> Remembered | None:
        """What was remembered about the guest in that target."""
        if not guest.identity or self.is_refused(guest):
            return None
        return self._remembered.get((guest.identity, _storable(target, MAX_TARGET)))

    def removed(self) -> tuple[Removed, ...]:
        """Oldest first."""
        return tuple(self._removed.values())

    def remembered(self) -> tuple[Remembered, ...]:
        """Oldest first."""
        return tuple(self._remembered.values())

    def _save(self) -> None:
        if self._file is not None:
            self._file.save(Kept(self.removed(), self.remembered()))


K = TypeVar("K")
V = TypeVar("V")


def _storable(text: str, most: int) -> str:
    """Without unpaired surrogates, which JSON from outside may have and a file may not."""
    return text[:most].encode("utf-8", "replace").decode()


def _bound(rows: dict[K, V], most: int) -> None:
    for oldest in list(rows)[: max(0, len(rows) - most)]:
        del rows[oldest]
