"""The relay as a program of its own: ``python -m engine relay``. Signals are up to the caller."""

from __future__ import annotations

from engine.core import dependencies, stdio
from engine.core.tasks import supervise
from engine.core.tls import server_context
from engine.relay.garbage import collect_when_useful
from engine.relay.options import Options
from engine.relay.server import Relay


async def run_relay(
    host: str = "127.0.0.1",
    port: int = 0,
    agent_token: str = "",
    guest_token: str = "",
    tls_cert: str = "",
    tls_key: str = "",
    options: Options | None = None,
) -> None:
    """Serve until cancelled. Prints the address and the tokens; empty tokens are generated.

    Raises SettingsError when the address or the certificate cannot be used.
    """
    dependencies.log_problems()
    context = server_context(tls_cert, tls_key)
    relay = Relay(agent_token, guest_token, options)
    url = await relay.start(host, port, context)
    try:
        stdio.say(f"Relay:       {url}")
        stdio.say(f"Agent token: {relay.agent_token}")
        stdio.say(f"Guest token: {relay.guest_token}")
        await supervise(
            "The relay's garbage collection",
            lambda: collect_when_useful(lambda: relay.ended, lambda: relay.connected),
        )
    finally:
        await relay.stop()
