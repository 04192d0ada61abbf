"""``relay``: run only a relay, until a signal comes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.cli.parser import CommandLine
    from engine.core.settings import Settings


async def run(line: CommandLine, settings: Settings) -> int:
    """Serve until cancelled. Raises SettingsError for flags that cannot be used."""
    from engine.relay import read_options, run_relay

    flags, relay = line.options, settings.relay
    await run_relay(
        relay.host,
        relay.port,
        flags.get("agent_token", relay.token),
        flags.get("guest_token", relay.guest_token),
        flags.get("tls_cert", ""),
        flags.get("tls_key", ""),
        options=read_options(flags, os.environ),
    )
    return 0
