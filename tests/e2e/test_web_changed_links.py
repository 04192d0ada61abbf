"""Links as they arrive: changed on the way, damaged, or in a browser that cannot open them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.house import FOOT, LIVE
from tests.e2e.scripted_host import ScriptedHost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.browser import Browser

pytestmark = [pytest.mark.chromium, pytest.mark.takes(30)]

CARD = "document.querySelector('#card').innerText"


@pytest.fixture
async def host() -> AsyncIterator[ScriptedHost]:
    async with ScriptedHost().serve() as made:
        yield made


@pytest.mark.parametrize(
    ("was", "became"),
    [("#", "?fbclid=IwAR0#"), ("#", "/#"), ("$", "."), ("$", ")."), ("#", "%23"), ("$", "&utm=x")],
)
async def test_a_link_that_was_changed_on_its_way_opens_the_terminal(
    host: ScriptedHost, browser: Browser, was: str, became: str
) -> None:
    link = host.link()
    page = await browser.open(f"{link}$".replace(was, became).rstrip("$"))
    await page.until(LIVE)
    # What is copied from here is as the host wrote it.
    assert await page.evaluate("location.href") == link
    warned = "has seen its secret" in await page.evaluate(FOOT)
    assert warned is (became == "%23")


async def test_a_browser_without_webrtc_is_told_so(host: ScriptedHost, browser: Browser) -> None:
    page = await browser.open("about:blank")
    gone = "delete window.RTCPeerConnection"
    await page.call("Page.addScriptToEvaluateOnNewDocument", source=gone)
    await page.go(host.link())
    await page.until(f"{CARD}.includes('This browser lacks WebRTC, or blocks it')")
    assert "RTCPeerConnection" not in await page.evaluate(CARD)
    assert not host.offers


@pytest.mark.parametrize(
    ("cut", "words"),
    [("#", "was cut off"), ("", "is damaged")],
)
async def test_what_is_missing_is_named_and_nothing_else_blamed(
    host: ScriptedHost, browser: Browser, cut: str, words: str
) -> None:
    link = host.link()
    page = await browser.open(link[: link.rindex(cut)] if cut == "#" else link[:-1])
    await page.until(f"{CARD}.includes('This link is not complete')")
    text = await page.evaluate(CARD)
    assert words in text
    assert "offline" not in text
    assert not host.offers
