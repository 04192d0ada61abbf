"""Links in a real Chromium: straight in, watched, asked for, denied, ended, forged."""

from __future__ import annotations

import asyncio
import re
import struct
from typing import TYPE_CHECKING, Any

import pytest

from engine.core import events as ev
from engine.core.model import Role
from engine.relay.calls import SocketCalls
from scripts import web_pictures
from tests.e2e.house import FOOT, LIVE, TEXT, House, shows, visit
from tests.engine.until import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.browser import Browser, Page

pytestmark = [pytest.mark.chromium, pytest.mark.takes(40)]

CARD = "document.querySelector('#card').innerText"
ROLE = "document.querySelector('#role-text').innerText"
PHASE = "hatchway.session.state.phase"


@pytest.fixture
async def host(host: House) -> House:
    """Only links open it."""
    host.agent.set_shared(host.container, shared=False)
    return host


async def ask(browser: Browser, host: House, name: str = "") -> Page:
    """A guest who opens a link that asks the host, and goes on from the first page."""
    page = await browser.open(host.url_of(host.link(approval=True)))
    await page.until("!document.querySelector('#first').hidden")
    assert await page.evaluate("document.activeElement.id") == "first-name"
    await page.type(f"{name}\n")
    return page


def asked(host: House) -> list[ev.ApprovalRequested]:
    """The questions the host is asked from now on; somebody is there to answer."""
    questions: list[ev.ApprovalRequested] = []

    def look(event: ev.Event) -> None:
        if isinstance(event, ev.ApprovalRequested):
            questions.append(event)

    host.agent.events.subscribe(look)
    host.agent.admission.approvals.attend()
    return questions


async def test_a_link_goes_straight_in_and_its_secret_stays_in_the_browser(
    host: House, browser: Browser
) -> None:
    share = host.link()
    page = await visit(browser, host.url_of(share))
    await page.type("echo in-$((1+1))\n")
    await shows(page, "in-2")
    code = await page.evaluate("hatchway.session.state.code")
    assert re.fullmatch(r"\d{3} \d{3}", code)
    assert host.session().code == code
    await page.reload()
    await page.until(LIVE)
    await shows(page, "in-2")


async def test_a_viewer_sees_that_it_only_watches_and_cannot_type(
    host: House, browser: Browser
) -> None:
    page = await browser.open(host.url_of(host.link(Role.VIEW)))
    await page.until(LIVE)
    assert await page.evaluate(ROLE) == "You view"
    await page.type("touch /tmp/typed\n")
    await page.until("document.querySelector('#foot').classList.contains('hinted')")
    assert (await page.evaluate(FOOT)).startswith("You view.")
    assert host.session().counter.bytes_in == 0


async def test_a_guest_waits_for_the_host_and_is_let_in_as_a_viewer(
    host: House, browser: Browser
) -> None:
    questions = asked(host)
    page = await ask(browser, host, "Carol")
    await page.until(f"{CARD}.includes('Waiting for the host')")
    await until(lambda: questions)
    assert questions[0].code in await page.evaluate(CARD)
    assert host.agent.admission.answer(questions[0].session_id, Role.VIEW)
    await page.until(LIVE)
    await page.until(f"{ROLE} === 'You view'")
    # The name is asked for once.
    assert "Carol" in await page.evaluate("localStorage.getItem('hatchway.preferences')")
    await page.go(host.url_of(host.link(approval=True)))
    await page.until(f"{CARD}.includes('Waiting for the host')")


async def test_a_guest_may_be_denied(host: House, browser: Browser) -> None:
    questions = asked(host)
    page = await ask(browser, host)
    await until(lambda: questions)
    host.agent.admission.answer(questions[0].session_id, None)
    await page.until(f"{CARD}.includes('The host did not let you in')")
    assert await page.evaluate(TEXT) == "\n" * (await page.evaluate("hatchway.terminal.rows") - 1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seconds": 0.0}, r"expired|does not work"),
        ({"single_use": True}, r"used already"),
    ],
    ids=["expired", "used"],
)
async def test_a_link_that_has_ended_says_so(
    host: House, browser: Browser, options: dict[str, Any], words: str
) -> None:
    share = host.link(**options)
    if "single_use" in options:
        await visit(browser, host.url_of(share))
    page = await browser.open(host.url_of(share))
    await page.until(f"/{words}/.test({CARD})")
    assert not await page.evaluate("window.hatchway?.session.state.seen")


async def test_a_link_revoked_ends_what_it_opened(host: House, browser: Browser) -> None:
    share = host.link()
    page = await visit(browser, host.url_of(share))
    await host.agent.admission.revoke(share.id)
    await page.until(f"{FOOT}.includes('revoked')")
    # A button would lead nowhere; nor does the address.
    assert not await page.evaluate("document.querySelector('#foot-buttons [data-act=again]')")
    await page.reload()
    await page.until(f"/revoked|does not work/.test({CARD})")
    assert not await page.evaluate("window.hatchway?.session.state.seen")


async def test_a_link_with_another_secret_opens_nothing(host: House, browser: Browser) -> None:
    url = host.url_of(host.link())
    page = await browser.open(url.partition("#")[0] + "#q83vEjRWeJCrze8SNFZ4kA")
    await page.until(f"{CARD}.includes('not safe')")
    assert not host.agent.manager.sessions()
    page = await browser.open(url.partition("#")[0])
    await page.until(f"{CARD}.includes('not complete')")


async def test_an_answer_changed_by_the_relay_is_refused_before_any_byte(
    host: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A malicious relay: it puts another fingerprint into the answer."""
    honest = SocketCalls.ask

    async def forge(
        self: SocketCalls, peer: Any, event: str, payload: object, seconds: float
    ) -> Any:
        reply: Any = await honest(self, peer, event, payload, seconds)
        if event == "webrtc:offer" and "sdp" in reply:
            swapped = re.sub(r"(a=fingerprint:sha-256 )..", r"\g<1>00", reply["sdp"])
            reply = {**reply, "sdp": swapped}
        return reply

    monkeypatch.setattr(SocketCalls, "ask", forge)
    page = await browser.open(host.url_of(host.link()))
    await page.until(f"{CARD}.includes('not safe')")
    assert not await page.evaluate("hatchway.session.state.seen")
    await host.gone()


async def test_on_a_phone_it_is_as_wide_as_the_phone(tmp_path: Path) -> None:
    """The pictures of the documentation, taken as scripts/web_pictures.py takes them."""
    taken = await asyncio.to_thread(web_pictures.take, tmp_path)
    assert sorted(taken) == ["web-approval.png", "web-desktop.png", "web-phone.png"]
    for name, (width, height) in taken.items():
        head = (tmp_path / name).read_bytes()[:24]
        assert head.startswith(b"\x89PNG")
        # Two pixels of the screen for each of the page.
        assert struct.unpack(">II", head[16:]) == (2 * width, 2 * height), name
