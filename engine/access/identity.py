"""The agent's id and key, generated at first start and stored beside the settings.

One id belongs to one key. So when one cannot be stored, both are used for this run only;
an id from the settings stays.
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
    """``problem``: why it is valid for this run only, as a sentence; empty when it is stored."""

    agent_id: str
    key: AgentKey
    problem: str = ""


def load(folder: Path, configured_id: str = "") -> Identity:
    """The identity of this installation. ``configured_id`` is the one in the settings, if any.

    Raises SettingsError when the key's file is damaged: it is never replaced.
    """
    try:
        key = load_key(folder)
        return Identity(configured_id or _load_id(folder), key)
    except OSError as error:
        problem = (
            f"{error.filename or folder}: {error.strerror}. This agent gets a new "
            f"{'key' if configured_id else 'id'} at each start until its files can be stored there"
        )
        return Identity(configured_id or _new_id(), AgentKey.make(), problem)


def temporary(problem: str) -> Identity:
    """An identity for this run only, and why. Reads and writes nothing."""
    return Identity(_new_id(), AgentKey.make(), problem)


def _load_id(folder: Path) -> str:
    """Raises OSError. A damaged file is replaced: nothing in it is worth keeping."""
    path = folder / ID_FILE
    try:
        return _read(path) or _write(path)
    except FileNotFoundError:
        pass
    made = _new_id()
    try:
        whole_file.create(path, f"{made}\n".encode())
    except FileExistsError:
        # Another program started at the same time and was first.
        return _read(path) or _write(path)
    return made


def _read(path: Path) -> str:
    text = path.read_bytes().decode("utf-8", "replace").strip()
    return text if _PLAIN_ID.fullmatch(text) else ""


def _write(path: Path) -> str:
    made = _new_id()
    whole_file.replace(path, f"{made}\n".encode())
    return made


def _new_id() -> str:
    return secrets.token_hex(16)
