"""Joining a running shell: from the connection to the whole screen, in a real Chromium.

Owns the scene (a shell of the host in a container, shown in its window, with a link that joins
it) and the page's end of the measurement. Does not own the app or the browser. Each join is
a first visit: nothing of the page is stored, and no script has run before.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import browser as browsers
from benchmarks.cast import APP, Cast
from benchmarks.plan import Plan
from benchmarks.process import BenchError, Child
from benchmarks.report import Aim, Row, percentile, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.e2e.browser import Browser

COLS, ROWS = 120, 40
LINES = 1000
"""Behind the screen."""
WINDOW = 1500, 950
"""Of the page, in CSS pixels: with room for more cells than that, so that it makes the shell no
smaller."""
JOIN_SECONDS = 20.0
BLANK_ROWS = 1
"""A screen may have, where a line of output has just ended."""
WRITE = """
awk 'BEGIN{srand(7);c=split("a and cursor one every terminal shows characters program",t);
for(n=0;n<%d;n++){s="";l=0;while(l<104){w=t[1+int(rand()*c)];l+=length(w)+1;
s=s sprintf("\\033[%%dm%%s ",31+int(rand()*6),w)}print s "\\033[m"}}' > /tmp/words;
for n in 1 2 3 4 5 6 7 8; do cat /tmp/words /tmp/words; done > /tmp/flood
"""
"""So many lines with another color for each word, in a file, and a larger one of the same. The
line breaks are not in it when it is run."""
SHOW = "clear; cat /tmp/words"
FLOOD = "while cat /tmp/flood; do :; done"
WATCH = """
{
  let done, page;
  window.joined = new Promise(found => done = found);
  Object.defineProperty(window, "hatchway", {
    get: () => page,
    set(value) {
      page = value;
      const { terminal } = value;
      terminal.parser.registerCsiHandler({ prefix: "?", final: "l" }, modes => {
        if (!modes.includes(2026)) return false;
        const shown = performance.now(), b = terminal.buffer.active, texts = [];
        for (let y = 0; y < terminal.rows; y++)
          texts.push(b.getLine(b.baseY + y).translateToString(true));
        done({
          shown, connected: performance.getEntriesByName("starting")[0].startTime,
          cols: terminal.cols, rows: terminal.rows, history: b.baseY,
          blank: texts.filter(text => !text).length,
        });
        return false;
      });
    },
  });
}
"""
"""In the page before its own scripts. The page draws a snapshot within mode 2026 (synchronized
output): when its terminal parses the end of that, all of the screen is there. ``starting`` is the
page's mark for the open data channel."""


@dataclass(frozen=True, slots=True)
class Join:
    """Seconds from the navigation to the open data channel, and from there to the whole screen;
    lines of history that came with it."""

    connecting: float
    joining: float
    history: int


def read(found: dict[str, Any]) -> Join:
    """What WATCH reports, its times in milliseconds. Raises BenchError for less than a whole
    screen."""
    size = found["cols"], found["rows"]
    if size != (COLS, ROWS) or found["blank"] > BLANK_ROWS:
        raise BenchError(f"No whole screen: {size} cells, {found['blank']} rows are blank")
    connected, shown = found["connected"] / 1e3, found["shown"] / 1e3
    return Join(connected, shown - connected, found["history"])


async def join(browser: Browser, url: str) -> Join:
    page = await browser.open("about:blank", width=WINDOW[0], height=WINDOW[1])
    await page.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
    await page.go(url)
    try:
        async with asyncio.timeout(JOIN_SECONDS):
            found = read(await page.evaluate("joined"))
    except TimeoutError:
        words = await page.evaluate("document.body.innerText.slice(0, 400)")
        raise BenchError(f"Not joined in {JOIN_SECONDS:.0f} s; the page says: {words}") from None
    # As somebody who leaves, so that the shell has the host alone again.
    await page.evaluate("hatchway.session.end()")
    await page.until("hatchway.session.state.phase === 'ended'")
    await page.close()
    return found


async def shared(app: Child, target: str) -> str:
    """The key of a terminal of the host with LINES of history behind a full screen."""
    key = str((await app.call("own", cols=COLS, rows=ROWS, target=target))["key"])
    write = "".join((WRITE % (LINES + ROWS)).splitlines())
    for line in (write, SHOW):
        await app.call("run_own", key=key, line=line)
    return key


async def measure(plan: Plan, cast: Cast) -> list[Row]:
    app = await cast.child(*APP)
    await app.call("info")
    roles = ("control", "view") if plan.long else ("control",)
    found: dict[str, list[Join]] = {}
    async with browsers.started() as browser:
        key = await shared(app, cast.box.name)
        links = {
            role: str((await app.call("join_link", key=key, role=role))["url"]) for role in roles
        }
        await join(browser, links["control"])  # the browser's own first time is nobody's visit
        for state in ("rest", "flood"):
            if state == "flood":
                await app.call("type_own", key=key, line=FLOOD)
                await asyncio.sleep(plan.warm)
            for role, url in links.items():
                made = found[f"{state} {role}"] = [
                    await join(browser, url) for _ in range(plan.joins)
                ]
                plan.say(
                    f"{state}, {role}: p50 {_ms(made, 0.5):.0f}, p99 {_ms(made, 0.99):.0f} ms; "
                    f"connecting {percentile((one.connecting for one in made), 0.5) * 1e3:.0f}"
                )
        await app.call("end_own", key=key)
    return rows(found)


def rows(found: dict[str, list[Join]]) -> list[Row]:
    """``found``: by "rest" or "flood", and the role."""
    made: list[Row] = []
    for role, name in (("control", "join"), ("view", "join_view")):
        if f"rest {role}" not in found:
            continue
        rest, flood = found[f"rest {role}"], found[f"flood {role}"]
        for word, part, limit in (("p50", 0.5, 150.0), ("p99", 0.99, 400.0)):
            connecting = percentile((one.connecting for one in rest), part) * 1e3
            made += [
                Row(f"{name}_{word}", _ms(rest, part), connecting, "ms",
                    "connecting before it, the page included", Aim("value", limit), extra(rest)),
                Row(f"{name}_flood_{word}", _ms(flood, part), _ms(rest, part), "ms",
                    "the same shell at rest", Aim("value", limit), extra(flood)),
            ]  # fmt: skip
    return made


def extra(joins: Sequence[Join]) -> dict[str, float | str]:
    """``history``: the fewest lines that came with a screen."""
    return {
        **spread(one.joining for one in joins),
        "history": float(min(one.history for one in joins)),
    }


def _ms(joins: Sequence[Join], part: float) -> float:
    return percentile((one.joining for one in joins), part) * 1e3
