"""``ctl``, and the commands that ask the running instance: two programs of one profile.

Joins the rooms cli, control, agent, relay and client.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.control.commands import CreateLink, OpenShell, SetShared, WaitUntilRegistered
from engine.control.queries import GuestRestrictions, Host, Links, SharedTargets, Shells
from engine.control.socket.client import RemoteControl
from engine.control.socket.instance import find_running
from engine.core.errors import RemoteError
from engine.core.events import GuestsRestricted
from engine.core.model import LOCAL_TARGET, Restrictions, Role, Size
from engine.wire.proof import parse_link
from tests.engine.cli.person import ROOT, person
from tests.engine.cli.running import RunningHost, command, running_host
from tests.engine.hosting import Visitor
from tests.engine.until import until

pytestmark = pytest.mark.takes(60)


@pytest.fixture(autouse=True)
def quick_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HATCHWAY_DOCKER__ENABLED", "false")
    monkeypatch.setenv("SHELL", "/bin/sh")


async def remote_of(profile: Path) -> RemoteControl:
    """A client of the running host, whose links work by now."""
    remote = await find_running(profile)
    assert remote is not None
    assert await remote.do(WaitUntilRegistered(10))
    return remote


def link_of(host: RunningHost, role: str) -> str:
    found = re.search(rf"\({role}\): (\S+)", host.said)
    assert found is not None, host.said
    return found[1]


@pytest.mark.parametrize("action", [["shells"], ["freeze"], ["events"], ["deny", "s"]])
async def test_without_a_running_host_every_action_fails(action: list[str]) -> None:
    ran = await command("ctl", *action)
    assert (ran.code, ran.out) == (1, "")
    assert "No Hatchway is running for this profile" in ran.err


async def test_shells_links_keyboards_and_ends(own_configuration: Path) -> None:
    async with running_host(f"--share={LOCAL_TARGET}=control") as host:
        remote = await remote_of(own_configuration)
        assert "no terminal" in (await command("ctl", "shells")).err.lower()
        shell_id = await remote.do(OpenShell(LOCAL_TARGET))
        visitor = Visitor(parse_link(link_of(host, "control")))
        await visitor.peer.connect()
        shells = await command("ctl", "shells")
        assert shells.code == 0
        assert shell_id in shells.out
        assert "(control)" in shells.out
        listed = (await command("ctl", "shells", "--json")).json["shells"]
        assert shell_id in [one["id"] for one in listed]
        (guests,) = (one["id"] for one in listed if one["id"] != shell_id)

        assert (await command("ctl", "freeze")).code == 0
        states = {one.id: one.keyboard for one in remote.ask(Shells())}
        assert states[guests] == "frozen"
        assert "frozen" in (await command("ctl", "shells")).out
        assert (await command("ctl", "thaw", guests)).code == 0
        assert {one.id: one.keyboard for one in remote.ask(Shells())}[guests] == "open"
        # All of them, and the links. A window of the same engine shows it: it asks as this does.
        restricted: list[Restrictions] = []
        remote.subscribe(
            lambda event: (
                restricted.append(event.restrictions)
                if isinstance(event, GuestsRestricted)
                else None
            )
        )
        for action, now in (
            ("freeze", Restrictions(frozen=True)),
            ("thaw", Restrictions()),
            ("lock", Restrictions(frozen=True, locked=True)),
            ("thaw", Restrictions(locked=True)),
            ("unlock", Restrictions()),
        ):
            assert (await command("ctl", action)).code == 0
            assert remote.ask(GuestRestrictions()) == now
            await until(lambda now=now: restricted[-1:] == [now])

        links = await command("ctl", "links")
        assert link_of(host, "control") in links.out
        (row,) = (await command("ctl", "links", "--json")).json["links"]
        assert (row["url"], row["state"]) == (link_of(host, "control"), "active")

        wrong = await command("ctl", "end", "nothing")
        assert (wrong.code, "no terminal nothing" in wrong.err) == (1, True)
        assert (await command("ctl", "end", guests[:-1])).code == 0
        await until(lambda: visitor.end is not None)
        assert [one.id for one in remote.ask(Shells())] == [shell_id]
        await visitor.peer.close()
        await remote.stop()


async def test_guests_are_approved_and_denied_by_the_lines_of_events(
    own_configuration: Path,
) -> None:
    async with running_host(f"--share={LOCAL_TARGET}=ask") as host:
        url = link_of(host, "ask")
        remote = await remote_of(own_configuration)
        assert not remote.ask(Host()).attended
        unattended = Visitor(parse_link(url))
        with pytest.raises(RemoteError):
            await unattended.peer.connect()
        events = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "engine", "ctl", "events", "--decide",
            cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        await until(lambda: remote.ask(Host()).attended)

        async def event(kind: str) -> dict[str, Any]:
            assert events.stdout is not None
            async with asyncio.timeout(30):
                while True:
                    line: dict[str, Any] = json.loads(await events.stdout.readline())
                    if line["event"] == kind:
                        return line

        for arguments, role in ((("approve", "--view"), Role.VIEW), (("deny",), None)):
            visitor = Visitor(parse_link(url))
            connecting = asyncio.ensure_future(visitor.peer.connect())
            asked = await event("ApprovalRequested")
            ran = await command("ctl", arguments[0], asked["session_id"], *arguments[1:])
            assert ran.code == 0, ran.err
            if role is None:
                with pytest.raises(RemoteError):
                    await connecting
            else:
                await connecting
                assert visitor.peer.role is role
            await visitor.peer.close()
        nobody = await command("ctl", "approve", "nobody")
        assert (nobody.code, "No guest of session nobody waits" in nobody.err) == (1, True)
        await remote.stop()
        await host.stop()
        _, err = await asyncio.wait_for(events.communicate(), 20)
        assert events.returncode == 1
        assert b"The host has stopped" in err


async def test_events_have_no_secrets(own_configuration: Path) -> None:
    async with running_host():
        events = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "engine", "ctl", "events",
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert events.stdout is not None
        remote = await remote_of(own_configuration)
        lines: list[dict[str, Any]] = []
        while not any(line["event"] == "SharesChanged" for line in lines):
            await remote.do(CreateLink(LOCAL_TARGET))
            try:
                async with asyncio.timeout(1):
                    lines.append(json.loads(await events.stdout.readline()))
            except TimeoutError:
                continue
        (shares,) = (line["shares"] for line in lines if line["event"] == "SharesChanged")
        assert shares
        assert all("secret" not in share for share in shares)
        events.send_signal(signal.SIGINT)
        await asyncio.wait_for(events.communicate(), 20)
        assert events.returncode == 0
        await remote.stop()


async def test_events_end_when_nobody_reads_them(own_configuration: Path) -> None:
    async with running_host():
        remote = await remote_of(own_configuration)
        reading, writing = os.pipe()
        events = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "engine", "ctl", "events", "--decide",
            cwd=ROOT, stdout=writing, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        os.close(writing)
        await until(lambda: remote.ask(Host()).attended)
        os.close(reading)
        assert events.stderr is not None
        await remote.do(CreateLink(LOCAL_TARGET))
        error = await asyncio.wait_for(events.stderr.read(), 20)
        assert await events.wait() == 1
        assert b"Standard output cannot be written" in error
        assert b"Traceback" not in error
        await remote.stop()


async def test_targets_and_orphans_are_those_of_the_running_one(own_configuration: Path) -> None:
    async with running_host():
        remote = await remote_of(own_configuration)
        await remote.do(SetShared(LOCAL_TARGET, True))
        listed = (await command("targets", "--json")).json
        assert [one["shared"] for one in listed["targets"]] == [True]
        # Another Docker engine is not that of the running one.
        other = await command("targets", "--json", "--docker-host", "unix:///nowhere")
        assert [one["shared"] for one in other.json["targets"]] == [False]
        nothing = {"orphans": [], "kept": [], "foreign": []}
        assert (await command("orphans", "--json")).json == nothing
        ended = await command("orphans", "--json", "--end")
        assert (ended.code, ended.json) == (0, {"ended": 0, **nothing})
        assert remote.ask(SharedTargets()) == (LOCAL_TARGET,)
        await remote.stop()


async def test_a_second_host_has_an_id_of_its_own_and_leaves_the_socket_to_the_first(
    own_configuration: Path,
) -> None:
    async with running_host() as first:
        remote = await remote_of(own_configuration)
        async with running_host() as second:
            ids = [re.findall(r"\(agent (\w+)\)", host.said) for host in (first, second)]
            assert ids[0] != ids[1]
            other = await remote_of(own_configuration)
            assert other.ask(Host()).agent_id == ids[0][0]
            await other.stop()
        await remote.stop()
    # The next one is the instance again.
    async with running_host() as third:
        assert f"(agent {ids[0][0]})" in third.said


async def test_a_client_that_is_killed_leaves_its_shell_attached_to_nobody(
    own_configuration: Path,
) -> None:
    async with running_host():
        remote = await remote_of(own_configuration)
        code = (
            "import asyncio, sys; from pathlib import Path\n"
            "from engine.control.commands import OpenShell\n"
            "from engine.control.socket.instance import find_running\n"
            "async def main():\n"
            f"    remote = await find_running(Path({str(own_configuration)!r}))\n"
            f"    shell = await remote.do(OpenShell({LOCAL_TARGET!r}))\n"
            "    remote.attach(shell, output=lambda data: None)\n"
            "    print(shell, flush=True)\n"
            "    await asyncio.sleep(60)\n"
            "asyncio.run(main())"
        )
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        assert client.stdout is not None
        shell_id = (await client.stdout.readline()).decode().strip()
        (shell,) = remote.ask(Shells())
        assert (shell.id, len(shell.participants)) == (shell_id, 1)
        client.kill()
        await client.communicate()
        await until(lambda: not remote.ask(Shells())[0].participants)
        await remote.stop()


async def test_a_terminal_of_the_running_host_over_the_socket(own_configuration: Path) -> None:
    async with running_host():
        remote = await remote_of(own_configuration)
        shell_id = await remote.do(OpenShell(LOCAL_TARGET, Size(90, 25)))
        said = bytearray()
        ends: list[tuple[str, int | None]] = []

        def output(data: bytes) -> None:
            said.extend(data)
            handle.rendered(len(data))

        handle = remote.attach(
            shell_id, size=Size(90, 25), output=output, ended=lambda *end: ends.append(end)
        )
        handle.send(b"stty size; echo $((6*7))\n")
        await until(lambda: b"25 90" in said and b"42" in said)
        # Far more than a window; nothing is lost, and the copy of the screen follows.
        del said[:]
        handle.send(b"seq 1 200000; echo do''ne\n")
        await until(lambda: b"done\r\n" in said, seconds=60)
        assert b"\r\n199999\r\n200000\r\n" in said
        await until(lambda: any("done" in row for row in handle.screen.terminal.text()))
        handle.send(b"exit 3\n")
        await until(lambda: ends)
        assert ends[0][1] == 3
        await remote.stop()


async def test_share_records_its_terminal_in_the_running_host_and_no_other(
    own_configuration: Path,
) -> None:
    async with running_host():
        remote = await remote_of(own_configuration)
        other = await remote.do(OpenShell(LOCAL_TARGET))
        async with person("share", "--record") as one:
            await one.at_the_prompt("Press Enter, then ~.")
            recorded = {one.id for one in remote.ask(Shells()) if one.recording_since is not None}
            assert len(recorded) == 1
            assert other not in recorded
            assert [link.record for link in remote.ask(Links())] == [True]
            one.type(b"exit\r")
            assert await one.ends() == 0
        await remote.stop()


async def test_share_uses_the_running_host(own_configuration: Path) -> None:
    async with running_host():
        remote = await remote_of(own_configuration)
        async with person("share") as one:
            await one.at_the_prompt("Press Enter, then ~.")
            (shell,) = remote.ask(Shells())
            assert [people.kind for people in shell.participants] == ["tty"]
            found = re.search(r"^Link: (http\S+)", one.seen.decode(), re.MULTILINE)
            assert found is not None
            visitor = Visitor(parse_link(found[1]))
            await visitor.peer.connect()
            await one.sees("has joined and types")
            visitor.peer.send(b"echo guest-$((3+4))\r")
            await one.sees("guest-7")
            await visitor.peer.close()
            one.type(b"exit 5\r")
            assert await one.ends() == 5
        await until(lambda: not remote.ask(Shells()))
        await remote.stop()


async def test_share_ends_with_the_running_host() -> None:
    async with running_host() as host, person("share") as one:
        await one.at_the_prompt("Press Enter, then ~.")
        await host.stop()
        assert await one.ends() == 1


async def test_two_shares_without_a_host_end_each_by_itself(own_configuration: Path) -> None:
    async with person("share") as one:
        await one.at_the_prompt("Press Enter, then ~.")
        remote = await remote_of(own_configuration)
        assert not remote.lasting
        async with person("share") as two:
            await two.sees("under an agent id of its own")
            await two.at_the_prompt("Press Enter, then ~.")
            assert len(remote.ask(Shells())) == 1
            one.type(b"exit\r")
            await one.ends()
            two.type(b"echo still-$((1+1))\r")
            await two.sees("still-2")
        await remote.stop()


async def test_guests_wait_for_approval_only_where_somebody_can_give_it() -> None:
    refusal = "Nobody can approve guests"
    assert refusal in (await command("share", "--ask", "--no-attach")).err
    async with running_host():
        ran = await command("share", "--ask", "--json")
        assert (ran.code, refusal in ran.err) == (2, True)
