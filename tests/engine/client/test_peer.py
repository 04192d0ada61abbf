"""Python guests in one shell of a real host: what each sees, and who may type.

Joins the rooms client, agent, sessions, shells and emulator.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from engine.client.identities import Identities
from engine.client.peer import (
    CAPABILITIES,
    FOLLOWING,
    MAX_UNRENDERED,
    PeerHandlers,
    TerminalPeer,
)
from engine.core.model import KeyboardState, KeyboardView, ParticipantKind, Person, Role, Size
from engine.core.session_state import SessionState
from engine.emulator import Terminal
from engine.emulator.snapshot import FEATURES
from engine.shells.shell import Shell
from engine.signaling.guest import RelayAddress
from engine.wire import terminal as wire
from engine.wire.conversation.guest import Introduction, Moment
from engine.wire.proof import Link
from tests.engine.hosting import House, house
from tests.engine.until import until

SIZE = Size()


class Watching:
    """A guest whose emulator has the shell's size. ``slow``: it shows output, but does not say
    so until ``catch_up()``."""

    def __init__(self, link: Link, *, name: str = "", size: Size = SIZE, **more: Any) -> None:
        self.terminal = Terminal(size.cols, size.rows)
        self.said = b""
        self.held: list[bytes] = []
        self.roles: list[Role] = []
        self.sizes: list[Size] = []
        self.people: list[tuple[Person, ...]] = []
        self.keyboards: list[KeyboardView] = []
        self.recordings: list[float | None] = []
        self.notices: list[str] = []
        self.ends: list[str] = []
        self.slow = False
        self.feeds = True
        self._unsaid = 0
        handlers = PeerHandlers(
            output=self.output,
            ended=self.ended,
            notice=self.notices.append,
            role=self.roles.append,
            size=self._sized,
            people=self.people.append,
            keyboard=self.keyboards.append,
            recording=self.recordings.append,
            held=self.held.append,
        )
        features = tuple(sorted(FEATURES))
        self.peer = TerminalPeer.of_link(
            link,
            size,
            handlers,
            capabilities=FOLLOWING,
            introduction=Introduction(name, features=features),
            **more,
        )

    async def sees(self, text: str) -> None:
        await until(
            lambda: any(text in row for row in self.terminal.text()),
            what=f"{text!r} in {self.terminal.text()}",
        )

    def types(self, text: str) -> None:
        self.peer.send(text.encode())

    def catch_up(self) -> None:
        self.slow = False
        unsaid, self._unsaid = self._unsaid, 0
        self.peer.rendered(unsaid)

    def output(self, data: bytes) -> None:
        self.said += data
        if self.feeds:
            self.terminal.feed(data)
        if self.slow:
            self._unsaid += len(data)
        else:
            self.peer.rendered(len(data))

    def ended(self, reason: str, exit_code: int | None) -> None:
        self.ends.append(reason)

    def _sized(self, size: Size) -> None:
        self.sizes.append(size)
        self.terminal.resize(size.rows, size.cols)


class Room:
    """A shell that ``ann`` has opened, for others to join."""

    def __init__(self, made: House, ann: Watching, shell: Shell) -> None:
        self.made = made
        self.ann = ann
        self.shell = shell

    @classmethod
    async def open(cls, made: House, **more: Any) -> Room:
        _, link = await made.link()
        ann = Watching(link, name="Ann", **more)
        made.visitors.append(ann)  # type: ignore[arg-type]
        await ann.peer.connect()
        (shell,) = made.agent.manager.shells.all()
        ann.types("PS1='ready> '; clear\n")
        await until(lambda: ann.terminal.text()[0] == "ready>", what=f"{ann.terminal.text()}")
        return cls(made, ann, shell)

    async def join(self, name: str, role: Role = Role.CONTROL, **more: Any) -> Watching:
        _, link = await self.made.link(role, shell=self.shell.id)
        guest = Watching(link, name=name, **more)
        self.made.visitors.append(guest)  # type: ignore[arg-type]
        await guest.peer.connect()
        return guest

    async def shows(self, guest: Watching) -> None:
        """Until the guest's screen is the agent's, cell by cell."""
        ours, theirs = self.shell.screen.terminal, guest.terminal

        def equal() -> bool:
            if self.shell.screen.position < self.shell.end:
                return False
            if (ours.rows, ours.cols) != (theirs.rows, theirs.cols):
                return False
            if ours.cursor() != theirs.cursor():
                return False
            return all(ours.line(y).runs == theirs.line(y).runs for y in range(ours.rows))

        await until(equal, what=f"{theirs.text()} as {ours.text()}")

    def who(self, name: str) -> str:
        """The participant's id."""
        (found,) = [one.id for one in self.shell.participants if one.name == name]
        return found


def names(guest: Watching) -> set[str]:
    return {person.name for person in guest.peer.people}


async def lose(guest: Watching) -> None:
    """Its connection, without notice to the host."""
    connection = guest.peer.peer_connection
    assert connection is not None
    await connection.close()
    await until(lambda: guest.peer.is_lost)


async def come_back(guest: Watching) -> None:
    lost = guest.peer
    guest.peer = lost.successor(guest.output, guest.ended)
    await guest.peer.connect()
    await lost.close()


async def test_what_one_types_all_see() -> None:
    async with house() as made:
        room = await Room.open(made)
        room.ann.types("printf '\\033[1;34mblue\\033[0m %s\\n' before-$((1+1))\n")
        await room.ann.sees("before-2")
        bob = await room.join("Bob")
        assert bob.peer.shell_size == Size()
        await bob.sees("before-2")
        bob.types("echo by-bob-$((2+2))\n")
        await bob.sees("by-bob-4")
        await room.ann.sees("by-bob-4")
        room.ann.types("echo by-ann-$((3+3))\n")
        await bob.sees("by-ann-6")
        for guest in (room.ann, bob):
            await room.shows(guest)
            await until(lambda guest=guest: names(guest) == {"Ann", "Bob"})
        mine = {one.id: one.name for one in bob.peer.people}[bob.peer.participant]
        assert mine == "Bob"
        await bob.peer.close()
        await until(lambda: names(room.ann) == {"Ann"})
        room.ann.types("echo still-$((4+4))\n")
        await room.ann.sees("still-8")


async def test_a_viewer_asks_for_the_keyboard_and_hands_it_back() -> None:
    async with house() as made:
        room = await Room.open(made)
        vic = await room.join("Vic", Role.VIEW)
        assert (vic.peer.role, vic.peer.may_type) == (Role.VIEW, False)
        vic.types("exit\n")
        await until(lambda: vic.notices)
        assert "view" in vic.notices[-1]
        assert vic.peer.ask_keyboard(True)
        await until(lambda: vic.keyboards and vic.keyboards[-1].asked.value == "waiting")
        await until(lambda: room.shell.info().asking)
        room.shell.grant_keyboard(room.who("Vic"))
        await until(lambda: vic.peer.may_type)
        assert vic.roles[-1] is Role.CONTROL
        await until(lambda: room.ann.peer.keyboard and not room.ann.peer.may_type)
        assert room.ann.keyboards[-1].holder == vic.peer.participant
        vic.types("echo by-vic-$((1+1))\n")
        await room.ann.sees("by-vic-2")
        assert vic.peer.ask_keyboard(False)
        await until(lambda: vic.peer.role is Role.VIEW and room.ann.peer.may_type)
        assert vic.roles[-1] is Role.VIEW
        await room.shows(vic)


async def test_a_frozen_keyboard_takes_nothing_and_says_so() -> None:
    async with house() as made:
        room = await Room.open(made)
        room.shell.freeze()
        frozen = KeyboardState.FROZEN
        await until(lambda: room.ann.keyboards[-1].state is frozen)
        assert not room.ann.peer.may_type
        room.ann.types("exit\n")
        await until(lambda: room.ann.notices)
        assert "frozen" in room.ann.notices[-1]
        room.shell.thaw()
        await until(lambda: room.ann.peer.may_type)
        room.ann.types("echo thawed-$((1+1))\n")
        await room.ann.sees("thawed-2")


async def test_recording_is_announced() -> None:
    async with house() as made:
        room = await Room.open(made)
        assert room.ann.peer.recording is None
        await made.agent.record(room.shell.id, on=True)
        await until(lambda: room.ann.peer.recording)
        bob = await room.join("Bob")
        await until(lambda: bob.recordings == [room.ann.peer.recording])
        await made.agent.record(room.shell.id, on=False)
        await until(lambda: bob.recordings[-1] is None)
        assert bob.peer.recording is None


async def test_everybody_has_the_size_that_the_smallest_controller_decides() -> None:
    async with house() as made:
        room = await Room.open(made, size=Size(120, 40))
        bob = await room.join("Bob", size=Size(100, 45))
        vic = await room.join("Vic", Role.VIEW, size=Size(90, 30))
        for guest in (room.ann, bob, vic):
            await until(lambda guest=guest: guest.sizes[-1] == Size(100, 40))
        bob.types("stty size; echo '%'\n")
        await vic.sees("40 100")
        for guest in (room.ann, bob, vic):
            await room.shows(guest)
        await bob.peer.close()
        await until(lambda: room.ann.sizes[-1] == Size(120, 40))
        await room.shows(room.ann)
        await room.shows(vic)


@pytest.mark.parametrize("role", [Role.CONTROL, Role.VIEW])
async def test_who_cannot_follow_a_flood_gets_snapshots_of_it(role: Role) -> None:
    async with house() as made:
        room = await Room.open(made)
        bob = await room.join("Bob", role)
        bob.slow = True
        before = len(bob.said)
        flood = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); printf '\\033[3%dmline %d\\033[m\\n'"
        room.ann.types(f"{flood} $((i%8)) $i; done; echo the-end-$((1+1))\n")
        await until(lambda: "the-end-2" in "".join(room.ann.terminal.text()), 60)
        bob.catch_up()
        await bob.sees("the-end-2")
        await room.shows(bob)
        await room.shows(room.ann)
        # It had most of it as pictures.
        assert b"\x1bc" in bob.said[before:]
        assert len(bob.said) - before < len(room.ann.said) / 2
        bob.types("echo goes-on-$((2+2))\n")
        if role is Role.CONTROL:
            await room.ann.sees("goes-on-4")


async def test_a_guest_alone_has_every_byte_once_over_any_number_of_losses() -> None:
    lines = "".join(f"line {number} {number * number}\r\n" for number in range(1, 20001))
    script = 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo "line $i $((i*i))"; done'
    async with house() as made:
        room = await Room.open(made)
        ann = room.ann
        ann.types(f"stty -echo; echo begin-$((1+1)); {script}; echo the-end-$((1+1))\n")
        await until(lambda: b"begin-2" in ann.said)
        for least in (100_000, 200_000, 300_000):
            await until(lambda least=least: len(ann.said) > least)
            await lose(ann)
            await come_back(ann)
            assert ann.peer.resumed
        await until(lambda: b"the-end-2" in ann.said)
        got = ann.said.partition(b"begin-2\r\n")[2].partition(b"the-end-2")[0]
        digest = hashlib.sha256(lines.encode()).hexdigest()
        assert hashlib.sha256(got).hexdigest() == digest
        await room.shows(ann)


async def test_a_return_link_takes_the_place_and_the_first_device_is_told() -> None:
    async with house() as made:
        room = await Room.open(made)
        vic = await room.join("Vic", Role.VIEW)
        room.shell.set_role(room.who("Vic"), Role.CONTROL)
        await until(lambda: vic.peer.role is Role.CONTROL)
        link = vic.peer.return_link
        assert link is not None
        assert link.token
        phone = Watching(link, name="Vic on the phone")
        made.visitors.append(phone)  # type: ignore[arg-type]
        await phone.peer.connect()
        assert phone.peer.resumed
        assert phone.peer.participant == vic.peer.participant
        assert phone.peer.role is Role.CONTROL
        await until(lambda: vic.ends)
        assert vic.peer.replaced
        assert not vic.peer.is_lost
        await room.shows(phone)
        phone.types("echo by-phone-$((1+1))\n")
        await room.ann.sees("by-phone-2")
        # It comes back only when it says that it means to.
        first = vic.peer
        vic.peer = first.successor(vic.output, vic.ended, again=True)
        await vic.peer.connect()
        await until(lambda: phone.ends)
        assert phone.peer.replaced
        vic.types("echo by-vic-$((2+2))\n")
        await room.ann.sees("by-vic-4")
        await first.close()


@pytest.mark.parametrize("then", ["send", "discard"])
async def test_what_was_typed_while_away_is_held_when_somebody_else_has_typed(then: str) -> None:
    async with house() as made:
        room = await Room.open(made)
        bob = await room.join("Bob")
        lost = bob.peer
        await lose(bob)
        sessions = made.agent.manager.sessions()
        await until(lambda: any(s.state is SessionState.DISCONNECTED for s in sessions))
        bob.peer = lost.successor(bob.output, bob.ended)
        bob.types("echo by-bob-$((1+1))\n")
        room.ann.types("echo by-ann-$((2+2))\n")
        await room.ann.sees("by-ann-4")
        await bob.peer.connect()
        await lost.close()
        await until(lambda: bob.held == [b"echo by-bob-$((1+1))\n"])
        assert bob.peer.held_input == bob.held[0]
        await bob.sees("by-ann-4")
        if then == "send":
            bob.peer.send_held()
            await room.ann.sees("by-bob-2")
        else:
            bob.peer.discard_held()
            bob.types("echo later-$((4+4))\n")
            await room.ann.sees("later-8")
            assert not any("by-bob" in row for row in room.ann.terminal.text())
        assert bob.peer.held_input == b""


@pytest.mark.parametrize("seconds", [29.0, 31.0])
async def test_what_was_typed_long_ago_is_held(seconds: float) -> None:
    now = [1000.0]

    def clock() -> Moment:
        return Moment(now[0], 1_700_000_000.0)

    async with house() as made:
        room = await Room.open(made, clock=clock)
        ann = room.ann
        lost = ann.peer
        await lose(ann)
        ann.peer = lost.successor(ann.output, ann.ended)
        ann.types("echo late-$((1+1))\n")
        now[0] += seconds
        await ann.peer.connect()
        await lost.close()
        if seconds < 30:
            await ann.sees("late-2")
            assert ann.held == []
        else:
            await until(lambda: ann.held == [b"echo late-$((1+1))\n"])


async def test_a_host_knows_a_guest_again_by_its_identity(tmp_path: Path) -> None:
    async with house() as made:
        seen = set()
        for _ in range(2):
            _, link = await made.link()
            guest = Watching(link, identities=Identities(tmp_path))
            made.visitors.append(guest)  # type: ignore[arg-type]
            await guest.peer.connect()
            await until(lambda: made.agent.sessions())
            (session,) = made.agent.manager.sessions()
            seen.add(session.guest.identity)
            await guest.peer.close()
            await until(lambda: not made.agent.sessions())
        assert len(seen) == 1
        assert "" not in seen
        # The host stores a digest of it.
        ours = Identities(tmp_path).of(made.relay.url, made.agent.agent_id)
        assert ours not in seen


def hello(peer: TerminalPeer, **more: Any) -> None:
    """What an agent says before the first output."""
    welcome = wire.Welcome(
        "s", "web-1", Role.CONTROL, "token", wire.WINDOW, capabilities=FOLLOWING, **more
    )
    for message in (welcome, wire.PtyConnected("web-1")):
        peer.message(wire.encode(message))


def test_a_host_that_keeps_to_no_window_is_left() -> None:
    guest = Watching(Link("https://relay.example", "x" * 16, b"x" * 16))
    guest.feeds = False
    guest.slow = True
    hello(guest.peer)
    piece = bytes(1024 * 1024)
    for _ in range(MAX_UNRENDERED // len(piece)):
        guest.peer.message(piece)
    assert guest.ends == []
    before = len(guest.said)
    guest.peer.message(b"x")
    assert guest.ends == ["The host sent more output than was agreed"]
    guest.peer.message(b"y")
    assert len(guest.said) == before + 1
    assert not guest.peer.is_lost


def test_a_size_is_told_in_order_to_those_who_follow_it() -> None:
    told: list[object] = []
    handlers = PeerHandlers(output=told.append, size=told.append)
    for capabilities in (FOLLOWING, CAPABILITIES):
        peer = TerminalPeer(
            RelayAddress("https://relay.example"),
            "web-1",
            Size(),
            handlers,
            capabilities=capabilities,
        )
        hello(peer, cols=90, rows=20)
        peer.message(b"a")
        peer.message(wire.encode(wire.SizeChanged(70, 20)))
        peer.message(b"b")
        peer.message(wire.encode(wire.Snapshot(9, 60, 20, 3)))
        peer.message(b"xyzc")
    assert told == [
        *(Size(90, 20), b"a", Size(70, 20), b"b", Size(60, 20), wire.RESET, b"xyzc"),
        *(b"a", b"b", wire.RESET, b"xyzc"),
    ]


@pytest.mark.parametrize("kind", ["guest", "tty", "of a later version"])
def test_people_of_later_versions_are_guests(kind: str) -> None:
    guest = Watching(Link("https://relay.example", "x" * 16, b"x" * 16))
    hello(guest.peer, participant="me")
    person = wire.Person("a", "Ann", Role.VIEW, kind)
    guest.peer.message(wire.encode(wire.People((person,))))
    ((ann,),) = guest.people
    expected = ParticipantKind.TTY if kind == "tty" else ParticipantKind.GUEST
    assert ann == Person("a", "Ann", Role.VIEW, expected)
