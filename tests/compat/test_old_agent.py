"""The older agent, in a process of its own, with the peer and the page of now."""

from __future__ import annotations

import pytest

from tests.compat.conftest import address
from tests.compat.guests import Way, new_guest
from tests.compat.use import use, use_much, use_page
from tests.e2e.browser import Browser

pytestmark = pytest.mark.takes(30)


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
