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
from engine.wire.conversation.guest import GuestConversation, Introduction, Moment, Return
from engine.wire.conversation.positions import Positions, Stretch
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
    absent = {"exit_code": None, "seconds": None, "taken": 0, "start": 0}
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
            before = Return(
                "t",
                before["received"],
                before["was_live"],
                outbox,
                before.get("shell", ""),
                Moment(0, 0),
                before.get("held", "").encode(),
            )
        self.talk = GuestConversation(
            Size(100, 30),
            v1=vector["protocol"] == wire.V1,
            capabilities=vector.get("caps", ["idle"]),
            before=before,
            introduction=msgspec.convert(vector.get("introduction", {}), Introduction),
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
            case "ask_keyboard":
                self.talk.request(wire.AskKeyboard(*args))
            case "history":
                self.talk.request(wire.History(*args))
            case "reveal":
                self.talk.request(wire.Reveal(*args))
            case "ice_offer":
                self.talk.request(wire.IceOffer(*args))
            case "ice_answer":
                self.talk.request(wire.IceAnswer(*args))
            case _:
                getattr(self.talk, act)(*args)
        return sent + self.flush()

    def has(self, what: str) -> Any:
        """A vector's word for what the end knows."""
        match getattr(self.talk, what):
            case Size(cols=cols, rows=rows):
                return [cols, rows]
            case bytes() as data:
                return data.decode()
            case value:
                return value

    def take(self, message: Message, like: list[Any], away: float) -> list[Any]:
        if isinstance(message, bytes):
            screen = self.talk.receive_bytes(message)
            parts = [("screen", message[:screen]), ("output", message[screen:])]
            said = [(name, part) for name, part in parts if part]
            return [
                [name, same_bytes(part, one[1])]
                for (name, part), one in zip(said, like, strict=True)
            ]
        match self.talk.receive_text(message, away=away):
            case None | wire.Ack() | wire.Pong() | wire.Stats():
                return []
            case wire.Welcome(start=start, resumed=resumed):
                held = self.talk.held_input.decode()
                return [["welcome", start, resumed], *([["held", held]] if held else [])]
            case wire.PtyConnected(container=container):
                return [["connected", container]]
            case wire.Output(data=text):
                return [["output", text]]
            case wire.Snapshot() as snapshot:
                return [["snapshot", snapshot.at, snapshot.cols, snapshot.rows]]
            case wire.SizeChanged(cols=cols, rows=rows, by=by):
                return [["size", cols, rows, by]]
            case wire.People(people=people):
                return [["people", [msgspec.to_builtins(one) for one in people]]]
            case wire.Keyboard() as keyboard:
                return [
                    [
                        "keyboard",
                        keyboard.state,
                        keyboard.holder,
                        keyboard.asked,
                        keyboard.again_in,
                    ]
                ]
            case wire.Recording(on=on, since=since):
                return [["recording", on, since]]
            case wire.IceOffer(sdp=sdp):
                return [["ice_offer", sdp]]
            case wire.IceAnswer(sdp=sdp):
                return [["ice_answer", sdp]]
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
        # Of the guest's last connection: [position, position in the log] where the output after
        # its last snapshot began, and [from, position in the log, to] of the output before that.
        now, *before = vector.get("positions", [[0, 0]])
        positions = Positions(Stretch(*now), Stretch(*before[0]) if before else None)
        self.talk = AgentConversation(v1=vector["protocol"] == wire.V1, positions=positions)
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
                return self._screen(data_of(args[0]))
            case "welcome":
                start, resumed, taken, *more = args
                fields = dict(more[0]) if more else {}
                screen_first = bool(fields.pop("screen_first", False))
                self.talk.welcome(
                    wire.Welcome(
                        "s",
                        "web-1",
                        Role.CONTROL,
                        "t",
                        self._window,
                        start,
                        resumed,
                        (),
                        taken,
                        **fields,
                    ),
                    screen_first=screen_first,
                )
            case "ended":
                exit_code, reason, code = args
                self.talk.ended(ExitStatus(exit_code, reason, EndCode(code)))
            case "say":
                self.talk.queue(msgspec.convert(args[0], wire.AgentMessage))
            case "snapshot":
                lead = self.talk.snapshot(wire.Snapshot(*args))
                return self.flush() + (self._screen(lead) if lead else [])
            case _:
                getattr(self.talk, act)(*args)
        return self.flush()

    def _screen(self, data: bytes) -> list[Message]:
        if not self.talk.screen(len(data)):
            return []
        return [data if self.talk.is_v1 else self.talk.plain_output(data)]

    def has(self, what: str) -> Any:
        """A vector's word for what the end knows; positions are the log's."""
        return getattr(self.talk, what)

    def take(self, message: Message, like: list[Any], away: float) -> list[Any]:
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
            case wire.AskKeyboard(on=on):
                return [["ask_keyboard", on]]
            case wire.History(before=before, lines=lines):
                return [["history", before, lines]]
            case wire.Reveal(nonce=nonce):
                return [["reveal", nonce]]
            case wire.IceOffer(sdp=sdp):
                return [["ice_offer", sdp]]
            case wire.IceAnswer(sdp=sdp):
                return [["ice_answer", sdp]]


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
                like = step.get("reports", [])
                reports = end.take(message_of(step["gets"]), like, step.get("away", 0))
        except (ProtocolError, ValueError):
            refused = True
        sent += end.flush()
        assert refused == step.get("refused", False), what
        assert reports == step.get("reports", []), what
        expected = step.get("sends", [])
        assert len(sent) == len(expected), f"{what}\nsent {sent}"
        for one, other in zip(sent, expected, strict=True):
            assert matches(one, other), f"{what}\nsent {sent}"
        for name, value in step.get("has", {}).items():
            assert end.has(name) == value, f"{what}: {name}"


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


def screen_of(position: int) -> bytes:
    return f"{SCREEN}{position:08}".encode()


SCREEN_BYTES = len(screen_of(0))


class Display:
    """What a guest sees: the image of the log up to ``position``, as long as nothing of it is
    missing or doubled. A guest that does not know snapshots finds them in the output.
    """

    def __init__(self) -> None:
        self.screen = b""
        self.half: bytes | None = None  # of a snapshot

    def reset(self) -> None:
        self.screen, self.half = b"", b""

    def feed(self, data: bytes) -> None:
        while data:
            if data.startswith(wire.RESET):
                self.reset()
                data = data[len(wire.RESET) :]
            elif self.half is not None:
                cut = SCREEN_BYTES - len(self.half)
                self.half, data = self.half + data[:cut], data[cut:]
                if len(self.half) == SCREEN_BYTES:
                    at = int(self.half.removeprefix(SCREEN.encode()))
                    assert self.half == screen_of(at)
                    # A snapshot at P is everything before P.
                    self.screen, self.half = content(0, at), None
            else:
                self.screen, data = self.screen + data, b""

    @property
    def position(self) -> int | None:
        return len(self.screen) if self.half is None else None


class World:
    """A shell, its agent and a guest over connections that may be lost at any point.

    The log of the shell is kept whole, so that a return may be exact to the byte.
    """

    def __init__(self, capabilities: tuple[str, ...], chance: random.Random) -> None:
        self.capabilities = capabilities
        self.chance = chance
        self.printed = chance.choice([0, 500])
        self.sizes = [(0, Size(80, 24))]  # from which position on
        self.program = b""
        self.typed = b""
        self.display = Display()
        self.positions: Positions | None = None
        self.before: Return | None = None
        self.connect()

    def connect(self) -> None:
        """A new connection, to the same shell: whatever was under way is gone, and what waited
        for the program over the last channel."""
        self.agent = AgentConversation(v1=True, positions=self.positions)
        self.guest = GuestConversation(Size(), capabilities=self.capabilities, before=self.before)
        self.to_agent: deque[Message] = deque()
        self.to_guest: deque[Message] = deque()
        self.queue: deque[bytes] = deque()
        self.unpainted: deque[tuple[int, int | None]] = deque()
        self.cursor = self.rendered = self.painted = 0  # positions of the log
        self.sizes_sent = 0
        self.received = 0  # the guest's position
        self.is_welcomed = self.needs_screen = self.knows_size = False
        self.welcomed_with_screen = False
        self.unsent: deque[bytes] = deque()  # of a snapshot
        self.guest.open()
        self.flush()

    def flush(self) -> None:
        self.to_agent += [wire.encode(one) for one in self.guest.messages_to_send()]
        self.to_guest += [wire.encode(one) for one in self.agent.messages_to_send()]

    @property
    def draws(self) -> bool:
        return wire.SNAPSHOT in self.capabilities

    # The shell and its agent.

    def number_of_size(self, position: int) -> int:
        return sum(at <= position for at, _ in self.sizes) - 1

    def size_at(self, position: int) -> Size:
        return self.sizes[self.number_of_size(position)][1]

    def print_(self) -> None:
        self.printed += self.chance.randint(1, 40)

    def resize_shell(self) -> None:
        if self.sizes[-1][0] < self.printed:
            self.sizes.append((self.printed, Size(self.chance.randint(1, 200), 24)))

    def send_output(self) -> None:
        if not self.is_welcomed or self.needs_screen or self.unsent:
            assert not self.agent.output(1)
            return
        until = self.printed
        if self.sizes_sent + 1 < len(self.sizes):
            until, size = self.sizes[self.sizes_sent + 1]
            if until == self.cursor:
                self.agent.queue(wire.SizeChanged(size.cols, size.rows, "p1"))
                self.sizes_sent += 1
                self.flush()
                return
        count = min(self.chance.randint(1, 20), until - self.cursor)
        if count > 0 and self.agent.output(count):
            self.to_guest.append(content(self.cursor, count))
            self.cursor += count

    def begin_snapshot(self) -> None:
        if not self.agent.may_snapshot:
            return
        at = self.printed
        size = self.size_at(at)
        lead = self.agent.snapshot(wire.Snapshot(at, size.cols, size.rows, SCREEN_BYTES))
        assert lead == (b"" if self.draws else wire.RESET)
        data = screen_of(at)
        cut = self.chance.randint(1, SCREEN_BYTES - 1)
        self.unsent += [part for part in (lead, data[:cut], data[cut:]) if part]
        self.cursor, self.needs_screen = at, False
        self.sizes_sent = self.number_of_size(at)
        self.flush()

    def send_screen(self) -> None:
        if not self.unsent:
            return
        assert not self.agent.may_snapshot
        if self.agent.screen(len(self.unsent[0])):
            self.to_guest.append(self.unsent.popleft())

    def agent_receives(self) -> None:
        if not self.to_agent:
            return
        message = self.to_agent.popleft()
        if isinstance(message, bytes):
            assert self.agent.receive_bytes(message)
            self.queue.append(message)
            return
        match self.agent.receive_text(message):
            case wire.Hello():
                self.greet()
            case wire.Ack(bytes=position):
                # Who does not know snapshots acknowledges the end of one late: it counts before.
                assert self.rendered <= position <= (self.painted if self.draws else self.cursor)
                self.rendered = position
                assert self.agent.rendered_to == position
        self.flush()

    def greet(self) -> None:
        start = self.agent.received("sh1", self.printed)
        # Half a snapshot is no screen, and the log may have lost what comes next.
        self.needs_screen = start is None or self.chance.random() < 0.3
        start = self.printed if self.needs_screen or start is None else start
        size = self.size_at(start)
        message = wire.Welcome(
            "s",
            "t",
            Role.CONTROL,
            "token",
            WINDOW,
            start,
            self.before is not None,
            self.capabilities,
            len(self.program),
            "sh1",
            "p2",
            size.cols,
            size.rows,
            self.chance.random() < 0.2,
        )
        self.agent.welcome(message, screen_first=self.needs_screen)
        self.welcomed_with_screen = self.needs_screen
        self.agent.connected("t")
        self.is_welcomed = True
        self.cursor = start
        self.sizes_sent = self.number_of_size(start)
        self.painted = self.rendered = self.agent.rendered_to

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
        if self.guest.held_input:
            return  # the order would be another one
        data = content(len(self.typed), self.chance.randint(1, 40))
        self.guest.type(data)
        self.typed += data

    def decide(self) -> None:
        """What is held is sent, or discarded, and then never arrives."""
        if held := self.guest.held_input:
            assert self.typed.endswith(held)
            if self.chance.random() < 0.5:
                self.guest.send_held()
            else:
                self.guest.discard_held()
                self.typed = self.typed[: -len(held)]

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
            self.display.feed(message)
            if cut and (at := self.display.position) is not None:
                assert at >= self.received, "positions never go back"
                self.received = at
            self.received += len(message) - cut
            if not cut or self.display.position is not None:
                self.unpainted.append((self.received, self.display.position))
            return
        away = self.chance.choice([0, 31])
        match self.guest.receive_text(message, away=away):
            case wire.Snapshot():
                self.display.reset()
                self.knows_size = True
            case wire.Welcome() as welcome:
                self.knows_size = not self.welcomed_with_screen
                self.received = welcome.start
                if self.draws and welcome.start == 0:
                    self.display = Display()
                may_hold = welcome.typed or (self.before is not None and away > 30)
                assert may_hold or not self.guest.held_input or self.before
        self.flush()

    def paint(self) -> None:
        if self.unpainted:
            position, log = self.unpainted.popleft()
            self.painted = max(self.painted, log or 0)
            self.guest.rendered(position)
            self.flush()

    def lose(self) -> None:
        self.before = self.guest.leave(Moment(0, 0))
        self.positions = self.agent.positions
        self.connect()

    # What always holds.

    def check(self) -> None:
        display = self.display
        assert display.screen == content(0, len(display.screen)), "output was lost or doubled"
        assert len(display.screen) <= self.printed
        at = display.position
        if wire.SIZE in self.capabilities and at is not None and self.knows_size:
            # Just before the message itself, the size is still the one before.
            assert self.guest.shell_size in (self.size_at(at), self.size_at(max(0, at - 1)))
        assert self.program == self.typed[: len(self.program)], "input was lost or doubled"
        flying = sum(len(one) for one in self.to_agent if isinstance(one, bytes))
        assert flying + sum(map(len, self.queue)) <= WINDOW, "the window of input"
        flying = sum(len(one) for one in self.to_guest if isinstance(one, bytes))
        # Where a snapshot is no output, one may be under way beside it.
        assert flying <= WINDOW + (SCREEN_BYTES if self.draws else 0), "the window of output"

    def run(self, steps: int) -> None:
        kinds = {
            self.print_: 3,
            self.resize_shell: 1,
            self.send_output: 6,
            self.begin_snapshot: 1,
            self.send_screen: 3,
            self.agent_receives: 6,
            self.program_reads: 4,
            self.type_: 2,
            self.decide: 1,
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
            if self.needs_screen:
                self.begin_snapshot()
            for step in (
                self.agent_receives,
                self.program_reads,
                self.guest_receives,
                self.decide,
                self.paint,
                self.send_screen,
                self.send_output,
                self.send_input,
            ):
                step()
                self.check()
            everything = self.display.position == self.printed and self.program == self.typed
            if everything and not (self.to_guest or self.to_agent or self.unpainted):
                break
        assert self.display.screen == content(0, self.printed)
        assert self.program == self.typed
        assert self.agent.may_snapshot
        unrendered = self.printed - self.agent.rendered_to
        assert unrendered < wire.ack_every(WINDOW)


@given(
    st.integers(0, 2**32),
    st.sampled_from([(), (wire.SNAPSHOT,), (wire.SNAPSHOT, wire.SIZE)]),
)
@settings(max_examples=150, deadline=None)
def test_any_interleaving_and_any_loss(seed: int, capabilities: tuple[str, ...]) -> None:
    """Over one connection a guest gets one sequence of output, sizes and snapshots, and nothing
    is missing but what a snapshot draws."""
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
