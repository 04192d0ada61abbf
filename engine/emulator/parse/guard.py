"""The safety net: a defect of ours costs one sequence and one log line, not the screen."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


class Guard:
    """Calls what may fail. No input may need it: ``failed`` has the names of what did."""

    def __init__(self) -> None:
        self.failed: set[str] = set()

    def call(self, name: str, function: Callable[..., Any], *arguments: object) -> None:
        """Do it. The first failure of each name is logged, without what the program sent."""
        try:
            function(*arguments)
        except Exception:
            self._report(name)

    def text(self, name: str, function: Callable[[Any], str], argument: object) -> str | None:
        """The same for what returns text; None when it fails."""
        try:
            return function(argument)
        except Exception:
            self._report(name)
            return None

    def _report(self, name: str) -> None:
        if name not in self.failed:
            self.failed.add(name)
            logger.exception("The terminal could not do %r", name)
