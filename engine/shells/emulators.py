"""What the emulators of a shell's participants can do, and which theme the shell has.

Programs ask the agent's emulator. What it says must be true for everybody who controls the shell.
No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Emulators(Generic[T]):
    """Features and themes of the controllers, in the order in which they were attached.

    Features are the words of ``hello.features``. A theme is what the caller makes of
    ``hello.theme``; None where there is none. While no controller is attached, what the last one
    had still counts.
    """

    def __init__(self) -> None:
        self._people: dict[str, tuple[frozenset[str], T | None]] = {}
        self._controllers: set[str] = set()
        self._last: tuple[frozenset[str], T | None] | None = None

    def join(
        self, who: str, *, controls: bool, features: Iterable[str] = (), theme: T | None = None
    ) -> None:
        """``features``: absent means none."""
        self._people[who] = (frozenset(features), theme)
        self.control(who, controls)

    def leave(self, who: str) -> None:
        self.control(who, False)
        self._people.pop(who, None)

    def control(self, who: str, controls: bool) -> None:
        """The role that counts now has changed (``Keyboard.role``)."""
        if who not in self._people:
            return
        if controls:
            self._controllers.add(who)
        elif who in self._controllers:
            self._controllers.remove(who)
            self._last = self._people[who]

    def features(self, own: frozenset[str]) -> frozenset[str]:
        """What may be reported: of ``own``, the agent's, what all controllers have as well."""
        for features, _ in self._counting():
            own &= features
        return own

    def theme(self, holder: str) -> T | None:
        """The theme of the keyboard's holder ("": nobody), else of the longest attached controller.

        Those who have none are passed over.
        """
        first = [self._people[holder]] if holder in self._people else []
        for _, theme in (*first, *self._counting()):
            if theme is not None:
                return theme
        return None

    def _counting(self) -> list[tuple[frozenset[str], T | None]]:
        if self._controllers:
            return [person for who, person in self._people.items() if who in self._controllers]
        return [] if self._last is None else [self._last]
