"""Hyperlinks: OSC 8's URIs by small numbers.

A pen carries the number.
Source: "Hyperlinks in terminal emulators" (egmontkob).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.emulator.cells.style import Hyperlink

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_LINKS: Final = 4096
"""Links at one time; text beyond it is printed without one, until unused ones are collected."""
MAX_URI: Final = 2048
MAX_ID: Final = 250
"""Characters; a longer URI or id is no link."""


class Links:
    def __init__(self) -> None:
        self._links: dict[int, Hyperlink] = {}
        self._numbers: dict[Hyperlink, int] = {}
        self._next = 1
        self.full = False

    def __len__(self) -> int:
        return len(self._links)

    def get(self, number: int) -> Hyperlink | None:
        return self._links.get(number)

    def copy(self) -> dict[int, Hyperlink]:
        return self._links.copy()

    def number(self, uri: str, link_id: str) -> int:
        """A number for the link; 0 when it is not to be had."""
        if not uri or len(uri) > MAX_URI or len(link_id) > MAX_ID or not uri.isprintable():
            return 0
        link = Hyperlink(uri, link_id if link_id.isprintable() else "")
        if link in self._numbers:
            return self._numbers[link]
        if len(self._links) >= MAX_LINKS:
            self.full = True
            return 0
        number = self._next
        self._next += 1
        self._links[number] = link
        self._numbers[link] = number
        return number

    def collect(self, used: Iterable[int]) -> None:
        """Forget all but ``used``."""
        keep = set(used)
        self._links = {number: link for number, link in self._links.items() if number in keep}
        self._numbers = {link: number for number, link in self._links.items()}
        self.full = False
