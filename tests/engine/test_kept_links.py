"""Kept links over restarts of the program: control, agent, relay, access and a real guest."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.access.kept_links import FILE_NAME
from engine.agent.agent import Agent
from engine.control.commands import CreateLink, WaitUntilRegistered
from engine.control.control import Control
from engine.control.queries import LinkUrl, Targets
from engine.core.errors import (
    HatchwayError,
    LinkUnknownError,
    RemoteError,
    SettingsError,
    TargetNotFoundError,
)
from engine.core.model import LOCAL_TARGET, Role
from engine.core.settings import DockerSettings, RelaySettings, Settings
from engine.wire.proof import Link, encode_secret, parse_link
from tests.docker_fixtures import ContainerFactory, unique_name
from tests.engine.hosting import Visitor
from tests.engine.signaling.foreign import ForeignServer, foreign_relay
from tests.engine.until import until

WITHOUT_DOCKER = Settings(docker=DockerSettings(enabled=False))


@asynccontextmanager
async def program(settings: Settings = WITHOUT_DOCKER) -> AsyncIterator[Agent]:
    """One run of the program, with its built-in relay, in the test's configuration folder."""
    agent = Agent(settings)
    await agent.start()
    try:
        assert await agent.wait_registered(10)
        yield agent
    finally:
        await agent.stop()


@asynccontextmanager
async def guest(link: Link) -> AsyncIterator[Visitor]:
    visitor = Visitor(link)
    try:
        await visitor.peer.connect()
        yield visitor
    finally:
        await visitor.peer.close()


async def works(link: Link) -> None:
    async with guest(link) as visitor:
        visitor.peer.send(b"echo $((6*7))\r")
        await visitor.sees(b"42")


async def refusal(link: Link) -> HatchwayError:
    with pytest.raises(HatchwayError) as caught:
        async with guest(link):
            pass
    return caught.value


async def kept_link(agent: Agent, target: str = LOCAL_TARGET, **more: bool) -> Link:
    share = await agent.admission.create_kept(target, **more)
    return parse_link(agent.admission.url(share))


async def test_a_kept_link_works_after_a_restart_and_another_one_does_not(
    own_configuration: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with program() as agent:
        kept = await kept_link(agent)
        usual = parse_link(agent.admission.url(agent.admission.links.create(LOCAL_TARGET)))
    async with program() as agent:
        (share,) = agent.admission.links.list()
        assert (share.id, share.kept, share.target) == (kept.id, True, LOCAL_TARGET)
        assert agent.admission.url(share) == kept.url
        await works(kept)
        assert isinstance(await refusal(usual), LinkUnknownError)
    assert encode_secret(kept.secret) in (own_configuration / FILE_NAME).read_text()
    assert encode_secret(kept.secret) not in caplog.text


async def test_a_link_keeps_its_conditions() -> None:
    async with program() as agent:
        share = await agent.admission.create_kept(
            LOCAL_TARGET, Role.VIEW, approval=True, seconds=600
        )
    async with program() as agent:
        assert agent.admission.links.list() == (share,)


async def test_a_revoked_link_does_not_come_back() -> None:
    async with program() as agent:
        kept = await kept_link(agent)
    async with program() as agent:
        await agent.admission.revoke(kept.id)
        error = await refusal(kept)
        assert isinstance(error, RemoteError)
        assert error.remote_code == "link_revoked"
    async with program() as agent:
        assert agent.admission.links.list() == ()
        # Nothing is kept, so the relay has another port; the link itself is unknown here, too.
        moved = parse_link(f"{agent.relay_info().url}/s/{kept.id}#{encode_secret(kept.secret)}")
        assert isinstance(await refusal(moved), LinkUnknownError)


async def test_a_used_link_for_one_use_does_not_come_back() -> None:
    async with program() as agent:
        kept = await kept_link(agent, single_use=True)
    async with program() as agent:
        await works(kept)
    async with program() as agent:
        assert agent.admission.links.list() == ()


async def test_a_use_is_on_disk_before_its_shell_runs(own_configuration: Path) -> None:
    async with program() as agent:
        kept = await kept_link(agent, single_use=True)
        async with guest(kept) as visitor:
            visitor.peer.send(b"echo $((6*7))\r")
            await visitor.sees(b"42")
            assert not (own_configuration / FILE_NAME).exists()


async def test_a_guest_who_was_not_admitted_does_not_use_it_up() -> None:
    async with program() as agent:
        kept = await kept_link(agent, single_use=True, approval=True)
        # Nobody watches, so the guest is denied.
        await refusal(kept)
        await until(lambda: not agent.sessions())
    async with program() as agent:
        (share,) = agent.admission.links.active()
        assert (share.id, share.uses) == (kept.id, 0)


async def test_without_kept_links_the_start_is_as_ever_whatever_the_file_holds(
    own_configuration: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (own_configuration / FILE_NAME).touch(0o600)
    (own_configuration / FILE_NAME).write_text('{"version":1,"port":1,"links":[{"id":')
    async with program() as agent:
        assert agent.admission.links.list() == ()
        assert "damaged" in caplog.text
        assert agent.links_problem == ""


async def test_while_its_port_is_taken_a_kept_link_waits(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with program() as agent:
        kept = await kept_link(agent)
    port = int(kept.base.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        async with program() as agent:
            assert not agent.relay_info().url.endswith(f":{port}")
            assert f"port {port}" in agent.links_problem
            assert agent.links_problem in caplog.text
            assert agent.admission.links.active()
    async with program() as agent:
        assert agent.links_problem == ""
        await works(kept)


async def test_a_link_cannot_be_kept_for_a_target_that_does_not_exist() -> None:
    async with program() as agent:
        with pytest.raises(TargetNotFoundError):
            await agent.admission.create_kept("nobody")
        assert agent.admission.links.list() == ()


@pytest.mark.docker
async def test_another_container_under_the_name_is_not_the_target(
    containers: ContainerFactory,
) -> None:
    name = unique_name("kept")
    first = containers(name=name)
    async with program(Settings()) as agent:
        await until(lambda: name in [target.id for target in agent.targets.list()])
        kept = await kept_link(agent, name)
        await works(kept)
    first.rename(f"{name}-old")
    second = containers(name=name)
    async with program(Settings()) as agent:
        await until(lambda: agent.targets.find(name).ref == second.id)
        error = await refusal(kept)
        assert isinstance(error, RemoteError)
        assert error.remote_code == "target_not_found"
        (row,) = agent.admission.registration()
        assert row["state"] == "absent"
        # The first one gets its name back.
        second.remove(force=True)
        first.rename(name)
        await until(lambda: agent.targets.find(name).ref == first.id)
        await works(kept)


@pytest.mark.parametrize("by_name", [False, True])
async def test_a_link_opens_the_container_it_was_made_for_or_the_name_by_choice(
    containers: ContainerFactory, by_name: bool
) -> None:
    name = unique_name("link")
    first = containers(name=name)
    control = Control(Settings())
    await control.start()
    try:
        await until(lambda: name in [target.id for target in control.ask(Targets())])
        share = await control.do(CreateLink(name, by_name=by_name))
        link = parse_link(control.ask(LinkUrl(share.id)))
        assert await control.do(WaitUntilRegistered(10))
        await works(link)
        first.rename(f"{name}-old")
        second = containers(name=name)
        await until(
            lambda: any(one.id == name and one.ref == second.id for one in control.ask(Targets()))
        )
        if by_name:
            await works(link)
        else:
            error = await refusal(link)
            assert isinstance(error, RemoteError)
            assert error.remote_code == "target_not_found"
    finally:
        await control.stop()


async def test_links_created_together_are_registered_together() -> None:
    server = ForeignServer()
    async with foreign_relay(server.sio) as url:
        agent = Agent(replace(WITHOUT_DOCKER, relay=RelaySettings(url=url)))
        await agent.start()
        await until(lambda: server.of("agent:register"), what="the first registration")
        for _ in range(100):
            agent.admission.links.create(LOCAL_TARGET)
        await until(lambda: len(server.of("agent:register")) > 1, what="another registration")
        last = agent.admission.links.create(LOCAL_TARGET)
        await until(lambda: last.id in str(server.of("agent:register")[-1]))
        assert [len(one["links"]) for one in server.of("agent:register")] == [0, 100, 101]
        await agent.stop()


async def test_a_link_that_cannot_be_stored_is_an_error_and_opens_nothing(
    own_configuration: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with program() as agent:
        # Not even root can replace a folder by a file.
        (own_configuration / FILE_NAME).mkdir()
        with pytest.raises(SettingsError, match="cannot be kept"):
            await kept_link(agent)
        assert agent.admission.links.active() == ()
        (own_configuration / FILE_NAME).rmdir()
        kept = await kept_link(agent)
    assert "Links cannot be kept" in caplog.text
    caplog.clear()
    async with program() as agent:
        await works(kept)
