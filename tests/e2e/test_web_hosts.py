"""Two hosts that share a container of the same name: a page belongs to one of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from engine.agent.agent import Agent
from engine.core.settings import AgentSettings, RelaySettings, Settings, ShareSettings
from tests.e2e.house import AGENT_TOKEN, GUEST_TOKEN, LIVE, House, shows, visit
from tests.engine.until import until

if TYPE_CHECKING:
    from tests.e2e.browser import Browser

pytestmark = pytest.mark.chromium

STATUS = "document.querySelector('#targets-status').textContent"
HOST = "document.querySelector('#host').textContent"
ROWS = "[...document.querySelectorAll('#target-list button')]"
SPOOF = "work\u202ebench\x1b[31m" + "!" * 200
"""A name that would show something else."""


async def namesake(host: House, name: str = "another house") -> Agent:
    """A second host at the relay, before the first one in every order; it shares the same."""
    agent = Agent(
        Settings(
            agent=AgentSettings(id="a-first", name=name),
            relay=RelaySettings(url=host.url, token=AGENT_TOKEN),
            share=ShareSettings(targets=(host.container,)),
        )
    )
    await agent.start()
    assert await agent.wait_registered(10)
    return agent


async def test_without_a_link_both_ends_show_a_code_that_no_relay_can_choose(
    host: House, browser: Browser
) -> None:
    page = await visit(browser, host.invitation())
    await page.until("hatchway.session.state.code")
    await until(lambda: host.session().code, what="the host's code")
    assert await page.evaluate("hatchway.session.state.code") == host.session().code
    code = host.session().code
    await page.reload()
    await page.until(LIVE)
    await until(lambda: host.session().code not in ("", code), what="another code")
    await page.until(f"hatchway.session.state.code === '{host.session().code}'")


async def test_a_reload_comes_back_to_the_same_host_or_says_that_it_is_away(
    host: House, browser: Browser
) -> None:
    page = await visit(browser, host.invitation())
    assert await page.evaluate(HOST) == "the house"
    assert await page.evaluate("location.hash") == f"#agent=house&target={host.container}"
    await page.type("kept=yes; echo here-$((1+1))\n")
    await shows(page, "here-2")
    session = host.session().id
    other = await namesake(host)
    try:
        await page.reload()
        await page.until(LIVE)
        await page.type("echo $kept-$((40+2))\n")
        await shows(page, "yes-42")
        assert host.session().id == session
        assert not other.sessions()
        # Its host goes: no other one gets its place, nor the token for coming back.
        heard = []
        other.events.subscribe(heard.append)
        await host.agent.stop()
        await page.reload()
        await page.until(f"{STATUS}.includes('is not connected')")
        assert host.container in await page.evaluate(STATUS)
        assert await page.evaluate(f"{ROWS}.length") == 1
        await host.restart_agent()
        await page.until(LIVE)
        assert await page.evaluate(HOST) == "the house"
        assert not [event for event in heard if getattr(event, "session_id", "")]
    finally:
        await other.stop()


async def test_an_address_without_a_host_opens_nothing_where_several_are_meant(
    host: House, browser: Browser
) -> None:
    other = await namesake(host)
    try:
        page = await browser.open(host.invitation())
        await page.until(f"{ROWS}.length === 2")
        assert "2 hosts share" in await page.evaluate(STATUS)
        await page.evaluate(f"{ROWS}.find(row => row.innerText.includes('another')).click()")
        await page.until(LIVE)
        assert await page.evaluate(HOST) == "another house"
        assert [len(agent.sessions()) for agent in (other, host.agent)] == [1, 0]
        # One that names its host goes straight in.
        named = f"{host.url}/#token={GUEST_TOKEN}&agent=house&target={quote(host.container)}"
        await visit(browser, named)
        assert len(host.agent.sessions()) == 1
    finally:
        await other.stop()


async def test_the_name_of_a_host_is_shown_without_what_makes_it_look_different(
    host: House, browser: Browser
) -> None:
    other = await namesake(host, SPOOF)
    try:
        address = f"{host.url}/#token={GUEST_TOKEN}&agent=a-first&target={quote(host.container)}"
        page = await visit(browser, address)
        shown = await page.evaluate(HOST)
        assert shown.startswith("workbench[31m!!")
        assert len(shown) < 80
        title = await page.evaluate("document.title")
        assert "\u202e" not in title + json.dumps(shown)
        assert await page.evaluate("document.documentElement.scrollWidth") == 1100
    finally:
        await other.stop()
