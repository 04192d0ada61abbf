"""The parameters of one control sequence: numbers and their defaults."""

from __future__ import annotations

from typing import Final

MAX_PARAMETER: Final = 65_535
"""Larger numbers in a sequence count as this."""
MAX_PARAMETERS: Final = 32
"""Parameters of one sequence; the rest is dropped."""
_DIGITS: Final = 6


class Params:
    """Numbers in order; missing ones are 0, or the default the caller names."""

    __slots__ = ("_parts",)

    def __init__(self, text: str) -> None:
        self._parts = text.split(";", MAX_PARAMETERS)[:MAX_PARAMETERS] if text else []

    def __len__(self) -> int:
        return len(self._parts)

    def given(self, index: int) -> bool:
        return index < len(self._parts) and self._parts[index] != ""

    def get(self, index: int, default: int = 0) -> int:
        """The number at ``index``; of colon-separated ones the first."""
        if index >= len(self._parts):
            return default
        text = self._parts[index].partition(":")[0].lstrip("0")
        if not text:
            return 0 if self._parts[index] else default
        return min(int(text[:_DIGITS]), MAX_PARAMETER) if text.isdigit() else default

    def all(self) -> list[int]:
        return [self.get(index) for index in range(len(self._parts))] or [0]
