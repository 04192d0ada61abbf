"""Tolerant reading of other peers' messages into msgspec structures.

The rule (docs/PROTOCOL.md): a required field that is missing or mistyped is an error that
names it; an optional one that is mistyped counts as absent; unknown fields are ignored;
80.0 is the integer 80.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)

_MISSING = re.compile(r"missing required field `(\w+)`")
_PATH = re.compile(r"at `\$\.?([^`]*)`")


class FieldError(Exception):
    """A required field is missing or invalid. ``str()`` is one sentence that names it."""


def read(kind: type[S], fields: Mapping[str, object], *, strict: frozenset[str] = frozenset()) -> S:
    """The ``fields`` as a ``kind``. Raises FieldError.

    An optional field in ``strict`` may be absent or null, but any other value must be valid.
    """
    known: dict[str, Any] = {}
    for field in _fields(kind):
        name = field.encode_name
        if name not in fields:
            if field.required:
                raise FieldError(f"Field '{name}' is missing")
            continue
        value = fields[name]
        try:
            known[field.name] = _fitted(value, field.type)
        except msgspec.ValidationError as error:
            if field.required or (name in strict and value is not None):
                raise FieldError(_sentence(name, error)) from None
    return kind(**known)


def read_all(kind: type[S], rows: object) -> tuple[S, ...]:
    """The valid rows of a list; none when ``rows`` is not a list."""
    found = []
    for row in rows if isinstance(rows, list | tuple) else ():
        if isinstance(row, dict):
            try:
                found.append(read(kind, row))
            except FieldError:
                continue
    return tuple(found)


def describe(error: msgspec.ValidationError) -> str:
    """One sentence that names the field, from msgspec's message."""
    text = str(error)
    if missing := _MISSING.search(text):
        return f"Field '{missing.group(1)}' is missing"
    path = _PATH.search(text)
    problem = text.split(" - at ")[0]
    return f"Field '{path.group(1)}': {problem}" if path else problem


def _sentence(name: str, error: msgspec.ValidationError) -> str:
    text = str(error)
    problem = text.split(" - at ")[0]
    path = _PATH.search(text)
    inner = path.group(1) if path else ""
    return f"Field '{name}{'.' if inner else ''}{inner}': {problem}"


def _fitted(value: object, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        # JSON has one kind of number: a peer may write an integer as 80.0.
        if isinstance(value, float) and value.is_integer():
            return msgspec.convert(int(value), kind)
        raise


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(kind)
