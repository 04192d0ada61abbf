"""``host``: let guests in until a signal comes. Prints how they connect."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from engine.cli.start import RELAY_SECONDS, make_agent
from engine.core import stdio
from engine.core.model import ASK

if TYPE_CHECKING:
    from engine.agent.agent import Agent
    from engine.cli.parser import CommandLine
    from engine.core.settings import Settings


async def run(line: CommandLine, settings: Settings) -> int:
    """Host until cancelled."""
    agent = make_agent(settings)
    await agent.start()
    try:
        if "links_json" in line.options:
            # A link that is printed works.
            await agent.wait_registered(RELAY_SECONDS)
            for link in _links(agent):
                stdio.say(json.dumps(link))
        else:
            _print_invitation(agent)
        await asyncio.Event().wait()
    finally:
        await agent.stop()
    return 0


def _print_invitation(agent: Agent) -> None:
    info = agent.relay_info()
    shared = agent.targets.shared()
    lines = [
        f"Hatchway hosts as {agent.name} (agent {agent.agent_id})",
        f"Relay:       {info.url}" + (" (this app's own)" if info.embedded else ""),
    ]
    if info.embedded:
        lines.append(f"Guest token: {info.guest_token}")
        lines.append(f"In a browser: {info.url}/#token={info.guest_token}")
    if shared:
        lines.append("Shared:      " + ", ".join(shared))
    else:
        lines.append("Shared:      nothing; use --share NAME to let guests in, --share '*' for all")
    lines += (f"Link:        {a['target']} ({a['role']}): {a['url']}" for a in _links(agent))
    # One write: with head(1) behind a pipe the first line arrives and the host goes on.
    stdio.say("\n".join([*lines, "Stop with Ctrl+C."]))


def _links(agent: Agent) -> list[dict[str, str]]:
    sharing = agent.sharing
    return [
        {
            "target": share.target,
            "role": ASK if share.approval else share.role.value,
            "url": sharing.url(share),
        }
        for share in sharing.shares.active()
    ]
