"""Ending a terminal starts nothing: each way to have a next command, in each shell."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from engine.core.model import Size
from engine.core.settings import TerminalSettings
from engine.pty.docker_exec import DockerExecPTY
from engine.pty.ends.ends import TerminalEnds
from engine.pty.local_shell import LocalShellPTY
from tests import images
from tests.docker_fixtures import as_target
from tests.engine.pty.processes import living
from tests.engine.pty.talk import Talk
from tests.engine.until import until

if TYPE_CHECKING:
    from pathlib import Path

    from engine.docker.engines import DockerEngines
    from engine.pty.base import PTY
    from tests.docker_fixtures import ContainerFactory

pytestmark = pytest.mark.takes(60)

FIRST_SLEEP = 7000
"""Each form sleeps for a number of seconds of its own, which identifies it."""
SCRIPT = "SLEEP; NEXT"
FORMS = {
    "list": "SLEEP; NEXT",
    "or": "SLEEP || NEXT",
    "lines": "SLEEP\nNEXT",
    "loop": "while :; do SLEEP; NEXT; done",
    "for": "for i in 1 2; do SLEEP; NEXT; done; NEXT",
    "until": "until SLEEP; do NEXT; done; NEXT",
    "function": "f() { SLEEP; NEXT; }; f; NEXT",
    "substitution": "x=$(SLEEP); NEXT",
    "in a substitution": "echo $(SLEEP; NEXT); NEXT",
    "pipeline": "SLEEP | cat; NEXT",
    "in a pipeline": "{ SLEEP; NEXT; } | cat; NEXT",
    "subshell": "(SLEEP; NEXT); NEXT",
    "group": "{ SLEEP; NEXT; }; NEXT",
    "background": "{ SLEEP; NEXT; } &",
    "eval": "eval 'SLEEP; NEXT'; NEXT",
    "no jobs": "set +m; SLEEP; NEXT",
    "script": "SHELL SCRIPT; NEXT",
    "sourced": ". SCRIPT; NEXT",
    "command": "SHELL -c 'SLEEP; NEXT'; NEXT",
    "nested": "SHELL\nSLEEP; NEXT",
    "stopped": "SHELL -c 'kill -STOP $$; NEXT' & SLEEP; NEXT",
    "exec script": "exec SHELL SCRIPT",
    "exec command": "exec SHELL -c 'SLEEP; NEXT'",
    "exec loop": "exec SHELL -c 'while :; do SLEEP; NEXT; done'",
    "exec pipeline": "exec SHELL -c 'SLEEP | cat; NEXT'",
}


def filled(form: str, number: int, shell: str, folder: str) -> str:
    """The form with its own sleep, and a file of its own that its next command makes."""
    return (
        form.replace("SLEEP", f"sleep {FIRST_SLEEP + number}")
        .replace("NEXT", f"echo >{folder}/next-{number}")
        .replace("SCRIPT", f"{folder}/script-{number}")
        .replace("SHELL", shell)
    )


def scripts(folder: str) -> dict[str, str]:
    """The scripts the forms run, by path."""
    return {
        f"{folder}/script-{number}": filled(SCRIPT, number, "", folder)
        for number in range(len(FORMS))
    }


async def begin(ptys: list[PTY], shell: str, folder: str) -> None:
    """Type each form into its terminal."""
    for number, (pty, form) in enumerate(zip(ptys, FORMS.values(), strict=True)):
        talk = Talk(pty)
        assert await talk.ask("printf up") == "up"
        await talk.say(filled(form, number, shell, folder))


def ran(names: list[str]) -> list[str]:
    """The forms whose next command has made its file."""
    numbers = [int(name.removeprefix("next-")) for name in names if name.startswith("next-")]
    return [list(FORMS)[number] for number in numbers]


def asleep(arguments: list[str]) -> bool:
    """Whether each form sleeps."""
    return all(
        any(f"sleep {FIRST_SLEEP + n}" in one for one in arguments) for n in range(len(FORMS))
    )


@pytest.mark.docker
@pytest.mark.parametrize("first", ["sleep", "reaps"])
@pytest.mark.parametrize(
    ("image", "shell"),
    [(images.BASH, "/bin/bash"), (images.BASH, "/bin/dash"), (images.BUSYBOX, "/bin/sh")],
)
async def test_no_next_command_in_a_container(
    engines: DockerEngines, containers: ContainerFactory, image: str, shell: str, first: str
) -> None:
    waits = ["sh", "-c", "while :; do sleep 5; done"]
    container = containers(image, **({"command": waits} if first == "reaps" else {}))
    for path, text in scripts("/tmp").items():
        assert container.exec_run(["sh", "-c", 'echo "$1" >"$0"', path, text])[0] == 0

    async def opened(number: int) -> DockerExecPTY:
        return await DockerExecPTY.open(
            as_target(container),
            session_id=f"{number}",
            size=Size(),
            docker=engines,
            settings=TerminalSettings(shell=shell),
            ends=ends,
        )

    ends = TerminalEnds(engines)
    ptys: list[PTY] = [await opened(number) for number in range(len(FORMS))]
    await begin(ptys, shell, "/tmp")
    await until(lambda: asleep(living(container)))
    await asyncio.gather(*(pty.close() for pty in ptys))
    assert await ends.finish(30) == 0
    await ends.stop()
    assert ran(container.exec_run(["ls", "/tmp"])[1].decode().split()) == []
    container.reload()
    assert [args for args in living(container) if args != "sleep 5"] == []


@pytest.mark.docker
@pytest.mark.parametrize("image", [images.BASH, images.BUSYBOX])
async def test_no_next_command_of_a_script_that_is_the_first_process(
    engines: DockerEngines, containers: ContainerFactory, image: str
) -> None:
    container = containers(image, labels={"hatchway.shell": "/tmp/script"})
    script = f"#!/bin/sh\necho run''ning; sleep {FIRST_SLEEP}; echo >/tmp/next-0"
    make = ["sh", "-c", 'echo "$0" >/tmp/script; chmod +x /tmp/script', script]
    assert container.exec_run(make)[0] == 0
    pty = await DockerExecPTY.open(
        as_target(container),
        session_id="script",
        size=Size(),
        docker=engines,
        settings=TerminalSettings(),
    )
    await Talk(pty).expect("running")
    await until(lambda: any(f"sleep {FIRST_SLEEP}" in args for args in living(container)))
    await pty.close()
    assert ran(container.exec_run(["ls", "/tmp"])[1].decode().split()) == []
    container.reload()
    assert living(container) == []


def sleeping_here(home: Path) -> list[str]:
    """The arguments of this computer's processes whose home is ``home``."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if (
                process.environ().get("HOME") == str(home)
                and process.status() != psutil.STATUS_ZOMBIE
                and process.pid != os.getpid()
            ):
                found.append(" ".join(process.cmdline()))
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
@pytest.mark.parametrize("name", ["bash", "dash", "busybox"])
async def test_no_next_command_on_this_computer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    found = shutil.which(name)
    assert found, f"{name} is missing on this computer"
    shell = found
    if name == "busybox":
        # It is the shell when it is called by that name.
        (tmp_path / "ash").symlink_to(found)
        shell = str(tmp_path / "ash")
    monkeypatch.setenv("SHELL", shell)
    monkeypatch.setenv("HOME", str(tmp_path))
    for path, text in scripts(str(tmp_path)).items():
        (tmp_path / path).write_text(text)
    ends = TerminalEnds(None)
    settings = TerminalSettings()
    ptys: list[PTY] = [
        await LocalShellPTY.open(session_id=f"{n}", size=Size(), settings=settings, ends=ends)
        for n in range(len(FORMS))
    ]
    await begin(ptys, shell, str(tmp_path))
    await until(lambda: asleep(sleeping_here(tmp_path)))
    await asyncio.gather(*(pty.close() for pty in ptys))
    assert await ends.finish(30) == 0
    await ends.stop()
    assert ran(os.listdir(tmp_path)) == []
    assert sleeping_here(tmp_path) == []
