"""Terminals on this computer: the shell's session, its end, and what is left of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from engine.core.errors import PTYOpenError
from engine.core.model import LOCAL_TARGET, Size
from engine.core.settings import TerminalSettings
from engine.pty.local_shell import LocalShellPTY
from tests.engine.pty.talk import Talk
from tests.engine.until import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    Opener = Callable[..., Awaitable[LocalShellPTY]]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


@pytest.fixture(params=["pidfd", "elsewhere"])
async def open_shell(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Opener]:
    """Opens /bin/sh in a home of its own; elsewhere is neither a pidfd nor /proc."""
    monkeypatch.setenv("SHELL", "/bin/sh")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HATCHWAY_RELAY__TOKEN", "secret")
    if request.param == "elsewhere":
        monkeypatch.setattr("engine.pty.local_shell.sys.platform", "darwin")
    opened: list[LocalShellPTY] = []

    async def open_one() -> LocalShellPTY:
        pty = await LocalShellPTY.open(
            session_id="local-1", size=Size(132, 43), settings=TerminalSettings()
        )
        opened.append(pty)
        return pty

    yield open_one
    for pty in opened:
        await pty.close()


def alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


async def test_it_is_this_computer(open_shell: Opener) -> None:
    assert (await open_shell()).label == LOCAL_TARGET


async def test_size_is_right_from_the_start(open_shell: Opener, tmp_path: Path) -> None:
    (tmp_path / ".profile").write_text("echo size: $(stty size)\n")
    assert (await Talk(await open_shell()).expect(r"size: (\d+ \d+)"))[1] == b"43 132"


async def test_environment_and_home(open_shell: Opener, tmp_path: Path) -> None:
    talk = Talk(await open_shell())
    answer = await talk.ask("printf %s $TERM,$COLORTERM,$HATCHWAY_SESSION,$PWD")
    assert answer == f"xterm-256color,truecolor,local-1,{tmp_path}"


async def test_our_own_secrets_are_not_in_its_environment(open_shell: Opener) -> None:
    names = await Talk(await open_shell()).ask("env | sed -n 's/^\\(HATCHWAY_[^=]*\\)=.*/\\1/p'")
    assert set(names.split()) == {"HATCHWAY_SESSION", "HATCHWAY_TERMINAL", "HATCHWAY_HOST"}


async def test_the_shell_leads_a_session_with_this_terminal(open_shell: Opener) -> None:
    pty = await open_shell()
    assert os.getsid(pty.pid) == pty.pid != os.getsid(0)
    talk = Talk(pty)
    assert (await talk.ask("tty", "(/dev/\\S+)\\s*")).startswith("/dev/")
    assert await talk.ask("(printf ok >/dev/tty) 2>&1") == "ok"


async def test_each_standard_file_can_be_read_and_written(open_shell: Opener) -> None:
    # tmux hands its input to a server that draws on it.
    talk = Talk(await open_shell())
    assert await talk.ask("(printf ok >&0) 2>&1") == "ok"
    for file in (0, 1, 2):
        await talk.say(f"read line <&{file}; echo got-$line-{file}")
        await talk.say(f"word{file}")
        assert await talk.expect(f"got-word{file}-{file}")


async def test_ctrl_c_interrupts_what_runs(open_shell: Opener) -> None:
    talk = Talk(await open_shell())
    await talk.say("cat; printf 'cut''off'")
    # Once by the terminal's echo, once by the program: before that, the signal may reach
    # what is still the shell's copy of itself, which keeps it to itself.
    await talk.say("listening")
    await talk.expect(r"listening.*listening")
    await talk.pty.write(b"\x03")
    # Not before the shell is back: a program may read one more line while it dies.
    await talk.expect(r"\^C\s*[$#] ")
    assert await talk.ask("printf %s $((3*14))") == "42"


async def test_a_background_job_does_not_keep_the_terminal(open_shell: Opener) -> None:
    pty = await open_shell()
    talk = Talk(pty)
    job = int(await talk.ask("sleep 1000 & printf %s $!", r"[^<]*?(\d+)"))
    await talk.say("printf 'by''e'; exit 4")
    assert b"bye" in await talk.rest()
    assert pty.exit_status is not None
    assert pty.exit_status.exit_code == 4
    assert alive(job)
    await pty.close()
    assert not alive(job)


async def test_a_chattering_background_job_does_not_keep_the_terminal(open_shell: Opener) -> None:
    pty = await open_shell()
    talk = Talk(pty)
    await talk.say("(trap '' HUP; exec yes chatter) & exit 4")
    await talk.rest()
    assert pty.exit_status is not None
    assert pty.exit_status.exit_code == 4


async def test_output_before_the_exit_arrives_whole(open_shell: Opener) -> None:
    pty = await open_shell()
    talk = Talk(pty)
    await talk.say("stty -echo; printf 'st''art'; seq 1 60000; printf 'do''ne'; exit")
    await talk.expect("start")
    numbers = (await talk.rest()).replace(b"\r", b"")
    expected = b"\n".join(b"%d" % n for n in range(1, 60001)) + b"\ndone"
    assert numbers.startswith(expected)


async def test_close_hangs_up_then_kills_and_leaves_no_zombie(open_shell: Opener) -> None:
    pty = await open_shell()
    talk = Talk(pty)
    polite = int(await talk.ask("sleep 1000 & printf %s $!", r"[^<]*?(\d+)"))
    slow = int(
        await talk.ask(
            "sh -c \"trap 'sleep 1000' HUP; while :; do sleep 0.05; done\" & printf %s $!",
            r"[^<]*?(\d+)",
        )
    )
    await talk.say("trap '' HUP TERM; printf 'stub''born'")
    await talk.expect("stubborn")
    async with asyncio.timeout(5):
        await pty.close()
    assert not alive(polite)
    assert not alive(slow)
    assert not psutil.pid_exists(pty.pid), "the shell was not reaped"


async def test_what_ignores_a_hang_up_or_left_the_session_goes_on(open_shell: Opener) -> None:
    pty = await open_shell()
    talk = Talk(pty)
    jobs = ("nohup sleep 1000 >/dev/null 2>&1", "(trap '' HUP; exec sleep 1000)", "sleep 1000")
    stays = [int(await talk.ask(f"{job} & printf %s $!", r"[^<]*?(\d+)")) for job in jobs[:2]]
    ends = int(await talk.ask(f"{jobs[2]} & printf %s $!", r"[^<]*?(\d+)"))
    await talk.say("setsid sh -c 'printf \"<%s>\" $$; exec sleep 1000' &")
    stays.append(int((await talk.expect(r"<(\d+)>"))[1]))
    try:
        # nohup and trap act a moment after their process is there.
        await until(lambda: all(psutil.Process(pid).name() == "sleep" for pid in stays))
        await pty.close()
        # Only Linux reports what ignores HUP.
        known = sys.platform == "linux"
        assert [alive(pid) for pid in stays] == [known, known, True]
        assert not alive(ends)
        assert not psutil.pid_exists(pty.pid)
    finally:
        for pid in filter(alive, stays):
            os.kill(pid, signal.SIGKILL)


async def test_a_host_started_with_nohup_does_not_make_every_program_stay(
    open_shell: Opener,
) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        pty = await open_shell()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    job = int(await Talk(pty).ask("sleep 1000 & printf %s $!", r"[^<]*?(\d+)"))
    await pty.close()
    assert not alive(job)


async def test_close_lets_programs_put_things_in_order(open_shell: Opener, tmp_path: Path) -> None:
    pty = await open_shell()
    talk = Talk(pty)
    await talk.say(
        "sh -c \"trap 'echo hung up >$HOME/goodbye; exit' HUP; printf rea; echo dy; "
        'while :; do sleep 0.05; done"'
    )
    await talk.expect("ready")
    await pty.close()
    assert (tmp_path / "goodbye").read_text() == "hung up\n"


async def test_killed_from_outside(open_shell: Opener) -> None:
    pty = await open_shell()
    os.kill(pty.pid, signal.SIGKILL)
    await Talk(pty).rest()
    assert pty.exit_status is not None
    assert pty.exit_status.exit_code == 137
    assert "killed" in pty.exit_status.reason


async def test_killed_by_a_signal_without_a_name(open_shell: Opener) -> None:
    talk = Talk(await open_shell())
    await talk.say("kill -35 $$")
    await talk.rest()
    assert talk.pty.exit_status is not None
    assert talk.pty.exit_status.exit_code == 128 + 35
    assert "killed (signal 35)" in talk.pty.exit_status.reason


@pytest.mark.parametrize(
    ("name", "found"), [("LC_ALL", ",de_DE.UTF-8"), ("LANG", "de_DE.UTF-8,"), ("", "C.UTF-8,")]
)
async def test_the_users_own_locale_is_kept(
    open_shell: Opener, monkeypatch: pytest.MonkeyPatch, name: str, found: str
) -> None:
    for each in ("LANG", "LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(each, raising=False)
    if name:
        monkeypatch.setenv(name, "de_DE.UTF-8")
    assert await Talk(await open_shell()).ask("printf %s $LANG,$LC_ALL") == found


async def test_a_shell_that_lets_go_of_its_terminal_ends_it(open_shell: Opener) -> None:
    pty = await open_shell()
    talk = Talk(pty)
    await talk.say("exec sleep 1000 </dev/null >/dev/null 2>&1")
    await talk.rest()
    assert pty.exit_status is not None
    assert pty.exit_status.exit_code is None
    assert "closed its terminal" in pty.exit_status.reason
    await pty.close()
    assert not psutil.pid_exists(pty.pid)


async def test_no_file_is_left_open(open_shell: Opener) -> None:
    before = psutil.Process().num_fds()
    for _ in range(3):
        pty = await open_shell()
        await Talk(pty).say("exit")
        await Talk(pty).rest()
        await pty.close()
        await (await open_shell()).close()
    assert psutil.Process().num_fds() == before


async def test_the_users_shell_comes_first_then_the_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    mine = tmp_path / "mysh"
    mine.symlink_to("/bin/sh")
    monkeypatch.setenv("SHELL", str(mine))
    pty = await LocalShellPTY.open(session_id="s", size=Size(), settings=TerminalSettings())
    assert await Talk(pty).ask("printf %s $0", r"-?(.*?)") == str(mine)
    await pty.close()


async def test_a_shell_that_is_set_comes_before_the_users_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    mine, chosen = tmp_path / "mysh", tmp_path / "chosen"
    for path in (mine, chosen):
        path.symlink_to("/bin/sh")
    monkeypatch.setenv("SHELL", str(mine))
    for shell, used in ((str(chosen), chosen), (str(tmp_path / "missing"), mine)):
        settings = TerminalSettings(shell=shell)
        pty = await LocalShellPTY.open(session_id="s", size=Size(), settings=settings)
        assert await Talk(pty).ask("printf %s $0", r"-?(.*?)") == str(used)
        await pty.close()


async def test_no_shell_at_all_is_a_clear_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SHELL", str(tmp_path))
    monkeypatch.setattr("engine.pty.local_shell.pwd.getpwuid", {}.__getitem__)
    settings = TerminalSettings(shell="/no/bash", fallback_shell="/no/sh")
    with pytest.raises(PTYOpenError, match=r"/no/bash, .*, /no/sh"):
        await LocalShellPTY.open(session_id="s", size=Size(), settings=settings)


async def test_windows_is_told_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.pty.local_shell.sys.platform", "win32")
    with pytest.raises(PTYOpenError, match="Linux or macOS"):
        await LocalShellPTY.open(session_id="s", size=Size(), settings=TerminalSettings())
