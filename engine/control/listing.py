"""What a host with these settings has, without starting one: its targets, its recordings."""

from __future__ import annotations

import asyncio

from engine.core.events import EventBus
from engine.core.model import DockerStatus, RecordingInfo, Target
from engine.core.settings import Settings
from engine.docker.engines import DockerEngines
from engine.shells.recordings import Recordings
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


async def list_recordings(settings: Settings) -> tuple[RecordingInfo, ...]:
    """The recordings of this profile, newest first. Raises SettingsError, RecordingError."""
    return await asyncio.to_thread(Recordings.of_profile(settings.recording).list)


async def delete_recording(settings: Settings, recording_id: str) -> None:
    """Delete a finished recording of this profile.

    Raises SettingsError, RecordingNotFoundError, RecordingRunningError, RecordingError.
    """
    await asyncio.to_thread(Recordings.of_profile(settings.recording).delete, recording_id)
