"""A shell's people in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core.model import (
    KeyboardState,
    ParticipantInfo,
    ParticipantKind,
    Role,
    ShellInfo,
    Size,
)
from gui.kit import people

ANN = ParticipantInfo("ann", "Ann", ParticipantKind.GUEST, Role.CONTROL)
ME = ParticipantInfo("me", "", ParticipantKind.HOST, Role.CONTROL)
SHELL = ShellInfo("s", "web-1", True, "", Size(), 0.0, participants=(ME, ANN))


@pytest.mark.parametrize(
    ("person", "name"),
    [
        (ANN, "Ann"),
        (ME, "You"),
        (replace(ME, kind=ParticipantKind.TTY), "You (in a terminal)"),
        (replace(ANN, name=""), "Unnamed guest"),
        (replace(ANN, name="a\u202eb"), r"a\u202eb"),
        (replace(ANN, name="x" * 100), "x" * 39 + "…"),
        # A guest's name is not the host's.
        (replace(ANN, name="You"), "“You”"),
        (replace(ANN, name="you (in a terminal)"), "“you (in a terminal)”"),
        (replace(ANN, name="Youssef"), "Youssef"),
    ],
)
def test_names(person: ParticipantInfo, name: str) -> None:
    assert people.name(person) == name


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["Ann"], "Ann"),
        (["Ann", "Bob"], "Ann and Bob"),
        (["Ann", "Bob", "Carol"], "Ann, Bob and Carol"),
        (["Ann", "Bob", "Carol", "Dave"], "Ann, Bob, Carol and 1 other"),
        (list("abcdef"), "a, b, c and 3 others"),
    ],
)
def test_lists(names: list[str], text: str) -> None:
    assert people.listed(names) == text


@pytest.mark.parametrize(
    ("shell", "text"),
    [
        (SHELL, "Open to everyone who types"),
        (replace(SHELL, keyboard=KeyboardState.FROZEN), "Guests are frozen"),
        (replace(SHELL, keyboard=KeyboardState.TAKEN, holder="me"), "You have the keyboard"),
        (replace(SHELL, keyboard=KeyboardState.TAKEN, holder="ann"), "Ann has the keyboard"),
        (replace(SHELL, keyboard=KeyboardState.TAKEN, holder="?"), "Somebody has the keyboard"),
    ],
)
def test_the_keyboard(shell: ShellInfo, text: str) -> None:
    assert people.keyboard(shell) == text
    assert people.host_has_keyboard(shell) is (shell.holder == "me")


def test_what_somebody_does() -> None:
    assert people.does(ANN) == "types"
    assert people.does(replace(ANN, typing=True)) == "is typing"
    assert people.does(replace(ANN, role=Role.VIEW)) == "views"
    assert people.does(replace(ANN, attached=False)) == "connection lost"


def test_the_title_of_a_shell_is_its_programs_or_its_target() -> None:
    assert people.title(SHELL) == "web-1"
    assert people.title(replace(SHELL, title="vim\x1b[31m")) == r"vim\x1b[31m"
