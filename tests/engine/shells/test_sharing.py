"""Keyboard, turns, size and answers of one shell together, as a shell joins them."""

from __future__ import annotations

import asyncio

import pytest

from engine.core.errors import AccessDeniedError, HatchwayError
from engine.core.model import ParticipantKind, Role, Size
from engine.shells.answers import ANSWER_SECONDS, DROP_SECONDS, Answers
from engine.shells.input_stream import END, START
from engine.shells.keyboard import Keyboard
from engine.shells.size import GROW_SECONDS, SizePolicy
from engine.shells.turns import Turns
from tests.engine.shells.virtual_time import run

HOST, GUEST = ParticipantKind.HOST, ParticipantKind.GUEST
CONTROL, VIEW = Role.CONTROL, Role.VIEW
REPLY = b"\x1b[?65;1c"
THEIRS = b"\x1b[?1;2c"


def denied() -> HatchwayError:
    return AccessDeniedError("You may only view")


class Shared:
    """The host, ``ann`` (a page, controller), ``vic`` (a page, viewer), ``pat`` (plain JSON)."""

    def __init__(self) -> None:
        self.log = b""
        self.keyboard = Keyboard()
        self.answers = Answers()
        self.size = SizePolicy(Size())
        self.turns = Turns(self._enter, lambda: len(self.log))
        for who, role, kind, window in (
            ("host", CONTROL, HOST, Size(120, 40)),
            ("ann", CONTROL, GUEST, Size(100, 50)),
            ("vic", VIEW, GUEST, Size(90, 30)),
            ("pat", CONTROL, GUEST, Size(110, 45)),
        ):
            self.keyboard.join(who, role, kind)
            self.size.join(who, controls=role is CONTROL, window=window)
        self.answers.join("pat", may_type=True, now=self.now())
        self.changed()

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _enter(self, data: bytes) -> None:
        self.log += data

    def changed(self) -> None:
        """After every change of the keyboard."""
        for who in ("host", "ann", "vic", "pat"):
            may = self.keyboard.may_type(who)
            self.turns.permit(who, None if may else denied)
            self.answers.may_type(who, may)
            self.size.control(who, self.keyboard.role(who) is CONTROL)
        self.turns.answer(self.answers.tick(self.now()))

    async def types(self, who: str, data: bytes) -> None:
        if self.keyboard.may_type(who) and self.keyboard.typed(who):
            self.changed()
        passed = self.answers.typed(who, data, self.now())
        self.turns.answer(self.answers.tick(self.now()))
        await self.turns.write_parts(who, passed)

    def asks(self) -> None:
        """The program sends a query."""
        self.turns.answer(self.answers.asked(REPLY, self.now()))

    async def later(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.turns.answer(self.answers.tick(self.now()))
        await asyncio.sleep(0)


def test_a_freeze_stops_guests_at_once_and_the_hosts_key_goes_on() -> None:
    async def scene() -> None:
        shared = Shared()
        await shared.types("ann", START + b"rm -rf")
        shared.keyboard.freeze()
        shared.changed()
        for who in ("ann", "vic", "pat"):
            with pytest.raises(AccessDeniedError):
                await shared.types(who, b"x")
        await shared.types("host", b"h")
        assert shared.keyboard.holder == "host"
        shared.keyboard.thaw()
        shared.changed()
        await shared.types("ann", b" /" + END + b"ls")
        assert shared.log == START + b"rm -rf" + END + b"h" + b"ls"
        assert shared.turns.taken("ann") == len(START + b"rm -rfx /" + END + b"ls")

    run(scene())


def test_a_viewer_with_the_keyboard_types_and_has_a_say_in_the_size() -> None:
    async def scene() -> None:
        shared = Shared()
        shared.size.wanted(0)
        assert shared.size.wanted(GROW_SECONDS) == Size(100, 40)
        shared.keyboard.ask("vic", True, shared.now())
        shared.keyboard.grant("vic")
        shared.changed()
        await shared.types("vic", b"v")
        with pytest.raises(AccessDeniedError):
            await shared.types("host", b"h")
        assert shared.size.wanted(1) == Size(90, 30)
        shared.keyboard.hand_back("vic")
        shared.changed()
        with pytest.raises(AccessDeniedError):
            await shared.types("vic", b"v")
        shared.size.wanted(2)
        assert shared.size.wanted(2 + GROW_SECONDS) == Size(100, 40)
        assert shared.log == b"v"

    run(scene())


@pytest.mark.parametrize("keyboard", ["open", "taken", "frozen", "given"])
@pytest.mark.parametrize("answers", [True, False])
def test_a_query_has_one_answer(keyboard: str, answers: bool) -> None:
    async def scene() -> None:
        shared = Shared()
        await shared.later(DROP_SECONDS)
        match keyboard:
            case "taken":
                shared.keyboard.take("host")
            case "frozen":
                shared.keyboard.freeze()
            case "given":
                shared.keyboard.grant("pat")
        shared.changed()
        for _ in range(3):
            shared.asks()
            await shared.later(0.1)
            if answers:
                await shared.types("pat", THEIRS) if shared.keyboard.may_type("pat") else None
            await shared.later(ANSWER_SECONDS)
        by_pat = answers and keyboard in ("open", "given")
        assert shared.log == (THEIRS if by_pat else REPLY) * 3

    run(scene())


def test_a_lease_that_ends_while_its_holder_is_asked_leaves_the_answer_to_the_agent() -> None:
    async def scene() -> None:
        shared = Shared()
        await shared.later(DROP_SECONDS)
        shared.asks()
        shared.keyboard.take("host")
        shared.changed()
        with pytest.raises(AccessDeniedError):
            await shared.types("pat", THEIRS + b"x")
        shared.keyboard.hand_back("host")
        shared.changed()
        await shared.types("pat", THEIRS + b"y")
        assert shared.log == REPLY + b"y"
        assert shared.turns.taken("pat") == 2 * len(THEIRS + b"x")

    run(scene())
