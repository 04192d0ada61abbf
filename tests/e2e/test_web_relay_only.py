"""Chromium with the direct path shut: a terminal through a real coturn alone."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from engine.model import PathKind
from engine.relay import Options
from engine.relay.turn import Turn
from tests import images
from tests.e2e.browser import chromium
from tests.e2e.house import house, shows, visit
from tests.engine.relay.coturn import SECRET, coturn

if TYPE_CHECKING:
    from pathlib import Path

    from tests.docker_fixtures import ContainerFactory

pytestmark = pytest.mark.chromium


def own_address() -> str:
    """This machine's on its network: browsers gather nothing on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Nothing is sent: the system only chooses the way there.
        probe.connect(("198.51.100.1", 9))
        return str(probe.getsockname()[0])


async def test_a_guest_in_chromium_through_coturn_alone(
    tmp_path: Path, containers: ContainerFactory
) -> None:
    container = str(containers(images.BASH).name)
    async with coturn(tmp_path, own_address()) as url:
        options = Options(turn=Turn((url,), SECRET, relay_only=True))
        async with house(container, options=options) as host, chromium() as browser:
            page = await visit(browser, host.url_of(host.link()))
            await page.type("echo through-$((6*7))\n")
            await shows(page, "through-42")
            assert await page.evaluate("hatchway.session.state.path") == "relayed"
            pair = host.session().pc.selected_pair
            assert pair is not None
            assert (pair.path, pair.remote_type) == (PathKind.RELAYED, "relay")
            assert pair.via
