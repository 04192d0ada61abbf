"""The handle on an own terminal when its connection is lost."""

from __future__ import annotations

import pytest

from engine.agent.agent import Agent
from engine.control.terminal import PeerTerminal
from engine.core.errors import NoTurnError, RemoteError
from engine.core.model import LOCAL_TARGET, Size
from engine.core.session_state import SessionState
from tests.engine.control.screen import Screen
from tests.engine.hosting import House, house
from tests.engine.until import until


async def opened(agent: Agent, screen: Screen) -> PeerTerminal:
    peer = await agent.open_terminal(LOCAL_TARGET, Size(), screen.output, screen.ended)
    screen.handle = PeerTerminal(agent, peer, screen.output, screen.ended)
    return screen.handle


async def lose(made: House, screen: Screen) -> None:
    """The connection goes; the agent waits for the guest to come back."""
    (session,) = made.agent.manager.sessions()
    await session.pc.close()
    await until(lambda: screen.ends)
    await until(lambda: session.state is SessionState.DISCONNECTED)


async def test_it_takes_up_the_same_shell_with_the_same_callbacks() -> None:
    async with house() as made:
        screen = Screen()
        handle = await opened(made.agent, screen)
        session_id = handle.session_id
        handle.send(b"MARK=stored; echo one-$((1+1))\n")
        await screen.sees(b"one-2")
        for attempt in (2, 3):
            await lose(made, screen)
            screen.forget()
            await handle.reconnect()
            assert handle.session_id == session_id
            handle.send(f"echo $MARK-$(({attempt}*2))\n".encode())
            await screen.sees(f"stored-{attempt * 2}".encode())
            # Not a byte twice.
            assert b"one-2" not in screen.said
        await handle.close()
        assert handle.is_closed
        await until(lambda: not made.agent.sessions())


async def test_after_a_failed_attempt_another_one_may_succeed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def no_path() -> None:
        raise NoTurnError("There is no path")

    async with house() as made:
        screen = Screen()
        handle = await opened(made.agent, screen)
        handle.send(b"MARK=stored; echo one-$((1+1))\n")
        await screen.sees(b"one-2")
        await lose(made, screen)
        with monkeypatch.context() as patch:
            patch.setattr(made.agent.manager, "paths_known", no_path)
            with pytest.raises(RemoteError, match="no path"):
                await handle.reconnect()
        await handle.reconnect()
        handle.send(b"echo $MARK-$((2+2))\n")
        await screen.sees(b"stored-4")
        await handle.close()


async def test_an_agent_that_stops_closes_what_was_reconnected() -> None:
    async with house() as made:
        screen = Screen()
        handle = await opened(made.agent, screen)
        await lose(made, screen)
        await handle.reconnect()
        await made.agent.stop()
        assert handle.is_closed
