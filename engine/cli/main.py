"""Runs the command on the command line and returns the exit code.

Exit codes: 0 after a clean end, also by a signal; 1 for a failed loopback test, an orphan
that could not be ended, or an environment that does not allow the command; 2 for invalid
flags or settings. ``connect`` and ``share`` return that of their shell.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from importlib import import_module
from typing import Any

from engine.cli.exit_codes import FAILED, USAGE_ERROR
from engine.cli.parser import Command, CommandLine, parse
from engine.core import log, settings, stdio, stop_signals
from engine.core.errors import HatchwayError, SettingsError
from engine.core.settings import Settings

logger = logging.getLogger(__name__)

Run = Callable[[CommandLine, Settings], Coroutine[Any, Any, int]]

COMMANDS: dict[Command, str] = {
    Command.HOST: "host",
    Command.RELAY: "relay",
    Command.TARGETS: "targets",
    Command.SELFTEST: "selftest",
    Command.SHARE: "share",
    Command.CONNECT: "connect",
    Command.RECORDINGS: "recordings",
    Command.ORPHANS: "orphans",
    Command.CTL: "ctl",
}
"""Each command's module in engine.cli. It is imported when it runs: a relay needs neither the
emulator nor what a host needs."""
INTERRUPTED_FAILS = frozenset({Command.SELFTEST, Command.CONNECT, Command.ORPHANS})
"""Commands that a signal does not end cleanly: no test passed, no shell returned 0."""


def main(
    arguments: Sequence[str] | None = None,
    *,
    prog: str = "python -m engine",
    window: Callable[[CommandLine], int] | None = None,
) -> int:
    """Run the program and return its exit code.

    ``window`` opens the window, which is then the default without a subcommand.
    """
    stdio.open_closed()
    stop_signals.exit_early()
    try:
        line = parse(arguments, prog=prog, window=window is not None)
        if window is not None and line.command is Command.WINDOW:
            return window(line)
        return run(line)
    except SettingsError as error:
        stdio.warn(f"Setting {error}")
        return USAGE_ERROR
    except HatchwayError as error:
        stdio.warn(f"Error: {error}")
        return FAILED
    except OSError as error:
        # No free descriptors, a missing folder: a traceback would not explain more.
        logger.debug("Ended by the system", exc_info=error)
        stdio.warn(f"Error: {error.strerror or error}")
        return FAILED
    finally:
        stdio.settle()


def run(line: CommandLine) -> int:
    """Run a command that needs no window, to its end or the first signal; the exit code.

    Raises HatchwayError and OSError.
    """
    loaded = settings.read(line.config, flags=line.settings)
    log.configure(loaded.settings.log_level.upper())
    for flaw in loaded.flaws:
        stdio.warn(f"Warning: {loaded.file}: {flaw}")
    command: Run = import_module(f"engine.cli.{COMMANDS[line.command]}").run
    code = asyncio.run(_until_signal(command(line, loaded.settings)))
    if code is None:
        return FAILED if line.command in INTERRUPTED_FAILS else 0
    return code


async def _until_signal(work: Coroutine[Any, Any, int]) -> int | None:
    """The work's result; None when a signal came first and it was cancelled."""
    task = asyncio.ensure_future(work)
    try:
        with stop_signals.watched(task.cancel):
            return await task
    except asyncio.CancelledError:
        return None
    finally:
        stop_signals.ignore()
