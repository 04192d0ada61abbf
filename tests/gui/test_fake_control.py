"""The fake engine stands for the real one: the same methods with the same parameters."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from engine.control.api import ControlApi, LinkTerminal, ShellHandle, TerminalHandle
from engine.control.control import Control
from engine.control.guest import GuestTerminal
from engine.control.shell import AttachedShell
from engine.control.terminal import PeerTerminal
from tests.gui.fake_control import FakeControl, FakeLink, FakePlace, FakeTerminal


def public(kind: type) -> dict[str, Any]:
    return {name: value for name, value in vars(kind).items() if not name.startswith("_")}


@pytest.mark.parametrize("made", [Control, FakeControl])
def test_an_engine_has_every_method_of_the_api(made: type) -> None:
    for name, wanted in public(ControlApi).items():
        has = getattr(made, name)
        assert list(inspect.signature(has).parameters) == list(inspect.signature(wanted).parameters)
        assert inspect.iscoroutinefunction(has) == inspect.iscoroutinefunction(wanted), name


@pytest.mark.parametrize(
    ("made", "api"),
    [
        (PeerTerminal, TerminalHandle),
        (FakeTerminal, TerminalHandle),
        (GuestTerminal, LinkTerminal),
        (FakeLink, LinkTerminal),
        (AttachedShell, ShellHandle),
        (FakePlace, ShellHandle),
    ],
)
def test_a_terminal_has_every_method_of_the_api(made: type, api: type) -> None:
    for name, wanted in public(api).items():
        if isinstance(wanted, property):
            continue
        has = getattr(made, name)
        assert list(inspect.signature(has).parameters) == list(inspect.signature(wanted).parameters)
        assert inspect.iscoroutinefunction(has) == inspect.iscoroutinefunction(wanted), name
