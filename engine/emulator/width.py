"""How many cells a character takes.

Owns the one answer used by everything in the emulator. wcwidth holds the
Unicode tables; this adds a cache and a pattern for what is plainly narrow.
"""

from __future__ import annotations

import re
from functools import lru_cache

from wcwidth import wcwidth

# Runs that need no look-up: ASCII, Latin, Cyrillic, punctuation, boxes and blocks.
# (U+00AD, the soft hyphen, is left out: it is looked up.)
NARROW = re.compile("[ -~\xa0-\xac\xae-\u02ff\u0400-\u0482\u2010-\u2027\u2500-\u259f]+")


@lru_cache(maxsize=8192)
def width(char: str) -> int:
    """0, 1 or 2 cells; -1 for what has no width at all. "" is 0."""
    return wcwidth(char) if char else 0
