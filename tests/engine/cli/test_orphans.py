"""``orphans``: what a killed host left is listed by the next command, and ended on request."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.core.model import LOCAL_TARGET
from engine.wire.proof import parse_link
from tests.engine.hosting import Visitor
from tests.engine.orphaned import all_gone, command, listed, of_terminal, orphaned, records, running
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.docker_fixtures import ContainerFactory

ROOT = Path(__file__).parents[3]
LEFT = "(sleep 1011 &)"
"""Outlives a terminal on this computer, and does not ask to."""
JOB = "(trap '' HUP; sleep 1012 &)"
"""Asks to keep running, as nohup does."""
ROW = {"id", "target", "session", "state", "processes", "more", "reason"}


@pytest.fixture
async def left(own_configuration: Path) -> AsyncIterator[str]:
    """The tag of an orphan on this computer with a job that asked to keep running."""
    await orphaned(own_configuration, ("", f"{LEFT}; {JOB}"))
    (record,) = records(own_configuration)
    await until(lambda: [p.name() for p in of_terminal(record["tag"])] == ["sleep"] * 2)
    yield record["tag"]
    for process in of_terminal(record["tag"]):
        process.kill()


@pytest.mark.docker
async def test_a_host_that_was_killed_left_its_guests_shells(
    own_configuration: Path, containers: ContainerFactory
) -> None:
    name = str(containers().name)
    shares = [f"--share={target}=control" for target in (LOCAL_TARGET, name)]
    host = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "engine", "--links-json", *shares,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert host.stdout is not None
    visitors = []
    for _ in shares:
        row = json.loads(await asyncio.wait_for(host.stdout.readline(), 30))
        visitors.append(Visitor(parse_link(row["url"])))
        await visitors[-1].peer.connect()
        visitors[-1].peer.send(f"{LEFT}; echo rea''dy\r".encode())
        await visitors[-1].sees(b"ready\r\n")
    tags = {record["name"]: record["tag"] for record in records(own_configuration)}
    assert set(tags) == {LOCAL_TARGET, name}
    # While it lives, nothing of it is an orphan.
    nothing = {"orphans": [], "kept": [], "foreign": []}
    assert await listed(own_configuration) == nothing
    assert await listed(own_configuration, "--end", "--kept") == {"ended": 0, **nothing}
    host.kill()
    await host.wait()
    await asyncio.gather(*(visitor.peer.close() for visitor in visitors))
    found = await listed(own_configuration)
    assert {one["target"]: one["id"] for one in found["orphans"]} == tags
    for one in found["orphans"]:
        assert one["state"] == "orphan"
        assert "sleep" in [process["name"] for process in one["processes"]]
    # Listing ended nothing.
    assert all(of_terminal(tag) for tag in tags.values())
    assert await listed(own_configuration, "--end") == {"ended": 2, **nothing}
    await all_gone(*tags.values())
    assert records(own_configuration) == []
    assert await listed(own_configuration) == nothing


async def test_the_shape_of_the_json(own_configuration: Path, left: str) -> None:
    found = await listed(own_configuration)
    assert set(found) == {"orphans", "kept", "foreign"}
    (one,) = found["orphans"]
    assert set(one) == ROW
    assert (one["id"], one["target"], one["session"]) == (left, LOCAL_TARGET, "s0")
    assert (one["state"], one["more"], one["reason"]) == ("orphan", 0, "")
    pids = sorted(process.pid for process in of_terminal(left))
    rows = sorted(one["processes"], key=lambda process: int(process["pid"]))
    assert rows == [{"pid": pid, "name": "sleep"} for pid in pids]


async def test_what_is_kept_is_listed_apart_and_ends_with_kept(
    own_configuration: Path, left: str
) -> None:
    found = await listed(own_configuration, "--end")
    assert (found["ended"], found["orphans"]) == (0, [])
    assert [one["state"] for one in found["kept"]] == ["kept"]
    (process,) = of_terminal(left)
    assert found["kept"][0]["processes"] == [{"pid": process.pid, "name": "sleep"}]
    assert (await listed(own_configuration))["kept"] == found["kept"]
    found = await listed(own_configuration, "--end")
    assert (found["ended"], len(found["kept"])) == (0, 1)
    found = await listed(own_configuration, "--end", "--kept")
    assert (found["ended"], found["kept"]) == (1, [])
    assert of_terminal(left) == []


async def test_another_hosts_is_listed_apart_with_its_id(
    own_configuration: Path, left: str
) -> None:
    (record,) = records(own_configuration)
    (own_configuration / "host-id").write_text("0" * 32)
    found = await listed(own_configuration, "--end", "--kept")
    assert (found["ended"], found["orphans"], found["kept"]) == (0, [], [])
    (one,) = found["foreign"]
    assert set(one) == {*ROW, "host"}
    assert (one["state"], one["host"]) == ("foreign", record["host"])
    assert len(of_terminal(left)) == 2


async def test_the_text_for_people(own_configuration: Path, left: str) -> None:
    code, said = await command(own_configuration)
    title, row = said.splitlines()
    assert (code, title) == (0, "Left by a Hatchway that did not stop properly; --end ends them:")
    assert row.startswith(f"  {LOCAL_TARGET}  sleep (")
    code, said = await command(own_configuration, "--end")
    ended, title, row = said.splitlines()
    assert (code, ended) == (0, "Ended 0 terminals.")
    assert title.startswith("Kept running on request")
    assert row.startswith(f"  {LOCAL_TARGET}  sleep (")
    assert await command(own_configuration, "--end", "--kept") == (0, "Ended 1 terminal.\n")
    assert await command(own_configuration) == (0, "No terminals of earlier runs are left.\n")


@pytest.mark.docker
async def test_what_cannot_be_ended_fails_with_the_reason(
    own_configuration: Path, containers: ContainerFactory
) -> None:
    container = containers()
    await orphaned(own_configuration, (str(container.id), "true"))
    container.pause()
    code, said = await command(own_configuration, "--end")
    container.unpause()
    assert code == 1
    ended, title, row = said.splitlines()
    assert (ended, title) == ("Ended 0 terminals.", "Not ended completely yet:")
    assert row.endswith("is paused")
    # Its end has begun: a command that only lists leaves it to the next host, or to --end.
    found = await listed(own_configuration)
    assert [one["state"] for one in found["orphans"]] == ["ending"]
    assert (await listed(own_configuration, "--end"))["ended"] == 1


@pytest.mark.docker
async def test_two_commands_at_once_end_everything_once(
    own_configuration: Path, containers: ContainerFactory
) -> None:
    box = str(containers().id)
    await orphaned(own_configuration, (box, "trap '' HUP"), (box, LEFT), (box, JOB), ("", LEFT))
    tags = [record["tag"] for record in records(own_configuration)]
    both = [listed(own_configuration, "--end", "--kept") for _ in range(2)]
    results = await asyncio.gather(*both)
    assert sum(result["ended"] for result in results) == 4
    await all_gone(*tags)
    assert records(own_configuration) == []


async def test_a_living_program_of_the_profile_is_not_touched(own_configuration: Path) -> None:
    async with running(own_configuration, ("", LEFT)):
        (record,) = records(own_configuration)
        assert (await listed(own_configuration, "--end", "--kept"))["ended"] == 0
        assert records(own_configuration) == [record]
        assert of_terminal(record["tag"])
    assert (await listed(own_configuration, "--end"))["ended"] == 1


async def test_a_profile_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    code, said = await command(tmp_path / "file")
    assert code == 1
    assert said.startswith("Error: Cannot read the records")
