"""What is drawn is seen: glyphs that lie at the edge of their row, at every size of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QImage

from tests.e2e.house import LIVE, shows
from tests.e2e.scripted_host import ScriptedHost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.browser import Browser

pytestmark = [pytest.mark.chromium, pytest.mark.takes(40)]

CELLS = """(() => {
  const { x, y } = document.querySelector('.xterm-screen').getBoundingClientRect();
  const { width, height } = hatchway.terminal._core._renderService.dimensions.css.cell;
  return [x, y, width, height];
})()"""
DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
BELOW = 2
"""Pixels below a row that its glyphs may need."""


@pytest.fixture
async def host() -> AsyncIterator[ScriptedHost]:
    async with ScriptedHost().serve() as made:
        made.welcome |= {"cols": 40, "rows": 12}
        yield made


async def test_underscores_are_seen_at_every_size(host: ScriptedHost, browser: Browser) -> None:
    page = await browser.open(host.address, width=1100, height=700)
    await page.until(LIVE)
    await host.come()
    unseen = []
    for size in range(9, 29):
        await page.evaluate(f"(hatchway.terminal.options.fontSize = {size}, true)")
        host.output(f"\x1b[?25l\x1b[2J\x1b[2;1H{'_' * 20}\x1b[12;1H{'_' * 20}\x1b[5;1Hsize {size}.")
        await shows(page, f"size {size}.")
        await page.evaluate(DRAWN)
        x, y, width, height = await page.evaluate(CELLS)
        picture = QImage.fromData(await page.picture())
        ground = picture.pixelColor(int(x + 30 * width), int(y + 8.5 * height)).lightness()
        for row in (1, 11):
            column = int(x + 10.5 * width)
            top, bottom = int(y + row * height), int(y + (row + 1) * height) + BELOW
            levels = [picture.pixelColor(column, at).lightness() for at in range(top, bottom)]
            if max(abs(level - ground) for level in levels) < 50:
                unseen.append((size, row))
    assert unseen == []
