"""The older guests' page in a real Chromium, at a relay and an agent of now."""

from __future__ import annotations

import json

import pytest

from tests.compat.conftest import address, ways
from tests.compat.use import use_page
from tests.e2e.browser import Browser, Page
from tests.e2e.house import LIVE, TEXT, shows, visit
from tests.engine.hosting import House

pytestmark = [pytest.mark.chromium, pytest.mark.takes(30)]


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
