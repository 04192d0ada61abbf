"""A host for guests in a browser: relay, agent and container, all real, and what a guest sees.

Owns starting and ending them. Imports the engine: unlike plain_guest.py this is
the host's side, where a test allows, kicks and restarts.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from engine.agent.agent import Agent
from engine.core.model import Role
from engine.core.settings import (
    AgentSettings,
    RelaySettings,
    SessionSettings,
    Settings,
    ShareSettings,
)
from engine.relay import Options, Relay
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.core.model import Share
    from engine.sessions.session import Session
    from tests.e2e.browser import Browser, Page

AGENT_TOKEN, GUEST_TOKEN = "agent-token-of-the-tests", "guest-token-of-the-tests"
LIVE = "window.hatchway?.session.state.phase === 'live'"
TEXT = """(() => {
  const b = hatchway.terminal.buffer.active;
  return Array.from({length: b.length}, (_, y) => b.getLine(y).translateToString(true)).join("\\n");
})()"""
"""All text of the terminal, scrollback included."""
FOOT = "document.querySelector('#foot-text').innerText"
"""What is going on, in words."""


class House:
    def __init__(
        self,
        container: str,
        host: str,
        options: Options | None = None,
        session: SessionSettings | None = None,
    ) -> None:
        self.container = container
        self._options = options
        self._session = session or SessionSettings()
        self.host = host
        self.relay = self._relay()
        self.agent: Agent
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self._port}"

    async def start(self) -> None:
        url = await self.relay.start(self.host)
        self._port = int(url.rpartition(":")[2])
        await self.restart_agent()

    async def restart_agent(self) -> None:
        """Another process of the same host."""
        self.agent = Agent(
            Settings(
                agent=AgentSettings(id="house", name="the house"),
                relay=RelaySettings(url=self.url, token=AGENT_TOKEN, guest_token=GUEST_TOKEN),
                share=ShareSettings(targets=(self.container,)),
                session=self._session,
            )
        )
        await self.agent.start()
        assert await self.agent.wait_registered(10)

    async def stop(self) -> None:
        await self.agent.stop()
        await self.relay.stop()

    async def restart_relay(self) -> None:
        """Another process would do the same: all it knew is forgotten."""
        await self.relay.stop()
        self.relay = self._relay()
        await self.relay.start(self.host, self._port)

    def _relay(self) -> Relay:
        return Relay(AGENT_TOKEN, GUEST_TOKEN, self._options)

    def link(self, role: Role = Role.CONTROL, **options: Any) -> Share:
        """A link to the container; ``url()`` is what a guest opens."""
        return self.agent.admission.links.create(self.container, role, **options)

    def url_of(self, share: Share) -> str:
        return self.agent.admission.url(share)

    def invitation(self) -> str:
        """The address that opens the shared container with the relay's guest token."""
        return f"{self.url}/#token={GUEST_TOKEN}&target={quote(self.container)}"

    def session(self) -> Session:
        """The one there is."""
        (session,) = self.agent.manager.sessions()
        return session

    async def gone(self) -> None:
        await until(lambda: not self.agent.manager.sessions(), what="the session's end")


@asynccontextmanager
async def house(
    container: str,
    host: str = "127.0.0.1",
    options: Options | None = None,
    session: SessionSettings | None = None,
) -> AsyncIterator[House]:
    """``host`` is where the relay listens, and what links begin with."""
    made = House(container, host, options, session)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()


async def visit(browser: Browser, url: str, *, width: int = 1100, height: int = 700,
                phone: bool = False) -> Page:  # fmt: skip
    """A guest before a live terminal with a prompt."""
    page = await browser.open(url, width=width, height=height, phone=phone)
    await page.until(LIVE)
    await page.until(f"/[#$] *$/.test({TEXT}.trimEnd())")
    return page


async def press(page: Page, act: str) -> None:
    """A button at the foot of the page, once it listens: new ones ignore clicks for a moment."""
    button = f"#foot-buttons [data-act={act}]"
    await page.until(
        f"document.querySelector('{button}:enabled')"
        " && !document.querySelector('#foot-buttons').hasAttribute('data-new')"
    )
    await page.click(button)


async def shows(page: Page, text: str, seconds: float = 20.0) -> None:
    await page.until(f"{TEXT}.includes({json.dumps(text)})", seconds)
