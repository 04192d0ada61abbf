"""Which running program is the instance of a profile, and the way to it.

    FOLDER/instance.lock   locked while its process runs

The holder of the lock is the one program that uses the profile's agent id: a second agent of the
same id would displace it at the relay. A program that hosts for longer also serves the socket.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from engine.control.socket import place
from engine.core.errors import HostStoppedError, NotSupportedError
from engine.core.lock_file import is_locked, lock

if TYPE_CHECKING:
    from engine.control.api import ControlApi
    from engine.control.socket.client import RemoteControl
    from engine.control.socket.server import SocketServer

logger = logging.getLogger(__name__)

LOCK_NAME = "instance.lock"
STARTING_SECONDS = 8.0
"""How long an instance may take from its claim until it serves the socket."""
POLL_SECONDS = 0.1
LOOK_SECONDS = 0.02
NOT_ALONE = (
    "Another Hatchway of this profile is running. This one hosts under an agent id of its own "
    "until it ends"
)


class Instance:
    """This process, as the instance of its profile. ``claim()`` makes one.

    At the end: ``disconnect()``, stop the engine, ``release()``.
    """

    def __init__(self, folder: Path, held: IO[bytes] | None) -> None:
        self._folder = folder
        self._lock = held
        self._server: SocketServer | None = None

    def serve(self, control: ControlApi, *, lasting: bool = True) -> None:
        """Let other programs of this user use ``control``. Failures are warnings.

        ``lasting``: it goes on until somebody stops it, so others may open shells in it.
        """
        from engine.control.socket.server import serve

        problem: OSError | None = None
        for path in place.places(self._folder) if self._lock is not None else ():
            try:
                self._server = serve(control, path, lasting=lasting)
            except OSError as error:
                problem = problem or error
            else:
                return
        if problem is not None:
            logger.warning("Other programs cannot reach this one: %s", problem)

    async def disconnect(self) -> None:
        """Disconnect all clients and serve nobody any more. Idempotent."""
        if self._server is not None:
            await self._server.close()
            self._server = None

    def release(self) -> None:
        """Let another process be the instance. Idempotent."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def claim(folder: Path) -> Instance | None:
    """Become the instance of the profile ``folder``; None when another process is.

    Without a folder to write to, nobody else is looked for.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = lock(folder / LOCK_NAME)
        if held is None:
            # Perhaps somebody was just looking whether it is locked.
            time.sleep(LOOK_SECONDS)
            held = lock(folder / LOCK_NAME)
    except OSError as error:
        logger.debug("Cannot lock %s: %s", folder, error)
        return Instance(folder, None)
    return None if held is None else Instance(folder, held)


async def find_running(folder: Path) -> RemoteControl | None:
    """The running instance of the profile ``folder``; None when there is none, or no answer.

    Waits up to STARTING_SECONDS for one that is starting. ``stop()`` it after use, which only
    disconnects.
    """
    deadline = time.monotonic() + STARTING_SECONDS
    while True:
        for path in place.places(folder):
            try:
                return await _connect(path)
            except (NotSupportedError, HostStoppedError) as error:
                logger.warning("%s", error)
                return None
            except OSError:
                continue  # nobody is there
        if not _is_claimed(folder) or time.monotonic() > deadline:
            return None
        await asyncio.sleep(POLL_SECONDS)


async def _connect(path: Path) -> RemoteControl:
    # The import takes longer than finding nobody.
    os.lstat(path)
    from engine.control.socket.client import connect

    return await connect(path)


def _is_claimed(folder: Path) -> bool:
    if sys.platform == "win32":
        return False  # it serves no socket
    try:
        return is_locked(folder / LOCK_NAME)
    except OSError:
        return False
