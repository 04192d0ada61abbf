"""Writing settings back into the file that people edit, atomically.

Comments, order and unknown keys stay as they are.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from engine.core import settings_text, whole_file
from engine.core.errors import SettingsError
from engine.core.settings import check_file
from engine.core.settings_text import SettingsText

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write(path: Path, values: Mapping[str, Any]) -> None:
    """Set dotted keys in the file; it is created if it does not exist.

    Everything else in it stays, including mistakes and keys of other versions. Raises
    SettingsError, and leaves the file unchanged, when it cannot be read or written, is not
    valid TOML, or one of ``values`` is invalid.
    """
    try:
        old = settings_text.read(path)
    except FileNotFoundError:
        old = SettingsText()
    document = _parse(path, old.text)
    for dotted, value in values.items():
        *parents, leaf = dotted.split(".")
        table: Any = document
        for parent in parents:
            if parent not in table:
                table[parent] = tomlkit.table()
            table = table[parent]
            if not isinstance(table, MutableMapping):
                raise SettingsError(dotted, f"{parent} is not a table in the file", str(path))
        table[leaf] = value
    _, flaws = check_file(document.unwrap(), str(path))
    for flaw in flaws:
        if flaw.key in values:
            raise SettingsError(flaw.key, flaw.problem, str(path))
    try:
        whole_file.replace(path, old.changed(tomlkit.dumps(document)).encode())
    except OSError as error:
        raise SettingsError(str(path), f"cannot be written: {error.strerror}") from None


def _parse(path: Path, text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except RecursionError:
        raise SettingsError(str(path), "is not valid TOML: nested too deeply") from None
    except (TOMLKitError, ValueError) as error:
        raise SettingsError(str(path), f"is not valid TOML: {error}") from None
