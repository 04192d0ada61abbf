"""Clipboard text to bytes that are safe to send to a shell."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtCore import QUrl

_LINE_ENDS = re.compile("\r\n|\n")
# C0 but tab and CR, DEL, and C1: an ESC could end the brackets or act as a key.
_CONTROLS = re.compile("[\x00-\x08\x0a-\x0c\x0e-\x1f\x7f-\x9f]")

START, END = b"\x1b[200~", b"\x1b[201~"


def clean(text: str) -> str:
    """Line ends as the Enter key sends them, control characters gone."""
    return _CONTROLS.sub("", _LINE_ENDS.sub("\r", text))


def line_count(cleaned: str) -> int:
    """Lines of a clean() text, the last one too when nothing ends it."""
    return cleaned.rstrip("\r").count("\r") + 1


def is_multiline(cleaned: str) -> bool:
    """Whether a shell without bracketed paste would run a part of it at once."""
    return "\r" in cleaned


def encode(cleaned: str, *, bracketed: bool) -> bytes:
    data = cleaned.encode("utf-8", "replace")
    return START + data + END if bracketed else data


def quoted_paths(urls: Iterable[QUrl]) -> str:
    """Local files as words of a shell, a blank after each; other addresses likewise."""
    words = (url.toLocalFile() if url.isLocalFile() else url.toString() for url in urls)
    return "".join(f"{shlex.quote(word)} " for word in words)
