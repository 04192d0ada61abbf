"""The guests' page in a real Chromium, against a real relay, agent and container."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import random
import socket
import tarfile
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.e2e.browser import CTRL, SHIFT
from tests.e2e.house import FOOT, LIVE, TEXT, House, house, press, shows, visit
from tests.engine.until import until

if TYPE_CHECKING:
    from docker.models.containers import Container

    from tests.e2e.browser import Browser

pytestmark = [pytest.mark.chromium, pytest.mark.takes(60)]

STATE = "hatchway.session.state"
COLLECT = """
(() => {
  window.parts = [];
  const write = hatchway.terminal.write.bind(hatchway.terminal);
  hatchway.terminal.write = (data, done) => { parts.push(data.slice()); write(data, done); };
})()
"""
"""Keep every byte that goes to the screen from now on."""
BETWEEN = """
(async () => {
  const all = new Uint8Array(await new Blob(parts).arrayBuffer());
  const text = new TextDecoder("latin1").decode(all);
  const from = text.indexOf("BEGIN1") + 6, to = text.indexOf("END1");
  const hash = await crypto.subtle.digest("SHA-256", all.slice(from, to));
  return [to - from, [...new Uint8Array(hash)].map(b => b.toString(16).padStart(2, "0")).join("")];
})()
"""
BIG = 10 * 1024 * 1024


def archive(name: str, data: bytes) -> bytes:
    """A tar with one file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


async def test_the_landing_page_asks_for_a_token_and_lists_what_is_shared(
    host: House, browser: Browser
) -> None:
    page = await browser.open(host.url)
    await page.until("document.activeElement.id === 'token'")
    await page.type("wrong\n")
    await page.until("document.querySelector('#token-problem').textContent.includes('token')")
    await page.evaluate("document.querySelector('#token').value = ''")
    await page.type("guest-token-of-the-tests\n")
    await page.until("document.querySelectorAll('#target-list button').length === 1")
    assert host.container in await page.evaluate("document.querySelector('.targets').innerText")
    host.agent.set_shared(host.container, shared=False)
    await page.until("document.querySelectorAll('#target-list button').length === 0")
    host.agent.set_shared(host.container, shared=True)
    await page.until("document.querySelectorAll('#target-list button').length === 1")
    await page.click("#target-list button")
    await page.until(LIVE)


async def test_it_types_in_colors_and_every_script_and_follows_the_window(
    host: House, browser: Browser
) -> None:
    page = await visit(browser, host.invitation())
    await page.type("printf '\\033[31mred\\033[0m %s\\n' $((6*7))\n")
    await shows(page, "red 42")
    color = (
        "(b => { for (let y = 0; y < b.length; y++) { const line = b.getLine(y);"
        " if (line.translateToString(true).startsWith('red 42'))"
        " return line.getCell(0).getFgColor() } })(hatchway.terminal.buffer.active)"
    )
    assert await page.evaluate(color) == 1
    # True colors, as they are drawn.
    await page.type("printf '\\033[38;2;255;100;7mtrue\\033[0m %s\\n' $((6*7))\n")
    drawn = (
        "[...document.querySelectorAll('.xterm-rows span')].some(s => s.textContent === 'true'"
        " && getComputedStyle(s).color === 'rgb(255, 100, 7)')"
    )
    await page.until(drawn)
    await page.call("Input.insertText", text="echo 'é 你好 👩‍🔬 ✓'-$((1+1))")
    await page.type("\n")
    await shows(page, "é 你好 👩‍🔬 ✓-2")
    await page.type("stty size\n")
    size = "`${hatchway.terminal.rows} ${hatchway.terminal.cols}`"
    await page.until(f"{TEXT}.includes({size})")
    before = await page.evaluate(size)
    await page.resize(700, 400)
    await page.until(f"{size} !== {json.dumps(before)}")
    await page.type("clear; stty size\n")
    await page.until(f"{TEXT}.includes({size})")
    assert await page.evaluate("document.querySelector('#badge-text').textContent") == "Direct"
    await page.until("/ms$/.test(document.querySelector('#rtt').textContent)")


async def test_a_programs_title_is_not_the_pages(host: House, browser: Browser) -> None:
    page = await visit(browser, host.invitation())
    await page.type("printf '\\033]2;another host\\007'; echo titled-$((1+1))\n")
    await shows(page, "titled-2")
    assert await page.evaluate("document.title") == f"{host.container} · the house"
    assert "another" not in await page.evaluate("document.querySelector('.bar').innerText")


async def test_ten_megabytes_arrive_byte_by_byte(
    host: House, browser: Browser, box: Container
) -> None:
    data = base64.encodebytes(random.Random(1).randbytes(BIG))[:BIG]
    assert box.put_archive("/tmp", archive("big", data))
    page = await visit(browser, host.invitation())
    await page.evaluate(COLLECT)
    await page.type(
        "stty -opost -echo; printf 'BEGIN%s' 1; cat /tmp/big; printf 'END%s' 1; stty sane\n"
    )
    last = "parts.slice(-2).map(part => new TextDecoder('latin1').decode(part)).join('')"
    await page.until(f"{last}.includes('END1')", 60)
    length, digest = await page.evaluate(BETWEEN)
    assert length == BIG
    assert digest == hashlib.sha256(data).hexdigest()


async def test_ctrl_c_ends_yes_at_once(host: House, browser: Browser) -> None:
    page = await visit(browser, host.invitation())
    await page.type("yes; echo interrupted-$((1+1))\n")
    await page.until("hatchway.terminal.buffer.active.length > 1000")
    await page.press("c", CTRL)
    await shows(page, "^C", 10)
    await page.type("echo back-$((1+1))\n")
    await shows(page, "back-2", 10)


async def test_a_reload_comes_back_to_the_same_shell_and_screen(
    host: House, browser: Browser
) -> None:
    page = await visit(browser, host.invitation())
    # The terminal is asked where its cursor is: asked again in the replay it must not answer.
    await page.type("kept=yes; printf '\\033[6n'; read -rsd R answer; echo asked-$((1+1))\n")
    await shows(page, "asked-2")
    session = host.session().id
    await page.reload()
    await page.until(LIVE)
    await shows(page, "asked-2")
    await page.type("echo $kept-$((40+2))\n")
    await shows(page, "yes-42")
    assert host.session().id == session
    assert "[" not in (await page.evaluate(TEXT)).rpartition("asked-2")[2].replace("[6n", "")


async def test_two_guests_at_once_have_a_shell_each(host: House, browser: Browser) -> None:
    one, other = await asyncio.gather(
        visit(browser, host.invitation()), visit(browser, host.invitation())
    )
    await one.type("who=one; echo $who-$((1+1))\n")
    await other.type("who=other; echo $who-$((1+1))\n")
    await shows(one, "one-2")
    await shows(other, "other-2")
    await one.type("echo still-$who\n")
    await shows(one, "still-one")
    assert "one-2" not in await other.evaluate(TEXT)


async def test_the_exit_code_is_shown_and_reconnect_gives_a_new_shell(
    host: House, browser: Browser
) -> None:
    page = await visit(browser, host.invitation())
    await page.type("echo first-$((1+1)); exit 7\n")
    await page.until(f"{FOOT}.includes('exit code 7')")
    await host.gone()
    await press(page, "again")
    await page.until(LIVE)
    assert "first-2" not in await page.evaluate(TEXT)
    await page.type("echo second-$((1+1))\n")
    await shows(page, "second-2")


async def test_a_kick_is_told_with_its_reason(host: House, browser: Browser) -> None:
    page = await visit(browser, host.invitation())
    await host.agent.close_session(host.session().id, "Closed by the host")
    await page.until(f"{FOOT}.includes('Closed by the host')")
    assert await page.evaluate(f"{STATE}.phase") == "ended"


async def test_a_relay_that_restarts_disturbs_nobody(host: House, browser: Browser) -> None:
    page = await visit(browser, host.invitation())
    await host.relay.stop()
    await page.type("echo without-$((1+1))\n")
    await shows(page, "without-2")
    await host.restart_relay()
    assert await host.agent.wait_for_relay(20)
    await page.type("echo again-$((1+1))\n")
    await shows(page, "again-2")
    assert await page.evaluate(f"{STATE}.phase") == "live"
    # And new sessions can be had: the line of a page that was open comes back, too.
    await page.type("exit\n")
    await press(page, "again")
    await page.until(LIVE)


async def test_a_lost_connection_comes_back_and_keeps_what_was_typed(
    host: House, browser: Browser
) -> None:
    page = await visit(browser, host.invitation())
    await page.type("kept=yes\n")
    await host.relay.stop()
    session = host.session()
    await session.pc.close()
    await page.until(f"{STATE}.phase === 'reconnecting'")
    await page.type("echo $kept-$((40+2))\n")
    assert "Sent when you are back" in await page.evaluate(FOOT)
    kept = "document.querySelector('#foot-kept').innerText"
    assert "echo $kept" in await page.until(kept)
    await host.restart_relay()
    await page.until(LIVE, 30)
    await shows(page, "yes-42")
    assert (await page.evaluate(TEXT)).count("yes-42") == 1
    assert host.session().id == session.id


async def test_plain_json_does_for_an_agent_that_knows_no_more(
    host: House, browser: Browser
) -> None:
    url = host.invitation().replace("/#", "/?protocol=json#")
    page = await visit(browser, url)
    assert host.session().channel is not None
    assert not host.session().channel.is_v1  # type: ignore[union-attr]
    await page.call("Input.insertText", text="echo 'é✓'-$((1+1))")
    await page.type("\n")
    await shows(page, "é✓-2")
    await page.type("exit 3\n")
    await page.until(f"{FOOT}.includes('exit code 3')")


async def test_several_pasted_lines_are_shown_before_they_run(
    host: House, browser: Browser
) -> None:
    page = await visit(browser, host.invitation())
    await page.type("printf '\\033[?2004l'; sh\n")
    await page.until("!hatchway.terminal.modes.bracketedPasteMode")
    paste = (
        "(() => { const data = new DataTransfer(); data.setData('text/plain', 'echo a-$((1+1))\\n"
        "echo b-$((1+1))\\n'); document.activeElement.dispatchEvent(new ClipboardEvent('paste',"
        " {clipboardData: data, bubbles: true, cancelable: true})) })()"
    )
    await page.evaluate(paste)
    await page.until("document.querySelector('#paste-dialog').open")
    assert "a-2" not in await page.evaluate(TEXT)
    await page.click("#paste-dialog .primary")
    await shows(page, "b-2")


async def test_a_program_may_write_the_clipboard_when_asked_and_never_read_it(
    host: House, browser: Browser
) -> None:
    page = await visit(browser, host.invitation())
    await page.type("printf '\\033]52;c;?\\007\\033]52;c;aGF0Y2g=\\007'\n")
    await page.until(f"{FOOT}.includes('5 characters')")
    await page.type("echo quiet-$((1+1))\n")
    await shows(page, "quiet-2")
    assert "52;" not in (await page.evaluate(TEXT)).rpartition("aGF0Y2g")[2]


async def test_closing_the_tab_keeps_the_shell_or_ends_it_as_the_guest_prefers(
    host: House, browser: Browser
) -> None:
    page = await visit(browser, host.invitation())
    await page.close()
    await until(lambda: host.session().disconnected_at, what="the session waits")
    await host.agent.close_session(host.session().id)
    page = await visit(browser, host.invitation())
    await page.evaluate("document.querySelector('#set-end').click()")
    await page.close()
    await host.gone()


async def test_on_a_phone_the_key_bar_types_what_the_keyboard_lacks(
    host: House, browser: Browser
) -> None:
    page = await visit(browser, host.invitation(), width=390, height=780, phone=True)
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    press = "[...document.querySelectorAll('#keys button')].find(b => b.textContent === %r).click()"
    await page.type("echo be''gun; cat -v\n")
    await shows(page, "begun")  # the shell's own line editor would take the keys before
    await page.evaluate(press % "Esc")
    await page.evaluate(press % "↑")
    await page.evaluate(press % "Tab")
    await page.type("\n")
    await shows(page, "^[^[[A")
    await page.evaluate(press % "Ctrl")
    await page.type("c")
    # What is typed before the prompt may go to the dying program, or be flushed.
    await page.until(rf"/#\s*$/.test({TEXT})")
    await page.type("echo out-$((1+1))\n")
    await shows(page, "out-2")
    # Every button says what it is.
    names = "[...document.querySelectorAll('button')].map(b => b.ariaLabel || b.textContent.trim())"
    assert all(await page.evaluate(names))


async def test_a_finger_scrolls_on_a_phone(host: House, browser: Browser) -> None:
    page = await visit(browser, host.invitation(), width=390, height=780, phone=True)
    await page.type("seq 300\n")
    await shows(page, "\n300\n")
    top = await page.evaluate("hatchway.terminal.buffer.active.viewportY")
    await page.drag(150, 200, 600)
    await page.until(f"hatchway.terminal.buffer.active.viewportY < {top - 10}")


async def test_search_finds_and_counts_and_gives_the_keyboard_back(
    host: House, browser: Browser
) -> None:
    page = await visit(browser, host.invitation())
    await page.type("seq 100 120\n")
    await shows(page, "\n120\n")
    await page.press("f", CTRL | SHIFT)
    await page.until("document.activeElement.id === 'find-text'")
    await page.type("11")
    await page.until("/^\\d+ of 11$/.test(document.querySelector('#find-count').textContent)")
    await page.call("Input.dispatchKeyEvent", type="keyDown", key="Escape", code="Escape")
    await page.until("document.activeElement.classList.contains('xterm-helper-textarea')")


async def test_theme_and_font_size_change_at_once_and_are_kept(
    host: House, browser: Browser
) -> None:
    page = await visit(browser, host.invitation())
    rows = await page.evaluate("hatchway.terminal.rows")
    await page.click("#menu")
    await page.click("#settings")
    await page.until("document.querySelector('#settings-dialog').open")
    for _ in range(4):
        await page.click("#font-larger")
    await page.until(f"hatchway.terminal.rows < {rows}")
    await page.evaluate(
        "(s => { s.value = 'solarized'; s.dispatchEvent(new Event('change')) })"
        "(document.querySelector('#set-theme'))"
    )
    looks = "[getComputedStyle(document.body).backgroundColor, hatchway.terminal.options.fontSize]"
    assert await page.evaluate(looks) == ["rgb(0, 43, 54)", 18]
    await page.reload()
    await page.until(LIVE)
    assert await page.evaluate(looks) == ["rgb(0, 43, 54)", 18]


def own_address() -> str:
    """This machine's address on a network: to a browser, an http page from there is not secure."""
    addresses = [
        entry.address
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family is socket.AF_INET and not entry.address.startswith("127.")
    ]
    return str(addresses[0])


async def test_on_plain_http_links_copy_and_paste_work_all_the_same(
    box: Container, browser: Browser
) -> None:
    async with house(str(box.name), own_address()) as host:
        page = await visit(browser, host.url_of(host.link()))
        assert await page.evaluate("isSecureContext") is False
        # Chromium says that it needs HTTPS to keep a page apart from the one that opened it.
        page.problems[:] = [one for one in page.problems if "Cross-Origin-Opener-Policy" not in one]
        await page.type("echo copied-$((1+1))\n")
        await shows(page, "copied-2")
        find = "hatchway.terminal.selectLines(1, 1), hatchway.terminal.getSelection()"
        assert "copied-2" in await page.evaluate(find)
        await page.click("#menu")
        await page.click("#copy")
        await page.until(f"{FOOT}.startsWith('Copied.')")
        # The way of a keyboard: the browser's own paste.
        await page.type("cat #")
        await page.call("Input.dispatchKeyEvent", type="keyDown", key="V", commands=["paste"])
        await page.until(f"{TEXT}.includes('cat #copied-2')")
        # The way of a finger: the page may not read, so it asks.
        await page.press("c", CTRL)
        await page.click("#menu")
        await page.click("#paste")
        await page.until("document.querySelector('#paste-dialog').open")
        await page.type("echo by-hand-$((1+1))")
        await page.click("#paste-dialog .primary")
        await page.type("\n")
        await shows(page, "by-hand-2")
