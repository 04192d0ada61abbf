"""Logging set-up for the command line and the window.

Owns the format, the level and which libraries are hushed. Does not own what is
said: each module logs under its own name.
"""

from __future__ import annotations

import logging

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

# At INFO these say several lines per packet, request or candidate pair.
_TALKATIVE = ("aioice", "aiortc", "socketio", "engineio", "aiohttp", "urllib3", "docker", "qasync")


def configure(level: str) -> None:
    """Log to standard error at ``level`` (one of LEVELS). Call once, first thing."""
    logging.basicConfig(format=FORMAT, level=level, force=True)
    library_level = logging.INFO if level == "DEBUG" else logging.WARNING
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(library_level)
