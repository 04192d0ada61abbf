"""No end is given up: whatever the container, Docker or the program does meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from engine.core.events import EndsPending, EventBus
from engine.core.model import LOCAL_TARGET, OrphanState, Size, Target, TargetKind
from engine.core.settings import DockerEngine, DockerSettings, TerminalSettings
from engine.docker.engines import DockerEngines
from engine.pty.create import create_pty_session
from engine.pty.ends.ends import TerminalEnds
from engine.targets.catalogue import TargetCatalogue
from tests import images
from tests.docker_fixtures import as_target
from tests.engine.pty import processes
from tests.engine.pty.talk import Talk
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from docker.models.containers import Container

    from engine.pty.base import PTY
    from tests.docker_fixtures import ContainerFactory, Daemon

LOCAL = Target(id=LOCAL_TARGET, kind=TargetKind.LOCAL, name=LOCAL_TARGET)
MANY = 100
HELPER = "HATCHWAY_TERMINAL"
"""An argument of the helper, which ends a moment after its connection."""
ENDED_SECONDS = 40.0


@pytest.fixture
async def ends(engines: DockerEngines) -> AsyncIterator[TerminalEnds]:
    made = TerminalEnds(engines, events=EventBus())
    await made.start()
    yield made
    await made.stop()


async def opened(
    where: Container | Target,
    ends: TerminalEnds,
    session: str = "s",
    does: str = "sleep 1000; echo next >/tmp/next",
) -> PTY:
    """A terminal in which a program runs, and another command would be next."""
    pty = await create_pty_session(
        where if isinstance(where, Target) else as_target(where),
        session_id=session,
        size=Size(),
        docker=ends.docker or DockerEngines(DockerSettings(enabled=False)),
        settings=TerminalSettings(),
        ends=ends,
    )
    talk = Talk(pty)
    await talk.say(f"printf 'run''ning'; {does}")
    await talk.expect("running")
    return pty


async def opened_many(container: Container, ends: TerminalEnds, count: int) -> list[PTY]:
    slots = asyncio.Semaphore(8)

    async def one(number: int) -> PTY:
        async with slots:
            return await opened(container, ends, f"many-{number}")

    return list(await asyncio.gather(*(one(number) for number in range(count))))


def living(container: Container) -> list[str]:
    """What runs beside the container's first process and a helper that has just been left."""
    return [args for args in processes.living(container) if HELPER not in args]


async def ended(ends: TerminalEnds) -> None:
    await until(lambda: not ends.pending(), ENDED_SECONDS, "the ends")


def restart(folder: Path, docker: DockerEngines | None) -> TerminalEnds:
    """The next run of the program with this profile."""
    return TerminalEnds(docker, folder=folder)


def recorded(folder: Path) -> list[Path]:
    return sorted(folder.glob("shells/*/*.json"))


# -- many at once


@pytest.mark.docker
async def test_a_hundred_closed_at_once_leave_nothing(
    ends: TerminalEnds, containers: ContainerFactory
) -> None:
    container = containers()
    ptys = await opened_many(container, ends, MANY)
    await asyncio.gather(*(pty.close() for pty in ptys))
    await ended(ends)
    assert living(container) == []
    assert container.exec_run(["ls", "/tmp"])[1] == b""


@pytest.mark.docker
async def test_stopping_ends_what_was_never_closed(
    ends: TerminalEnds, containers: ContainerFactory
) -> None:
    container = containers()
    await opened_many(container, ends, 20)
    assert await ends.finish(ENDED_SECONDS) == 0
    assert living(container) == []


# -- targets that do not let it happen


@pytest.mark.docker
async def test_a_paused_container_is_tried_again_when_it_goes_on(
    engines: DockerEngines, containers: ContainerFactory
) -> None:
    events, published = EventBus(), list[EndsPending]()
    events.subscribe(lambda e: published.append(e) if isinstance(e, EndsPending) else None)
    catalogue = TargetCatalogue(engines, events)
    ends = TerminalEnds(engines, events=events)
    await ends.start()
    await catalogue.start()
    container = containers()
    pty = await opened(container, ends)
    container.pause()
    async with asyncio.timeout(4):
        await pty.close()
    assert ends.pending() == 1
    assert [orphan.reason for orphan in ends.orphans()] == [f"{container.name} is paused"]
    assert (published[-1].count, published[-1].text) == (1, f"{container.name} is paused")
    assert await ends.finish(0.1) == 1
    container.unpause()
    await ended(ends)
    assert living(container) == []
    assert (published[-1].count, published[-1].text) == (0, "")
    assert ends.orphans() == ()
    await catalogue.stop()
    await ends.stop()


@pytest.mark.docker
async def test_a_frozen_daemon_is_tried_again_when_it_goes_on(
    make_daemon: Callable[..., Daemon],
) -> None:
    daemon = make_daemon()
    daemon.make_images()
    boxes = daemon.run_box()
    container = next(boxes)
    settings = DockerSettings(engines=(DockerEngine(url=daemon.url),))
    engines = DockerEngines(settings, api_timeout=2)
    ends = TerminalEnds(engines)
    pty = await opened(container, ends)
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        async with asyncio.timeout(8):
            await pty.close()
        await until(ends.orphans)
        assert "did not answer" in ends.orphans()[0].reason
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    await ended(ends)
    assert living(container) == []
    await ends.stop()
    await engines.close()
    with contextlib.suppress(StopIteration):
        next(boxes)


@pytest.mark.docker
async def test_a_container_without_room_for_a_process_is_tried_again(
    ends: TerminalEnds, containers: ContainerFactory
) -> None:
    container = containers(images.BUSYBOX, pids_limit=20)
    pty = await opened(container, ends)
    fill = "n=0; while [ $n -lt 40 ]; do sleep 1001 & n=$((n+1)); done"
    assert container.exec_run(["sh", "-c", fill])[0] != 0
    await pty.close()
    await until(lambda: ends.orphans() or not ends.pending())
    assert ends.pending() == 1
    assert ends.orphans()[0].reason
    update = ["docker", "update", "--pids-limit", "50", str(container.id)]
    await asyncio.to_thread(subprocess.run, update, check=True, capture_output=True)
    await ended(ends)
    assert [args for args in living(container) if "1001" not in args] == []


@pytest.mark.docker
async def test_another_shell_helps_when_the_first_is_gone(
    ends: TerminalEnds, containers: ContainerFactory
) -> None:
    container = containers()
    pty = await opened(container, ends)
    assert container.exec_run(["rm", "/bin/sh"])[0] == 0
    await pty.close()
    await ended(ends)
    assert living(container) == []


@pytest.mark.docker
async def test_without_any_shell_it_is_shown_with_the_reason_until_the_container_goes(
    ends: TerminalEnds, containers: ContainerFactory
) -> None:
    container = containers()
    pty = await opened(container, ends)
    assert container.exec_run(["rm", "/bin/busybox"])[0] == 0
    await pty.close()
    await until(ends.orphans)
    (orphan,) = ends.orphans()
    assert "No shell works in the container" in orphan.reason
    assert orphan.target == container.name
    container.remove(force=True)
    await ended(ends)
    assert ends.orphans() == ()


# -- over a restart


async def test_a_record_is_there_before_the_shell_and_gone_after_it(
    own_configuration: Path, own_home: Path
) -> None:
    ends = restart(own_configuration, None)
    await ends.start()
    (own_home / ".profile").write_text(f"ls {own_configuration}/shells/*/*.json >seen\n")
    (own_home / ".bash_profile").write_text((own_home / ".profile").read_text())
    pty = await opened(LOCAL, ends)
    (record,) = recorded(own_configuration)
    assert (own_home / "seen").read_text().split() == [str(record)]
    assert record.stat().st_mode & 0o077 == 0
    await pty.close()
    await ends.saved()
    assert recorded(own_configuration) == []
    await ends.stop()
    assert list((own_configuration / "shells").iterdir()) == []


@pytest.mark.docker
async def test_what_was_ending_is_ended_by_the_next_start(
    own_configuration: Path, engines: DockerEngines, containers: ContainerFactory
) -> None:
    first = restart(own_configuration, engines)
    await first.start()
    container = containers()
    pty = await opened(container, first)
    container.pause()
    await pty.close()
    await first.finish(0.1)
    await first.stop()
    container.unpause()
    assert len(living(container)) == 2
    second = restart(own_configuration, engines)
    await second.start()
    await ended(second)
    assert living(container) == []
    await second.stop()
    assert recorded(own_configuration) == []


CRASHES = """
import asyncio, sys
from pathlib import Path
from engine.docker.engines import DockerEngines
from engine.core.model import Size, Target, TargetKind
from engine.pty.create import create_pty_session
from engine.pty.ends.ends import TerminalEnds
from engine.core.settings import DockerSettings, TerminalSettings

async def main(folder, name, ref):
    docker = DockerEngines(DockerSettings())
    ends = TerminalEnds(docker, folder=Path(folder))
    await ends.start()
    target = Target(id=name, kind=TargetKind.CONTAINER, name=name, engine="docker", ref=ref)
    pty = await create_pty_session(target, session_id="crashed", size=Size(), docker=docker,
                                   settings=TerminalSettings(), ends=ends)
    await pty.write(b"sleep 1000\\n")
    await ends.saved()
    print("open", flush=True)
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.docker
async def test_a_shell_of_a_program_that_was_killed_is_an_orphan_and_stays(
    own_configuration: Path,
    engines: DockerEngines,
    containers: ContainerFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    container = containers()
    command = [sys.executable, "-c", CRASHES, str(own_configuration)]
    program = await asyncio.create_subprocess_exec(
        *command, str(container.name), str(container.id), stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    assert await program.stdout.readline() == b"open\n"
    await until(lambda: len(living(container)) == 2)
    # Another instance of the profile lives beside it: nothing is taken from it.
    beside = restart(own_configuration, engines)
    await beside.start()
    assert beside.records == {}
    await beside.stop()
    program.kill()
    await program.wait()
    later = restart(own_configuration, engines)
    await later.start()
    await until(later.orphans)
    (orphan,) = later.orphans()
    assert (orphan.session, orphan.state) == ("crashed", OrphanState.ORPHAN)
    assert "sleep" in [process.name for process in orphan.processes]
    assert "Orphan: a shell of an earlier run" in caplog.text
    # A helper of ours may be on its way out.
    await until(lambda: len(living(container)) == 2)
    await later.stop()
    container.restart(timeout=0)
    last = restart(own_configuration, engines)
    await last.start()
    await until(lambda: not recorded(own_configuration))
    assert last.orphans() == ()
    await last.stop()


async def test_a_shell_of_another_host_is_never_ended(own_configuration: Path) -> None:
    first = restart(own_configuration, None)
    await first.start()
    pty = await opened(LOCAL, first)
    record = next(iter(first.records.values()))
    shell = psutil.Process(record.pid)
    record.state = "ending"
    first.save(record)
    await first.stop()
    # The profile was copied to another computer, which made an id of its own.
    (own_configuration / "host-id").write_text("0" * 32)
    second = restart(own_configuration, None)
    await second.start()
    assert second.host == "0" * 32
    assert second.pending() == 0
    await second.stop()
    assert shell.is_running()
    assert len(recorded(own_configuration)) == 1
    await pty.close()


async def test_a_profile_that_cannot_be_written_keeps_no_shell_from_starting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    ends = restart(tmp_path / "file", None)
    await ends.start()
    for _ in range(2):
        pty = await opened(LOCAL, ends)
        await pty.close()
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "Cannot record running shells" in warnings[0].getMessage()
    await ends.stop()


async def test_two_starts_agree_on_the_hosts_id(own_configuration: Path) -> None:
    for _ in range(20):
        both = [restart(own_configuration, None) for _ in range(8)]
        await asyncio.gather(*(ends.start() for ends in both))
        assert len({ends.host for ends in both}) == 1
        await asyncio.gather(*(ends.stop() for ends in both))
        (own_configuration / "host-id").unlink()


async def test_a_damaged_host_id_is_replaced(own_configuration: Path) -> None:
    (own_configuration / "host-id").write_bytes(b"\xff" * 200)
    ends = restart(own_configuration, None)
    await ends.start()
    assert (own_configuration / "host-id").read_text().strip() == ends.host
    await ends.stop()


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"tag": "x"}', b"\xff" * 20_000])
async def test_a_damaged_record_is_left_where_it_is(
    own_configuration: Path, caplog: pytest.LogCaptureFixture, text: bytes
) -> None:
    folder = own_configuration / "shells" / "0123456789abcdef"
    folder.mkdir(parents=True)
    path = folder / ("a" * 32 + ".json")
    path.write_bytes(text)
    ends = restart(own_configuration, None)
    await ends.start()
    assert ends.records == {}
    assert "is not a valid shell record" in caplog.text
    await ends.stop()
    assert path.read_bytes() == text


async def test_what_stays_is_told_and_remembered(own_configuration: Path, own_home: Path) -> None:
    published: list[tuple[str, str]] = []
    ends = TerminalEnds(
        None, folder=own_configuration, on_kept=lambda *words: published.append(words)
    )
    await ends.start()
    pty = await opened(LOCAL, ends, "keeps", "nohup sleep 1002 >/dev/null 2>&1 &")

    def jobs() -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.cmdline()[-1:] == ["1002"] and process.name() == "sleep":
                    found.append(process)
        return found

    await until(jobs)
    (job,) = jobs()
    await pty.close()
    try:
        assert published == [("keeps", f"Still running in the background: sleep ({job.pid})")]
        assert ends.kept("keeps") == {job.pid}
        assert ends.pending() == 0
        await ends.stop()
        # Kept, so no orphan: the next start lists it apart, and leaves it alone.
        again = restart(own_configuration, None)
        await again.start()
        await until(again.orphans)
        assert [orphan.state for orphan in again.orphans()] == [OrphanState.KEPT]
        assert again.pending() == 0
        assert job.is_running()
        await again.stop()
        assert len(recorded(own_configuration)) == 1
    finally:
        os.kill(job.pid, signal.SIGKILL)
    await until(lambda: not jobs())
    last = restart(own_configuration, None)
    await last.start()
    await until(lambda: not recorded(own_configuration))
    assert last.orphans() == ()
    await last.stop()
