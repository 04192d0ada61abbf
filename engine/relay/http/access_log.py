"""The access log: one line of JSON for each connection, offer and HTTP request.

It never contains a token, a proof, a session description, a query string or a whole link id.
"""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime
from typing import IO, Any

from engine.core.errors import SettingsError

_LINK = re.compile(r"(/s/)([^/]{4})[^/]*")


class AccessLog:
    """``path`` as in Options.access_log. Raises SettingsError when it cannot be opened."""

    def __init__(self, path: str = "") -> None:
        self._file: IO[str] | None = None
        self._own = path not in ("", "-")
        if path == "-":
            self._file = sys.stdout
        elif path:
            try:
                # Lines are appended; whole_file is for files that are replaced.
                self._file = open(path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115
            except OSError as error:
                raise SettingsError("--access-log", f"{path}: {error.strerror}") from None

    def write(self, event: str, **fields: Any) -> None:
        if self._file is None:
            return
        row = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event}
        # JSON does not escape DEL.
        line = json.dumps({**row, **fields}).replace("\x7f", "\\u007f")
        self._file.write(line + "\n")
        if not self._own:
            self._file.flush()

    def close(self) -> None:
        if self._file is not None and self._own:
            self._file.close()
        self._file = None


def shown_path(path: str) -> str:
    """A request's path, with a link's id cut to four characters."""
    return _LINK.sub(r"\1\2…", path)[:200]


def shown_link(link_id: str) -> str:
    return f"{link_id[:4]}…" if link_id else ""
