"""What earlier runs of this profile left, listed and ended without starting a host.

A host of the profile may run meanwhile: what is ended here is not ended there, and its own
shells are not touched.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.core.model import Orphan, OrphansEnded
from engine.core.settings import Settings, config_dir
from engine.docker.engines import DockerEngines
from engine.pty.ends.ends import TerminalEnds


async def list_orphans(settings: Settings) -> tuple[Orphan, ...]:
    """What earlier runs left, sorted by target. Ends nothing, also no end that had begun.

    Raises SettingsError, and OSError when the records cannot be read.
    """
    async with _ends(settings) as ends:
        await ends.look()
        return ends.orphans()


async def end_orphans(settings: Settings, *, kept: bool) -> OrphansEnded:
    """See the command EndOrphans; raises what list_orphans() does.

    ``left`` also has what was not requested to end. An end that has not succeeded is
    continued by the next start.
    """
    async with _ends(settings) as ends:
        result = await ends.end_orphans(kept=kept)
        await ends.look()
        return OrphansEnded(result.ended, ends.orphans())


@asynccontextmanager
async def _ends(settings: Settings) -> AsyncIterator[TerminalEnds]:
    docker = DockerEngines(settings.docker)
    ends = TerminalEnds(docker, folder=config_dir())
    try:
        await ends.start(hosts=False)
        yield ends
    finally:
        await ends.stop()
        await docker.close()
