"""The older agent, in a process of its own, with the current peer and page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compat.conftest import address, old_agent_at_relay
from tests.compat.guests import Way, new_guest
from tests.compat.use import use, use_much, use_page
from tests.e2e.browser import Browser
from tests.e2e.house import visit

pytestmark = pytest.mark.takes(20)


@pytest.mark.parametrize("by", ["link", "token"])
async def test_the_peer_types_resizes_returns_and_exits(old_host: dict[str, Way], by: str) -> None:
    async with new_guest() as guest:
        await use(guest, old_host[by])


async def test_the_peer_passes_more_than_the_window_both_ways(old_host: dict[str, Way]) -> None:
    async with new_guest() as guest:
        await use_much(guest, old_host["link"])


@pytest.mark.chromium
@pytest.mark.parametrize("by", ["link", "token"])
async def test_the_page_types_resizes_reloads_and_exits(
    old_host: dict[str, Way], browser: Browser, by: str
) -> None:
    await use_page(browser, address(old_host[by]))


@pytest.mark.chromium
async def test_the_page_shows_the_reason_of_an_end_without_a_code(
    tmp_path: Path, browser: Browser
) -> None:
    async with old_agent_at_relay(tmp_path, "--session-timeout", "3") as ways:
        page = await visit(browser, address(ways["link"]))
        await page.until("hatchway.session.state.phase === 'ended'")
        assert "activity" in await page.evaluate("document.querySelector('#foot').innerText")
