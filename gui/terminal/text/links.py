"""Links in the text: marked by programs (OSC 8), or addresses in plain text.

Programs wrote all of it: an address is shown before it is opened, and opened in no other way
than as an address.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from gui.terminal.text.logical import logical
from gui.terminal.text.selection import Place

if TYPE_CHECKING:
    from engine.emulator import Line, Terminal
    from gui.terminal.text.logical import Logical

MAX_URL = 4096
"""Characters of an address that may be opened."""
MAX_LINK_ROWS = 200
"""Rows above and below in which the rest of a marked link is searched for."""
SAFE_SCHEMES = frozenset({"http", "https", "mailto"})
"""Opened without a question, in a browser or a mail program."""
REFUSED_SCHEMES = frozenset({"javascript", "data", "vbscript", "blob", "about"})
"""They are programs or have no meaning outside a page."""

_EAST_ASIAN = (
    r"\u3001-\u3003\u3008-\u301f"
    r"\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
_ENDS = rf"\s<>\"'`\x00-\x1f\x7f-\x9f│┃“”‘’«»‹›{_EAST_ASIAN}"
"""What no address goes on with, also of the punctuation of East Asian texts."""
_URL = re.compile(
    rf"(?:https?|ftp|file|ssh|git|gemini)://[^{_ENDS}]+"
    rf"|mailto:[^{_ENDS}@]+@[^{_ENDS}]+"
    rf"|\bwww\.[a-z0-9-]+\.[^{_ENDS}]+",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?'\"…"
"""Characters that end a sentence, not an address."""
_PAIRS = {")": "(", "]": "[", "}": "{"}


class Verdict(enum.Enum):
    """What may be done with an address."""

    OPEN = "open"
    ASK = "ask"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Link:
    """An address and the cells it stands in: name of a row to columns start..end-1."""

    uri: str
    spans: tuple[tuple[int, int, int], ...]
    marked: bool
    """OSC 8: the text may differ from the address."""


def at(terminal: Terminal, place: Place) -> Link | None:
    """The link in the cell at ``place``, or None."""
    line = logical(terminal, place.line)
    if line is None:
        return None
    row = line.lines[place.line - line.first]
    run = row.at(place.column)
    if run is not None and run.style.link:
        marked = terminal.hyperlink(run.style.link)
        if marked is not None:
            spans = _marked_spans(terminal, place.line, run.style.link)
            return Link(marked.uri[: MAX_URL + 1], spans, marked=True)
    return _plain(line, place, terminal.cols) if run is not None else None


def _marked_spans(terminal: Terminal, name: int, link: int) -> tuple[tuple[int, int, int], ...]:
    """All cells of a marked link near the row of that name."""
    spans = []
    for row in _rows_with(terminal, name, link):
        line = terminal.line(row - terminal.scrolled)
        spans += [
            (row, run.column, run.column + run.cells) for run in line.runs if run.style.link == link
        ]
    return tuple(spans)


def _rows_with(terminal: Terminal, name: int, link: int) -> list[int]:
    found = [name]
    for step in (-1, 1):
        row = name + step
        while abs(row - name) <= MAX_LINK_ROWS and _has(terminal, row, link):
            found.append(row)
            row += step
    return sorted(found)


def _has(terminal: Terminal, name: int, link: int) -> bool:
    index = name - terminal.scrolled
    if not -len(terminal.scrollback) <= index < terminal.rows:
        return False
    line: Line = terminal.line(index)
    return any(run.style.link == link for run in line.runs)


def _plain(line: Logical, place: Place, columns: int) -> Link | None:
    offset = line.offset(place)
    for match in _URL.finditer(line.text):
        url = _trimmed(match[0])
        end = match.start() + len(url)
        if match.start() <= offset < end:
            uri = url if ":" in url.partition("/")[0] else f"https://{url}"
            return Link(uri, _spans(line, match.start(), end, columns), marked=False)
    return None


def _trimmed(url: str) -> str:
    """Without what belongs to the sentence around it: full stops, a closing bracket."""
    while url:
        last = url[-1]
        opened = _PAIRS.get(last)
        if last in _TRAILING or (opened and url.count(opened) < url.count(last)):
            url = url[:-1]
        else:
            break
    return url


def _spans(line: Logical, begin: int, end: int, columns: int) -> tuple[tuple[int, int, int], ...]:
    return tuple(spans(line.place(begin), line.place(end, end=True), columns))


def spans(first: Place, last: Place, columns: int) -> list[tuple[int, int, int]]:
    """A stretch of text as (row, start, end) for each row it touches."""
    return [
        (
            row,
            first.column if row == first.line else 0,
            last.column if row == last.line else columns,
        )
        for row in range(first.line, last.line + 1)
    ]


def judge(uri: str) -> Verdict:
    """Whether an address may be opened, only after a question, or not at all."""
    if not uri or len(uri) > MAX_URL or not uri.isprintable() or " " in uri:
        return Verdict.REFUSE
    try:
        parts = urlsplit(uri)
    except ValueError:
        return Verdict.REFUSE
    scheme = parts.scheme.lower()
    if not scheme or scheme in REFUSED_SCHEMES:
        return Verdict.REFUSE
    if scheme in ("http", "https") and not parts.hostname:
        return Verdict.REFUSE
    if scheme not in SAFE_SCHEMES or _is_odd(parts):
        return Verdict.ASK
    return Verdict.OPEN


def _is_odd(parts: SplitResult) -> bool:
    """Whether an address looks like another one: a name before the host, letters that
    look like others (``xn--``)."""
    host = (parts.hostname or "").lower()
    named = parts.scheme.lower() in ("http", "https") and "@" in parts.netloc
    return named or not parts.netloc.isascii() or "xn--" in host
