"""Creates the engine for a command, or finds the running one."""

from __future__ import annotations

import gc
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from engine.control.queries import Host
from engine.control.socket.instance import NOT_ALONE, claim, find_running
from engine.core import stdio
from engine.core.settings import config_dir

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.cli.parser import CommandLine
    from engine.control.api import ControlApi
    from engine.control.socket.client import RemoteControl
    from engine.core.settings import Settings

RELAY_SECONDS = 10.0
"""How long commands wait for the relay before they continue without it."""
OWN_SETTINGS = frozenset(
    {
        "docker_host",
        "listen",
        "public_url",
        "relay",
        "relay_only",
        "relay_token",
        "session_timeout",
        "share",
        "unattended",
    }
)
"""Flags for which a command does not ask the running instance, which has other settings."""


async def running_instance(line: CommandLine) -> RemoteControl | None:
    """The running instance of the profile, unless the command line names other settings.

    Raises SettingsError.
    """
    if line.config is not None or not OWN_SETTINGS.isdisjoint(line.options):
        return None
    return await find_running(config_dir())


@asynccontextmanager
async def hosting(settings: Settings, *, lasting: bool = True) -> AsyncIterator[ControlApi]:
    """An engine that runs until the block ends.

    It has the profile's agent id and serves the profile's socket (``lasting``: see
    Instance.serve), unless another process is the instance of the profile. Warns when its id is
    valid for this run only. Raises SettingsError.
    """
    instance = claim(config_dir())
    try:
        control = make_control(settings, alone=instance is not None)
        try:
            await control.start()
            if instance is not None:
                instance.serve(control, lasting=lasting)
            yield control
        finally:
            if instance is not None:
                await instance.disconnect()
            await control.stop()
    finally:
        if instance is not None:
            instance.release()


def make_control(settings: Settings, *, alone: bool = True) -> ControlApi:
    """An engine, not started. Unless it is ``alone`` in its profile, it gets an agent id for
    this run. Warns when its id is valid for this run only.

    The garbage collector is off during the import, and its objects are frozen: scanning them
    takes a twentieth of the start, and pauses the program each time later.
    """
    fresh = "engine.control.control" not in sys.modules
    gc.disable()
    try:
        from engine.control.control import Control
    finally:
        if fresh:
            gc.freeze()
        gc.enable()
    control = Control(settings, temporary="" if alone else NOT_ALONE)
    if problem := control.ask(Host()).identity_problem:
        stdio.warn(f"Warning: {problem}")
    return control
