"""A host for link tests: an agent that shares this computer's shell, and a relay of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from engine.agent.agent import Agent
from engine.client.peer import PeerHandlers, TerminalPeer
from engine.core import events as ev
from engine.core.model import LOCAL_TARGET, Role, Share, Size
from engine.core.settings import DockerSettings, IceSettings, RelaySettings, Settings, ShareSettings
from engine.relay import Options, Relay
from engine.wire.conversation.guest import Introduction
from engine.wire.proof import Link, parse_link
from tests.engine.until import until


class Visitor:
    """A guest with a link, what its terminal said, and how it ended."""

    def __init__(
        self, link: Link, ice: IceSettings | None = None, name: str = "", identity: str = ""
    ) -> None:
        self.said = b""
        self.end: tuple[str, int | None] | None = None
        self.approvals: list[str] = []
        self.notices: list[str] = []
        self.warnings: list[float | None] = []
        handlers = PeerHandlers(
            self._output,
            self._ended,
            self.notices.append,
            self.approvals.append,
            self.warnings.append,
        )
        self.peer = TerminalPeer.of_link(
            link, Size(), handlers, ice=ice, introduction=Introduction(name, identity)
        )

    async def sees(self, text: bytes) -> None:
        await until(lambda: text in self.said, what=f"{text!r} in {self.said!r}")

    def _output(self, data: bytes) -> None:
        self.said += data
        self.peer.rendered(len(data))

    def _ended(self, reason: str, exit_code: int | None) -> None:
        self.end = reason, exit_code


class House:
    def __init__(self, relay: Relay, agent: Agent) -> None:
        self.relay = relay
        self.agent = agent
        self.events: list[ev.Event] = []
        self.visitors: list[Visitor] = []
        agent.events.subscribe(self.events.append)

    async def link(self, role: Role = Role.CONTROL, **more: Any) -> tuple[Share, Link]:
        """A link to this computer's shell that the relay knows."""
        share = self.agent.admission.links.create(LOCAL_TARGET, role, **more)
        await until(lambda: self.relay.knows_link(share.id), what="the link at the relay")
        return share, parse_link(self.agent.admission.url(share))

    def visitor(
        self, link: Link, ice: IceSettings | None = None, name: str = "", identity: str = ""
    ) -> Visitor:
        self.visitors.append(Visitor(link, ice, name, identity))
        return self.visitors[-1]

    def refusals(self) -> list[str]:
        """The codes of what the host was told of refused guests."""
        return [event.code for event in self.events if isinstance(event, ev.OfferRefused)]

    def ends(self) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, ev.SessionClosed)]


@asynccontextmanager
async def house(
    options: Options | None = None,
    change: Callable[[Settings], Settings] = lambda settings: settings,
    share: ShareSettings | None = None,
    ice: IceSettings | None = None,
) -> AsyncIterator[House]:
    relay = Relay("agent-secret", "guest-secret", options)
    await relay.start()
    settings = Settings(
        docker=DockerSettings(enabled=False),
        relay=RelaySettings(url=relay.url, token="agent-secret", guest_token="guest-secret"),
        share=share or ShareSettings(),
        ice=ice or IceSettings(),
    )
    agent = Agent(change(settings))
    made = House(relay, agent)
    try:
        await agent.start()
        assert await agent.wait_registered(10)
        yield made
    finally:
        await asyncio.gather(*(visitor.peer.close() for visitor in made.visitors))
        await agent.stop()
        await relay.stop()
