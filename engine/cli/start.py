"""Creates the engine for a command."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from engine.control.queries import Host
from engine.core import stdio

if TYPE_CHECKING:
    from engine.control.api import ControlApi
    from engine.core.settings import Settings

RELAY_SECONDS = 10.0
"""How long commands wait for the relay before they continue without it."""


def make_control(settings: Settings) -> ControlApi:
    """An engine, not started. Warns when its identity is valid for this run only.

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
    control = Control(settings)
    if problem := control.ask(Host()).identity_problem:
        stdio.warn(f"Warning: {problem}")
    return control
