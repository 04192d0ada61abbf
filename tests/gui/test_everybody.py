"""The real window, a real browser, a real tty and a Python peer in one shell at once.

Joins all rooms of the window and the engine with the guests' page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.control.commands import CreateLink, RemoveGuest, WaitUntilRegistered
from engine.control.queries import LinkUrl
from engine.core.model import LOCAL_TARGET, ParticipantInfo, Role
from engine.wire.proof import parse_link
from tests.e2e.browser import chromium
from tests.e2e.house import LIVE, TEXT, press, shows
from tests.engine.cli.person import person
from tests.engine.hosting import Visitor
from tests.gui.test_real_engine import (
    Play,
    connected,
    screen,
    type_in,
    until,
    with_window,
)
from tests.gui.test_real_engine import press as press_in

if TYPE_CHECKING:
    from gui.app.application import Application

__all__ = ["with_window"]

pytestmark = [pytest.mark.chromium, pytest.mark.takes(20)]

ROLE = "document.querySelector('#role-text').innerText"
SECONDS = 30.0


def test_window_browser_tty_and_peer_share_a_terminal(with_window: Play) -> None:
    async def steps(application: Application) -> None:
        adapter, window = application.adapter, application.window
        tab = await connected(application)

        def people() -> tuple[ParticipantInfo, ...]:
            return tab.shell.participants if tab.shell is not None else ()

        async def link(role: Role) -> str:
            share = await adapter.perform(CreateLink(LOCAL_TARGET, role, shell=tab.shell_id))
            assert await adapter.perform(WaitUntilRegistered(10))
            return adapter.ask(LinkUrl(share.id), "")

        visitor = Visitor(parse_link(await link(Role.CONTROL)))
        async with (
            chromium() as browser,
            person("connect", await link(Role.CONTROL), rows=24, cols=80) as tty,
        ):
            page = await browser.open(await link(Role.VIEW))
            await page.until(LIVE)
            await visitor.peer.connect()
            await until(lambda: len(people()) == 4, SECONDS)

            async def all_see(text: str) -> None:
                await until(lambda: text in screen(tab), SECONDS)
                await shows(page, text)
                await visitor.sees(text.encode())
                await tty.has_on_screen(text)

            type_in(tab, "echo window-$((40+1))\r")
            await all_see("window-41")
            visitor.peer.send(b"echo peer-$((40+2))\r")
            await all_see("peer-42")
            tty.type(b"echo tty-$((40+3))\r")
            await all_see("tty-43")

            # The page views; it asks in its own way and the host gives in the window's.
            await page.until(f"{ROLE} === 'You view'")
            await press(page, "ask")
            await until(lambda: window.attention.shown is not None, SECONDS)
            press_in(window, "Give")
            await page.until(f"{ROLE} === 'You can type'")
            await page.type("echo page-$((40+4))\n")
            await all_see("page-44")

            tab.header.freeze.click()
            await page.until(f"{ROLE} === 'Frozen'")
            visitor.peer.send(b"echo frozen-$((40+5))\r")
            await until(lambda: any("frozen" in text for text in visitor.notices), SECONDS)
            type_in(tab, "echo still-$((40+6))\r")
            await all_see("still-46")
            assert "frozen-45" not in await page.evaluate(TEXT)

            removed = await page.evaluate("hatchway.session.state.me")
            await adapter.perform(RemoveGuest(tab.shell_id, removed))
            await page.until(f"{ROLE} === 'Removed'")
            await until(lambda: len(people()) == 3, SECONDS)
            await visitor.peer.close()
            tty.type(b"\r~.")
            await until(lambda: tty.process.poll() is not None, SECONDS)

    with_window(steps)
