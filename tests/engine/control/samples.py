"""One example of any value that passes the engine's API, made from its type alone."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from typing import Any

import msgspec

from engine.control.commands import Command
from engine.control.queries import Query

PLAIN: dict[Any, Any] = {
    str: "a “word”\n\x1b",
    int: 3,
    float: 1.5,
    bool: True,
    bytes: b"\x00\xff",
    types.NoneType: None,
}


def sample(kind: Any) -> Any:
    """An instance of ``kind`` with every field filled in."""
    if kind in PLAIN:
        return PLAIN[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return (sample(arguments[0]),)
    if origin is dict:
        return {sample(arguments[0]): sample(arguments[1])}
    if origin in (typing.Union, types.UnionType):
        return sample(arguments[0])
    if issubclass(kind, enum.Enum):
        return list(kind)[-1]
    assert dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct), kind
    fields = typing.get_type_hints(kind)
    names = (
        [f.name for f in dataclasses.fields(kind) if f.init]
        if dataclasses.is_dataclass(kind)
        else kind.__struct_fields__
    )
    return kind(**{name: sample(fields[name]) for name in names})


def subclasses(root: type) -> list[type]:
    """Every class below ``root`` that has none below it."""
    below = root.__subclasses__()
    return [leaf for one in below for leaf in subclasses(one)] if below else [root]


def result_type(kind: type[Command[Any]] | type[Query[Any]]) -> Any:
    """What a command or query names as its result."""
    (base,) = kind.__orig_bases__  # type: ignore[union-attr]
    (result,) = typing.get_args(base)
    return types.NoneType if result is None else result
