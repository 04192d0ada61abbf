"""Both ends of the conversation, against each other and against the shared vectors.

No event loop: what one end sends is a list that the other one is fed.
"""

from __future__ import annotations

import json
import random
from collections import deque
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import HatchwayError, LimitError, ProtocolError
from engine.core.model import EndCode, ExitStatus, Role, Size
from engine.wire import terminal as wire
from engine.wire.conversation.agent import (
    ERRORS_AT_ONCE,
    ERRORS_PER_SECOND,
    AgentConversation,
)
from engine.wire.conversation.guest import GuestConversation, Return
from engine.wire.outbox import LIMIT, Outbox

CONVERSATIONS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "conversation.json").read_text(encoding="utf-8")
)
Message = str | bytes


def data_of(value: Any) -> bytes:
    """Terminal bytes of a vector."""
    return bytes(value["zeros"]) if isinstance(value, dict) else str(value).encode()


def same_bytes(value: bytes, like: Any) -> Any:
    """``value`` as a vector writes it."""
    return {"zeros": len(value)} if isinstance(like, dict) else value.decode()


def message_of(value: dict[str, Any]) -> Message:
    """A message of a vector as it goes over the channel."""
    if "binary" in value or "zeros" in value:
        return data_of(value if "zeros" in value else value["binary"])
    return str(value["raw"]) if "raw" in value else json.dumps(value)


def plain(message: Message) -> Any:
    return message if isinstance(message, bytes) else json.loads(message)


def matches(sent: Message, expected: dict[str, Any]) -> bool:
    """Whether every field that the vector names is as it says."""
    want, got = plain(message_of(expected)), plain(sent)
    if not isinstance(want, dict) or not isinstance(got, dict):
        return bool(want == got)
    absent = {"exit_code": None, "seconds": None, "taken": 0}
    return all(got.get(key, absent.get(key)) == value for key, value in want.items())


class GuestEnd:
    """Does the acts of a vector, and reports in its words."""

    def __init__(self, vector: dict[str, Any]) -> None:
        before = vector.get("before")
        outbox = Outbox()
        if before is not None:
            outbox.push(before["typed"].encode())
            if before["sent"]:
                outbox.next(before["sent"])
        self.talk = GuestConversation(
            Size(100, 30),
            v1=vector["protocol"] == wire.V1,
            capabilities=vector.get("caps", ["idle"]),
            before=Return("t", before["received"], before["was_live"], outbox) if before else None,
        )

    def flush(self) -> list[Message]:
        sent: list[Message] = [wire.encode(one) for one in self.talk.messages_to_send()]
        while (typed := self.talk.next_input()) is not None:
            sent.append(typed)
        return sent

    def do(self, act: str, *args: Any) -> list[Message]:
        sent: list[Message] = []
        match act:
            case "type":
                self.talk.type(data_of(args[0]))
            case "resize":
                self.talk.resize(Size(*args))
            case "close":
                sent = self.flush()
                self.talk.close()
            case _:
                getattr(self.talk, act)(*args)
        return sent + self.flush()

    def take(self, message: Message, like: list[Any]) -> list[Any]:
        if isinstance(message, bytes):
            screen = self.talk.receive_bytes(message)
            parts = [("screen", message[:screen]), ("output", message[screen:])]
            said = [(name, part) for name, part in parts if part]
            return [
                [name, same_bytes(part, one[1])]
                for (name, part), one in zip(said, like, strict=True)
            ]
        match self.talk.receive_text(message):
            case None | wire.Ack() | wire.Pong() | wire.Stats():
                return []
            case wire.Welcome(start=start, resumed=resumed):
                return [["welcome", start, resumed]]
            case wire.PtyConnected(container=container):
                return [["connected", container]]
            case wire.Output(data=text):
                return [["output", text]]
            case wire.Snapshot() as snapshot:
                return [["snapshot", snapshot.at, snapshot.cols, snapshot.rows]]
            case wire.PtyDisconnected(exit_code=exit_code, reason=reason):
                return [["ended", exit_code, reason, ""]]
            case wire.Exit(exit_code=exit_code, reason=reason, code=code):
                return [["ended", exit_code, reason, code]]
            case wire.Error(message=text, code=code):
                return [["error", text, code]]
            case wire.Idle(seconds=seconds):
                return [["idle", seconds]]
            case wire.RoleChanged(role=role):
                return [["role", role]]
            case wire.Approval(state=state):
                return [["approval", state]]
            case wire.Notice(text=text, level=level):
                return [["notice", text, level]]
            case other:
                raise AssertionError(f"nobody expects {other}")


class AgentEnd:
    def __init__(self, vector: dict[str, Any]) -> None:
        self.talk = AgentConversation(v1=vector["protocol"] == wire.V1)
        self._window = vector.get("window", wire.WINDOW)

    def flush(self) -> list[Message]:
        return [wire.encode(one) for one in self.talk.messages_to_send()]

    def do(self, act: str, *args: Any) -> list[Message]:
        match act:
            case "output":
                data = data_of(args[0])
                if not self.talk.is_v1:
                    return [self.talk.plain_output(data)]
                return [data] if self.talk.output(len(data)) else []
            case "screen":
                data = data_of(args[0])
                self.talk.screen(len(data))
                return [data]
            case "welcome":
                start, resumed, taken = args
                self.talk.welcome(
                    wire.Welcome(
                        "s", "web-1", Role.CONTROL, "t", self._window, start, resumed, (), taken
                    )
                )
            case "ended":
                exit_code, reason, code = args
                self.talk.ended(ExitStatus(exit_code, reason, EndCode(code)))
            case "say":
                self.talk.queue(msgspec.convert(args[0], wire.AgentMessage))
            case "snapshot":
                self.talk.snapshot(wire.Snapshot(*args))
            case _:
                getattr(self.talk, act)(*args)
        return self.flush()

    def take(self, message: Message, like: list[Any]) -> list[Any]:
        try:
            return self._taken(message, like)
        except ProtocolError as error:
            self.talk.refuse(error, 0.0)
            return []

    def _taken(self, message: Message, like: list[Any]) -> list[Any]:
        if isinstance(message, bytes):
            used = self.talk.receive_bytes(message)
            return [["input", same_bytes(message, like[0][1])]] if used else []
        match self.talk.receive_text(message):
            case None:
                return []
            case bytes() as typed:
                return [["input", typed.decode()]]
            case wire.Hello() as hello:
                return [["hello", hello.cols, hello.rows, hello.received]]
            case wire.Resize(cols=cols, rows=rows):
                return [["resize", cols, rows]]
            case wire.ConnectPty(container=container):
                return [["connect_pty", container]]
            case wire.Close():
                return [["close"]]
            case wire.Ack(bytes=count):
                return [["rendered", count]]
            case wire.Keep():
                return [["keep"]]


@pytest.mark.parametrize("vector", CONVERSATIONS, ids=lambda vector: vector["name"])
def test_vector(vector: dict[str, Any]) -> None:
    ends: dict[str, GuestEnd | AgentEnd] = {"guest": GuestEnd(vector), "agent": AgentEnd(vector)}
    for number, step in enumerate(vector["steps"]):
        what = f"step {number}: {step}"
        end = ends[step["at"]]
        reports: list[Any] = []
        refused = False
        sent: list[Message] = []
        try:
            if "does" in step:
                sent = end.do(*step["does"])
            else:
                reports = end.take(message_of(step["gets"]), step.get("reports", []))
        except (ProtocolError, ValueError):
            refused = True
        sent += end.flush()
        assert refused == step.get("refused", False), what
        assert reports == step.get("reports", []), what
        expected = step.get("sends", [])
        assert len(sent) == len(expected), f"{what}\nsent {sent}"
        for one, other in zip(sent, expected, strict=True):
            assert matches(one, other), f"{what}\nsent {sent}"


@pytest.mark.parametrize("vector", CONVERSATIONS, ids=lambda vector: vector["name"])
def test_in_a_vector_each_end_gets_what_the_other_sends(vector: dict[str, Any]) -> None:
    steps = [step for step in vector["steps"] if not step.get("hostile")]
    if len({step["at"] for step in steps}) == 1:
        return  # the other end is of another make
    for here, there in (("guest", "agent"), ("agent", "guest")):
        sent = [one for step in steps if step["at"] == here for one in step.get("sends", [])]
        got = [step["gets"] for step in steps if step["at"] == there and "gets" in step]
        at = 0
        for message in got:
            while at < len(sent) and not matches(message_of(message), sent[at]):
                at += 1
            assert at < len(sent), f"the {here} never sends {message}"
            at += 1


# --- Anything, in any order ------------------------------------------------------------

WINDOW = 64
SCREEN = "screen of "


def content(position: int, count: int) -> bytes:
    """What a program prints, or a person types, at a position: any slip shows."""
    return bytes((at * 7 + at // 251) % 256 for at in range(position, position + count))


class World:
    """A shell, its agent and a guest over connections that may be lost at any point.

    The log of the shell is kept whole, so that a return is exact to the byte.
    """

    def __init__(self, capabilities: tuple[str, ...], chance: random.Random) -> None:
        self.capabilities = capabilities
        self.chance = chance
        self.printed = 0
        self.program = b""
        self.typed = b""
        self.screen = b""
        self.is_spoiled = False
        self.before: Return | None = None
        self.connect()

    def connect(self) -> None:
        """A new connection, to the same shell: whatever was under way is gone, and what waited
        for the program over the last channel."""
        self.agent = AgentConversation(v1=True)
        self.guest = GuestConversation(Size(), capabilities=self.capabilities, before=self.before)
        self.to_agent: deque[Message] = deque()
        self.to_guest: deque[Message] = deque()
        self.queue: deque[bytes] = deque()
        self.unpainted: deque[int] = deque()
        self.sent_to = self.rendered = 0
        self.is_welcomed = False
        self.screen_left = self.half_screen = b""
        self.snapshot: wire.Snapshot | None = None
        self.guest.open()
        self.flush()

    def flush(self) -> None:
        self.to_agent += [wire.encode(one) for one in self.guest.messages_to_send()]
        self.to_guest += [wire.encode(one) for one in self.agent.messages_to_send()]

    # The shell and its agent.

    def print_(self) -> None:
        self.printed += self.chance.randint(1, 40)

    def send_output(self) -> None:
        count = min(self.chance.randint(1, 20), self.printed - self.sent_to)
        if count > 0 and self.is_welcomed and self.agent.output(count):
            self.to_guest.append(content(self.sent_to, count))
            self.sent_to += count

    def begin_snapshot(self) -> None:
        if self.agent.may_snapshot:
            self.screen_left = f"{SCREEN}{self.printed}".encode()
            self.sent_to = self.printed
            self.agent.snapshot(wire.Snapshot(self.printed, 80, 24, len(self.screen_left)))
            self.flush()

    def send_screen(self) -> None:
        cut = self.chance.randint(1, 12)
        part, self.screen_left = self.screen_left[:cut], self.screen_left[cut:]
        if part:
            self.agent.screen(len(part))
            self.to_guest.append(part)

    def agent_receives(self) -> None:
        if not self.to_agent:
            return
        message = self.to_agent.popleft()
        if isinstance(message, bytes):
            assert self.agent.receive_bytes(message)
            self.queue.append(message)
            return
        match self.agent.receive_text(message):
            case wire.Hello(received=start):
                self.is_welcomed = True
                self.sent_to = self.rendered = start
                self.agent.welcome(
                    wire.Welcome(
                        "s",
                        "t",
                        Role.CONTROL,
                        "token",
                        WINDOW,
                        start,
                        self.before is not None,
                        self.capabilities,
                        len(self.program),
                    )
                )
                self.agent.connected("t")
            case wire.Ack(bytes=count):
                assert count >= self.rendered
                self.rendered = count
        self.flush()

    def program_reads(self) -> None:
        if self.queue:
            data = self.queue.popleft()
            cut = self.chance.randint(1, 30)
            self.program += data[:cut]
            if data[cut:]:
                self.queue.appendleft(data[cut:])
            self.agent.taken(len(self.program))
            self.flush()

    # The guest.

    def type_(self) -> None:
        data = content(len(self.typed), self.chance.randint(1, 40))
        self.guest.type(data)
        self.typed += data

    def send_input(self) -> None:
        if (data := self.guest.next_input()) is not None:
            assert isinstance(data, bytes)
            self.to_agent.append(data)

    def guest_receives(self) -> None:
        if not self.to_guest:
            return
        message = self.to_guest.popleft()
        if isinstance(message, bytes):
            cut = self.guest.receive_bytes(message)
            self.half_screen += message[:cut]
            if self.snapshot is not None and len(self.half_screen) == self.snapshot.bytes:
                # A snapshot at P is everything before P.
                assert self.half_screen == f"{SCREEN}{self.snapshot.at}".encode()
                self.screen, self.is_spoiled = content(0, self.snapshot.at), False
                self.unpainted.append(self.snapshot.at)
                self.half_screen, self.snapshot = b"", None
            if message[cut:]:
                assert self.snapshot is None
                self.screen += message[cut:]
                self.unpainted.append(len(self.screen))
            return
        match self.guest.receive_text(message):
            case wire.Snapshot() as snapshot:
                self.snapshot = snapshot
                self.screen, self.is_spoiled = b"", True
            case wire.Welcome(start=start):
                assert start == (0 if self.is_spoiled else len(self.screen))
                self.is_spoiled = False
        self.flush()

    def paint(self) -> None:
        if self.unpainted:
            self.guest.rendered(self.unpainted.popleft())
            self.flush()

    def lose(self) -> None:
        self.before = self.guest.leave()
        self.connect()

    # What always holds.

    def check(self) -> None:
        assert self.screen == content(0, len(self.screen)), "output was lost or doubled"
        assert len(self.screen) <= self.printed
        assert self.program == self.typed[: len(self.program)], "input was lost or doubled"
        flying = sum(len(one) for one in self.to_agent if isinstance(one, bytes))
        assert flying + sum(map(len, self.queue)) <= WINDOW, "the window of input"
        flying = sum(len(one) for one in self.to_guest if isinstance(one, bytes))
        if not self.capabilities:
            assert self.sent_to - self.rendered <= WINDOW, "the window of output"
        # One snapshot may be under way beside it.
        assert flying <= WINDOW + len(SCREEN) + 9

    def run(self, steps: int) -> None:
        kinds = {
            self.print_: 3,
            self.send_output: 6,
            self.begin_snapshot: 1,
            self.send_screen: 3,
            self.agent_receives: 6,
            self.program_reads: 4,
            self.type_: 2,
            self.send_input: 3,
            self.guest_receives: 8,
            self.paint: 6,
            self.lose: 0.4,
        }
        for step in self.chance.choices([*kinds], [*kinds.values()], k=steps):
            step()
            self.check()

    def settle(self) -> None:
        """With nothing in the way everything arrives."""
        for _ in range(10_000):
            for step in (
                self.agent_receives,
                self.program_reads,
                self.guest_receives,
                self.paint,
                self.send_screen,
                self.send_output,
                self.send_input,
            ):
                step()
                self.check()
            everything = self.screen == content(0, self.printed) and self.program == self.typed
            if everything and not (self.to_guest or self.to_agent or self.unpainted):
                break
        assert self.screen == content(0, self.printed)
        assert self.program == self.typed
        assert self.agent.may_snapshot == (wire.SNAPSHOT in self.capabilities)


@given(st.integers(0, 2**32), st.sampled_from([(), (wire.SNAPSHOT,)]))
@settings(max_examples=120, deadline=None)
def test_any_interleaving_and_any_loss(seed: int, capabilities: tuple[str, ...]) -> None:
    world = World(capabilities, random.Random(seed))
    world.run(400)
    world.settle()


@given(st.lists(st.binary(min_size=1, max_size=9)), st.lists(st.binary(min_size=1, max_size=9)))
def test_the_plain_dialect_carries_text_whole_however_it_is_cut(
    printed: list[bytes], typed: list[bytes]
) -> None:
    agent, guest = AgentConversation(v1=False), GuestConversation(Size(), v1=False)
    guest.open()
    agent.connected("t")
    for message in agent.messages_to_send():
        guest.receive_text(wire.encode(message))
    shown = ""
    for data in printed:
        if text := agent.plain_output(data):
            shown += guest.receive_text(text).data  # type: ignore[union-attr]
    agent.ended(ExitStatus(0, "", EndCode.ENDED))
    for message in agent.messages_to_send():
        if isinstance(message, wire.Output):
            shown += message.data
    assert shown == b"".join(printed).decode("utf-8", "replace")
    program = b""
    for data in typed:
        guest.type(data)
        while (message := guest.next_input()) is not None:
            assert isinstance(message, str)
            program += agent.receive_text(message)  # type: ignore[operator]
    whole = b"".join(typed).decode("utf-8", "replace").encode()
    # The end of the last character may still be to come.
    assert whole.startswith(program)
    assert len(whole) - len(program) <= len("\ufffd".encode())


@given(st.lists(st.text(max_size=30) | st.binary(max_size=30)), st.booleans())
def test_whatever_a_guest_sends_is_used_or_refused_and_nothing_else(
    messages: list[Message], v1: bool
) -> None:
    agent = AgentConversation(v1=v1)
    for message in messages:
        try:
            if isinstance(message, bytes):
                agent.receive_bytes(message)
            else:
                agent.receive_text(message)
        except ProtocolError:
            assert agent.messages_to_send() == ()


@given(st.lists(st.text(max_size=30) | st.binary(max_size=30)))
def test_whatever_an_agent_sends_is_used_or_refused_and_nothing_else(
    messages: list[Message],
) -> None:
    guest = GuestConversation(Size())
    for message in messages:
        try:
            if isinstance(message, bytes):
                guest.receive_bytes(message)
            else:
                guest.receive_text(message)
        except ProtocolError:
            assert guest.messages_to_send() == ()


def test_error_answers_are_a_burst_and_then_a_trickle() -> None:
    agent = AgentConversation(v1=True)
    error = HatchwayError("no")
    assert sum(agent.refuse(error, 1.0) for _ in range(500)) == ERRORS_AT_ONCE
    assert len(agent.messages_to_send()) == ERRORS_AT_ONCE
    assert not agent.refuse(error, 1.0 + 0.9 / ERRORS_PER_SECOND)
    assert agent.refuse(error, 1.0 + 2 / ERRORS_PER_SECOND)
    assert sum(agent.refuse(error, 1000.0) for _ in range(500)) == ERRORS_AT_ONCE


def test_messages_to_send_are_given_once() -> None:
    agent = AgentConversation(v1=True)
    agent.ready()
    assert list(agent.messages_to_send()) == [wire.Ready()]
    assert list(agent.messages_to_send()) == []


def test_before_welcome_no_output_may_be_sent() -> None:
    agent = AgentConversation(v1=True)
    assert not agent.output(1)


def test_an_early_error_is_held_in_case_no_terminal_comes() -> None:
    guest = GuestConversation(Size())
    guest.open()
    assert guest.receive_text('{"type":"error","message":"no shell"}') is None
    assert guest.pending_error == wire.Error("no shell")
    guest.receive_text('{"type":"pty_connected","container":"t"}')
    assert guest.pending_error is None


def test_half_a_snapshot_is_asked_for_anew() -> None:
    guest = GuestConversation(Size(), capabilities=[wire.SNAPSHOT])
    welcome = wire.Welcome(
        "s", "t", Role.CONTROL, "token", wire.WINDOW, start=10, capabilities=(wire.SNAPSHOT,)
    )
    guest.receive_text(wire.encode(welcome))
    guest.receive_text(wire.encode(wire.Snapshot(20, 80, 24, 5)))
    guest.receive_bytes(b"scr")
    assert guest.leave().received == 0


def test_who_has_left_neither_types_nor_drops_what_the_next_one_types() -> None:
    guest = GuestConversation(Size())
    guest.receive_text(
        wire.encode(wire.Welcome("s", "t", Role.CONTROL, "token", wire.WINDOW, taken=0))
    )
    guest.receive_text(wire.encode(wire.PtyConnected("t")))
    guest.type(b"abc")
    assert guest.next_input() == b"abc"
    before = guest.leave()
    assert (before.token, before.was_live) == ("token", True)
    assert guest.next_input() is None
    guest.receive_text(wire.encode(wire.Ack(3)))
    before.outbox.resume(0)
    assert before.outbox.next() == b"abc"


def test_too_much_that_is_typed_is_refused_whole() -> None:
    guest = GuestConversation(Size())
    guest.type(bytes(LIMIT))
    with pytest.raises(LimitError):
        guest.type(b"x")
