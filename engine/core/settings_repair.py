"""A settings file with mistakes: which of them are warnings, and which stop the start.

An unknown key is left alone: a newer version may have written it. An invalid value is
replaced by the default, with a warning, unless the default may be less strict than the
intended value, or delete what was to be kept: see REFUSED.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from engine.core.errors import SettingsError

REFUSED = {
    "docker": "it decides which computers' containers can be opened",
    "ice": "it decides who learns the address of this computer",
    "recording": "it decides what is recorded, and which recordings are deleted",
    "relay": "it decides which relay is trusted, and with which secrets",
    "share": "it decides who may connect, with which rights and for how long",
}
"""Sections in which an invalid value stops the start, with the reason."""
HARMLESS = ("docker.workers", "relay.heartbeat")
"""Keys of those sections that do not affect security."""
OPEN_BY_DEFAULT = (
    "docker.enabled",
    "ice.from_relay",
    "ice.relay_only",
    "recording.max_bytes",
    "share.link_seconds",
    "share.single_use",
)
"""Settings that only restrict, and the limit beyond which recordings are deleted. A key that looks
like a misspelling of one of them stops the start as well: without the setting, more would be
allowed, or deleted, than intended."""
RENAMED = {
    "session.max_sessions": "session.max_shells",
    "session.max_sessions_per_guest": "session.max_shells_per_guest",
}
"""Older names of settings, which are read as the newer ones."""
SIMILARITY = 0.8
"""difflib's ratio from which on a key counts as a misspelling of another."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with ``key``, and what is used instead."""

    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}"


def repair(
    values: Mapping[str, Any], shape: type[msgspec.Struct], source: str
) -> tuple[dict[str, Any], list[Flaw]]:
    """The valid values of a file, and what is wrong with the others.

    Raises SettingsError when a default might be less strict than the intended value.
    """
    repairs = _Repairs(source)
    return repairs.section(values, shape, ""), repairs.flaws


def mentions_refused(text: str) -> bool:
    """Whether text that cannot be parsed may contain a setting that only restricts."""
    return any(key.rpartition(".")[2] in text for key in OPEN_BY_DEFAULT if key[:6] != "docker")


class _Repairs:
    def __init__(self, source: str) -> None:
        self.flaws: list[Flaw] = []
        self._source = source

    def section(
        self, values: Mapping[str, Any], shape: type[msgspec.Struct], prefix: str
    ) -> dict[str, Any]:
        fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
        used: dict[str, Any] = {}
        for name, value in values.items():
            key = f"{prefix}{name}"
            current = RENAMED.get(key, key).rpartition(".")[2]
            field = fields.get(current)
            if current != name and current in values:
                self.flaws.append(Flaw(key, f"is now {prefix}{current}, which is used instead"))
            elif field is None:
                self._unknown(key, value)
            elif isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
                if isinstance(value, Mapping):
                    used[name] = self.section(value, field.type, f"{key}.")
                else:
                    self._wrong(key, "must be a table", "the defaults are")
            else:
                self._value(used, key, value, field)
        return used

    def _value(
        self, used: dict[str, Any], key: str, value: Any, field: msgspec.structs.FieldInfo
    ) -> None:
        value = self._known(value, field.type, key)
        # Named as it is written in the file, stored under its present name.
        try:
            # As for environment variables: "8080" counts as a number.
            converted = msgspec.convert(value, field.type, strict=False)
        except msgspec.ValidationError as error:
            self._wrong(key, describe(error, field.type), f"{field.default!r} is")
            return
        if isinstance(converted, float) and not math.isfinite(converted):
            self._wrong(key, "must be finite", f"{field.default!r} is")
            return
        used[field.encode_name] = value

    def _known(self, value: Any, kind: Any, key: str) -> Any:
        """A list of tables without unknown keys; any other value as it is."""
        (entry, *_) = get_args(kind) or (None,)
        if not (isinstance(entry, type) and issubclass(entry, msgspec.Struct)):
            return value
        if not isinstance(value, list):
            return value
        names = {field.encode_name for field in msgspec.structs.fields(entry)}
        tables: list[Any] = []
        for at, table in enumerate(value):
            if isinstance(table, Mapping):
                for name in table.keys() - names:
                    self._unknown(f"{key}[{at}].{name}", table[name])
                table = {name: one for name, one in table.items() if name in names}
            tables.append(table)
        return tables

    def _wrong(self, key: str, problem: str, instead: str) -> None:
        section = key.partition(".")[0]
        if section in REFUSED and key not in HARMLESS:
            reason = f"{problem}. It is not replaced by a default: {REFUSED[section]}"
            raise SettingsError(key, reason, self._source)
        self.flaws.append(Flaw(key, f"{problem}; {instead} used instead"))

    def _unknown(self, key: str, value: Any) -> None:
        nested = [f"{key}.{name}" for name in value] if isinstance(value, Mapping) else []
        for written in (key, *nested):
            if meant := difflib.get_close_matches(written, OPEN_BY_DEFAULT, 1, SIMILARITY):
                problem = f"is not a setting; did you mean {meant[0]}?"
                raise SettingsError(written, problem, self._source)
        self.flaws.append(Flaw(key, "is not a setting of this version and has no effect"))


def describe(error: msgspec.ValidationError, kind: Any) -> str:
    """What is wrong with a value, and what is allowed."""
    problem = str(error).partition(" - at `$")[0]
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) is Literal:
        return "must be one of " + ", ".join(map(repr, get_args(kind)))
    return problem
