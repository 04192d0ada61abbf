"""Two pages in one shell: real browsers, relay, agent and container."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engine.access.admission import AfterRemoval
from engine.core.model import Role, Size
from tests.e2e.house import FOOT, LIVE, TEXT, press, shows
from tests.engine.until import until

if TYPE_CHECKING:
    from engine.shells.shell import Shell
    from tests.e2e.browser import Browser, Page
    from tests.e2e.house import House

pytestmark = [pytest.mark.chromium, pytest.mark.takes(40)]

STATE = "hatchway.session.state"
ROLE = "document.querySelector('#role-text').innerText"
SIZE = "[hatchway.terminal.cols, hatchway.terminal.rows]"
SCREEN = """(() => {
  const b = hatchway.terminal.buffer.active;
  return Array.from({length: hatchway.terminal.rows},
    (_, y) => b.getLine(b.baseY + y).translateToString(true)).join("\\n");
})()"""


async def share(host: House) -> Shell:
    """The host's own terminal."""
    return host.agent.manager.shells.require(
        await host.agent.open_shell(host.container, Size(100, 30))
    )


async def join(
    browser: Browser, host: House, shell: Shell, role: Role = Role.CONTROL, **options: int
) -> Page:
    page = await browser.open(host.url_of(host.link(role, shell=shell.id)), **options)
    await page.until(LIVE)
    # The screen of the shell, as it is.
    await page.until(f"/[#$] *$/.test({TEXT}.trimEnd())")
    return page


async def test_two_type_and_read_in_one_shell(host: House, browser: Browser) -> None:
    shell = await share(host)
    one = await join(browser, host, shell)
    await one.type("kept=yes; echo before-$((1+1))\n")
    await shows(one, "before-2")
    two = await join(browser, host, shell)
    assert "before-2" in await two.evaluate(TEXT)
    await two.type("echo $kept-$((40+2))\n")
    await shows(one, "yes-42")
    await shows(two, "yes-42")
    await one.until(f"{STATE}.people.length === 2")
    # Nobody is known by an address.
    assert await one.evaluate(f"{STATE}.people.map(p => p.name)") == ["", ""]
    me, other = await one.evaluate(f"{STATE}.me"), await two.evaluate(f"{STATE}.me")
    assert me != other
    await two.type("x")
    await one.until(f"{STATE}.people.find(p => p.id === {json.dumps(other)}).typing")
    # Both have the same screen, after a reload too.
    await two.reload()
    await two.until(LIVE)
    await two.until(f"{SCREEN} === {json.dumps(await one.evaluate(SCREEN))}")
    # Who leaves ends nothing that somebody else opened.
    await one.evaluate("hatchway.session.end()")
    await one.until(f"{STATE}.phase === 'ended'")
    await two.type("\x7fecho still-$kept\n")
    await shows(two, "still-yes")


async def test_the_smallest_window_of_those_who_type_decides(host: House, browser: Browser) -> None:
    shell = await share(host)
    wide = await join(browser, host, shell, width=1400, height=900)
    await wide.until(f"{SIZE}[0] > 120")
    narrow = await join(browser, host, shell, width=900, height=600)
    await wide.until(f"{SIZE}[0] < 120")
    await narrow.until(f"{SIZE}.join() === {json.dumps(await wide.evaluate(SIZE))}.join()")
    # Who only looks has no say, whatever the window.
    viewer = await join(browser, host, shell, Role.VIEW, width=400, height=500)
    await wide.type("echo size-$(stty size)\n")
    cols, rows = await wide.evaluate(SIZE)
    for page in (wide, narrow, viewer):
        await shows(page, f"size-{rows} {cols}\n")
        assert (await page.evaluate(SIZE))[0] == cols
    # A phone counts as 80 columns while others are here.
    phone = await join(browser, host, shell, width=390, height=780)
    await wide.until(f"{SIZE}[0] === 80")
    await phone.until(f"{SIZE}[0] === 80")
    for page in (narrow, phone, viewer):
        await page.close()
    await wide.until(f"{SIZE}[0] > 120")


async def test_a_viewer_asks_for_the_keyboard_and_hands_it_back(
    host: House, browser: Browser
) -> None:
    shell = await share(host)
    carol = await join(browser, host, shell)
    page = await join(browser, host, shell, Role.VIEW)
    await page.until(f"{ROLE} === 'You view'")
    await page.type("echo no-$((1+1))\n")
    await page.until("document.querySelector('#foot').classList.contains('hinted')")
    me = await page.evaluate(f"{STATE}.me")
    await press(page, "ask")
    await page.until(f"{FOOT}.startsWith('Asked for the keyboard.')")
    shell.deny_keyboard(me)
    await page.until(f"{FOOT}.startsWith('The host kept the keyboard.')")
    shell.grant_keyboard(me)
    await page.until(f"{ROLE} === 'You can type'")
    await carol.until(f"{ROLE}.endsWith(' types')")
    await carol.type("echo neither-$((1+1))\n")
    await page.type("echo granted-$((1+1))\n")
    await shows(carol, "granted-2")
    assert "neither" not in await page.evaluate(TEXT)
    assert "no-" not in await page.evaluate(TEXT)
    await press(page, "unask")
    await page.until(f"{ROLE} === 'You view'")
    await carol.until(f"{ROLE} === 'You can type'")
    await carol.type("echo back-$((1+1))\n")
    await shows(page, "back-2")


async def test_frozen_nobody_types_and_everybody_sees_why(host: House, browser: Browser) -> None:
    shell = await share(host)
    pages = [await join(browser, host, shell, role) for role in (Role.CONTROL, Role.VIEW)]
    shell.freeze()
    for page in pages:
        await page.until(f"{FOOT}.startsWith('The host has frozen this terminal.')")
        await page.type("echo frozen-$((1+1))\n")
    shell.thaw()
    await pages[0].until(f"{ROLE} === 'You can type'")
    await pages[0].type("echo thawed-$((1+1))\n")
    await shows(pages[1], "thawed-2")
    assert "frozen-" not in await pages[1].evaluate(TEXT)


async def test_the_host_answers_once_whoever_looks(host: House, browser: Browser) -> None:
    shell = await share(host)
    one = await join(browser, host, shell)
    two = await join(browser, host, shell)
    await one.type("printf '\\033[6n'; read -rsd R answer; echo asked-$((1+1)); cat -v\n")
    await shows(one, "asked-2")
    await shows(two, "asked-2")
    await two.type("only this\n")
    await shows(one, "only this\nonly this\n")
    # What has the form of an answer is typed like anything else.
    await two.evaluate("hatchway.terminal.input('\\x1b[1;2R\\r', true)")
    await shows(one, "^[[1;2R\n^[[1;2R")


async def test_a_recording_is_said_to_everybody(host: House, browser: Browser) -> None:
    shell = await share(host)
    page = await join(browser, host, shell, Role.VIEW)
    mark = "!document.querySelector('#recording').hidden"
    await host.agent.record(shell.id, on=True)
    await page.until(mark)
    late = await join(browser, host, shell)
    await late.until(mark)
    await host.agent.record(shell.id, on=False)
    await page.until(f"!({mark})")
    await late.until(f"!({mark})")


async def test_who_is_removed_reads_it_and_the_others_go_on(host: House, browser: Browser) -> None:
    shell = await share(host)
    one = await join(browser, host, shell)
    two = await join(browser, host, shell)
    await host.agent.remove_guest(shell.id, await one.evaluate(f"{STATE}.me"), AfterRemoval.ASK)
    await one.until(f"{FOOT}.startsWith('The host removed you')")
    assert await one.evaluate(ROLE) == "Removed"
    await two.type("echo on-$((1+1))\n")
    await shows(two, "on-2")
    assert "on-2" not in await one.evaluate(TEXT)


async def test_a_return_link_moves_to_another_device_and_back(
    host: House, browser: Browser
) -> None:
    shell = await share(host)
    page = await join(browser, host, shell)
    await page.type("kept=yes; echo here-$((1+1))\n")
    await shows(page, "here-2")
    await page.evaluate("navigator.clipboard.writeText = async text => { window.copied = text }")
    await page.click("#menu")
    await page.click("#return-link")
    address = await page.until("window.copied")
    me = await page.evaluate(f"{STATE}.me")
    other = await browser.open(address)
    await other.until(LIVE)
    await shows(other, "here-2")
    assert await other.evaluate(f"{STATE}.me") == me
    await page.until(f"{FOOT}.startsWith('You opened this terminal elsewhere.')")
    await other.type("echo $kept-$((40+2))\n")
    await shows(other, "yes-42")
    await press(page, "back")
    await page.until(LIVE)
    await shows(page, "yes-42")
    await other.until(f"{FOOT}.startsWith('You opened this terminal elsewhere.')")
    assert len(shell.participants) == 1


async def test_a_shared_shell_that_has_ended_opens_no_other(host: House, browser: Browser) -> None:
    shell = await share(host)
    link = host.link(shell=shell.id)
    page = await browser.open(host.url_of(link))
    await page.until(LIVE)
    await shell.finish("Closed by the host")
    await page.until(f"{STATE}.phase === 'ended'")
    await until(lambda: not host.agent.manager.shells.all(), what="the shell's end")
    again = await browser.open(host.url_of(link))
    await again.until("/ended|does not work/.test(document.querySelector('#card').innerText)")
    assert not host.agent.manager.shells.all()


DRAWN = "document.querySelector('.xterm-rows').innerText"
WRITE = """new Promise(done => hatchway.terminal.write(%s,
  () => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))))"""
"""Until two more frames are drawn."""


@pytest.mark.parametrize("selects", [False, True])
async def test_a_screen_under_way_is_not_drawn(
    host: House, browser: Browser, selects: bool
) -> None:
    # A viewer's window does not change the size, after which the prompt would be printed again.
    page = await join(browser, host, await share(host), Role.VIEW)
    lines = "".join(f"line {n}\r\n" for n in range(40))
    await page.evaluate(WRITE % json.dumps("\x1b[H\x1b[2Jbefore"))
    await page.until(f"{DRAWN}.includes('before')")
    if selects:
        await page.evaluate("hatchway.terminal.selectAll()")
    await page.evaluate(WRITE % json.dumps(f"\x1b[?2026h{lines}"))
    assert "line" not in await page.evaluate(DRAWN)
    await page.evaluate(WRITE % json.dumps("\x1b[?2026l"))
    await page.until(f"{DRAWN}.includes('line 39')")
    assert await page.evaluate("!!document.querySelector('.xterm-selection > *')") is selects


async def test_who_looks_at_the_oldest_lines_sees_them_go(host: House, browser: Browser) -> None:
    page = await join(browser, host, await share(host), Role.VIEW)
    lines = "Array.from({length: %d}, (_, n) => `line ${n + %d}\\r\\n`).join('')"
    await page.evaluate(WRITE % (lines % (11_000, 0)))
    await page.evaluate("hatchway.terminal.scrollToTop()")
    await page.evaluate(WRITE % "''")
    await page.evaluate(WRITE % (lines % (50, 11_000)))
    top = "hatchway.terminal.buffer.active.getLine(0).translateToString(true)"
    await page.until(f"{DRAWN}.startsWith({top} + '\\n')")


async def test_a_page_that_joins_scrolls_through_the_history(host: House, browser: Browser) -> None:
    shell = await share(host)
    first = await join(browser, host, shell)
    await first.type("seq 500; echo $((500+1))\n")
    await shows(first, "501")
    page = await join(browser, host, shell)
    buffer = "hatchway.terminal.buffer.active"
    base = await page.evaluate(f"{buffer}.baseY")
    assert base > 400
    slider = "document.querySelector('.xterm .scrollbar.vertical .slider')"
    height = f"{slider}.getBoundingClientRect().height"
    await page.until(f"{height} > 0 && {height} < {slider}.parentNode.clientHeight / 4")
    await page.evaluate("hatchway.terminal.scrollLines(-7)")
    assert await page.evaluate(f"{buffer}.viewportY") == base - 7


async def test_a_name_is_seen_by_the_others(host: House, browser: Browser) -> None:
    shell = await share(host)
    one = await join(browser, host, shell)
    two = await join(browser, host, shell)
    await one.click("#menu")
    await one.evaluate("document.querySelector('#name').value = 'Carol'")
    await one.click("#name-form button")
    await two.until(f"{STATE}.people.some(p => p.name === 'Carol')")
    await one.until(LIVE)
    await one.evaluate("hatchway.terminal.focus()")
    await one.type("echo named-$((1+1))\n")
    await two.until(f"{FOOT}.startsWith('Carol is typing.')")
    await shows(two, "named-2")


async def test_a_flood_leaves_everybody_with_the_same_screen(host: House, browser: Browser) -> None:
    shell = await share(host)
    one = await join(browser, host, shell)
    viewer = await join(browser, host, shell, Role.VIEW)
    await one.type("seq -f 'line %.0f of a long flood of output' 200000; echo over-$((1+1))\n")
    for page in (one, viewer):
        await shows(page, "over-2", 60)
        await page.until(f"/[#$] *$/.test({TEXT}.trimEnd())")
    assert await one.evaluate(SCREEN) == await viewer.evaluate(SCREEN)


async def test_what_was_typed_while_away_waits_where_somebody_else_typed_since(
    host: House, browser: Browser
) -> None:
    shell = await share(host)
    one = await join(browser, host, shell)
    (session,) = host.agent.manager.sessions()
    two = await join(browser, host, shell)
    await host.relay.stop()
    await session.pc.close()
    await one.until(f"{STATE}.phase === 'reconnecting'")
    await one.type("echo away-$((1+1))\n")
    await two.type("echo here-$((1+1))\n")
    await shows(two, "here-2")
    await host.restart_relay()
    await one.until(LIVE, 40)
    await one.until(f"{FOOT}.includes('Somebody else has typed since')")
    await shows(one, "here-2")
    assert "away-2" not in await two.evaluate(TEXT)
    await press(one, "send")
    await shows(two, "away-2")
    await shows(one, "away-2")
    assert (await one.evaluate(TEXT)).count("away-2") == 1
