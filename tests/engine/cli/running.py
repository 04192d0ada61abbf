"""A host in a process of its own, and commands of other processes of the same profile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.engine.cli.person import ROOT


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


async def command(*arguments: str) -> Ran:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "engine", *arguments,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    assert b"Traceback" not in err, err
    return Ran(process.returncode, out.decode(), err.decode())


@dataclass
class RunningHost:
    process: asyncio.subprocess.Process
    said: str = ""
    links: list[dict[str, str]] = field(default_factory=list)

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(self.process.communicate(), 30)


@asynccontextmanager
async def running_host(*arguments: str, until: str = "Stop with Ctrl+C.") -> AsyncIterator[Any]:
    """A host that says it runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "engine", *arguments,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    host = RunningHost(process)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while until not in host.said:
                line = (await process.stdout.readline()).decode()
                assert line, host.said
                host.said += line
        yield host
    finally:
        with contextlib.suppress(ProcessLookupError):
            await host.stop()
