"""The targets that a host with these settings would have, without starting one."""

from __future__ import annotations

from engine.core.events import EventBus
from engine.core.model import DockerStatus, Target
from engine.core.settings import Settings
from engine.docker.engines import DockerEngines
from engine.targets.catalogue import TargetCatalogue


async def list_targets(
    settings: Settings, seconds: float
) -> tuple[tuple[Target, ...], tuple[DockerStatus, ...]]:
    """The targets, sorted, and every Docker engine's status.

    Waits up to ``seconds`` for the engines' first answer.
    """
    docker = DockerEngines(settings.docker)
    catalogue = TargetCatalogue(docker, EventBus())
    catalogue.set_shared(settings.share.targets)
    try:
        await catalogue.start()
        await catalogue.settled(seconds)
        return catalogue.list(), catalogue.statuses()
    finally:
        await catalogue.stop()
        await docker.close()
