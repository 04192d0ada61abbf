"""Logging set-up for the command line and the window: format, levels, safe records.

Guests and relays choose much of the text that is logged, so no record may forge another.
"""

from __future__ import annotations

import logging
from typing import Any

from engine.core.text import shown

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
MAX_MESSAGE = 2000
"""Characters of one record's message."""
MAX_TRACE_LINES = 200
"""Lines of one traceback, each at most MAX_MESSAGE characters; earlier lines are dropped."""
INDENT = "  "
"""Before each line of a traceback, so that no text in it looks like a record."""

# At INFO these log several lines per packet, request or candidate pair.
_VERBOSE = ("aioice", "aiortc", "socketio", "engineio", "aiohttp", "urllib3", "docker", "qasync")


class Formatter(logging.Formatter):
    """One line per record, traceback lines indented, control characters escaped."""

    def __init__(self) -> None:
        super().__init__(FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = shown(record.message, MAX_MESSAGE)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:
        return _indented(super().formatStack(stack_info))


def _indented(text: str) -> str:
    lines = text.split("\n")[-MAX_TRACE_LINES:]
    return "\n".join(INDENT + shown(line, MAX_MESSAGE) for line in lines)


def configure(level: str) -> None:
    """Log to standard error at ``level`` (one of LEVELS). Call once, at the start."""
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    library_level = logging.INFO if level == "DEBUG" else logging.WARNING
    for name in _VERBOSE:
        logging.getLogger(name).setLevel(library_level)
