"""How large a shell is, when people with windows of different sizes share it.

The smallest window of the controllers decides, in each dimension, or the host pins a size. No
I/O; times are seconds of a monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.core.model import Size

GROW_SECONDS = 0.5
"""A larger size is applied after this, as whoever left may come back at once. One that is smaller
in a dimension is applied at once, and so is the window of somebody who is alone."""
SHARED = Size(80, 24)
"""While others are attached, a smaller window counts as this one; it scales or scrolls."""
PINNED = "pinned"
"""``SizePolicy.by`` when the host has pinned the size."""


@dataclass(frozen=True, slots=True)
class _Person:
    controls: bool
    window: Size | None = None
    hidden: bool = False

    @property
    def has_a_say(self) -> bool:
        return self.controls and not self.hidden and self.window is not None


class SizePolicy:
    """Decides one shell's size. After each change, ask ``wanted()``, then ``next_at``.

    Participants are attached and present: a detached one has left, and a hidden tab says so.
    The recorder does not join. Who is unknown changes nothing.
    """

    def __init__(self, size: Size) -> None:
        self._people: dict[str, _Person] = {}
        self._size = size
        self._by = ""
        self._pinned: Size | None = None
        self._due: float | None = None
        self._at_once = False

    @property
    def size(self) -> Size:
        """What ``wanted()`` returned last."""
        return self._size

    @property
    def by(self) -> str:
        """Whose window decided ``size``, or PINNED; "" before anybody's did."""
        return self._by

    @property
    def next_at(self) -> float | None:
        """When ``wanted()`` changes, if nothing else happens."""
        return self._due

    def join(
        self, who: str, *, controls: bool, window: Size | None = None, hidden: bool = False
    ) -> None:
        """``window`` is None until it is known. ``hidden``: a tab that is not in view."""
        came = who not in self._people
        before, self._people[who] = self._people.get(who), _Person(controls, window, hidden)
        self._alone_changed(came or before != self._people[who])

    def leave(self, who: str) -> None:
        self._people.pop(who, None)

    def control(self, who: str, controls: bool) -> None:
        """The role that counts now (``Keyboard.role``): a viewer's window decides nothing."""
        if (person := self._people.get(who)) is not None:
            self._people[who] = replace(person, controls=controls)

    def resize(self, who: str, window: Size) -> None:
        if (person := self._people.get(who)) is not None:
            self._people[who] = replace(person, window=window)
            self._alone_changed(window != person.window)

    def hide(self, who: str, hidden: bool) -> None:
        if (person := self._people.get(who)) is not None:
            self._people[who] = replace(person, hidden=hidden)

    def pin(self, size: Size | None) -> None:
        """The host decides, or (None) lets the windows decide again."""
        self._pinned = size

    def wanted(self, now: float) -> Size:
        """The shell's size now. With nobody who decides, it stays what it was."""
        target, by = self._target()
        at_once, self._at_once = self._at_once, False
        if target == self._size:
            self._due = None
            self._by = by
        elif target.cols >= self._size.cols and target.rows >= self._size.rows:
            if self._due is None:
                self._due = now + GROW_SECONDS
            if now >= self._due or at_once:
                self._apply(target, by)
        else:
            self._apply(target, by)
        return self._size

    def _alone_changed(self, changed: bool) -> None:
        self._at_once = self._at_once or (changed and len(self._people) == 1)

    def _apply(self, size: Size, by: str) -> None:
        self._size, self._by, self._due = size, by, None

    def _target(self) -> tuple[Size, str]:
        if self._pinned is not None:
            return self._pinned, PINNED
        shared = sum(not person.hidden for person in self._people.values()) > 1
        windows = {
            who: _at_least(person.window, SHARED) if shared else person.window
            for who, person in self._people.items()
            if person.has_a_say and person.window is not None
        }
        if not windows:
            return self._size, self._by
        size = Size(
            min(window.cols for window in windows.values()),
            min(window.rows for window in windows.values()),
        )
        # Where one has the fewest columns and another the fewest rows, the columns count.
        by = min(windows, key=lambda who: (windows[who].cols, windows[who].rows))
        return size, by


def _at_least(size: Size, least: Size) -> Size:
    return Size(max(size.cols, least.cols), max(size.rows, least.rows))
