"""Who this agent is to relays: its id and its key, stored beside the settings.

Owns making them at the first start and what happens where they cannot be stored. Does not
own the key's use (engine.access.agent_key). One id belongs to one key, so when one of them is
for this run only, so is the other; an id from the settings stays.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.access.agent_key import AgentKey, load_key
from engine.core import whole_file

if TYPE_CHECKING:
    from pathlib import Path

ID_FILE = "agent-id"

_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True, slots=True)
class Identity:
    """``problem``: why it is for this run only, as a sentence; empty when it is stored."""

    agent_id: str
    key: AgentKey
    problem: str = ""


def load(folder: Path, wanted_id: str = "") -> Identity:
    """The identity of this installation. ``wanted_id`` is that of the settings, if any.

    Raises SettingsError when the key's file is damaged: it is never replaced.
    """
    try:
        key = load_key(folder)
        return Identity(wanted_id or _load_id(folder), key)
    except OSError as error:
        problem = (
            f"{error.filename or folder}: {error.strerror}. This agent has another "
            f"{'key' if wanted_id else 'id'} at each start until its files can be stored there"
        )
        return Identity(wanted_id or _made_id(), AgentKey.make(), problem)


def _load_id(folder: Path) -> str:
    """Raises OSError. A damaged file is replaced: there is nothing in it to lose."""
    path = folder / ID_FILE
    try:
        return _read(path) or _write(path)
    except FileNotFoundError:
        pass
    made = _made_id()
    try:
        whole_file.create(path, f"{made}\n".encode())
    except FileExistsError:
        # Two programs started at once: the other was first.
        return _read(path) or _write(path)
    return made


def _read(path: Path) -> str:
    text = path.read_bytes().decode("utf-8", "replace").strip()
    return text if _PLAIN_ID.fullmatch(text) else ""


def _write(path: Path) -> str:
    made = _made_id()
    whole_file.replace(path, f"{made}\n".encode())
    return made


def _made_id() -> str:
    return secrets.token_hex(16)
