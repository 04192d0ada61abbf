"""Current and older hosts, at a current relay."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import zipfile
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from engine.core.model import LOCAL_TARGET
from engine.core.settings import ShareSettings
from engine.relay import Relay
from engine.relay.http.web_page import WebPage
from tests.compat.guests import HERE, Way, old_environment
from tests.e2e.conftest import browser, chromium
from tests.engine.hosting import House, house

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = ["browser", "chromium"]

START_SECONDS = 60.0
AGENT_TOKEN, GUEST_TOKEN = "agent-secret", "guest-secret"


@pytest.fixture
def old_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Relays made from now on serve the older page. Returns the name of its script."""
    dist = tmp_path / "dist"
    with zipfile.ZipFile(HERE / "page.zip") as packed:
        packed.extractall(dist)
    monkeypatch.setattr("engine.relay.server.WebPage", partial(WebPage, dist))
    (script,) = dist.glob("assets/page-*.js")
    return script.name


@pytest.fixture
async def new_host() -> AsyncIterator[House]:
    """A current agent that shares this computer with guests at its relay."""
    async with house(share=ShareSettings(targets=(LOCAL_TARGET,))) as made:
        yield made


@pytest.fixture
async def old_host(tmp_path: Path) -> AsyncIterator[dict[str, Way]]:
    """The ways into the older agent, a process of its own at a current relay."""
    async with old_agent_at_relay(tmp_path) as made:
        yield made


@asynccontextmanager
async def old_agent_at_relay(folder: Path, *flags: str) -> AsyncIterator[dict[str, Way]]:
    """See old_host(); ``flags`` of its command line."""
    relay = Relay(AGENT_TOKEN, GUEST_TOKEN)
    url = await relay.start()
    try:
        async with old_agent(url, folder, *flags) as link:
            yield {
                "link": Way(url, LOCAL_TARGET, link=link),
                "token": Way(url, LOCAL_TARGET, token=GUEST_TOKEN),
            }
    finally:
        await relay.stop()


@asynccontextmanager
async def old_agent(url: str, folder: Path, *more: str) -> AsyncIterator[str]:
    """Shares this computer, with everybody and by the link that it yields; ends well."""
    flags = ["--share", LOCAL_TARGET, "--share", f"{LOCAL_TARGET}=control", "--links-json"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "engine", "--relay", url, "--relay-token", AGENT_TOKEN, *flags, *more,
        cwd=folder, env=old_environment(), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        yield json.loads(line)["url"]
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), START_SECONDS) == 0


async def ways(host: House, **options: Any) -> dict[str, Way]:
    """The ways into a current agent; ``options`` are those of its link."""
    share, _ = await host.link(**options)
    url = host.relay.url
    return {
        "link": Way(url, LOCAL_TARGET, link=host.agent.admission.url(share)),
        "token": Way(url, LOCAL_TARGET, token=GUEST_TOKEN),
    }


def address(way: Way) -> str:
    """What a person opens in a browser."""
    return way.link or f"{way.relay}/#token={way.token}&target={quote(way.target)}"
