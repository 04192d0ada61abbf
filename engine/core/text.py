"""Escaping of text from outside, for logs, terminals, windows and errors.

No text is refused for its characters. Those that would control a terminal, break a line,
change the text direction or be invisible are written as in a Python string: ``\\x1b``,
``\\n``, ``\\u202e``.
"""

from __future__ import annotations

import re

MAX_SHOWN = 300
"""Default limit for the characters shown of one text."""
CUT = "…"
"""Replaces the rest of a text that was cut off."""

# Unicode 14: the categories Cc (C0, DEL, C1), Cf (bidi controls, zero widths, tags), Cs, Zl
# and Zp; and invisible characters of other categories: combining grapheme joiner, Hangul and
# Khmer fillers, variation selectors except the two that choose text or emoji style.
_HIDDEN = re.compile(
    "[\0-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\uffa0\ufe00-\ufe0d"
    "\U000e0000-\U000e0fff]"
)


def escaped(text: str) -> str:
    """``text`` on one line, with every character visible. Idempotent."""
    return _HIDDEN.sub(_escape, text)


def shown(text: object, limit: int = MAX_SHOWN) -> str:
    """``text`` escaped, at most ``limit`` characters long, CUT included."""
    # Cut first: a long text must not cost time that is spent on what is not shown.
    line = escaped(str(text)[: limit + 1])
    return line if len(line) <= limit else line[: limit - len(CUT)] + CUT


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
