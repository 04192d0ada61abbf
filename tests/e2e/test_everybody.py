"""A page, a tty, a Python peer, a plain client and the host's own panel in one shell at once.

Joins the rooms agent, sessions, shells, client, control and cli with a real browser, relay and
container.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from engine.access.admission import AfterRemoval
from engine.client.peer import PeerHandlers, TerminalPeer
from engine.control.shell import AttachedShell
from engine.core.model import ParticipantKind, Role, Size
from engine.wire.proof import parse_link
from tests.e2e.house import LIVE, TEXT, House, shows
from tests.engine.cli.person import Person, person
from tests.engine.until import until

if TYPE_CHECKING:
    from engine.shells.shell import Shell
    from tests.e2e.browser import Browser, Page

pytestmark = [pytest.mark.chromium, pytest.mark.takes(40)]

ROLE = "document.querySelector('#role-text').innerText"


class Peer:
    """A Python peer and what it saw."""

    def __init__(self, url: str) -> None:
        self.said = b""
        self.notices: list[str] = []
        handlers = PeerHandlers(output=self._output, notice=self.notices.append)
        self.terminal = TerminalPeer.of_link(parse_link(url), Size(100, 30), handlers)

    def _output(self, data: bytes) -> None:
        self.said += data
        self.terminal.rendered(len(data))

    async def sees(self, text: str) -> None:
        await until(lambda: text.encode() in self.said, what=f"{text!r} at the peer")


class Company:
    """All of them, in one shell."""

    def __init__(self, shell: Shell, page: Page, tty: Person, peer: Peer, host: AttachedShell):
        self.shell, self.page, self.tty, self.peer, self.host = shell, page, tty, peer, host

    async def all_see(self, text: str) -> None:
        await shows(self.page, text)
        await self.peer.sees(text)
        await self.tty.has_on_screen(text)
        await until(
            lambda: any(text in row for row in self.host.screen.terminal.text()),
            what=f"{text!r} on the host's screen",
        )

    def who(self, kind: ParticipantKind, role: Role | None = None) -> list[str]:
        return [
            one.id
            for one in self.shell.participants
            if one.kind is kind and role in (None, one.role)
        ]


@pytest.fixture
async def company(host: House, browser: Browser) -> AsyncIterator[Company]:
    agent = host.agent
    shell = agent.manager.shells.require(await agent.open_shell(host.container, Size(100, 30)))
    own = AttachedShell(
        shell,
        role=Role.CONTROL,
        kind=ParticipantKind.HOST,
        name="The host",
        size=Size(100, 30),
        output=None,
        ended=lambda reason, code: None,
        refused=lambda reason: None,
    )
    page = await browser.open(host.url_of(host.link(Role.VIEW, shell=shell.id)))
    await page.until(LIVE)
    peer = Peer(host.url_of(host.link(shell=shell.id)))
    await peer.terminal.connect()
    async with person("connect", host.url_of(host.link(shell=shell.id)), rows=30, cols=100) as tty:
        await until(lambda: len(shell.participants) == 4, what="all four")
        yield Company(shell, page, tty, peer, own)
        tty.type(b"\r~.")
    await peer.terminal.close()
    own.detach()
    await shell.finish("Done")


async def test_what_one_types_all_see_and_each_end_says_who_may(company: Company) -> None:
    company.host.send(b"echo from-host-$((40+2))\n")
    await company.all_see("from-host-42")
    company.peer.terminal.send(b"echo from-peer-$((40+3))\n")
    await company.all_see("from-peer-43")
    company.tty.type(b"echo from-tty-$((40+4))\n")
    await company.all_see("from-tty-44")

    # The page's link is for viewing.
    await company.page.until(f"{ROLE} === 'You view'")
    await company.page.type("echo from-page-$((40+5))\n")
    (viewer,) = company.who(ParticipantKind.GUEST, Role.VIEW)
    company.shell.grant_keyboard(viewer)
    await company.page.until(f"{ROLE} === 'You can type'")
    company.peer.terminal.send(b"echo nobody-$((1+1))\n")
    await until(lambda: company.peer.notices, what="the refusal at the peer")
    assert "has the keyboard" in company.peer.notices[0]
    await company.page.type("echo granted-$((40+6))\n")
    await company.all_see("granted-46")

    company.shell.freeze()
    await company.page.until(f"{ROLE} === 'Frozen'")
    company.peer.terminal.send(b"echo frozen-$((1+1))\n")
    await until(lambda: len(company.peer.notices) > 1, what="the refusal at the peer")
    assert "frozen" in company.peer.notices[1]
    company.shell.thaw()
    company.host.send(b"echo thawed-$((40+7))\n")
    await company.all_see("thawed-47")
    for never in ("from-page-45", "nobody-2", "frozen-2"):
        assert never not in await company.page.evaluate(TEXT)


async def test_who_is_removed_leaves_the_others_alone(host: House, company: Company) -> None:
    (viewer,) = company.who(ParticipantKind.GUEST, Role.VIEW)
    await host.agent.remove_guest(company.shell.id, viewer, AfterRemoval.NOTHING)
    await company.page.until(f"{ROLE} === 'Removed'")
    company.peer.terminal.send(b"echo still-$((40+2))\n")
    await company.peer.sees("still-42")
    await company.tty.has_on_screen("still-42")
