"""A guest in a real Chromium: from link to prompt, echo, and how fast output is shown.

Owns the measuring: the time from opening a link to the shell's prompt (fresh
browser storage each time, the container's exec included), echo of a keystroke to
the screen, output on the screen. Does not own the table.
"""

from __future__ import annotations

import shutil
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from benchmarks.plan import Plan
from benchmarks.process import BenchError
from benchmarks.report import Aim, Row, percentile
from tests.e2e.browser import Browser, chromium
from tests.e2e.house import LIVE, House, house, shows

if TYPE_CHECKING:
    from benchmarks.cast import Cast

OPENINGS = 20
ECHOES = 200
BYTES = 32 * 1024 * 1024

PROMPT = """
new Promise(done => {
  const look = () => {
    const b = window.hatchway?.terminal?.buffer.active;
    if (b && /[#$] *$/.test(b.getLine(b.cursorY)?.translateToString(true) ?? ""))
      done(performance.now());
    else setTimeout(look, 1);
  };
  look();
})
"""
"""Milliseconds since the navigation began, once the prompt is on the screen."""
ECHO = """
(async () => {
  const times = [], terminal = hatchway.terminal;
  for (let n = 0; n < %d; n++) {
    const parsed = new Promise(done => {
      const once = terminal.onWriteParsed(() => { once.dispose(); done(); });
    });
    const began = performance.now();
    terminal.input("x");
    await parsed;
    times.push(performance.now() - began);
    await new Promise(done => setTimeout(done, 5));
  }
  terminal.input("\\x15");
  return times;
})()
"""
FLOOD = """
new Promise(done => {
  const terminal = hatchway.terminal, write = terminal.write.bind(terminal);
  let count = 0, began = 0;
  terminal.write = (data, parsed) => write(data, () => {
    parsed();
    began ||= performance.now();
    count += data.length;
    if (count >= %d) done(count / (performance.now() - began) / 1000);
  });
  terminal.input("stty -opost; yes $(printf '%%079d' 7) | head -c %d; stty sane\\r");
})
"""


LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
"""Milliseconds since the navigation began, when the page alone was there."""


def started() -> AbstractAsyncContextManager[Browser]:
    """Chromium, in a process of its own. Raises BenchError where there is none."""
    if not (shutil.which("chromium") or shutil.which("chromium-browser")):
        raise BenchError("Chromium is not installed")
    return chromium()


async def opening(browser: Browser, host: House) -> tuple[float, float]:
    """Milliseconds to the prompt, and to the page alone."""
    page = await browser.open("about:blank")
    await page.call("Page.navigate", url=host.url_of(host.link()))
    took = float(await page.evaluate(PROMPT))
    loaded = float(await page.evaluate(LOADED))
    await page.close()
    await host.agent.close_session(host.session().id)
    return took, loaded


async def measure(plan: Plan, cast: Cast) -> list[Row]:
    """The suite of ``make bench``."""
    async with house(cast.box.name) as host, started() as browser:
        await opening(browser, host)  # the browser's own first time is nobody's second visit
        found = [await opening(browser, host) for _ in range(OPENINGS)]
        page = await browser.open(host.url_of(host.link()))
        await page.until(LIVE)
        await page.type("echo ready-$((1+1))\n")
        await shows(page, "ready-2")
        echoes = list(await page.evaluate(ECHO % ECHOES))
        rate = float(await page.evaluate(FLOOD % (BYTES, BYTES + 1024)))
    prompts, pages = ([one[part] for one in found] for part in (0, 1))
    half, most = percentile(prompts, 0.5), percentile(prompts, 0.95)
    plan.say(f"from link to prompt: p50 {half:.0f} ms, p95 {most:.0f} ms of {OPENINGS}")
    p50, p99 = (percentile(echoes, part) for part in (0.5, 0.99))
    return [
        Row("browser_prompt_p50", half, percentile(pages, 0.5), "ms", "loading the page alone",
            Aim("value", 700.0), {"p95": most, "openings": OPENINGS}),
        Row("browser_echo_p50", p50, p50, "ms", "itself", extra={"p99": p99}),
        Row("browser_output", rate, rate, "MB/s", "itself"),
    ]  # fmt: skip
