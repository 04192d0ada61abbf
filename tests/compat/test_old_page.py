"""The older guests' page in a real Chromium, at a current relay and agent."""

from __future__ import annotations

import json

import pytest

from engine.core.model import LOCAL_TARGET, Role
from engine.relay import Options
from engine.relay.http.web_page import WebPage
from engine.relay.turn import Turn
from tests.compat.conftest import address, ways
from tests.compat.use import use_page
from tests.e2e.browser import Browser, Page
from tests.e2e.house import LIVE, TEXT, shows, visit
from tests.e2e.house import house as browser_house
from tests.engine.hosting import House

pytestmark = [pytest.mark.chromium, pytest.mark.takes(20)]


async def is_old(page: Page, script: str) -> bool:
    loaded: str = await page.evaluate("[...document.scripts].map(one => one.src).join()")
    return loaded.endswith(script)


@pytest.mark.parametrize("by", ["link", "token"])
async def test_it_types_resizes_reloads_and_exits(
    old_page: str, new_host: House, browser: Browser, by: str
) -> None:
    page = await use_page(browser, address((await ways(new_host))[by]))
    assert await is_old(page, old_page)


async def test_it_comes_back_after_a_lost_connection(
    old_page: str, new_host: House, browser: Browser
) -> None:
    page = await visit(browser, address((await ways(new_host))["link"]))
    assert await is_old(page, old_page)
    await page.type("kept=yes; echo before-$((1+1))\n")
    await shows(page, "before-2")
    (session,) = new_host.agent.manager.sessions()
    assert session.pc is not None
    await session.pc.close()
    await page.until("hatchway.session.state.phase === 'reconnecting'")
    # Kept by the page until it is back, and typed once.
    await page.type("echo $kept-$((40+2))\n")
    await page.until(LIVE, 30)
    await shows(page, "yes-42")
    text = await page.evaluate(TEXT)
    assert (text.count("yes-42"), text.count("before-2")) == (1, 1), json.dumps(text)


async def test_it_speaks_plain_json(old_page: str, new_host: House, browser: Browser) -> None:
    way = (await ways(new_host))["token"]
    page = await visit(browser, address(way).replace("/#", "/?protocol=json#"))
    assert await is_old(page, old_page)
    await page.type("echo typed-$((1+1))\n")
    await shows(page, "typed-2")
    await page.type("exit 7\n")
    await page.until("document.querySelector('#card').innerText.includes('exit code 7')")


async def test_it_waits_until_the_host_allows_it(
    old_page: str, new_host: House, browser: Browser
) -> None:
    new_host.agent.admission.approvals.attend()
    page = await browser.open(address((await ways(new_host, approval=True))["link"]))
    await page.until("window.hatchway?.session.state.phase === 'approval'")
    assert await is_old(page, old_page)
    (session,) = new_host.agent.manager.sessions()
    assert session.code in await page.evaluate("document.querySelector('#card').innerText")
    assert new_host.agent.admission.answer(session.id, Role.CONTROL)
    await page.until(LIVE)
    await page.type("echo typed-$((1+1))\n")
    await shows(page, "typed-2")


@pytest.mark.parametrize("by", ["link", "token"])
async def test_a_reload_that_gets_the_current_page_keeps_the_shell_of_a_link(
    old_page: str, browser: Browser, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    async with browser_house(LOCAL_TARGET) as host:
        url = host.url_of(host.link()) if by == "link" else host.invitation()
        page = await visit(browser, url)
        assert await is_old(page, old_page)
        await page.type("kept=yes; echo before-$((1+1))\n")
        await shows(page, "before-2")
        monkeypatch.setattr("engine.relay.server.WebPage", WebPage)
        await host.restart_relay()
        assert await host.agent.wait_registered(20)
        await page.reload()
        await page.until(LIVE, 30)
        assert not await is_old(page, old_page)
        await page.type("echo kept=$kept-$((40+2))\n")
        # With a token the older page stored the target's name alone, which any host may use:
        # its resume token goes to none.
        await shows(page, "kept=yes-42" if by == "link" else "kept=-42")
        assert ("before-2" in await page.evaluate(TEXT)) is (by == "link")


@pytest.mark.parametrize("only", [False, True], ids=["direct", "TURN only"])
async def test_without_the_proof_for_turn_it_connects_directly_or_asks_for_a_reload(
    old_page: str, browser: Browser, only: bool
) -> None:
    # Nobody is at that address: only who has no credentials for it connects at once.
    turn = Turn(("turn:127.0.0.1:9?transport=udp",), "secret", relay_only=only)
    async with browser_house(LOCAL_TARGET, options=Options(turn=turn)) as host:
        page = await browser.open(host.url_of(host.link()))
        if not only:
            await page.until(LIVE)
        else:
            await page.until("document.body.innerText.includes('Reload this page')")
            assert not host.agent.manager.sessions()
        assert await is_old(page, old_page)
