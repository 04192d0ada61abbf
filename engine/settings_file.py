"""Writing settings back into the file people edit, nothing else in it disturbed.

Owns the file: comments, order and unknown keys stay as they are, and the file is
whole at every moment. Does not own what a setting means (settings).
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from engine.errors import SettingsError
from engine.settings import MAX_FILE_BYTES, validate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write(path: Path, values: Mapping[str, Any]) -> None:
    """Set dotted keys in the file, which is made if there is none.

    Raises SettingsError when the file cannot be read or written, is no TOML, or
    would not be a valid settings file afterwards; then it stays as it was.
    """
    document = _read(path)
    for dotted, value in values.items():
        *parents, leaf = dotted.split(".")
        table: Any = document
        for parent in parents:
            if parent not in table:
                table[parent] = tomlkit.table()
            table = table[parent]
        table[leaf] = value
    validate(document.unwrap(), str(path))
    _replace(path, tomlkit.dumps(document))


def _read(path: Path) -> tomlkit.TOMLDocument:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return tomlkit.document()
    except OSError as error:
        raise SettingsError(str(path), f"cannot be read: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise SettingsError(str(path), "is too large for a settings file")
    try:
        return tomlkit.parse(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise SettingsError(str(path), "is not UTF-8 text") from None
    except TOMLKitError as error:
        raise SettingsError(str(path), f"is not valid TOML: {error}") from None


def _replace(path: Path, text: str) -> None:
    """All or nothing: whoever reads meanwhile sees the old file or the new one."""
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A link stays a link: what it points to is replaced.
        target = path.resolve()
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".settings-")
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            # It may hold tokens: who may read it is the person's decision.
            os.chmod(temporary, target.stat().st_mode & 0o777)
        os.replace(temporary, target)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise SettingsError(str(path), f"cannot be written: {error.strerror}") from None
