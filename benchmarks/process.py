"""Child processes that are asked by JSON lines: both ends of the pipe.

Owns starting, asking and ending a child, whatever happens to either side. Does
not own what is asked. A request is ``{"id", "op", …}``, a reply ``{"id", …}``
with ``"error"`` when it failed. A child ends when its input does, so that none
outlives the run, not even one that is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import json
import os
import signal
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import IO, Any, Protocol, Self

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30.0
"""For a child to say that it is ready: Qt and aiortc take two seconds to import."""
CALL_SECONDS = 30.0
END_SECONDS = 8.0
"""How long a child may take to end by itself before it is killed."""
LINE_LIMIT = 16 * 1024 * 1024
PR_SET_PDEATHSIG = 1
"""Of <linux/prctl.h>."""
LOG_TAIL = 3000
"""Bytes of a dead child's log that are shown."""


class BenchError(Exception):
    """A measurement that could not be made; the text says why."""


class Child:
    """The parent's end. ``start()``, any number of ``call()``, ``close()`` or ``kill()``."""

    def __init__(
        self,
        name: str,
        process: asyncio.subprocess.Process,
        log: IO[bytes],
        folder: tempfile.TemporaryDirectory[str],
    ) -> None:
        self.name = name
        self._process = process
        self._log = log
        self._folder = folder
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reader = asyncio.create_task(self._read(), name=f"replies of {name}")

    @classmethod
    async def start(cls, module: str, *arguments: str) -> Self:
        """Run ``benchmarks.<module>`` and wait until it serves. Raises BenchError.

        It has an empty configuration folder of its own, and no display.
        """
        log = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the child)
        folder = tempfile.TemporaryDirectory(prefix="hatchway-bench-")
        own = {"QT_QPA_PLATFORM": "offscreen", "HATCHWAY_CONFIG_DIR": folder.name}
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                f"benchmarks.{module}",
                *arguments,
                cwd=ROOT,
                env={**os.environ, **own},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=LINE_LIMIT,
                # Ctrl-C is for the parent, which then ends its children in order.
                start_new_session=True,
            )
        except BaseException:
            log.close()
            folder.cleanup()
            raise
        child = cls(" ".join((module, *arguments)), process, log, folder)
        try:
            await child.call("ready", START_SECONDS)
        except BaseException:
            await child.kill()
            raise
        return child

    @property
    def pid(self) -> int:
        return self._process.pid

    async def call(self, op: str, limit: float = CALL_SECONDS, **fields: Any) -> dict[str, Any]:
        """The reply. Raises BenchError when it failed, the child died or ``limit`` s are up."""
        number = next(self._ids)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            assert self._process.stdin is not None
            line = json.dumps({"id": number, "op": op, **fields}) + "\n"
            self._process.stdin.write(line.encode())
            await self._process.stdin.drain()
            async with asyncio.timeout(limit):
                reply: dict[str, Any] = await future
                return reply
        except TimeoutError:
            raise BenchError(
                f"{self.name}: no answer to {op!r} in {limit:.0f} s\n{self._tail()}"
            ) from None
        except OSError as error:
            raise BenchError(f"{self.name} has died: {error}\n{self._tail()}") from None
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """Let it end by itself, within END_SECONDS; idempotent."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_SECONDS):
                    await self._process.wait()
        finally:
            await self.kill()

    async def kill(self) -> None:
        """End it and what it started at once; for one whose work need not be put in order."""
        if self._process.returncode is None:
            # Before the first await: a cancelled suite must not leave it behind either.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
        self._reader.cancel()
        await asyncio.wait([self._reader])
        self._log.close()
        self._folder.cleanup()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            reply = json.loads(line)
            future = self._waiting.get(reply["id"])
            if future is None or future.done():
                continue
            if "error" in reply:
                future.set_exception(BenchError(f"{self.name}: {reply['error']}"))
            else:
                future.set_result(reply)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(BenchError(f"{self.name} has died\n{self._tail()}"))

    def _tail(self) -> str:
        if self._log.closed:
            return ""
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - LOG_TAIL))
        return self._log.read().decode(errors="replace")


async def output_of(module: str, *arguments: str) -> str:
    """What a module prints that is run by itself. Raises BenchError when it fails; a
    cancelled caller leaves no process."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        output, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise BenchError(f"{module} ended with {child.returncode}")
    return output.decode()


class Service(Protocol):
    """The child's end: a request ``op`` calls ``op_<op>`` with the rest of its fields."""

    async def close(self) -> None: ...


def die_with_parent() -> None:
    """Have the kernel kill this process with its parent, where it can (Linux).

    A child that is stuck holding the interpreter's lock sees no end of its input.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def claim_output() -> IO[bytes]:
    """The pipe to the parent; whatever else prints goes to the log instead."""
    die_with_parent()
    pipe = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return pipe


async def serve(service: Service, pipe: IO[bytes]) -> None:
    """Answer requests until the input ends, then close the service."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    tasks: set[asyncio.Task[None]] = set()

    async def answer(request: dict[str, Any]) -> None:
        number = request.pop("id")
        try:
            if (op := request.pop("op")) == "ready":
                result: dict[str, Any] = {}
            else:
                result = await getattr(service, f"op_{op}")(**request) or {}
        except Exception as error:
            traceback.print_exc()
            result = {"error": f"{type(error).__name__}: {error}"}
        pipe.write(json.dumps({"id": number, **result}).encode() + b"\n")

    def begin(request: dict[str, Any]) -> None:
        task = asyncio.ensure_future(answer(request))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def read() -> None:
        """In a thread: the Qt loops of this run differ in what they do with pipes."""
        for line in sys.stdin:
            loop.call_soon_threadsafe(begin, json.loads(line))
        loop.call_soon_threadsafe(ended.set)
        # A loop that is stuck must not keep the process.
        threading.Event().wait(END_SECONDS)
        os._exit(1)

    threading.Thread(target=read, daemon=True, name="requests").start()
    await ended.wait()
    for task in tuple(tasks):
        task.cancel()
    await service.close()
