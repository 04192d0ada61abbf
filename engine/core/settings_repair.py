"""A settings file with mistakes in it: what of it can be used, and what must not be guessed.

Owns which mistakes are survived. A key nobody knows is left alone: a newer version may
have written it. A value that cannot be used is replaced by the default, with a warning.
But never where the default may be more open than what was meant: see REFUSED.
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
    "relay": "it decides which relay is trusted, and with which secrets",
    "share": "it decides who gets in, how far and for how long",
}
"""Sections in which a wrong value stops the start, with the reason."""
HARMLESS = ("docker.workers", "relay.heartbeat")
"""Keys of those sections that decide nothing of the kind."""
OPEN_BY_DEFAULT = (
    "docker.enabled",
    "ice.from_relay",
    "ice.relay_only",
    "share.link_seconds",
    "share.single_use",
)
"""Settings that only ever restrict. A key that looks like one of them, misspelled, stops
the start as well: without it more would be allowed than was meant."""
LIKENESS = 0.8
"""difflib's ratio from which on two keys are taken for the same, misspelled."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with ``key``, and what happens instead."""

    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}"


def repair(
    values: Mapping[str, Any], shape: type[msgspec.Struct], source: str
) -> tuple[dict[str, Any], list[Flaw]]:
    """The values of a file that can be used, and what is wrong with the others.

    Raises SettingsError where nothing may be guessed.
    """
    repairs = _Repairs(source)
    return repairs.section(values, shape, ""), repairs.flaws


def mentions_refused(text: str) -> bool:
    """Whether text that cannot be parsed may hold a setting that only restricts."""
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
            field = fields.get(name)
            if field is None:
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
        try:
            # As for environment variables: "8080" does for a number.
            converted = msgspec.convert(value, field.type, strict=False)
        except msgspec.ValidationError as error:
            self._wrong(key, describe(error, field.type), f"{field.default!r} is")
            return
        if isinstance(converted, float) and not math.isfinite(converted):
            self._wrong(key, "must be finite", f"{field.default!r} is")
            return
        used[key.rpartition(".")[2]] = value

    def _known(self, value: Any, kind: Any, key: str) -> Any:
        """A list of tables without the keys nobody knows."""
        (entry, *_) = get_args(kind) or (None,)
        if not (isinstance(entry, type) and issubclass(entry, msgspec.Struct)):
            return value
        if not isinstance(value, list):
            return value
        names = {field.encode_name for field in msgspec.structs.fields(entry)}
        kept: list[Any] = []
        for at, table in enumerate(value):
            if isinstance(table, Mapping):
                for name in table.keys() - names:
                    self._unknown(f"{key}[{at}].{name}", table[name])
                table = {name: one for name, one in table.items() if name in names}
            kept.append(table)
        return kept

    def _wrong(self, key: str, problem: str, instead: str) -> None:
        section = key.partition(".")[0]
        if section in REFUSED and key not in HARMLESS:
            reason = f"{problem}. There is no default for it: {REFUSED[section]}"
            raise SettingsError(key, reason, self._source)
        self.flaws.append(Flaw(key, f"{problem}; {instead} used instead"))

    def _unknown(self, key: str, value: Any) -> None:
        nested = [f"{key}.{name}" for name in value] if isinstance(value, Mapping) else []
        for written in (key, *nested):
            if meant := difflib.get_close_matches(written, OPEN_BY_DEFAULT, 1, LIKENESS):
                raise SettingsError(written, f"is not a setting; {meant[0]} is", self._source)
        self.flaws.append(Flaw(key, "is not a setting of this version; it has no effect"))


def describe(error: msgspec.ValidationError, kind: Any) -> str:
    """What is wrong with a value, and what is allowed."""
    problem = str(error).partition(" - at `$")[0]
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) is Literal:
        return "must be one of " + ", ".join(map(repr, get_args(kind)))
    return problem
