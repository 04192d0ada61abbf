"""How a command makes its agent."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from engine.core import stdio

if TYPE_CHECKING:
    from engine.agent.agent import Agent
    from engine.core.settings import Settings

RELAY_SECONDS = 10.0
"""How long commands wait for the relay before they go on without it."""


def make_agent(settings: Settings) -> Agent:
    """An agent, not started. Warns when its identity lasts only for this run.

    The garbage collector is off during the import: those objects stay, and scanning them
    repeatedly takes a twentieth of the start, and a pause each time later.
    """
    fresh = "engine.agent.agent" not in sys.modules
    gc.disable()
    try:
        from engine.agent.agent import Agent
    finally:
        if fresh:
            gc.freeze()
        gc.enable()
    agent = Agent(settings)
    if agent.identity_problem:
        stdio.warn(f"Warning: {agent.identity_problem}")
    return agent
