"""What every terminal backend promises, tested against all of them."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

from engine.core.errors import PTYClosedError, PTYOpenError
from engine.core.model import Size
from engine.core.settings import TerminalSettings
from engine.pty.base import READ_SIZE
from engine.pty.docker_exec import DockerExecPTY
from engine.pty.local_shell import LocalShellPTY
from tests.docker_fixtures import Box
from tests.engine.pty.echo import EchoPTY
from tests.engine.pty.talk import ANSWER_SECONDS, Talk, read_exactly

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from engine.docker.engines import DockerEngines
    from engine.pty.base import PTY

    Opener = Callable[..., Awaitable[PTY]]

pytestmark = pytest.mark.takes(50)

SIZE = Size(132, 43)
PIECE = 64 * 1024
MORE_THAN_ANY_BUFFERS = 24 * 1024 * 1024
"""TCP's grow to some 4 MiB for sending and 6 MiB for receiving, and there are two ways."""
FLOOD = 4 * 1024 * 1024
KERNEL_PIECE = 4096
"""A pseudo-terminal gives no more at once."""
BACKENDS = [
    "echo",
    "local",
    pytest.param("busybox", marks=pytest.mark.docker),
    pytest.param("bash_box", marks=pytest.mark.docker),
    pytest.param("box_over_tcp", marks=pytest.mark.docker),
    pytest.param("box_over_tls", marks=pytest.mark.docker),
    pytest.param("box_over_ssh", marks=pytest.mark.docker),
]

with_programs = pytest.mark.parametrize("open_pty", BACKENDS[1:], indirect=True)


@pytest.fixture(params=BACKENDS)
async def open_pty(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Opener]:
    """Opens terminals of one backend; those left open are closed."""
    opened: list[PTY] = []
    monkeypatch.setenv("SHELL", "/bin/sh")
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = TerminalSettings()
    engines: DockerEngines | None = None
    if request.param not in ("echo", "local"):
        # Asked for by name, so that the others need no Docker.
        found = request.getfixturevalue(request.param)
        box = found if isinstance(found, Box) else Box(found)
        engines = box.engines()

    async def open_one(size: Size = SIZE, command: tuple[str, ...] = ()) -> PTY:
        pty: PTY
        if request.param == "echo":
            assert not command, "it runs no programs"
            pty = EchoPTY(size)
        elif engines is None:
            pty = await LocalShellPTY.open(
                session_id="conformance", size=size, settings=settings, command=command
            )
        else:
            pty = await DockerExecPTY.open(
                box.target,
                session_id="conformance",
                size=size,
                docker=engines,
                settings=settings,
                command=command,
            )
        opened.append(pty)
        return pty

    yield open_one
    for pty in opened:
        await pty.close()
    if engines is not None:
        await engines.close()


async def open_echo(open_pty: Opener) -> PTY:
    """A terminal that sends back every byte, whatever the backend."""
    pty = await open_pty()
    if not isinstance(pty, EchoPTY):
        await Talk(pty).become_echo()
    return pty


async def write_all(pty: PTY, data: bytes) -> None:
    for start in range(0, len(data), PIECE):
        await pty.write(data[start : start + PIECE])


async def fill(pty: PTY) -> None:
    """Write without end: returns only by an error, or never while nobody reads."""
    while True:
        await pty.write(b"x" * PIECE)


async def test_every_byte_comes_back_unchanged_and_in_order(open_pty: Opener) -> None:
    pty = await open_echo(open_pty)
    data = bytes(range(256)) + random.Random(1).randbytes(1024 * 1024)
    writer = asyncio.create_task(write_all(pty, data))
    assert await read_exactly(pty, len(data)) == data
    await writer


async def test_many_small_writes_keep_their_order(open_pty: Opener) -> None:
    pty = await open_echo(open_pty)
    pieces = [f"{number}.".encode() for number in range(600)]
    for piece in pieces:
        await pty.write(piece)
    assert await read_exactly(pty, sum(map(len, pieces))) == b"".join(pieces)


async def test_a_reader_who_waits_stops_the_writer_and_loses_nothing(open_pty: Opener) -> None:
    pty = await open_echo(open_pty)
    data = random.Random(2).randbytes(MORE_THAN_ANY_BUFFERS)
    writer = asyncio.create_task(write_all(pty, data))
    done, _ = await asyncio.wait({writer}, timeout=0.5)
    assert not done, "everything went somewhere although nobody read"
    assert await read_exactly(pty, len(data)) == data
    await writer


async def test_what_a_cancelled_write_handed_over_is_counted_to_the_byte(
    open_pty: Opener,
) -> None:
    pty = await open_echo(open_pty)
    before = pty.taken
    data = random.Random(3).randbytes(MORE_THAN_ANY_BUFFERS)
    writer = asyncio.create_task(write_all(pty, data))
    done, _ = await asyncio.wait({writer}, timeout=0.5)
    assert not done
    writer.cancel()
    await asyncio.wait({writer})
    count = pty.taken - before
    assert 0 < count < len(data)
    after = asyncio.create_task(pty.write(b"after"))
    assert await read_exactly(pty, count + 5) == data[:count] + b"after"
    await after
    assert pty.taken == before + count + 5


async def test_a_read_gives_what_there_is_and_never_too_much(open_pty: Opener) -> None:
    pty = await open_echo(open_pty)
    await pty.write(b"a")
    async with asyncio.timeout(ANSWER_SECONDS):
        assert await pty.read() == b"a"
    writer = asyncio.create_task(write_all(pty, b"b" * 500_000))
    held = 0
    async with asyncio.timeout(ANSWER_SECONDS):
        while held < 500_000:
            data = await pty.read()
            assert 1 <= len(data) <= READ_SIZE
            held += len(data)
    await writer


async def test_a_flood_comes_in_large_pieces_and_what_follows_it_alone(open_pty: Opener) -> None:
    """However small the pieces are that the kernel or the daemon makes of it: see chunking."""
    pty = await open_echo(open_pty)
    writer = asyncio.create_task(write_all(pty, bytes(FLOOD)))
    sizes: list[int] = []
    async with asyncio.timeout(ANSWER_SECONDS):
        while sum(sizes) < FLOOD:
            sizes.append(len(await pty.read()))
    await writer
    assert len(sizes) < FLOOD / (2 * KERNEL_PIECE)
    for _ in range(3):
        await pty.write(b"x")
        async with asyncio.timeout(ANSWER_SECONDS):
            assert await pty.read() == b"x"


async def test_a_read_given_up_loses_nothing(open_pty: Opener) -> None:
    pty = await open_echo(open_pty)
    reader = asyncio.create_task(pty.read())
    await asyncio.sleep(0)
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    await pty.write(b"still here")
    assert await read_exactly(pty, 10) == b"still here"


async def test_writing_nothing_is_fine(open_pty: Opener) -> None:
    pty = await open_echo(open_pty)
    await pty.write(b"")
    await pty.write(b"x")
    assert await read_exactly(pty, 1) == b"x"


async def test_size_is_right_from_the_start_and_after_a_resize(open_pty: Opener) -> None:
    pty = await open_pty(SIZE)
    assert pty.size == SIZE
    if not isinstance(pty, EchoPTY):
        assert await Talk(pty).ask("stty size", r"(\d+ \d+\r?\n?)") == "43 132"
    await pty.resize(Size(97, 31))
    assert pty.size == Size(97, 31)
    if not isinstance(pty, EchoPTY):
        assert await Talk(pty).ask("stty size", r"(\d+ \d+\r?\n?)") == "31 97"


async def test_the_last_of_many_resizes_counts(open_pty: Opener) -> None:
    pty = await open_pty()
    await asyncio.gather(*(pty.resize(Size(40 + n, 20 + n)) for n in range(20)))
    assert pty.size == Size(59, 39)
    if not isinstance(pty, EchoPTY):
        assert await Talk(pty).ask("stty size", r"(\d+ \d+\r?\n?)") == "39 59"


async def test_exit_gives_the_output_then_the_code_then_the_end(open_pty: Opener) -> None:
    pty = await open_pty()
    assert pty.exit_status is None
    if isinstance(pty, EchoPTY):
        await pty.write(b"last words")
        await pty.write(b"\x04")
    else:
        await Talk(pty).say("printf 'last wo''rds'; exit 7")
    output = await Talk(pty).rest()
    assert b"last words" in output
    assert pty.exit_status is not None
    assert pty.exit_status.exit_code == (0 if isinstance(pty, EchoPTY) else 7)
    assert pty.exit_status.reason
    assert await pty.read() == b""
    with pytest.raises(PTYClosedError):
        await pty.write(b"x")
    await pty.resize(Size(10, 10))


async def test_closing_keeps_the_status_of_a_shell_that_had_exited(open_pty: Opener) -> None:
    pty = await open_pty()
    if isinstance(pty, EchoPTY):
        await pty.write(b"\x04")
    else:
        await Talk(pty).say("exit 3")
    await Talk(pty).rest()
    status = pty.exit_status
    await pty.close()
    assert pty.exit_status == status


async def test_close_wakes_a_waiting_reader(open_pty: Opener) -> None:
    pty = await open_echo(open_pty)
    reader = asyncio.create_task(pty.read())
    await asyncio.sleep(0)
    async with asyncio.timeout(ANSWER_SECONDS):
        await pty.close()
        assert await reader == b""
    assert pty.exit_status is not None
    assert pty.exit_status.exit_code is None


async def test_close_wakes_a_waiting_writer(open_pty: Opener) -> None:
    pty = await open_echo(open_pty)
    writer = asyncio.create_task(fill(pty))
    done, _ = await asyncio.wait({writer}, timeout=0.5)
    assert not done
    async with asyncio.timeout(ANSWER_SECONDS):
        await pty.close()
        with pytest.raises(PTYClosedError):
            await writer


async def test_close_may_be_called_again_and_by_several(open_pty: Opener) -> None:
    pty = await open_pty()
    await asyncio.gather(pty.close(), pty.close())
    await pty.close()


async def test_after_close_there_is_nothing_to_read_write_or_resize(open_pty: Opener) -> None:
    pty = await open_echo(open_pty)
    await pty.write(b"unread")
    await pty.close()
    assert await pty.read() == b""
    with pytest.raises(PTYClosedError):
        await pty.write(b"x")
    await pty.resize(Size(10, 10))


@with_programs
async def test_a_command_runs_with_its_arguments_and_its_exit_code_is_the_terminal_s(
    open_pty: Opener,
) -> None:
    words = ("two  words", "$HOME", "")
    script = 'stty size; printf "<%s>" "$@"; exit 6'
    pty = await open_pty(SIZE, ("sh", "-c", script, "name", *words))
    output = await Talk(pty).rest()
    assert output.split() == [b"43", b"132", b"<two", b"words><$HOME><>"]
    assert pty.exit_status is not None
    assert pty.exit_status.exit_code == 6


@with_programs
async def test_a_command_reads_what_is_typed(open_pty: Opener) -> None:
    pty = await open_pty(SIZE, ("cat",))
    await pty.write(b"typed\n")
    await Talk(pty).expect("typed\r\n.*typed\r\n")
    await pty.write(b"\x04")
    await Talk(pty).rest()
    assert pty.exit_status is not None
    assert pty.exit_status.exit_code == 0


@with_programs
@pytest.mark.parametrize("command", [("no-such-program", "x"), ("/etc/passwd",), ("a\0b",), ("",)])
async def test_a_command_that_cannot_run_is_refused(
    open_pty: Opener, command: tuple[str, ...]
) -> None:
    with pytest.raises(PTYOpenError):
        await open_pty(SIZE, command)


@with_programs
async def test_closing_a_command_runs_nothing_more_of_it(open_pty: Opener) -> None:
    script = "trap 'echo caught >>trace' INT HUP TERM; sleep 1000; echo next >>trace"
    folder = "hatchway-command-test"
    made = f'mkdir -p "/tmp/$1" && cd "/tmp/$1" && rm -f trace && echo began && {script}'
    pty = await open_pty(SIZE, ("sh", "-c", made, "name", folder))
    await Talk(pty).expect("began")
    await pty.close()
    look = await open_pty(SIZE, ("sh", "-c", 'ls "/tmp/$1"; rm -r "/tmp/$1"', "name", folder))
    assert b"trace" not in await Talk(look).rest()
