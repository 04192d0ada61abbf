"""What the page says before the relay lets it in: never nothing. In a real Chromium."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from engine.relay.http.web_page import WebPage
from tests.e2e.browser import connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.browser import Chromium

pytestmark = pytest.mark.chromium


@asynccontextmanager
async def page_without_relay(*, scripts: bool) -> AsyncIterator[str]:
    """The page's address, of a server that answers no signaling, and no script if told so."""

    @web.middleware
    async def refusing(request: web.Request, handler: web.Handler) -> web.StreamResponse:
        if request.path.startswith("/assets") and not scripts:
            raise web.HTTPTooManyRequests
        return await handler(request)

    app = web.Application(middlewares=[refusing])
    WebPage().add_routes(app)
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("/"))
    finally:
        await server.close()


async def test_a_page_whose_script_does_not_come_says_what_it_waits_for(chromium: Chromium) -> None:
    async with page_without_relay(scripts=False) as url, connected(chromium) as browser:
        page = await browser.open(url)
        await page.until("document.body.innerText.includes('Loading from the relay')")


async def test_a_page_whose_relay_does_not_answer_says_so(chromium: Chromium) -> None:
    async with page_without_relay(scripts=True) as url, connected(chromium) as browser:
        page = await browser.open(f"{url}#token=any")
        await page.until("document.body.innerText.includes('Waiting for the relay')")
        assert "Loading" not in await page.evaluate("document.body.innerText")
