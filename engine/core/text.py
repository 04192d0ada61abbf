"""Text from outside, made fit to be read: in a log, a terminal, a window, an error.

Owns the one way to escape it. Nothing is refused for its characters; what would steer a
terminal, break a line, turn the direction of reading or stand there unseen is written as
Python writes it in a string: ``\\x1b``, ``\\n``, ``\\u202e``. Does not own where that happens.
"""

from __future__ import annotations

import re

MAX_SHOWN = 300
"""Characters shown of one text from outside, where nothing else is said."""
CUT = "…"
"""Stands where the rest of a text was left out."""

# Unicode 14: the categories Cc (C0, DEL, C1), Cf (bidi controls, zero widths, tags), Cs, Zl
# and Zp; and characters of other categories that no font shows: combining grapheme joiner,
# Hangul and Khmer fillers, variation selectors but the two that choose a sign's style.
_HIDDEN = re.compile(
    "[\0-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\uffa0\ufe00-\ufe0d"
    "\U000e0000-\U000e0fff]"
)


def escaped(text: str) -> str:
    """``text`` on one line, every character of it visible. Doing it twice changes nothing."""
    return _HIDDEN.sub(_escape, text)


def shown(text: object, limit: int = MAX_SHOWN) -> str:
    """``escaped`` and at most ``limit`` characters long, CUT included."""
    # No more than that can be shown of it: a long text costs no long work.
    line = escaped(str(text)[: limit + 1])
    return line if len(line) <= limit else line[: limit - len(CUT)] + CUT


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
