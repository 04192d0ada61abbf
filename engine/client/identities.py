"""Who a guest is to a host: 128 random bits for each host, by which it is recognized.

Another number for every host, so that hosts cannot compare their guests. Each is a file of its
own, readable by its owner only: several programs of a profile may make the same one at a time.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from engine.core import private_file, whole_file

logger = logging.getLogger(__name__)

FOLDER = "guest-ids"
"""In the configuration folder."""
IDENTITY_BYTES = 16

_HEX = re.compile(rb"[0-9a-f]{32}\n?")


class Identities:
    """The identities of one profile. ``of()`` reads and writes files: call it in a thread."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is made when the first identity is stored."""
        self._folder = folder
        self._made: dict[Path, str] = {}
        """Those that could not be stored: for this run only."""

    def of(self, relay: str, agent_id: str) -> str:
        """The identity for an agent at a relay, as 32 hex digits. Never raises: one that cannot
        be stored is for this run only."""
        path = self._folder / _name(relay, agent_id)
        known = self._made.get(path) or _read(path)
        if known:
            return known
        made = secrets.token_hex(IDENTITY_BYTES)
        try:
            whole_file.create(path, f"{made}\n".encode())
        except FileExistsError:
            # Another program was first; or the file is damaged, or others can read it.
            known = _read(path)
            if known:
                return known
            self._made[path] = made
        except OSError as error:
            logger.warning("Cannot store who we are to a host in %s: %s", path, error.strerror)
            self._made[path] = made
        return made


def _name(relay: str, agent_id: str) -> str:
    """A file's name that says nothing about where we were."""
    parts = urlsplit(relay)
    address = f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"
    return hashlib.sha256(f"{address} {agent_id}".encode("utf-8", "surrogatepass")).hexdigest()


def _read(path: Path) -> str:
    data = private_file.read(path, IDENTITY_BYTES * 2 + 1, "guest identity")
    return data.strip().decode() if data is not None and _HEX.fullmatch(data) else ""
