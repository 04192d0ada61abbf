"""What a guest, and a page, must be able to do at any host, old or new."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.compat.guests import sees
from tests.e2e.house import LIVE, TEXT, shows, visit
from tests.engine.until import until

if TYPE_CHECKING:
    from tests.compat.guests import Guest, Way
    from tests.e2e.browser import Browser, Page

MANY = 600_000
"""Bytes, more than twice the window: none passes without acknowledgements."""


async def use(guest: Guest, way: Way) -> None:
    """Open, type, resize, lose the connection and return, exit."""
    await guest.open(way)
    await guest.type("echo typed-$((1+1))\n")
    await sees(guest, "typed-2")
    await guest.resize(101, 37)
    await guest.type("stty size; kept=yes; echo before-$((1+1))\n")
    await sees(guest, "37 101")
    await sees(guest, "before-2")
    await guest.lose()
    await until(lambda: guest.ends, what="the end of the connection")
    await guest.come_back()
    await guest.type("echo $kept-$((40+2))\n")
    await sees(guest, "yes-42")
    assert guest.output.count(b"before-2") == 1
    guest.ends.clear()
    await guest.type("exit 7\n")
    await until(lambda: guest.ends, what="the end of the shell")
    assert [exit_code for _, exit_code in guest.ends] == [7]


async def use_much(guest: Guest, way: Way) -> None:
    """More than the window in both directions, each byte once."""
    await guest.open(way)
    await guest.type(f"head -c {MANY} /dev/zero | tr '\\0' '\\045'; echo printed-$((1+1))\n")
    await sees(guest, "printed-2")
    # The command spells it \045, so that its echo counts for nothing.
    assert guest.output.count(b"%") == MANY
    count = f"head -c {MANY} | tr -d -c '\\045' | wc -c"
    await guest.type(f"stty raw -echo; echo raw-$((1+1)); echo took-$({count}); stty sane\n")
    await sees(guest, "raw-2")
    await guest.type("%" * MANY)
    await sees(guest, f"took-{MANY}")


async def use_page(browser: Browser, url: str) -> Page:
    """Open, type, resize, reload, exit."""
    page = await visit(browser, url)
    await page.type("echo typed-$((1+1))\n")
    await shows(page, "typed-2")
    size = "`${hatchway.terminal.rows} ${hatchway.terminal.cols}`"
    before = await page.evaluate(size)
    await page.resize(700, 400)
    await page.until(f"{size} !== {json.dumps(before)}")
    await page.type("kept=yes; clear; stty size\n")
    await page.until(f"{TEXT}.includes({size})")
    await page.type("echo before-$((1+1))\n")
    await shows(page, "before-2")
    await page.reload()
    await page.until(LIVE)
    await shows(page, "before-2")
    await page.type("echo $kept-$((40+2))\n")
    await shows(page, "yes-42")
    await page.type("exit 7\n")
    await page.until("document.body.innerText.includes('exit code 7')")
    return page
