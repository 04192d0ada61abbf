"""A guest by a link without an agent: lost connections, and where what was typed goes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from engine.control import guest as guest_module
from engine.control.guest import ELSEWHERE, ENDED_MEANWHILE, GAVE_UP, GuestTerminal, connect
from engine.core import events as ev
from engine.core.errors import (
    BadLinkError,
    ChannelClosedError,
    HatchwayError,
    RemoteError,
    ShellEndedError,
)
from engine.core.model import LOCAL_TARGET, Role, Size
from engine.core.session_state import SessionState
from tests.engine.hosting import House, house
from tests.engine.until import until

ROOT = Path(__file__).parents[3]


class Screen:
    """A Guest that shows everything at once."""

    def __init__(self) -> None:
        self.said = b""
        self.ends: list[tuple[str, int | None]] = []
        self.connections: list[bool] = []
        self.approvals: list[tuple[str, str]] = []
        self.sizes: list[Size] = []
        self.changes = 0
        self.terminal: GuestTerminal | None = None
        self._early = 0

    async def sees(self, text: bytes) -> None:
        await until(lambda: text in self.said, what=f"{text!r} in {self.said!r}")

    def output(self, data: bytes) -> None:
        self.said += data
        if self.terminal is not None:
            self.terminal.rendered(len(data))

    def ended(self, reason: str, exit_code: int | None) -> None:
        self.ends.append((reason, exit_code))

    def approval(self, state: str, code: str) -> None:
        self.approvals.append((state, code))

    def notice(self, text: str) -> None:
        pass

    def idle(self, seconds: float | None) -> None:
        pass

    def connection(self, *, lost: bool) -> None:
        self.connections.append(lost)

    def sized(self, size: Size) -> None:
        self.sizes.append(size)

    def changed(self) -> None:
        self.changes += 1


async def opened(made: House, screen: Screen, **link: object) -> GuestTerminal:
    _, opens = await made.link(**link)
    terminal = screen.terminal = await connect(opens.url, Size(90, 25), screen)
    return terminal


async def lose(made: House, screen: Screen) -> int:
    """The connection and the relay go; returns the relay's port."""
    port = int(made.relay.url.rpartition(":")[2])
    await made.relay.stop()
    (session,) = made.agent.manager.sessions()
    await session.pc.close()
    await until(lambda: screen.connections and screen.connections[-1])
    await until(lambda: session.state is SessionState.DISCONNECTED)
    return port


async def relay_returns(made: House, port: int) -> None:
    await made.relay.start(port=port)
    assert await made.agent.wait_for_relay(20)


def test_the_program_needs_no_agent() -> None:
    code = (
        "import sys, engine.control.guest; print([m for m in sys.modules if 'engine.agent' in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


async def test_what_the_terminal_says_of_itself() -> None:
    async with house() as made:
        screen = Screen()
        terminal = await opened(made, screen, role=Role.VIEW)
        (session,) = made.agent.sessions()
        assert (terminal.target, terminal.role) == (LOCAL_TARGET, Role.VIEW)
        assert (terminal.session_id, terminal.code) == (session.id, session.code)
        await terminal.close()
        assert terminal.is_closed
        with pytest.raises(ChannelClosedError):
            terminal.send(b"x")
        await until(lambda: not made.agent.sessions())


async def test_what_is_typed_while_the_connection_is_lost_arrives_once_and_in_order() -> None:
    async with house() as made:
        screen = Screen()
        terminal = await opened(made, screen)
        file = Path.home() / "typed"
        terminal.send(f"echo one-$((1+1)); cat > {file}; echo done-$((2+2))\n".encode())
        await screen.sees(b"one-2")
        port = await lose(made, screen)
        lines = [f"{number}\n" for number in range(200)]
        for line in lines:
            terminal.send(line.encode())
            # Typing goes on before, between and during the attempts that fail.
            await asyncio.sleep(0.01)
        await relay_returns(made, port)
        await until(lambda: screen.connections == [True, False])
        terminal.send(b"the end\n\x04")
        await screen.sees(b"done-4")
        assert file.read_text() == "".join([*lines, "the end\n"])
        assert screen.ends == []
        await terminal.close()


async def test_a_connection_that_does_not_come_back_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guest_module, "RETURN_SECONDS", 1.0)
    async with house() as made:
        screen = Screen()
        terminal = await opened(made, screen)
        await lose(made, screen)
        await until(lambda: screen.ends)
        assert screen.ends == [(GAVE_UP, None)]
        assert screen.connections == [True]
        await terminal.close()


@pytest.mark.parametrize("approval", [False, True])
async def test_another_shell_gets_no_key_and_ends_the_terminal(approval: bool) -> None:
    async with house() as made:
        attended = made.agent.admission.approvals.attend()
        screen = Screen()

        def admit_once(event: ev.Event) -> None:
            if isinstance(event, ev.ApprovalRequested) and not screen.connections:
                made.agent.admission.answer(event.session_id, Role.CONTROL, remember=False)

        made.agent.events.subscribe(admit_once)
        terminal = await opened(made, screen, approval=approval)
        port = await lose(made, screen)
        mark = Path.home() / "typed"
        terminal.send(f"touch {mark}\n".encode())
        await made.agent.close_session(terminal.session_id)
        await relay_returns(made, port)
        await until(lambda: screen.ends)
        assert screen.ends == [(ENDED_MEANWHILE, None)]
        await terminal.close()
        await until(lambda: not made.agent.sessions())
        assert not mark.exists()
        attended()


async def test_a_revoked_link_is_not_tried_again() -> None:
    async with house() as made:
        screen = Screen()
        share, opens = await made.link()
        terminal = screen.terminal = await connect(opens.url, Size(), screen)
        await made.agent.admission.revoke(share.id)
        await until(lambda: screen.ends)
        assert screen.connections == []
        await terminal.close()
        with pytest.raises(RemoteError):
            await connect(opens.url, Size(), Screen())


@pytest.mark.parametrize("approval", [False, True])
async def test_a_return_link_whose_token_is_unknown_leaves_no_other_shell(approval: bool) -> None:
    async with house() as made:
        _, opens = await made.link(approval=approval)
        leave = made.agent.admission.approvals.attend()
        screen = Screen()
        with pytest.raises(ShellEndedError, match="has ended"):
            await connect(f"{opens.url}.{'x' * 22}", Size(), screen)
        assert screen.approvals == []
        await until(lambda: not made.agent.sessions())
        assert not made.agent.admission.approvals.pending()
        leave()


async def test_closing_while_the_connection_is_lost() -> None:
    async with house() as made:
        screen = Screen()
        terminal = await opened(made, screen)
        await lose(made, screen)
        await terminal.close()
        assert terminal.is_closed
        assert screen.ends == []


async def test_a_return_link_takes_the_place_until_one_comes_back() -> None:
    async with house() as made:
        here, there = Screen(), Screen()
        first = await opened(made, here)
        first.send(b"MARK=stored\n")
        second = there.terminal = await connect(first.return_link(), Size(70, 20), there)
        await until(lambda: here.ends == [(ELSEWHERE, None)])
        assert first.replaced
        assert here.connections == []
        assert second.participant == first.participant
        with pytest.raises(ChannelClosedError):
            first.send(b"x")
        second.send(b"echo there-$MARK\n")
        await there.sees(b"there-stored")
        await first.reconnect()
        await until(lambda: there.ends == [(ELSEWHERE, None)])
        first.send(b"echo here-$MARK\n")
        await here.sees(b"here-stored")
        # It is one shell, opened once.
        assert len(made.agent.manager.shells.all()) == 1
        await first.close()
        await first.reconnect()
        with pytest.raises(RemoteError):
            await second.reconnect()
        await second.close()


async def test_a_connection_that_was_given_up_can_be_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guest_module, "RETURN_SECONDS", 0.5)
    async with house() as made:
        screen = Screen()
        terminal = await opened(made, screen)
        terminal.send(b"MARK=stored\n")
        port = await lose(made, screen)
        await until(lambda: screen.ends == [(GAVE_UP, None)])
        with pytest.raises(HatchwayError):
            await terminal.reconnect()
        await relay_returns(made, port)
        await terminal.reconnect()
        terminal.send(b"echo here-$MARK\n")
        await screen.sees(b"here-stored")
        await terminal.close()


async def test_what_others_typed_meanwhile_holds_what_was_typed_here() -> None:
    async with house() as made:
        screen = Screen()
        terminal = await opened(made, screen)
        (shell,) = made.agent.manager.shells.all()
        _, joins = await made.link(shell=shell.id)
        other = made.visitor(joins)
        await other.peer.connect()
        tom = made.agent.manager.require_session(terminal.session_id)
        port = int(made.relay.url.rpartition(":")[2])
        await made.relay.stop()
        await tom.pc.close()
        await until(lambda: screen.connections == [True])
        await until(lambda: tom.state is SessionState.DISCONNECTED)
        terminal.send(b"echo by-me-$((1+1))\n")
        other.peer.send(b"echo by-other-$((2+2))\n")
        await other.sees(b"by-other-4")
        await relay_returns(made, port)
        await until(lambda: screen.connections == [True, False])
        assert terminal.held_input == b"echo by-me-$((1+1))\n"
        changes = screen.changes
        terminal.send_held()
        assert terminal.held_input == b""
        assert screen.changes > changes
        await other.sees(b"by-me-2")
        assert {one.id for one in terminal.people} == {terminal.participant, other.peer.participant}
        await terminal.close()


async def test_text_that_is_no_link() -> None:
    with pytest.raises(BadLinkError):
        await connect("https://relay.example/", Size(), Screen())
