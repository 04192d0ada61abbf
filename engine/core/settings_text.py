"""The text of a settings file, with its encoding and line endings preserved.

Editors on Windows write a byte order mark, CRLF and sometimes UTF-16; all of that is read,
and preserved when settings are saved.
"""

from __future__ import annotations

import codecs
import errno
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.core.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILE_BYTES = 1024 * 1024
"""A larger file is not read: it cannot be a settings file."""

# In this order: a file that begins with none of these marks is UTF-8.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class SettingsText:
    """``text`` has the line endings of the file; ``crlf``: all of them are CR LF."""

    text: str = ""
    encoding: str = "utf-8"
    mark: bytes = b""
    crlf: bool = False

    def changed(self, text: str) -> SettingsText:
        """Another text in the same form. New lines get the same line endings."""
        if self.crlf:
            text = text.replace("\r\n", "\n").replace("\n", "\r\n")
        return replace(self, text=text)

    def encode(self) -> bytes:
        return self.mark + self.text.encode(self.encoding)


def read(path: Path) -> SettingsText:
    """Read a settings file. Raises FileNotFoundError, or SettingsError naming the file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise
    except NotADirectoryError:
        raise FileNotFoundError(errno.ENOENT, "No such file", str(path)) from None
    except OSError as error:
        raise SettingsError(str(path), f"cannot be read: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise SettingsError(str(path), "is too large for a settings file")
    mark, encoding = next((m for m in _MARKS if data.startswith(m[0])), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        raise SettingsError(str(path), f"is not {encoding.upper()[:6].rstrip('-')} text") from None
    lines = text.count("\n")
    return SettingsText(text, encoding, mark, crlf=bool(lines) and lines == text.count("\r\n"))
