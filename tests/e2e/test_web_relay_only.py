"""Chromium with the direct path shut: a terminal through a real coturn alone, or none."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from engine.core.errors import RelayDegradedError
from engine.core.model import PathKind
from engine.relay import Options
from engine.relay.admission.auth import PeerRole
from engine.relay.dispatcher import Dispatcher
from engine.relay.turn import Turn
from tests.e2e.browser import connected
from tests.e2e.house import house, shows, visit
from tests.engine.relay.coturn import SECRET, coturn
from tests.engine.until import until

if TYPE_CHECKING:
    from pathlib import Path

    from docker.models.containers import Container

    from tests.e2e.browser import Chromium

pytestmark = [pytest.mark.chromium, pytest.mark.takes(40)]


def own_address() -> str:
    """This machine's on its network: browsers gather nothing on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Nothing is sent: the system only chooses the way there.
        probe.connect(("198.51.100.1", 9))
        return str(probe.getsockname()[0])


async def test_a_guest_in_chromium_through_coturn_alone(
    tmp_path: Path, box: Container, chromium: Chromium
) -> None:
    container = str(box.name)
    async with coturn(tmp_path, own_address()) as url:
        options = Options(turn=Turn((url,), SECRET, relay_only=True))
        async with house(container, options=options) as host, connected(chromium) as browser:
            page = await visit(browser, host.url_of(host.link()))
            await page.type("echo through-$((6*7))\n")
            await shows(page, "through-42")
            assert await page.evaluate("hatchway.session.state.path") == "relayed"
            pair = host.session().pc.selected_pair
            assert pair is not None
            assert (pair.path, pair.remote_type) == (PathKind.RELAYED, "relay")
            assert pair.via


class Answers:
    """The relay's answers to guests' ``ice:servers``: ``bad`` ones until ``good`` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
        self.asked = 0
        self.good = asyncio.Event()
        genuine = Dispatcher.ice_servers

        async def answer(board: Dispatcher, peer: Any, payload: object) -> dict[str, Any]:
            if peer.role is not PeerRole.GUEST or self.good.is_set():
                return await genuine(board, peer, payload)
            self.asked += 1
            if bad == "late":
                await self.good.wait()
            if bad == "failed":
                raise RelayDegradedError("Try again soon")
            return {"status": "success"} | ({"ice_servers": []} if bad == "without a rule" else {})

        monkeypatch.setattr(Dispatcher, "ice_servers", answer)


@pytest.mark.parametrize("bad", ["late", "failed", "empty", "without a rule"])
async def test_a_page_without_an_answer_asks_again_and_makes_no_offer(
    tmp_path: Path,
    box: Container,
    chromium: Chromium,
    monkeypatch: pytest.MonkeyPatch,
    bad: str,
) -> None:
    container, log = str(box.name), tmp_path / "access.log"
    answers = Answers(monkeypatch, bad)
    async with coturn(tmp_path, own_address()) as url:
        turn = Turn((url,), SECRET, relay_only=True)
        options = Options(turn=turn, access_log=str(log))
        async with house(container, options=options) as host, connected(chromium) as browser:
            page = await browser.open(host.url_of(host.link()))
            await until(lambda: answers.asked >= 2, seconds=30, what="a second question")
            assert await page.evaluate("hatchway.session.state.phase") == "asking"
            assert '"event":"offer"' not in log.read_text().replace(" ", "")
            answers.good.set()
            await page.until("hatchway.session.state.phase === 'live'")
            assert await page.evaluate("hatchway.session.state.path") in ("", "relayed")
            pair = host.session().pc.selected_pair
            assert pair is not None
            assert (pair.local_type, pair.remote_type) == ("relay", "relay")


async def test_a_page_for_which_there_is_no_turn_says_so(
    tmp_path: Path, box: Container, chromium: Chromium
) -> None:
    container, log = str(box.name), tmp_path / "access.log"
    options = Options(turn=Turn(relay_only=True), access_log=str(log))
    async with house(container, options=options) as host, connected(chromium) as browser:
        page = await browser.open(host.url_of(host.link()))
        await page.until("window.hatchway?.session.state.phase === 'ended'", 30)
        assert await page.evaluate("hatchway.session.state.errorCode") == "no_turn"
        shown = await page.evaluate("document.body.innerText")
        assert "TURN" in shown
        assert '"event":"offer"' not in log.read_text().replace(" ", "")
