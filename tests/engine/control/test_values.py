"""Everything that passes the engine's API survives being encoded and decoded."""

from __future__ import annotations

import subprocess
import sys
from functools import reduce
from operator import or_
from typing import Any

import msgspec
import pytest

from engine.control.commands import Command
from engine.control.queries import Query
from engine.core.events import Event
from tests.engine.control.samples import result_type, sample, subclasses

COMMANDS = subclasses(Command)
QUERIES = subclasses(Query)
EVENTS = subclasses(Event)


def name(kind: type) -> str:
    return kind.__name__


@pytest.mark.parametrize("kind", COMMANDS, ids=name)
def test_a_command_is_read_from_a_stream_of_all(kind: type) -> None:
    command = sample(kind)
    decoder = msgspec.json.Decoder(reduce(or_, COMMANDS))
    assert decoder.decode(msgspec.json.encode(command)) == command


@pytest.mark.parametrize("kind", QUERIES, ids=name)
def test_a_query_is_read_from_a_stream_of_all(kind: type) -> None:
    query = sample(kind)
    decoder = msgspec.json.Decoder(reduce(or_, QUERIES))
    assert decoder.decode(msgspec.json.encode(query)) == query


@pytest.mark.parametrize("kind", [*COMMANDS, *QUERIES], ids=name)
def test_a_result_is_encoded_and_decoded_as_the_type_that_is_named(kind: Any) -> None:
    expected = result_type(kind)
    result = sample(expected)
    assert msgspec.json.decode(msgspec.json.encode(result), type=expected) == result


@pytest.mark.parametrize("kind", EVENTS, ids=name)
def test_an_event_is_encoded_and_decoded(kind: type) -> None:
    event = sample(kind)
    assert msgspec.json.decode(msgspec.json.encode(event), type=kind) == event


@pytest.mark.parametrize("kind", [*COMMANDS, *QUERIES], ids=name)
def test_a_value_cannot_be_changed(kind: type) -> None:
    value = sample(kind)
    for field in kind.__struct_fields__:  # type: ignore[attr-defined]
        with pytest.raises(AttributeError):
            setattr(value, field, None)


def test_the_values_are_imported_without_the_engine() -> None:
    code = (
        "import sys, engine.control.api\n"
        "heavy = {'aiortc', 'av', 'socketio', 'docker', 'aiohttp', 'engine.agent.agent'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
