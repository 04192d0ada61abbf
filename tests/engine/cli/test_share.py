"""``share`` in a real PTY, with real guests.

Joins the rooms cli, control, agent, relay and client.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.control.listing import list_recordings
from engine.core.errors import HatchwayError, RemoteError
from engine.core.model import Role, Size
from engine.core.settings import Settings
from engine.wire.proof import parse_link
from tests.engine.cli.person import ROOT, Person, person
from tests.engine.hosting import Visitor
from tests.engine.until import until

if TYPE_CHECKING:
    from tests.docker_fixtures import ContainerFactory

pytestmark = pytest.mark.takes(90)

READY = "Press Enter, then ~."
CAN_ANSWER = "~d deny"


@pytest.fixture(autouse=True)
def quick_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HATCHWAY_DOCKER__ENABLED", "false")
    monkeypatch.setenv("SHELL", "/bin/sh")


@asynccontextmanager
async def sharing(*arguments: str, rows: int = 24, cols: int = 80) -> AsyncIterator[Person]:
    async with person("share", *arguments, rows=rows, cols=cols) as host:
        await host.at_the_prompt(READY)
        yield host


def links(host: Person) -> dict[str, str]:
    """Addresses by what is printed before them."""
    found = re.findall(r"^(Link.*?): (http\S+)\r?$", host.seen.decode(), re.MULTILINE)
    return dict(found)


@asynccontextmanager
async def joining(url: str) -> AsyncIterator[tuple[Visitor, asyncio.Task[None]]]:
    visitor = Visitor(parse_link(url))
    connecting = asyncio.ensure_future(visitor.peer.connect())
    try:
        yield visitor, connecting
    finally:
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        await visitor.peer.close()


@asynccontextmanager
async def guest(url: str) -> AsyncIterator[Visitor]:
    async with joining(url) as (visitor, connecting):
        await connecting
        yield visitor


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


async def shell_pid(host: Person) -> int:
    host.type(b"echo pid-$$-\r")
    await until(lambda: re.search(rb"pid-(\d+)-", host.seen))
    found = re.search(rb"pid-(\d+)-", host.seen)
    assert found is not None
    return int(found[1])


async def test_a_guest_and_the_tty_are_in_one_shell() -> None:
    async with sharing() as host:
        assert b"works on this computer only" in host.seen
        assert b"relay.url (--relay URL)" in host.seen
        assert "▄" in host.seen.decode()
        async with guest(links(host)["Link"]) as visitor:
            await visitor.sees(b"ready-2")
            await host.sees("has joined and types")
            visitor.peer.send(b"echo guest-$((3+4))\r")
            await host.sees("guest-7")
            host.type(b"echo host-$((4+4))\r")
            await visitor.sees(b"host-8")
        await host.sees("has left")
        host.type(b"exit 7\r")
        assert await host.ends() == 7
    # The title before is back.
    assert host.seen.count(b"\x1b[22;0t") == host.seen.count(b"\x1b[23;0t")


async def test_leaving_ends_the_shell_and_its_links() -> None:
    async with sharing() as host:
        pid = await shell_pid(host)
        async with guest(links(host)["Link"]) as visitor:
            host.type(b"\r~.")
            assert await host.ends() == 0
            await until(lambda: visitor.end is not None)
        assert gone(pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
async def test_a_signal_restores_the_terminal_and_ends_the_shell(number: signal.Signals) -> None:
    async with sharing() as host:
        pid = await shell_pid(host)
        host.type(b"printf '\\033[?1049h\\033[?2004hedi''tor'; sleep 1000\r")
        await host.sees("editor")
        host.process.send_signal(number)
        assert await host.ends() == 0
        assert gone(pid)
        await host.sees("\x1b[?1047l")


async def test_the_terminal_is_restored_when_the_program_is_killed() -> None:
    async with sharing() as host:
        host.type(b"kill -9 $$\r")
        assert await host.ends() == 137


async def test_closing_the_terminal_ends_the_shell() -> None:
    async with sharing() as host:
        pid = await shell_pid(host)
        host.hang_up()
        assert await asyncio.to_thread(host.process.wait, 30) == 0
        assert gone(pid)


async def test_what_is_kept_goes_on_until_a_signal() -> None:
    async with sharing("--keep") as host:
        pid = await shell_pid(host)
        host.type(b"\r~.")
        await host.sees("Sharing goes on.")
        async with guest(links(host)["Link"]) as visitor:
            assert termios.tcgetattr(host.slave) == host.modes
            visitor.peer.send(b"echo still-$((40+2))\r")
            await visitor.sees(b"still-42")
            host.process.send_signal(signal.SIGTERM)
            assert await host.ends() == 0
        assert gone(pid)


async def test_what_is_kept_outlives_its_terminal_and_ends_with_its_shell() -> None:
    async with sharing("--keep") as host:
        url = links(host)["Link"]
        host.process.send_signal(signal.SIGHUP)
        host.hang_up()
        async with guest(url) as visitor:
            visitor.peer.send(b"exit 5\r")
            assert await asyncio.to_thread(host.process.wait, 30) == 5


async def test_links_to_watch() -> None:
    async with sharing("--also-view") as host:
        found = links(host)
        assert set(found) == {"Link", "Link to watch"}
        async with guest(found["Link to watch"]) as watcher:
            assert watcher.peer.role is Role.VIEW
            await host.sees("has joined and watches")
            host.type(b"\r~s")
            await host.has_on_screen("Guests:")
            await host.has_on_screen("watches")
            host.type(b" ")
            host.type(b"echo seen-$((2+3))\r")
            await watcher.sees(b"seen-5")
            await host.has_on_screen("seen-5")


async def test_a_link_only_to_watch() -> None:
    async with sharing("--view") as host:
        assert set(links(host)) == {"Link to watch"}


async def test_a_guest_is_allowed_in_the_tty_and_no_key_for_the_program_does_it() -> None:
    async with (
        sharing("--ask") as host,
        joining(links(host)["Link (you are asked)"]) as (visitor, connecting),
    ):
        await host.has_on_screen("asks to open This computer.")
        await until(lambda: visitor.peer.code)
        await host.has_on_screen(f"Short code: {visitor.peer.code}")
        # Typed while the question came: for the program.
        host.type(b"echo typed-$((5+5))")
        await host.has_on_screen(CAN_ANSWER)
        host.type(b"~a")
        await connecting
        host.type(b"\r")
        await host.has_on_screen("typed-10")
        assert CAN_ANSWER not in "\n".join(host.screen())
        await visitor.sees(b"typed-10")
        assert visitor.peer.role is Role.CONTROL


async def test_a_question_that_is_put_off_can_be_answered_later() -> None:
    async with (
        sharing("--ask") as host,
        joining(links(host)["Link (you are asked)"]) as (visitor, connecting),
    ):
        await host.has_on_screen(CAN_ANSWER)
        host.type(b"echo program-$((5+6))\r")
        await host.has_on_screen("program-11")
        await host.sees("1 guest asks: Enter ~q")
        host.type(b"~q")
        await host.has_on_screen(CAN_ANSWER)
        host.type(b"~v")
        await connecting
        assert visitor.peer.role is Role.VIEW
        await visitor.sees(b"program-11")


async def test_a_guest_is_denied() -> None:
    async with sharing("--ask") as host:
        async with joining(links(host)["Link (you are asked)"]) as (_, connecting):
            await host.has_on_screen(CAN_ANSWER)
            host.type(b"~")
            host.type(b"d")
            with pytest.raises(RemoteError, match="denied"):
                await connecting
        await until(lambda: CAN_ANSWER not in "\n".join(host.screen()))
        host.type(b"echo after-$((1+6))\r")
        await host.has_on_screen("after-7")


async def test_a_question_goes_with_the_guest_who_asked() -> None:
    async with sharing("--ask") as host:
        async with joining(links(host)["Link (you are asked)"]):
            await host.has_on_screen(CAN_ANSWER)
        await until(lambda: CAN_ANSWER not in "\n".join(host.screen()))
        host.type(b"~d-$((1+6))\r")
        await host.has_on_screen("~d-7: not found")


async def test_a_full_screen_program_is_as_it_was_after_help() -> None:
    async with sharing() as host:
        host.type(
            b"printf '\\033[?1049h\\033[2J\\033[1;1Htop\\033[24;1H\\033[31mbottom'; read -r line;"
            b" printf '\\033[?1049lline-%s-' \"$line\"\r"
        )
        await until(lambda: host.screen()[23] == "bottom")
        host.type(b"\r")
        await host.has_on_screen("line--")
        host.type(b"~?")
        await host.has_on_screen("Any key closes this help.")
        host.type(b"x")
        await until(lambda: "Any key" not in "\n".join(host.screen()))
        host.type(b"echo x-$((9+9))\r")
        await host.has_on_screen("x-18")


async def test_a_smaller_guest_s_size_is_shown_within_an_edge_and_goes_with_the_guest() -> None:
    async with sharing(rows=40, cols=120) as host:
        async with guest(links(host)["Link"]) as visitor:
            visitor.peer.resize(Size(90, 30))
            host.type(b'until [ "$(stty size)" = "30 90" ]; do sleep .05; done; echo s-$((4*4))\r')
            await visitor.sees(b"s-16")
            await until(lambda: host.screen()[30].startswith("─" * 90))
            assert all(row[90:] == "│" for row in host.screen()[:30])
            await host.has_on_screen("s-16")
        host.type(b'until [ "$(stty size)" = "40 120" ]; do sleep .05; done; echo l-$((5*5))\r')
        await host.has_on_screen("l-25")
        await until(lambda: "│" not in "\n".join(host.screen()))


async def test_a_command_in_this_folder_and_its_exit_code() -> None:
    script = 'test "$(pwd)" = "$1" && read -r line && echo "<$line>" && exit 9'
    command = ("--command", "sh", "-c", script, "name", str(ROOT))
    async with person("share", *command) as host:
        await host.sees(READY)
        async with guest(links(host)["Link"]) as visitor:
            visitor.peer.send(b"--flag\r")
            await host.sees("<--flag>")
            assert await host.ends() == 9


async def test_an_unknown_program_or_target_is_a_sentence() -> None:
    for arguments, words in (
        (("--command", "no-such-program"), "Error: no-such-program is not a program"),
        (("nowhere",), "Error: "),
    ):
        async with person("share", *arguments) as host:
            assert await host.ends() == 1
            await host.sees(words)
            assert b"Traceback" not in host.seen


async def started(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "engine", "share", *arguments,
        cwd=ROOT, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def test_json_is_a_line_per_link_until_a_signal() -> None:
    process = await started("--json", "--also-view", "--expires", "2h")
    assert process.stdout is not None
    rows = [json.loads(await asyncio.wait_for(process.stdout.readline(), 30)) for _ in range(2)]
    assert [(row["role"], row["target"]) for row in rows] == [
        ("control", "This computer"),
        ("view", "This computer"),
    ]
    assert all(set(row) == {"url", "role", "target", "shell"} for row in rows)
    assert rows[0]["shell"] == rows[1]["shell"]
    async with guest(rows[0]["url"]) as one, guest(rows[1]["url"]) as other:
        one.peer.send(b"echo both-$((6+6))\r")
        await one.sees(b"both-12")
        await other.sees(b"both-12")
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, out) == (0, b"")
    assert b"Traceback" not in err


@pytest.mark.parametrize("flags", [(), ("--record",)], ids=["no", "yes"])
async def test_the_terminal_is_recorded_once_if_that_is_asked_for(flags: tuple[str, ...]) -> None:
    process = await started("--json", *flags)
    assert process.stdout is not None
    row = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
    async with guest(row["url"]) as visitor:
        visitor.peer.send(b"echo said-$((6+7))\r")
        await visitor.sees(b"said-13")
        assert (visitor.peer.recording is not None) is bool(flags)
        visitor.peer.send(b"exit\r")
        await asyncio.wait_for(process.communicate(), 30)
    found = await list_recordings(Settings())
    assert [one.shell for one in found] == [row["shell"]] * len(flags)


async def test_without_a_terminal_it_hosts_until_the_shell_ends() -> None:
    process = await started("--no-attach")
    assert process.stdout is not None
    first = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
    assert first.startswith("Link: http")
    async with guest(first.removeprefix("Link: ").strip()) as visitor:
        visitor.peer.send(b"exit 4\r")
        out, _ = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, out) == (4, b"Stop with Ctrl+C.\n")


async def test_a_command_in_a_container(
    containers: ContainerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HATCHWAY_DOCKER__ENABLED")
    name = str(containers().name)
    script = 'printf "in-%s-" "$1"; read -r line; exit 8'
    process = await started("--json", name, "--command", "sh", "-c", script, "name", "$HOME")
    assert process.stdout is not None
    row = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
    assert row["target"] == name
    async with guest(row["url"]) as visitor:
        await visitor.sees(b"in-$HOME-")
        visitor.peer.send(b"\r")
        await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 8


async def test_an_ended_shell_s_link_opens_nothing() -> None:
    async with sharing("--keep") as host:
        url = links(host)["Link"]
        host.type(b"exit\r")
        assert await host.ends() == 0
        with pytest.raises(HatchwayError):
            async with guest(url):
                pass


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Error: share needs a terminal at standard input and standard output"),
        (("--ask", "--no-attach"), "Error: Nobody can approve guests: drop --no-attach, or open"),
        (("--ask", "--json"), "Error: Nobody can approve guests: drop --json, or open"),
        (("--command",), "Error: --command needs a program"),
        (("--view", "--also-view"), "not allowed with argument"),
        (("--expires", "soon"), "'soon' is not a duration such as 90m, 2h or 7d"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(arguments: tuple[str, ...], words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engine", "share", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
