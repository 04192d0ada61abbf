"""Why a container ended: by its state, and by the engine's own record of events."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from engine.core.errors import DockerFailedError

if TYPE_CHECKING:
    from docker import DockerClient

    from engine.core.model import Target
    from engine.docker.engines import DockerEngines

SETTLE_SECONDS = 0.7
"""``docker restart`` and ``docker rm --force`` stop the container first: how long the rest may
take. A slower one is reported by what came first."""
POLL_SECONDS = 0.05
BEFORE_SECONDS = 30.0
"""Events of so long before the end belong to it: ``docker stop`` gives a program 10 s."""
AFTER_SECONDS = 0.2
MAX_EVENTS = 256

REMOVED = "The container was removed"
RESTARTED = "The container was restarted"
OUT_OF_MEMORY = "The container ran out of memory"
KILLED = "The container was killed"
STOPPED = "The container was stopped"


async def why_it_ended(docker: DockerEngines, target: Target, started_at: str) -> str:
    """A sentence; empty while the run that began at ``started_at`` goes on. Raises DockerError."""
    loop = asyncio.get_running_loop()
    until = loop.time() + SETTLE_SECONDS
    while True:
        try:
            container = await docker.call(
                target.engine, lambda client: dict(client.api.inspect_container(target.ref))
            )
        except DockerFailedError as error:
            if error.status == 404:
                return REMOVED
            raise
        state = container["State"]
        if state.get("Running") and not state.get("Restarting"):
            return "" if state.get("StartedAt") == started_at else RESTARTED
        if loop.time() > until:
            break
        await asyncio.sleep(POLL_SECONDS)
    if state.get("OOMKilled"):
        return OUT_OF_MEMORY
    actions = await _actions(docker, target, str(state.get("FinishedAt", "")))
    if "oom" in actions:
        return OUT_OF_MEMORY
    if "stop" in actions:
        return STOPPED
    if "kill" in actions:
        return KILLED
    return f"The container's program ended (exit code {state.get('ExitCode')})"


async def _actions(docker: DockerEngines, target: Target, finished: str) -> set[str]:
    """What was done to it around its end, by the engine's clock."""
    try:
        end = datetime.fromisoformat(finished)
    except ValueError:
        return set()
    since = end - timedelta(seconds=BEFORE_SECONDS)
    until = end + timedelta(seconds=AFTER_SECONDS)

    def read(client: DockerClient) -> list[dict[str, Any]]:
        api: Any = client.api  # its types know whole seconds only
        stream = api.events(
            since=f"{since.timestamp():.6f}",
            until=f"{until.timestamp():.6f}",
            filters={"type": ["container"], "container": [target.ref]},
            decode=True,
        )
        return list(islice(stream, MAX_EVENTS))

    return {str(event.get("Action", "")) for event in await docker.call(target.engine, read)}
