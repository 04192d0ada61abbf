"""What is left when a host, a container or a guest dies while several people are in a shell.

Joins the rooms control, agent, relay, sessions, shells and pty.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from docker.models.containers import Container

from engine.control import commands as c
from engine.core import events as ev
from engine.core.model import LOCAL_TARGET, EndCode, Role
from engine.core.settings import SessionSettings, Settings
from engine.wire.proof import parse_link
from tests.docker_fixtures import Box, ContainerFactory
from tests.engine.cli.person import person
from tests.engine.orphaned import all_gone, listed, records
from tests.engine.party import Page, Party, party
from tests.engine.until import until

HOST = """
import asyncio, json, signal, sys
from engine.control import queries as q
from engine.control import commands as c
from engine.core.model import Role
from engine.transport import tuning
from tests.engine.party import party

async def main(targets):
    tuning.apply()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with party(docker=True) as made:
        await made.control.do(c.WaitForTargets(20))
        links = []
        for target in targets:
            shell = await made.open(target)
            for role in Role:
                share = await made.control.do(c.CreateLink(target, role, shell=shell))
                links.append((target, made.control.ask(q.LinkUrl(share.id))))
        print(json.dumps(links), flush=True)
        await stop.wait()

asyncio.run(main(sys.argv[1:]))
"""


@asynccontextmanager
async def host(*targets: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[Page]]]:
    """A host with a shell in each target, in a process of its own, and two people in each."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOST, *targets, stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    pages: list[Page] = []
    try:
        links: list[tuple[str, str]] = json.loads(await program.stdout.readline())
        pages += [Page(parse_link(url), target) for target, url in links]
        await asyncio.gather(*(page.join() for page in pages))
        for number, page in enumerate(pages):
            if page.raw.welcome["role"] == Role.CONTROL:
                page.types(b"sleep 1000 & echo up-%d-$((40+2))\n" % number)
                await page.sees(f"up-{number}-42")
        yield program, pages
    finally:
        if program.returncode is None:
            program.kill()
        await program.wait()
        await asyncio.gather(*(page.close() for page in pages))


def tags(folder: Path) -> list[str]:
    return [record["tag"] for record in records(folder)]


@pytest.mark.docker
async def test_a_host_that_is_terminated_tells_everybody_and_leaves_nothing(
    busybox: Container, own_configuration: Path
) -> None:
    async with host(LOCAL_TARGET, Box(busybox).target.id) as (program, pages):
        left = tags(own_configuration)
        assert len(left) == 2
        program.send_signal(signal.SIGTERM)
        await until(lambda: all(page.raw.of("exit") for page in pages))
        assert {page.raw.of("exit")[0]["code"] for page in pages} == {"host_stopped"}
        await program.wait()
        await all_gone(*left)
        assert records(own_configuration) == []


@pytest.mark.docker
async def test_shells_of_a_host_that_was_killed_are_listed_and_ended(
    busybox: Container, own_configuration: Path
) -> None:
    async with host(LOCAL_TARGET, Box(busybox).target.id) as (program, pages):
        left = tags(own_configuration)
        assert len(left) == 2
        program.kill()
        await program.wait()
        # Those of this computer end with their terminal, which the kernel hangs up.
        await until_listed(own_configuration, str(busybox.name))
        await listed(own_configuration, "--end")
        await all_gone(*left)
        assert (await listed(own_configuration))["orphans"] == []
        assert all(not page.raw.of("exit") for page in pages)


async def until_listed(folder: Path, *targets: str) -> None:
    """Until these are the targets of the orphans."""
    for _ in range(20):
        found = [one["target"] for one in (await listed(folder))["orphans"]]
        if found == list(targets):
            return
    raise AssertionError(found)


Fate = Callable[[Container], Any]


@pytest.mark.docker
@pytest.mark.parametrize(
    "fate",
    [
        lambda box: box.kill(),
        lambda box: box.stop(timeout=0),
        lambda box: box.remove(force=True),
    ],
    ids=["killed", "stopped", "removed"],
)
async def test_everybody_is_told_when_the_container_ends(
    containers: ContainerFactory, fate: Fate, own_configuration: Path
) -> None:
    box = containers()
    async with party(docker=True) as made:
        await made.control.do(c.WaitForTargets(20))
        shell, pages = await people(made, Box(box).target.id)
        left = tags(own_configuration)
        await asyncio.to_thread(fate, box)
        await until(lambda: all(page.raw.of("exit") for page in pages))
        assert {page.raw.of("exit")[0]["code"] for page in pages} == {"target_stopped"}
        await until(lambda: made.of(ev.ShellEnded))
        ended = made.of(ev.ShellEnded)[0].shell
        assert (ended.id, ended.exit.code) == (shell, EndCode.TARGET_STOPPED)
        assert made.shells() == ()
        await all_gone(*left)
        await until(lambda: records(own_configuration) == [])


@pytest.mark.docker
async def test_a_shell_of_a_paused_container_ends_when_that_goes_on(
    containers: ContainerFactory, own_configuration: Path
) -> None:
    box = containers()
    async with party(docker=True) as made:
        await made.control.do(c.WaitForTargets(20))
        shell, pages = await people(made, Box(box).target.id)
        (tag,) = tags(own_configuration)
        await asyncio.to_thread(box.pause)
        try:
            for page in pages:
                page.types(b"echo paused-$((40+2))\n")
            ending = asyncio.create_task(made.control.do(c.EndShell(shell)))
            await until(lambda: all(page.raw.of("exit") for page in pages), 40)
        finally:
            await asyncio.to_thread(box.unpause)
        await ending
        await all_gone(tag)
        await until(lambda: records(own_configuration) == [])


async def test_a_guest_that_dies_takes_nobody_with_it() -> None:
    async with party() as made:
        opener = await made.page(await made.link()).join()
        shell = opener.raw.welcome["shell"]
        other, viewer = await made.joins(shell), await made.joins(shell, Role.VIEW)
        opener.types(b"echo up-$((40+2))\n")
        await viewer.sees("up-42")
        # Nothing is said: its process is gone.
        await opener.raw.pc.close()
        other.types(b"echo still-$((40+2))\n")
        await viewer.sees("still-42")
        assert len(made.info(shell).participants) == 3
        await other.raw.pc.close()
        await viewer.raw.pc.close()
        await until(lambda: not any(one.attached for one in made.info(shell).participants))
        assert [one.id for one in made.shells()] == [shell]
        back = made.page(opener.link)
        await back.join(resume=opener.raw.token)
        await back.sees("still-42")


def attentive(settings: Settings) -> Settings:
    """Who does not answer is noticed soon."""
    return msgspec.structs.replace(settings, session=SessionSettings(heartbeat_interval=0.5))


async def test_a_guest_whose_program_is_killed_leaves_the_shell_to_the_others() -> None:
    async with party(attentive) as made:
        async with person("connect", (await made.link()).url) as killed:
            await killed.at_the_prompt()
            (shell,) = (one.id for one in made.shells())
            other = await made.joins(shell)
            killed.type(b"sleep 1000 & echo mine-$((40+2))\r")
            await other.sees("mine-42")
            killed.process.kill()
            await asyncio.to_thread(killed.process.wait)

            def attached() -> list[bool]:
                return [one.attached for one in made.info(shell).participants]

            await until(lambda: attached() == [False, True])
        other.types(b"kill %1 && echo still-$((40+2))\n")
        await other.sees("still-42")
        # Nobody has said that the terminal is to be closed.
        await other.close()
        await until(lambda: not any(attached()))
        assert [one.id for one in made.shells()] == [shell]


async def people(made: Party, target: str) -> tuple[str, list[Page]]:
    """A shell with a controller, a viewer, and an older page."""
    shell = await made.open(target)
    pages = [
        await made.joins(shell),
        await made.joins(shell, Role.VIEW),
        await made.joins(shell, caps=("mute",)),
    ]
    pages[0].types(b"sleep 1000 & echo up-$((40+2))\n")
    for page in pages:
        await page.sees("up-42")
    return shell, pages
