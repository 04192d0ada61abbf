"""A program that opens terminals and is killed: what it leaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psutil

from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from engine.core.model import Size, Target, TargetKind
from engine.core.settings import DockerSettings, TerminalSettings
from engine.docker.engines import DockerEngines
from engine.pty.create import create_pty_session
from engine.pty.ends.ends import TerminalEnds

async def open_one(number, ref, typed, docker, ends):
    kind = TargetKind.CONTAINER if ref else TargetKind.LOCAL
    name = ref[:12] or "This computer"
    target = Target(id=name, kind=kind, name=name, engine="docker", ref=ref)
    pty = await create_pty_session(target, session_id=f"s{number}", size=Size(), docker=docker,
                                   settings=TerminalSettings(shell="/bin/sh"), ends=ends)
    await pty.write(f"{typed}\\necho rea''dy\\n".encode())
    said = b""
    while b"ready" not in said:
        said += await pty.read()
    return pty

async def main(folder, shells):
    docker = DockerEngines(DockerSettings())
    ends = TerminalEnds(docker, folder=Path(folder))
    await ends.start()
    opened = [await open_one(n, *shell, docker, ends) for n, shell in enumerate(json.loads(shells))]
    await ends.saved()
    print("open", flush=True)
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


@asynccontextmanager
async def running(
    folder: Path, *shells: tuple[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program of the profile ``folder`` whose terminals are open; killed at the end.

    A shell is a container's id ("": this computer) and what is typed.
    """
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(folder), json.dumps(shells),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert program.stdout is not None
    try:
        assert await program.stdout.readline() == b"open\n"
        yield program
    finally:
        program.kill()
        await program.wait()


async def orphaned(folder: Path, *shells: tuple[str, str]) -> None:
    """Leave these shells in the profile ``folder``, whose program is dead."""
    async with running(folder, *shells):
        pass


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted(folder.glob("shells/*/*.json"))]


def of_terminal(tag: str) -> list[psutil.Process]:
    """The living processes of this computer, containers included, that carry the tag."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if (
                process.environ().get("HATCHWAY_TERMINAL") == tag
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
    return found


async def all_gone(*tags: str) -> None:
    """Until no process of these terminals lives."""
    for tag in tags:
        await until(lambda tag=tag: not of_terminal(tag), what=f"the end of {tag}")


async def command(folder: Path, *arguments: str) -> tuple[int, str]:
    """``orphans`` with ``arguments``: the exit code and what it printed."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "engine", "orphans", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "HATCHWAY_CONFIG_DIR": str(folder)},
    )  # fmt: skip
    out, err = await program.communicate()
    assert b"Traceback" not in err, err.decode()
    assert program.returncode is not None
    return program.returncode, out.decode() + err.decode()


async def listed(folder: Path, *arguments: str) -> dict[str, Any]:
    code, said = await command(folder, "--json", *arguments)
    assert code == 0, said
    answer: dict[str, Any] = json.loads(said)
    return answer
