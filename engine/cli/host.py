"""``host``: host without a window until a signal comes. Prints how guests connect."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from engine.cli.start import RELAY_SECONDS, hosting
from engine.control.commands import WaitUntilRegistered
from engine.control.queries import Host, Links, LinkUrl, SharedTargets
from engine.core import stdio
from engine.core.model import ASK, ShareState

if TYPE_CHECKING:
    from engine.cli.parser import CommandLine
    from engine.control.api import ControlApi
    from engine.core.settings import Settings


async def run(line: CommandLine, settings: Settings) -> int:
    """Host until cancelled."""
    async with hosting(settings) as control:
        if "links_json" in line.options:
            # Printed links must work at once.
            await control.do(WaitUntilRegistered(RELAY_SECONDS))
            for link in _links(control):
                stdio.say(json.dumps(link))
        else:
            _print_invitation(control)
        await asyncio.Event().wait()
    return 0


def _print_invitation(control: ControlApi) -> None:
    me, shared = control.ask(Host()), control.ask(SharedTargets())
    info = me.relay
    lines = [
        f"Hatchway hosts as {me.name} (agent {me.agent_id})",
        f"Relay:       {info.url}" + (" (this app's own)" if info.embedded else ""),
    ]
    if info.embedded:
        lines.append(f"Guest token: {info.guest_token}")
        lines.append(f"In a browser: {info.guest_address}")
    if shared:
        lines.append("Shared:      " + ", ".join(shared))
    else:
        lines.append("Shared:      nothing; use --share NAME to let guests in, --share '*' for all")
    lines += (f"Link:        {a['target']} ({a['role']}): {a['url']}" for a in _links(control))
    # One write: piped to head(1), the first line arrives and the host keeps running.
    stdio.say("\n".join([*lines, "Stop with Ctrl+C."]))


def _links(control: ControlApi) -> list[dict[str, str]]:
    """Those that this start created first: a script may read no more than it requested."""
    now = time.time()
    shares = control.ask(Links())
    return [
        {
            "target": share.target,
            "role": ASK if share.approval else share.role.value,
            "url": control.ask(LinkUrl(share.id)),
        }
        for share in sorted(shares, key=lambda share: share.kept)
        if share.state(now) is ShareState.ACTIVE
    ]
