"""What a program may print without stopping the guests' page, at once and after a reload."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.house import LIVE, House, shows, visit
from tests.e2e.test_web_page import archive

if TYPE_CHECKING:
    from docker.models.containers import Container

    from tests.e2e.browser import Browser

pytestmark = pytest.mark.chromium

SECONDS = 8.0
"""For each of them; without bounds xterm.js takes 17 s for the quickest, minutes for most."""
MOST = 2**31 - 1
COLUMNS = ("@", " @", " A", "P", "X", "'}", "'~")
COLORS = ";".join(f"{n % 256};rgb:{n % 256:02x}/00/00" for n in range(900))
PROGRAMS = {
    "rep": f"a\033[{MOST}b",
    "scroll-up": f"\033[{MOST}S",
    "scroll-down": f"\033[{MOST}T",
    "insert-lines": f"\033[H\033[{MOST}L",
    "delete-lines": f"\033[H\033[{MOST}M",
    "tabs": f"\033[{MOST}I\033[{MOST}Z",
    "columns": "".join(f"\033[H\033[{MOST}{end}" for end in COLUMNS),
    "many-scrolls": f"\033[{MOST}S" * 1000,
    "marks": "a" + "\u0301" * 60_000,
    "colors": f"\033]4;{COLORS}\a",
    "color-by-color": "".join(f"\033]4;{n % 256};#0000{n % 256:02x}\a" for n in range(3000)),
    "separators": "\033]4;" + ";" * 2_000_000 + "\a",
    "titles": "".join(f"\033]2;title {n}\a" for n in range(10_000)),
    "links": "".join(f"\033]8;;http://a.example/{n}\a." for n in range(5000)) + "\n" * 20_000,
    "clipboard": "".join(f"\033]52;c;{'YWFh' * n}\a" for n in range(1, 400)),
    "bells": "\a" * 50_000,
}


async def test_no_output_stops_the_page_at_once_or_when_it_is_replayed(
    host: House, browser: Browser, box: Container
) -> None:
    for name, text in PROGRAMS.items():
        assert box.put_archive("/tmp", archive(name, text.encode()))
    page = await visit(browser, host.invitation())
    slow = {}
    for name in PROGRAMS:
        began = time.monotonic()
        await page.type(f"cat /tmp/{name}; reset; echo {name}-$((1+1))\n")
        await shows(page, f"{name}-2", 60)
        await page.type("clear\n")
        if (took := time.monotonic() - began) > SECONDS:
            slow[name] = took
        # Once more from the start: the host sends what the page has shown so far.
        await page.reload()
        await page.until(LIVE, 60)
        await page.type(f"echo again-{name}-$((1+1))\n")
        await shows(page, f"again-{name}-2", 60)
        if (took := time.monotonic() - began) > 3 * SECONDS:
            slow[f"{name}, reloaded"] = took
    assert not slow
    # What programs ask for waits in one line.
    assert await page.evaluate("document.querySelectorAll('#foot-buttons button').length") <= 2
