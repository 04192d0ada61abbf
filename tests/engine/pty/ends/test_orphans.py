"""What killed programs left: found by all, ended by one, on request only."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from engine.core.events import EventBus, OrphansChanged
from engine.core.model import LOCAL_TARGET, OrphansEnded, OrphanState
from engine.core.settings import DockerSettings
from engine.docker.engines import DockerEngines
from engine.pty.ends.ends import TerminalEnds
from tests.docker_fixtures import engines_at
from tests.engine.orphaned import all_gone, of_terminal, orphaned, records, running
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from docker.models.containers import Container

    from tests.docker_fixtures import ContainerFactory

LEFT = "(sleep 1032 &)"
"""No job of the shell, so it outlives a terminal on this computer; the shell does not."""
DEAF = "trap '' HUP; echo rea''dy; sleep 1032"
"""A shell that outlives it, too: it ignores HUP, and does not read, so it sees no end of file."""
JOB = "(trap '' HUP; sleep 1033 &)"
"""What nohup does, but done before the next command runs."""
ROUNDS = 20


@asynccontextmanager
async def started(
    folder: Path, docker: DockerEngines | None = None, events: EventBus | None = None
) -> AsyncIterator[TerminalEnds]:
    ends = TerminalEnds(docker, folder=folder, events=events)
    await ends.start()
    try:
        yield ends
    finally:
        await ends.stop()


def states(ends: TerminalEnds) -> list[str]:
    return [orphan.state for orphan in ends.orphans()]


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("shells/*/*.json"))


def rewrite(folder: Path, **fields: Any) -> None:
    """Change every record there is."""
    for path in files(folder):
        path.write_text(json.dumps({**json.loads(path.read_bytes()), **fields}))


@pytest.fixture
async def left(own_configuration: Path) -> AsyncIterator[str]:
    """The tag of an orphan on this computer; it is gone after the test."""
    await orphaned(own_configuration, ("", LEFT))
    (record,) = records(own_configuration)
    # The kernel has hung up the shell, which ends in its own time.
    await until(lambda: len(of_terminal(record["tag"])) == 1)
    yield record["tag"]
    for process in of_terminal(record["tag"]):
        process.kill()


async def test_an_orphan_on_this_computer_is_listed_and_ended_on_request(
    own_configuration: Path, left: str
) -> None:
    events, published = EventBus(), list[OrphansChanged]()
    events.subscribe(lambda e: published.append(e) if isinstance(e, OrphansChanged) else None)
    async with started(own_configuration, events=events) as ends:
        await ends.look()
        (orphan,) = ends.orphans()
        assert (orphan.id, orphan.target, orphan.session) == (left, LOCAL_TARGET, "s0")
        assert (orphan.state, orphan.reason, orphan.host) == (OrphanState.ORPHAN, "", "")
        assert [process.pid for process in orphan.processes] == [of_terminal(left)[0].pid]
        assert published[-1].orphans == (orphan,)
        assert await ends.end_orphans() == OrphansEnded(1)
        assert of_terminal(left) == []
        assert published[-1].orphans == ends.orphans() == ()
    assert records(own_configuration) == []


async def test_until_then_it_stays_where_it_is_over_any_number_of_starts(
    own_configuration: Path, left: str
) -> None:
    where = files(own_configuration)
    for _ in range(2):
        async with started(own_configuration) as ends:
            await ends.look()
            assert states(ends) == [OrphanState.ORPHAN]
    assert files(own_configuration) == where
    assert of_terminal(left)


async def test_shells_of_a_living_program_are_neither_listed_nor_ended(
    own_configuration: Path,
) -> None:
    async with running(own_configuration, ("", LEFT)):
        (record,) = records(own_configuration)
        async with started(own_configuration) as ends:
            await ends.look()
            assert ends.orphans() == ()
            assert await ends.end_orphans(kept=True) == OrphansEnded(0)
        assert of_terminal(record["tag"])
        assert records(own_configuration) == [record]
    async with started(own_configuration) as ends:
        assert await ends.end_orphans() == OrphansEnded(1)
    assert of_terminal(record["tag"]) == []


async def test_what_another_program_has_ended_is_no_longer_listed(
    own_configuration: Path, left: str
) -> None:
    async with started(own_configuration) as ends, started(own_configuration) as other:
        await ends.look()
        assert states(ends) == [OrphanState.ORPHAN]
        assert (await other.end_orphans()).ended == 1
        assert await ends.end_orphans() == OrphansEnded(0)
        assert ends.orphans() == ()


async def test_one_that_ends_by_itself_is_no_longer_listed(
    own_configuration: Path, left: str
) -> None:
    async with started(own_configuration) as ends:
        await ends.look()
        (process,) = of_terminal(left)
        process.kill()
        await all_gone(left)
        await ends.look()
        assert ends.orphans() == ()
        await ends.saved()
        assert records(own_configuration) == []


# -- what asked to keep running


async def test_what_asked_to_keep_running_is_kept_and_ended_only_if_that_is_requested(
    own_configuration: Path,
) -> None:
    await orphaned(own_configuration, ("", f"{LEFT}; {JOB}"))
    (record,) = records(own_configuration)
    tag = record["tag"]
    async with started(own_configuration) as ends:
        result = await ends.end_orphans()
        (kept,) = result.left
        assert (result.ended, kept.state) == (0, OrphanState.KEPT)
        assert [process.name for process in kept.processes] == ["sleep"]
        assert await ends.end_orphans() == OrphansEnded(0)
    assert [process.name() for process in of_terminal(tag)] == ["sleep"]
    # The next start lists it, apart from orphans.
    async with started(own_configuration) as ends:
        await ends.look()
        assert states(ends) == [OrphanState.KEPT]
        assert await ends.end_orphans() == OrphansEnded(0)
        assert of_terminal(tag)
        assert await ends.end_orphans(kept=True) == OrphansEnded(1)
        assert ends.orphans() == ()
    assert of_terminal(tag) == []
    assert records(own_configuration) == []


async def test_with_kept_an_orphan_and_its_jobs_end_at_once(own_configuration: Path) -> None:
    await orphaned(own_configuration, ("", f"{LEFT}; {JOB}"))
    (record,) = records(own_configuration)
    async with started(own_configuration) as ends:
        assert await ends.end_orphans(kept=True) == OrphansEnded(1)
    assert of_terminal(record["tag"]) == []


@pytest.mark.parametrize("everything", [False, True])
async def test_an_end_that_was_requested_means_the_same_to_the_next_start(
    own_configuration: Path, everything: bool
) -> None:
    await orphaned(own_configuration, ("", f"{LEFT}; {JOB}"))
    (record,) = records(own_configuration)
    # As a program leaves it that is killed between the request and the end.
    rewrite(own_configuration, state="ending", everything=everything)
    async with started(own_configuration) as ends:
        await until(lambda: not ends.pending())
        await ends.saved()
        assert states(ends) == ([] if everything else [OrphanState.KEPT])
    assert [p.name() for p in of_terminal(record["tag"])] == ([] if everything else ["sleep"])
    for process in of_terminal(record["tag"]):
        process.kill()


# -- which records count


async def test_another_hosts_is_shown_as_such_and_never_ended(
    own_configuration: Path, left: str
) -> None:
    (record,) = records(own_configuration)
    (own_configuration / "host-id").write_text("0" * 32)
    for state in ("live", "ending", "kept"):
        rewrite(own_configuration, state=state)
        async with started(own_configuration) as ends:
            await ends.look()
            (orphan,) = ends.orphans()
            assert (orphan.state, orphan.host) == (OrphanState.FOREIGN, record["host"])
            assert await ends.end_orphans(kept=True) == OrphansEnded(0)
            assert ends.pending() == 0
        assert of_terminal(left)
        assert len(records(own_configuration)) == 1


async def test_another_hosts_of_which_nothing_runs_is_neither_shown_nor_removed(
    own_configuration: Path, left: str
) -> None:
    (own_configuration / "host-id").write_text("0" * 32)
    (process,) = of_terminal(left)
    process.kill()
    await all_gone(left)
    async with started(own_configuration) as ends:
        await ends.look()
        assert ends.orphans() == ()
    assert len(records(own_configuration)) == 1


async def test_a_record_of_an_earlier_boot_goes(own_configuration: Path, left: str) -> None:
    rewrite(own_configuration, boot="another")
    async with started(own_configuration) as ends:
        await ends.look()
        assert ends.orphans() == ()
    assert records(own_configuration) == []
    assert of_terminal(left)


async def test_a_process_that_got_the_number_of_a_dead_shell_is_left_alone(
    own_configuration: Path,
) -> None:
    await orphaned(own_configuration, ("", DEAF))
    (record,) = records(own_configuration)
    (process,) = [one for one in of_terminal(record["tag"]) if one.pid == record["pid"]]
    # Found by number alone, it would be ended: the record has another tag.
    (path,) = files(own_configuration)
    path.unlink()
    path.with_name("b" * 32 + ".json").write_text(
        json.dumps({**record, "tag": "b" * 32, "birth": record["birth"] - 1})
    )
    async with started(own_configuration) as ends:
        await ends.look()
        assert ends.orphans() == ()
        assert await ends.end_orphans(kept=True) == OrphansEnded(0)
    assert process.is_running()
    assert records(own_configuration) == []
    for one in of_terminal(record["tag"]):
        one.kill()


async def test_a_shell_without_a_number_is_found_by_its_tag(
    own_configuration: Path, left: str
) -> None:
    rewrite(own_configuration, pid=0, birth=0)
    async with started(own_configuration) as ends:
        await ends.look()
        assert states(ends) == [OrphanState.ORPHAN]


async def test_a_name_and_a_number_of_processes_are_bounded(own_configuration: Path) -> None:
    typed = "for i in $(seq 30); do (sleep 1034 &); done"
    await orphaned(own_configuration, ("", typed))
    (record,) = records(own_configuration)
    await until(lambda: len(of_terminal(record["tag"])) == 30)
    async with started(own_configuration) as ends:
        await ends.look()
        (orphan,) = ends.orphans()
        assert (len(orphan.processes), orphan.more) == (20, 10)
        assert len(msgspec.json.encode(orphan)) < 2000
        assert await ends.end_orphans(kept=True) == OrphansEnded(1)


# -- in containers


@pytest.mark.docker
async def test_orphans_in_a_container_are_ended_together(
    own_configuration: Path, engines: DockerEngines, containers: ContainerFactory
) -> None:
    container = containers()
    await orphaned(
        own_configuration,
        (str(container.id), "sleep 1005 &"),
        (str(container.id), DEAF),
        ("", LEFT),
        ("", DEAF),
    )
    tags = [record["tag"] for record in records(own_configuration)]
    async with started(own_configuration, engines) as ends:
        await ends.look()
        assert sorted(orphan.id for orphan in ends.orphans()) == sorted(tags)
        result = await ends.end_orphans(kept=True)
        assert result == OrphansEnded(4)
    await all_gone(*tags)


@pytest.mark.docker
async def test_one_in_a_paused_container_is_ended_when_it_goes_on(
    own_configuration: Path, engines: DockerEngines, containers: ContainerFactory
) -> None:
    container = containers()
    await orphaned(own_configuration, (str(container.id), JOB))
    (tag,) = [record["tag"] for record in records(own_configuration)]
    container.pause()
    async with started(own_configuration, engines) as ends:
        await ends.look()
        (orphan,) = ends.orphans()
        assert (orphan.state, orphan.processes) == (OrphanState.ORPHAN, ())
        assert "is paused" in orphan.reason
        result = await ends.end_orphans(kept=True, seconds=0)
        (orphan,) = result.left
        assert (result.ended, orphan.state) == (0, OrphanState.ENDING)
        await until(lambda: "is paused" in ends.orphans()[0].reason)
    container.unpause()
    # Requested, so the next start goes on with it, and includes what is kept.
    async with started(own_configuration, engines) as ends:
        await until(lambda: not ends.orphans())
        await all_gone(tag)
    assert records(own_configuration) == []


@pytest.mark.docker
async def test_what_cannot_be_examined_is_listed_with_the_reason_and_not_forgotten(
    own_configuration: Path, containers: ContainerFactory
) -> None:
    container = containers()
    await orphaned(own_configuration, (str(container.id), "true"))
    off = DockerEngines(DockerSettings(enabled=False))
    absent = engines_at("unix:///does/not/exist")
    for docker in (None, off, absent):
        async with started(own_configuration, docker) as ends:
            await ends.look()
            (orphan,) = ends.orphans()
            assert (orphan.state, orphan.processes) == (OrphanState.ORPHAN, ())
            assert orphan.reason
    assert len(records(own_configuration)) == 1
    await off.close()
    await absent.close()


@pytest.mark.docker
async def test_one_of_a_removed_container_goes(
    own_configuration: Path, engines: DockerEngines, containers: ContainerFactory
) -> None:
    container = containers()
    await orphaned(own_configuration, (str(container.id), "true"))
    container.remove(force=True)
    async with started(own_configuration, engines) as ends:
        await ends.look()
        assert ends.orphans() == ()
    assert records(own_configuration) == []


# -- several at once


async def race(folder: Path, container: Container, docker: DockerEngines) -> None:
    """Two instances end the same orphans at once: each is ended once, and nothing is left."""
    box = str(container.id)
    shells = [(box, DEAF), (box, LEFT), (box, "trap '' HUP"), ("", LEFT), ("", DEAF)]
    await orphaned(folder, *shells)
    tags = [record["tag"] for record in records(folder)]
    assert len(tags) == len(shells)
    async with started(folder, docker) as one, started(folder, docker) as other:
        results = await asyncio.gather(*(ends.end_orphans(kept=True) for ends in (one, other)))
        assert sum(result.ended for result in results) == len(tags)
        assert [result.left for result in results] == [(), ()]
    assert records(folder) == []
    await all_gone(*tags)


@pytest.mark.docker
@pytest.mark.parametrize("five", range(ROUNDS // 5))
async def test_of_two_that_end_at_once_one_ends_each(
    five: int, tmp_path: Path, engines: DockerEngines, containers: ContainerFactory
) -> None:
    boxes = [containers() for _ in range(5)]
    await asyncio.gather(
        *(race(tmp_path / str(at), container, engines) for at, container in enumerate(boxes))
    )


@pytest.mark.docker
@pytest.mark.parametrize("five", range(ROUNDS // 5))
async def test_of_two_that_keep_what_asked_for_it_one_notes_it(
    five: int, tmp_path: Path, engines: DockerEngines, containers: ContainerFactory
) -> None:
    async def one_round(folder: Path, container: Container) -> None:
        box = str(container.id)
        await orphaned(folder, (box, f"{LEFT}; {JOB}"), (box, "trap '' HUP"))
        tags = [record["tag"] for record in records(folder)]
        async with started(folder, engines) as one, started(folder, engines) as other:
            results = await asyncio.gather(one.end_orphans(), other.end_orphans())
            assert sum(result.ended for result in results) == 1
            (kept,) = [orphan for result in results for orphan in result.left]
            assert kept.state is OrphanState.KEPT
            assert [process.name for process in kept.processes] == ["sleep"]
        (record,) = records(folder)
        assert (record["state"], record["tag"]) == ("kept", kept.id)
        names = [process.name() for tag in tags for process in of_terminal(tag)]
        assert names == ["sleep"]

    boxes = [containers() for _ in range(5)]
    await asyncio.gather(
        *(one_round(tmp_path / str(at), container) for at, container in enumerate(boxes))
    )
