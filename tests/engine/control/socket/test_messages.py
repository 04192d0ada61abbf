"""Frames and what is nested in them, without a socket."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.control.commands import Command, OpenShell
from engine.control.queries import Query
from engine.control.socket import messages as m
from engine.core import errors, events
from engine.core.errors import BadMessageError, HatchwayError, LimitError, RemoteError
from engine.core.events import Event
from tests.engine.control.samples import result_type, sample, subclasses

# A dataclass with slots replaces a class of the same name, which is not always collected yet.
EVENTS = [kind for kind in subclasses(Event) if getattr(events, kind.__name__) is kind]
ERRORS: list[HatchwayError] = [
    errors.TargetNotFoundError("web"),
    errors.SettingsError("relay.port", "is in use", "settings.toml"),
    errors.DockerFailedError("No such container", 404),
    errors.RecordingRunningError("r1"),
    errors.RemoteError("access_denied", "No"),
    errors.HostStoppedError(),
    errors.LimitError("too many\x1b[31m"),
    HatchwayError("Something"),
]


@pytest.mark.parametrize("kind", subclasses(Command), ids=lambda kind: kind.__name__)
def test_commands_and_their_results_pass(kind: Any) -> None:
    command = sample(kind)
    received = m.request(m.frame(m.Do(1, m.packed(command)), m.MAX_REQUEST)[4:])
    assert isinstance(received, m.Do)
    assert m.command(received.command) == command
    result = sample(result_type(kind))
    assert m.result(m.packed(result), command) == result


@pytest.mark.parametrize("kind", subclasses(Query), ids=lambda kind: kind.__name__)
def test_queries_and_their_results_pass(kind: Any) -> None:
    query = sample(kind)
    assert m.query(m.packed(query)) == query
    result = sample(result_type(kind))
    assert m.result(m.packed(result), query) == result


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_events_pass(kind: Any) -> None:
    event = sample(kind)
    received = m.reply(m.frame(m.published(event), m.MAX_REPLY)[4:])
    assert isinstance(received, m.Published)
    assert m.event(received) == event


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_pass_with_their_class_text_and_fields(error: HatchwayError) -> None:
    received = m.reply(m.frame(m.failed(7, error), m.MAX_REPLY)[4:])
    assert isinstance(received, m.Failed)
    made = m.error(received)
    assert (type(made), str(made), vars(made)) == (type(error), str(error), vars(error))


def test_an_error_of_a_newer_version_keeps_code_and_text() -> None:
    made = m.error(m.Failed(1, "NewError", "new", "Something new"))
    assert isinstance(made, RemoteError)
    assert (made.remote_code, str(made)) == ("new", "Something new")


def test_an_event_of_a_newer_version_is_none() -> None:
    assert m.event(m.Published("NewEvent", m.packed({}))) is None


@given(st.lists(st.binary(max_size=40), max_size=8), st.data())
def test_frames_are_whole_however_they_are_cut(frames: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(len(one).to_bytes(4, "big") + one for one in frames)
    splitter, found, at = m.Splitter(40), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream) - at))
        found += splitter.feed(stream[at : at + size])
        at += size
    assert found == frames


def test_a_frame_that_is_too_long_is_refused_before_it_comes() -> None:
    with pytest.raises(BadMessageError):
        m.Splitter(m.MAX_REQUEST).feed((m.MAX_REQUEST + 1).to_bytes(4, "big"))
    with pytest.raises(LimitError):
        m.frame(m.Do(1, m.packed(OpenShell("x" * m.MAX_REQUEST))), m.MAX_REQUEST)


@given(st.binary(max_size=200))
def test_garbage_is_one_clear_error(garbage: bytes) -> None:
    for read in (m.request, m.reply):
        with contextlib.suppress(BadMessageError):
            read(garbage)
    for nested in (m.command, m.query):
        with contextlib.suppress(BadMessageError):
            nested(msgspec.Raw(garbage))


def test_deep_nesting_and_wrong_sizes_are_clear_errors() -> None:
    with pytest.raises(BadMessageError):
        m.request(b"\x91" * 100_000)
    with pytest.raises(BadMessageError):
        m.command(m.packed({"type": "OpenShell", "target": "web", "size": {"cols": 0, "rows": 9}}))
