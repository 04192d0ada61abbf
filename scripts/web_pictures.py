"""``python -m scripts.web_pictures --out FOLDER``: the guests' page, from a real Chromium.

Owns what is on the pictures of the documentation: a terminal on a desktop and on
a phone, and a guest who waits for the host. Does not own the page or the browser.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import docker

from engine.core.model import Role
from tests import images
from tests.e2e.browser import SCALE_2, chromium
from tests.e2e.house import LIVE, TEXT, house, shows

if TYPE_CHECKING:
    from tests.e2e.browser import Browser, Page

NAME = "hatchway-demo"
"""The container on the pictures."""
DESKTOP, PHONE = (960, 600), (390, 780)
COMMANDS = (
    "PS1='\\[\\e[36m\\]\\w\\[\\e[0m\\] \\$ '; clear\n"
    "ls --color /\n"
    "printf '\\033[32m✓\\033[0m %s\\n' 'peer to peer' 'no account' 'nothing to install'\n"
)


async def _open(browser: Browser, url: str, size: tuple[int, int], phone: bool) -> Page:
    page = await browser.open("about:blank", width=size[0], height=size[1], phone=phone)
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    await page.call("Emulation.setEmulatedMedia", features=dark)
    await page.go(url)
    return page


async def _take(container: str, folder: Path) -> dict[str, tuple[int, int]]:
    taken = {}
    async with house(container) as host, chromium(SCALE_2) as browser:
        for name, size in (("web-desktop", DESKTOP), ("web-phone", PHONE)):
            phone = size is PHONE
            page = await _open(browser, host.url_of(host.link(Role.CONTROL)), size, phone)
            await page.until(LIVE)
            await page.until(f"/[#$] *$/.test({TEXT}.trimEnd())")
            for line in COMMANDS.splitlines():
                await page.call("Input.insertText", text=line)
                await page.type("\n")
            await shows(page, "✓ nothing to install\n")
            await page.until("/ms$/.test(document.querySelector('#rtt').textContent)")
            taken[f"{name}.png"] = size
            (folder / f"{name}.png").write_bytes(await page.picture())
        host.agent.admission.approvals.attend()
        page = await _open(browser, host.url_of(host.link(approval=True)), PHONE, True)
        await page.until("!document.querySelector('#first').hidden")
        await page.click("#first-form button")
        await page.until("document.querySelector('#card-code').checkVisibility()")
        taken["web-approval.png"] = PHONE
        (folder / "web-approval.png").write_bytes(await page.picture())
    return taken


def take(folder: Path) -> dict[str, tuple[int, int]]:
    """Write the pictures; their names and sizes in CSS pixels."""
    client = docker.from_env()
    images.ensure(client)
    container = client.containers.run(images.BASH, detach=True, network_mode="none", name=NAME)
    try:
        return asyncio.run(_take(NAME, folder))
    finally:
        container.remove(force=True)
        client.close()


def main() -> int:
    parser = argparse.ArgumentParser(description="Pictures of the guests' page")
    parser.add_argument("--out", type=Path, default=Path("docs"), metavar="FOLDER")
    for name in take(parser.parse_args().out):
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
