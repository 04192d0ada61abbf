"""A page of another origin that opened a terminal has no hold on its tab."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.e2e.scripted_host import ScriptedHost
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.browser import Browser

pytestmark = [pytest.mark.chromium, pytest.mark.takes(20)]


@pytest.fixture
async def elsewhere() -> AsyncIterator[str]:
    """A page of another origin."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><p>elsewhere", content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url("/"))
    await server.close()


@pytest.fixture
async def host() -> AsyncIterator[ScriptedHost]:
    async with ScriptedHost().serve() as made:
        yield made


@pytest.mark.parametrize("by", ["link", "token"])
async def test_who_opened_it_cannot_lead_the_tab_elsewhere(
    host: ScriptedHost, elsewhere: str, browser: Browser, by: str
) -> None:
    opener = await browser.open(elsewhere)
    address = host.link() if by == "link" else host.address
    await opener.evaluate(f"(window.held = window.open({json.dumps(address)}), true)")
    await until(lambda: bool(host.hellos), what="the terminal")
    # To its opener the tab looks closed.
    await opener.until("held.closed")
    await opener.evaluate(f"(held.location = {json.dumps(elsewhere + 'taken')}, true)")
    urls = [one["url"] for one in (await browser.call("Target.getTargets"))["targetInfos"]]
    assert not any("taken" in url for url in urls)
    assert any(url.startswith(host.url) for url in urls)
