"""Terminals in real containers: how they begin, what the shell sees, how they end."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from engine.core.errors import (
    DockerAbsentError,
    NoShellError,
    PTYClosedError,
    PTYOpenError,
    TargetNotFoundError,
    TargetNotRunningError,
)
from engine.core.model import EndCode, Size, Target, TargetKind
from engine.core.settings import TerminalSettings
from engine.pty.docker_exec import DockerExecPTY
from engine.pty.ends.container_processes import exec_running, list_session_processes
from engine.pty.ends.ends import TerminalEnds
from tests import images
from tests.docker_fixtures import as_target, engines_at
from tests.engine.pty.processes import living
from tests.engine.pty.talk import ANSWER_SECONDS, Talk
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from docker.models.containers import Container

    from engine.docker.engines import DockerEngines
    from engine.pty.ends.container_processes import SessionProcess
    from tests.docker_fixtures import ContainerFactory, Daemon

    Opener = Callable[..., Awaitable[DockerExecPTY]]

pytestmark = pytest.mark.docker

SESSION = "session-under-test"


@pytest.fixture
async def open_exec(engines: DockerEngines) -> AsyncIterator[Opener]:
    """Opens terminals in containers; those left open are closed."""
    opened: list[DockerExecPTY] = []

    async def open_one(container: Container, **options: Any) -> DockerExecPTY:
        options.setdefault("size", Size(132, 43))
        options.setdefault("settings", TerminalSettings())
        options.setdefault("session_id", SESSION)
        pty = await DockerExecPTY.open(as_target(container), docker=engines, **options)
        opened.append(pty)
        return pty

    yield open_one
    for pty in opened:
        await pty.close()


async def left_in(
    engines: DockerEngines, container: Container, session: str = SESSION
) -> tuple[SessionProcess, ...]:
    return await list_session_processes(engines, as_target(container), session)


def sleepers(container: Container) -> int:
    """How many processes sleep beside the container's first."""
    return sum("sleep 1000" in args for args in living(container))


async def exec_ended(engines: DockerEngines, container: Container, exec_id: str) -> None:
    """Docker reports an exec's end a moment after its last process has gone."""
    async with asyncio.timeout(10):
        # Polled: there is no event for it.
        while await exec_running(engines, as_target(container), exec_id):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


# -- beginning


async def test_bash_is_preferred(open_exec: Opener, bash_box: Container) -> None:
    pty = await open_exec(bash_box)
    assert pty.shell == "/bin/bash"
    assert await Talk(pty).ask("printf %s $BASH") == "/bin/bash"


async def test_without_bash_it_is_sh(open_exec: Opener, busybox: Container) -> None:
    pty = await open_exec(busybox)
    assert pty.shell == "/bin/sh"
    assert await Talk(pty).ask("printf %s $((6*7))") == "42"


@pytest.mark.parametrize("box", ["busybox", "bash_box"])
async def test_the_first_bytes_are_the_shells_own(
    open_exec: Opener, box: str, request: pytest.FixtureRequest
) -> None:
    talk = Talk(await open_exec(request.getfixturevalue(box)))
    seen = b""
    async with asyncio.timeout(ANSWER_SECONDS):
        while b"# " not in seen:
            seen += await talk.pty.read()
    assert b"hatchway:" not in seen
    assert b"$$" not in seen
    if box == "bash_box":
        assert seen.startswith((b"\x1b[?2004h", b"root@")), seen
    else:
        assert seen.startswith(b"\r\n\r\nBusyBox"), seen


async def test_the_shell_starts_with_the_right_size(
    open_exec: Opener, containers: ContainerFactory
) -> None:
    # What the profile sees is what the very first prompt is drawn with.
    container = containers(images.BUSYBOX, labels={"hatchway.login": "true"})
    code, _ = container.exec_run(["sh", "-c", "echo 'echo size: $(stty size)' >/etc/profile"])
    assert code == 0
    found = await Talk(await open_exec(container)).expect(r"size: (\d+ \d+)")
    assert found[1] == b"43 132"


async def test_environment(open_exec: Opener, busybox: Container) -> None:
    talk = Talk(await open_exec(busybox))
    answer = await talk.ask("printf %s $TERM,$COLORTERM,$LANG,$HATCHWAY_SESSION")
    assert answer == f"xterm-256color,truecolor,C.UTF-8,{SESSION}"


async def test_the_environment_is_the_one_that_docker_exec_gives(
    open_exec: Opener, containers: ContainerFactory
) -> None:
    # A tool in a folder of its own, and a profile that sets PATH anew, as in many images.
    environment = {"PATH": "/opt/tool/bin:/usr/bin:/bin", "LANG": "de_DE.UTF-8"}
    container = containers(images.BASH, environment=environment)
    code, _ = container.exec_run(["sh", "-c", "echo PATH=/usr/bin:/bin >>/etc/profile"])
    assert code == 0
    talk = Talk(await open_exec(container))
    assert await talk.ask("printf %s $PATH,$LANG") == ",".join(environment.values())
    login = Talk(await open_exec(container, settings=TerminalSettings(login=True)))
    assert await login.ask("printf %s $PATH") == "/usr/bin:/bin"


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"LANG": "POSIX"}, "POSIX,,"),
        ({"LC_ALL": "de_DE.UTF-8"}, ",de_DE.UTF-8,"),
        ({"LC_CTYPE": "C"}, ",,C"),
        ({"LANG": ""}, "C.UTF-8,,"),
    ],
)
async def test_an_images_own_locale_is_kept(
    open_exec: Opener, containers: ContainerFactory, environment: dict[str, str], found: str
) -> None:
    talk = Talk(await open_exec(containers(images.BUSYBOX, environment=environment)))
    assert await talk.ask("printf %s $LANG,$LC_ALL,$LC_CTYPE") == found


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ("C POSIX de_DE.utf8 en_US.utf8", "en_US.UTF-8"),
        ("C C.utf8 POSIX en_US.utf8", "C.UTF-8"),
        ("C POSIX", ""),
    ],
)
async def test_a_locale_is_only_given_if_it_exists(
    open_exec: Opener, containers: ContainerFactory, listed: str, found: str
) -> None:
    container = containers(images.BUSYBOX)
    script = f"printf '#!/bin/sh\\nprintf \"%%s\\\\n\" {listed}\\n' >/usr/bin/locale"
    code, said = container.exec_run(["sh", "-c", f"{script}; chmod +x /usr/bin/locale; locale"])
    assert (code, said.decode().split()) == (0, listed.split())
    assert await Talk(await open_exec(container)).ask("printf %s $LANG") == found


async def test_every_control_key_of_editors_and_shells_arrives_at_once(
    open_exec: Opener, busybox: Container
) -> None:
    talk = Talk(await open_exec(busybox))
    await talk.become_echo()
    # Docker holds one key back until the next one; see DETACH_KEYS.
    for key in sorted({*range(32), 127} - {0x1C}):
        await talk.pty.write(bytes([key]))
        assert (await talk.expect("(.)"))[1] == bytes([key])
    # Pressed twice it comes twice.
    await talk.pty.write(b"\x1c")
    await talk.pty.write(b"\x1c")
    assert (await talk.expect("(..)"))[1] == b"\x1c\x1c"


async def test_ctrl_p_reaches_the_program_at_once(open_exec: Opener, busybox: Container) -> None:
    talk = Talk(await open_exec(busybox))
    await talk.become_echo()
    for _ in range(2):
        await talk.pty.write(b"\x10")
        assert (await talk.expect("(.)"))[1] == b"\x10"
    await talk.pty.write(b"\x11")
    assert (await talk.expect("(.)"))[1] == b"\x11"


async def test_the_settings_name_the_shell(open_exec: Opener, bash_box: Container) -> None:
    pty = await open_exec(bash_box, settings=TerminalSettings(shell="/usr/bin/sh"))
    assert pty.shell == "/usr/bin/sh"


async def test_labels_name_shell_and_user(open_exec: Opener, containers: ContainerFactory) -> None:
    labels = {"hatchway.shell": "/usr/bin/ash", "hatchway.user": "guest"}
    container = containers(images.BUSYBOX, labels=labels)
    pty = await open_exec(container)
    assert pty.shell == "/usr/bin/ash"
    assert await Talk(pty).ask("id -un") == "guest"


@pytest.mark.parametrize(
    "labels",
    [
        {"hatchway.shell": "bash"},
        {"hatchway.shell": "/bin/sh\n"},
        {"hatchway.user": "guest; reboot"},
        {"hatchway.user": "-x"},
    ],
)
async def test_labels_that_cannot_be_used_are_refused(
    open_exec: Opener, containers: ContainerFactory, labels: dict[str, str]
) -> None:
    with pytest.raises(PTYOpenError, match=next(iter(labels))):
        await open_exec(containers(images.BUSYBOX, labels=labels))


async def test_a_user_who_is_not_there(open_exec: Opener, containers: ContainerFactory) -> None:
    container = containers(images.BUSYBOX, labels={"hatchway.user": "nobodyhere"})
    with pytest.raises(PTYOpenError, match="user"):
        await open_exec(container)


async def test_no_shell_is_a_clear_error(open_exec: Opener, containers: ContainerFactory) -> None:
    container = containers(images.NOSHELL)
    with pytest.raises(NoShellError, match="has no shell"):
        await open_exec(container)


async def test_a_shell_elsewhere_than_bin_sh(
    open_exec: Opener, containers: ContainerFactory
) -> None:
    # As in the debug images of distroless: /busybox/sh and nothing else.
    container = containers(images.BUSYBOX, labels={"hatchway.shell": "/usr/bin/hush-hush"})
    container.exec_run(["sh", "-c", "ln -s busybox /usr/bin/ash2; cp /bin/busybox /opt-sh"])
    code, _ = container.exec_run(["sh", "-c", "cp /bin/busybox /bin/ash; rm /bin/sh"])
    assert code == 0
    pty = await open_exec(container, settings=TerminalSettings(shell="/bin/ash"))
    assert pty.shell == "/bin/ash"
    await pty.close()
    assert await list_session_processes_with("/bin/ash", open_exec, container) == ()


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("/busybox/sh", "/busybox:/usr/bin"),
        ("/run/current-system/sw/bin/sh", "/run/current-system/sw/bin"),
        ("/nix/store/somewhere/bash", "/nix/store/somewhere:/usr/bin"),
    ],
)
async def test_a_shell_in_another_place_is_found(
    open_exec: Opener, containers: ContainerFactory, place: str, path: str
) -> None:
    container = containers(
        images.BUSYBOX, environment={"PATH": path}, command=["/usr/bin/sleep", "infinity"]
    )
    folder = place.rpartition("/")[0]
    # Busybox acts by its name; a link from "bash" would not be a shell.
    make = f"/usr/bin/printf '#!/opt/sh\\nexec /opt/sh \"$@\"\\n' >{place}"
    if not place.endswith("bash"):
        make = f"/usr/bin/cp /opt/sh {place}"
    script = (
        f"/usr/bin/mkdir -p /opt {folder}; /usr/bin/cp /usr/bin/busybox /opt/sh; {make};"
        f" /usr/bin/chmod +x {place}; cd /usr/bin; /opt/sh -c 'rm sh ash bash hush'"
    )
    code, said = container.exec_run(["/bin/sh", "-c", script])
    pty = await open_exec(container)
    assert pty.shell == place, (code, said)
    assert await Talk(pty).ask("printf %s $((40+2))") == "42"
    # Its end needs a shell, too.
    await pty.close()
    await until(lambda: not living(container))


async def list_session_processes_with(
    shell: str, open_exec: Opener, container: Container
) -> tuple[SessionProcess, ...]:
    engines = engines_at("")
    try:
        return await list_session_processes(engines, as_target(container), SESSION, shell=shell)
    finally:
        await engines.close()


async def test_a_container_that_is_not_there(engines: DockerEngines) -> None:
    target = Target(
        id="ghost", kind=TargetKind.CONTAINER, name="ghost", engine="docker", ref="0" * 64
    )
    with pytest.raises(TargetNotFoundError, match="Device ghost not found"):
        await DockerExecPTY.open(
            target,
            session_id=SESSION,
            size=Size(),
            docker=engines,
            settings=TerminalSettings(),
        )


async def test_stopped_and_paused_containers_are_said_to_be(
    open_exec: Opener, containers: ContainerFactory
) -> None:
    paused, stopped = containers(), containers()
    paused.pause()
    stopped.stop(timeout=0)
    with pytest.raises(TargetNotRunningError, match="paused"):
        await open_exec(paused)
    with pytest.raises(TargetNotRunningError, match="not running"):
        await open_exec(stopped)


async def test_giving_up_while_opening_leaves_nothing(
    engines: DockerEngines, containers: ContainerFactory
) -> None:
    container = containers()
    opening = asyncio.create_task(
        DockerExecPTY.open(
            as_target(container),
            session_id=SESSION,
            size=Size(),
            docker=engines,
            settings=TerminalSettings(),
        )
    )
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert await left_in(engines, container) == ()
    container.reload()
    for exec_id in container.attrs["ExecIDs"] or ():
        await exec_ended(engines, container, exec_id)


# -- closing


STAYS = 2
"""How many of the MESS asked to keep running: one ignores HUP, one has left the session."""
MESS = (
    "sleep 1000 & "
    "(trap '' HUP; exec sleep 1000) & "
    "setsid sleep 1000 & "
    "env -i sleep 1000 & "
    "trap '' HUP TERM; printf 'mess''-made'"
)


@pytest.mark.parametrize("image", [images.BUSYBOX, images.BASH])
async def test_close_ends_every_process_of_the_session_but_those_that_asked_to_stay(
    open_exec: Opener, engines: DockerEngines, containers: ContainerFactory, image: str
) -> None:
    container = containers(image)
    pty = await open_exec(container)
    bystander = await open_exec(container, session_id=SESSION + "-2")
    talk = Talk(pty)
    await talk.say(MESS)
    await talk.expect("mess-made")
    # A job exists a moment before it has executed its program.
    await until(lambda: sleepers(container) == 4)
    # The one without environment is found by its session only.
    assert len(await left_in(engines, container)) == 4
    await pty.close()
    assert len(await left_in(engines, container)) == STAYS
    assert sleepers(container) == STAYS
    await exec_ended(engines, container, pty.exec_id)
    assert await Talk(bystander).ask("printf alive") == "alive"


async def test_close_needs_no_grep(
    open_exec: Opener, engines: DockerEngines, containers: ContainerFactory
) -> None:
    container = containers(images.BASH)
    assert container.exec_run(["rm", "/usr/bin/grep"])[0] == 0
    pty = await open_exec(container)
    talk = Talk(pty)
    await talk.say(MESS)
    await talk.expect("mess-made")
    await until(lambda: sleepers(container) == 4)
    assert len(await left_in(engines, container)) == 4
    await pty.close()
    assert len(await left_in(engines, container)) == STAYS
    assert sleepers(container) == STAYS


async def test_close_ends_processes_of_a_user_and_of_root(
    open_exec: Opener, engines: DockerEngines, containers: ContainerFactory
) -> None:
    container = containers(images.BASH, user="guest")
    pty = await open_exec(container)
    talk = Talk(pty)
    assert await talk.ask("id -un") == "guest"
    await talk.say(MESS)
    await talk.expect("mess-made")
    await until(lambda: sleepers(container) == 4)
    await pty.close()
    assert sleepers(container) == STAYS
    assert len(await left_in(engines, container)) == STAYS


async def test_background_jobs_of_a_shell_that_exited_end_with_close(
    open_exec: Opener, engines: DockerEngines, busybox: Container
) -> None:
    pty = await open_exec(busybox)
    talk = Talk(pty)
    await talk.say("set +m; sleep 1000 </dev/null >/dev/null 2>&1 & exit 5")
    await talk.rest()
    assert pty.exit_status is not None
    assert pty.exit_status.exit_code == 5
    await pty.close()
    assert await left_in(engines, busybox) == ()
    assert sleepers(busybox) == 0


async def test_twenty_at_once_leave_nothing(
    open_exec: Opener, engines: DockerEngines, containers: ContainerFactory
) -> None:
    container = containers()
    # As in a host, which goes on with ends for which close() had no time.
    ends = TerminalEnds(engines)
    ptys = await asyncio.gather(
        *(open_exec(container, session_id=f"{n}", ends=ends) for n in range(20))
    )
    answers = await asyncio.gather(*(Talk(pty).ask("printf %s $HATCHWAY_SESSION") for pty in ptys))
    assert answers == [str(n) for n in range(20)]
    await asyncio.gather(*(pty.close() for pty in ptys))
    assert await ends.finish(60) == 0
    await ends.stop()
    assert living(container) == []


async def test_close_in_a_stopped_removed_or_paused_container_is_quick(
    open_exec: Opener, containers: ContainerFactory
) -> None:
    stopped, removed, paused = containers(), containers(), containers()
    ptys = [await open_exec(container) for container in (stopped, removed, paused)]
    stopped.stop(timeout=0)
    removed.remove(force=True)
    paused.pause()
    async with asyncio.timeout(3):
        await asyncio.gather(*(pty.close() for pty in ptys))


# -- ends that others bring about


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        (lambda box: box.stop(timeout=0), "was stopped"),
        (lambda box: box.stop(timeout=2), "was stopped"),
        (lambda box: box.kill(), "was killed"),
        (lambda box: box.restart(timeout=0), "was restarted"),
        (lambda box: box.remove(force=True), "was removed"),
        (lambda box: box.exec_run(["kill", "-USR1", "1"]), "program ended (exit code 3)"),
        (lambda box: box.exec_run(["kill", "-USR2", "1"]), "ran out of memory"),
    ],
    ids=["stop", "slow stop", "kill", "restart", "rm", "itself", "memory"],
)
async def test_the_end_of_a_container_is_told_as_it_was(
    open_exec: Opener,
    containers: ContainerFactory,
    fate: Callable[[Container], object],
    words: str,
) -> None:
    program = (
        "trap 'exit 3' USR1; trap 'x=a; while :; do x=$x$x; done' USR2; while :; do sleep 0.1; done"
    )
    container = containers(command=["sh", "-c", program], mem_limit="32m")
    pty = await open_exec(container)
    await asyncio.to_thread(fate, container)
    await Talk(pty).rest()
    assert pty.exit_status is not None
    assert words in pty.exit_status.reason
    assert pty.exit_status.code is EndCode.TARGET_STOPPED
    with pytest.raises(PTYClosedError):
        await pty.write(b"x")


async def test_the_shell_is_killed_from_outside(open_exec: Opener, busybox: Container) -> None:
    pty = await open_exec(busybox)
    pid = await Talk(pty).ask("printf %s $$")
    busybox.exec_run(["kill", "-9", pid])
    await Talk(pty).rest()
    assert pty.exit_status is not None
    assert pty.exit_status.exit_code == 137
    assert "killed" in pty.exit_status.reason


async def test_docker_goes_away_and_comes_back(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon()
    client = daemon.client()
    images.ensure(client, images.BUSYBOX)
    # The daemon that comes back ends it: the first process of a container ignores TERM.
    container = client.containers.run(
        images.BUSYBOX, detach=True, network_mode="none", stop_signal="SIGKILL"
    )
    client.close()
    engines = engines_at(daemon.url)
    options: dict[str, Any] = {
        "session_id": SESSION,
        "size": Size(),
        "docker": engines,
        "settings": TerminalSettings(),
    }
    pty = await DockerExecPTY.open(as_target(container), **options)
    assert await Talk(pty).ask("printf up") == "up"
    await asyncio.to_thread(daemon.kill)
    await Talk(pty).rest()
    assert pty.exit_status is not None
    assert (pty.exit_status.exit_code, pty.exit_status.reason) == (
        None,
        "Lost the connection to Docker",
    )
    assert pty.exit_status.code is EndCode.TARGET_STOPPED
    with pytest.raises(PTYClosedError):
        await pty.write(b"x")
    async with asyncio.timeout(3):
        await pty.close()
    with pytest.raises(DockerAbsentError):
        await DockerExecPTY.open(as_target(container), **options)
    await asyncio.to_thread(daemon.start)
    client = daemon.client()
    client.containers.get(str(container.id)).start()
    client.close()
    again = await DockerExecPTY.open(as_target(container), **options)
    assert await Talk(again).ask("printf back") == "back"
    await again.close()
    await engines.close()


# -- the loop and the workers


async def test_terminal_bytes_need_no_worker(
    open_exec: Opener, engines: DockerEngines, busybox: Container
) -> None:
    talk = Talk(await open_exec(busybox))
    release = threading.Event()
    calls = [
        asyncio.create_task(engines.call("docker", lambda _: release.wait(30))) for _ in range(4)
    ]
    try:
        waiting = asyncio.create_task(engines.call("docker", lambda client: client.ping()))
        assert await talk.ask("printf %s $((2*21))") == "42"
        assert not waiting.done(), "the workers were meant to be busy"
    finally:
        release.set()
        await asyncio.gather(*calls)
    assert await waiting
