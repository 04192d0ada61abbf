"""What the page says before a terminal is closed for being idle, and when it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.core.model import Role
from engine.core.settings import SessionSettings
from tests import images
from tests.e2e.browser import CTRL, SHIFT
from tests.e2e.house import FOOT, LIVE, House, house, press, shows, visit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from docker.models.containers import Container

    from tests.docker_fixtures import ContainerFactory
    from tests.e2e.browser import Browser

pytestmark = [pytest.mark.chromium, pytest.mark.takes(50)]

WARNED = "!!document.querySelector('#foot-buttons [data-act=keep]')"
IN_TERMINAL = "document.activeElement.classList.contains('xterm-helper-textarea')"
SIZE = "`${hatchway.terminal.cols} ${hatchway.terminal.rows}`"


@pytest.fixture
async def host(box: Container) -> AsyncIterator[House]:
    """It warns after 3 s at rest, and ends 3 s later."""
    async with house(str(box.name), session=SessionSettings(timeout=6)) as made:
        yield made


async def test_a_terminal_at_rest_is_kept_by_a_click_by_a_key_and_by_typing(
    host: House, browser: Browser
) -> None:
    page = await visit(browser, host.invitation())
    size = await page.evaluate(SIZE)
    await page.type("stty -echo; echo silent-$((1+1)); read -rsn 1; echo typed-$((1+1))\n")
    await shows(page, "silent-2")
    await page.until(WARNED)
    assert (await page.evaluate(FOOT)).startswith("This terminal closes in ")
    aloud = await page.evaluate("document.querySelector('#foot-alert').textContent")
    assert aloud.startswith("This terminal closes in 3 s")
    # It neither takes the keyboard nor another size, at which the program would print.
    assert await page.evaluate(IN_TERMINAL)
    assert await page.evaluate(SIZE) == size
    await press(page, "keep")
    await page.until(f"!({WARNED})")
    assert await page.evaluate(IN_TERMINAL)
    # By the keyboard alone.
    await page.until(WARNED)
    await page.press("e", CTRL | SHIFT)
    await page.until("document.activeElement.dataset.act === 'keep'")
    await page.until("!document.querySelector('#foot-buttons').hasAttribute('data-new')")
    await page.type("\n")
    await page.until(f"!({WARNED})")
    assert await page.evaluate(IN_TERMINAL)
    # Typing is being there.
    await page.until(WARNED)
    await page.type("x")
    await page.until(f"!({WARNED})")
    await shows(page, "typed-2")
    assert await page.evaluate(LIVE)


async def test_an_idle_end_says_so(host: House, browser: Browser) -> None:
    page = await visit(browser, host.invitation())
    await page.until(WARNED)
    await page.until(f"{FOOT}.includes('Closed for inactivity')")
    assert await page.evaluate(f"!({WARNED})")
    await host.gone()


async def test_who_watches_may_keep_it_open(host: House, browser: Browser) -> None:
    page = await browser.open(host.url_of(host.link(Role.VIEW)))
    await page.until(LIVE)
    await page.until(WARNED)
    assert "Typing" not in await page.evaluate(FOOT)
    await press(page, "keep")
    await page.until(f"!({WARNED})")
    assert await page.evaluate(LIVE)


async def test_other_ends_have_their_words(
    box: Container, browser: Browser, containers: ContainerFactory
) -> None:
    async with house(str(box.name)) as host:
        share = host.link()
        page = await visit(browser, host.url_of(share))
        await host.agent.admission.revoke(share.id)
        await page.until(f"{FOOT}.includes('The host revoked this link')")
        assert not await page.evaluate("document.querySelector('#foot-buttons [data-act=again]')")
        page = await visit(browser, host.invitation())
        box.kill()
        await page.until(f"{FOOT}.includes('The container is no longer running')")
    async with house(str(containers(images.BASH).name)) as host:
        page = await visit(browser, host.invitation())
        await host.agent.stop()
        await page.until(f"{FOOT}.includes('The host has stopped')")
