"""``python -m benchmarks.browser``: a guest in a real Chromium.

Measures the time from opening a link to the shell's prompt (fresh browser
storage each time, the container's exec included), echo of a keystroke to the
screen, and how fast output is rendered. Owns the measuring and the table;
results go to ``benchmarks/browser.json``, which is not kept in version control.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from pathlib import Path

import docker

from tests import images
from tests.e2e.browser import Browser, chromium
from tests.e2e.house import LIVE, House, house, shows

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


async def opening(browser: Browser, host: House) -> float:
    page = await browser.open("about:blank")
    await page.call("Page.navigate", url=host.url_of(host.link()))
    took = float(await page.evaluate(PROMPT))
    await page.close()
    await host.agent.close_session(host.session().id)
    return took


async def measure(container: str) -> dict[str, float]:
    async with house(container) as host, chromium() as browser:
        await opening(browser, host)  # the browser's own first time is nobody's second visit
        times = sorted([await opening(browser, host) for _ in range(OPENINGS)])
        page = await browser.open(host.url_of(host.link()))
        await page.until(LIVE)
        await page.type("echo ready-$((1+1))\n")
        await shows(page, "ready-2")
        echoes = sorted(await page.evaluate(ECHO % ECHOES))
        rate = float(await page.evaluate(FLOOD % (BYTES, BYTES + 1024)))
    return {
        "prompt_p50_ms": round(statistics.median(times), 1),
        "prompt_p95_ms": round(times[int(len(times) * 0.95) - 1], 1),
        "echo_p50_ms": round(statistics.median(echoes), 2),
        "echo_p99_ms": round(echoes[int(len(echoes) * 0.99) - 1], 2),
        "render_mb_per_s": round(rate, 2),
    }


def main() -> int:
    client = docker.from_env()
    images.ensure(client)
    container = client.containers.run(images.BASH, detach=True, network_mode="none")
    try:
        results = asyncio.run(measure(str(container.name)))
    finally:
        container.remove(force=True)
        client.close()
    for name, value in results.items():
        print(f"{name:<18}{value:>12}")
    file = Path(__file__).parent / "browser.json"
    file.write_text(json.dumps(results, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
