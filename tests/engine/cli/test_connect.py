"""``connect LINK`` in a real PTY, to a real host.

Joins the rooms cli, control, client, relay and agent.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from engine.core import events as ev
from engine.core.model import KeyboardState, Role, Size
from engine.core.session_state import SessionState
from engine.core.settings import Settings, ShareSettings
from engine.shells.shell import Shell
from engine.wire.proof import Link, encode_secret, parse_link
from tests.engine.cli.person import ROOT, Person, person
from tests.engine.hosting import House, Visitor, house
from tests.engine.test_idle_sessions import timeout
from tests.engine.until import until


@asynccontextmanager
async def connected(made: House, role: Role = Role.CONTROL, *flags: str) -> AsyncIterator[Person]:
    _, link = await made.link(role)
    async with person("connect", *flags, link.url) as guest:
        await guest.sees("Connected to")
        yield guest


async def test_typing_sizes_and_the_exit_code() -> None:
    async with house() as made:
        _, link = await made.link()
        async with person("connect", link.url, rows=31, cols=101) as guest:
            await guest.at_the_prompt()
            guest.type(b"stty size\r")
            await guest.sees("31 101")
            termios.tcsetwinsize(guest.slave, (40, 120))
            guest.type(
                b'until [ "$(stty size)" = "40 120" ]; do sleep .02; done; echo to-$((4*10))\r'
            )
            await guest.sees("to-40")
            # Ctrl+C is for the shell.
            guest.type(b"echo sleeps-$((1+1)); sleep 1000\r")
            await guest.sees("sleeps-2")
            guest.type(b"\x03")
            guest.type(b"echo still-$((40+2))\r")
            await guest.sees("still-42")
            guest.type(b"~~/x\r~? \recho $((7*6))-\r")
            await guest.sees("end the connection")
            await guest.sees("42-")
            # A key takes the help away, and is not the shell's.
            guest.type(b" ")
            await until(lambda: "end the connection" not in "\n".join(guest.screen()))
            guest.type(b"exit 7\r")
            assert await guest.ends() == 7
        assert not _secret_in(link, guest.seen)
        await until(lambda: not made.agent.sessions())


@pytest.mark.parametrize("flags", [(), ("--raw",)], ids=["painted", "raw"])
async def test_the_screen_is_the_host_s(flags: tuple[str, ...]) -> None:
    async with house() as made, connected(made, Role.CONTROL, *flags) as guest:
        await guest.at_the_prompt()
        guest.type(
            b"printf '\\033[?1049h\\033[H\\033[2J\\033[31mred\\033[5;3Hdeep'; read -r line\r"
        )
        await until(lambda: guest.screen()[4] == "  deep")
        assert guest.screen()[0] == "red"
        guest.type(b"\rprintf '\\033[?1049l'; echo back-$((1+1))\r")
        await guest.has_on_screen("back-2")
        guest.type(b"exit 6\r")
        assert await guest.ends() == 6
        # What was last on the screen stays there.
        assert any("back-2" in row for row in guest.screen())


async def test_a_hostile_screen_does_not_reach_the_tty() -> None:
    async with house() as made, connected(made) as guest:
        await guest.at_the_prompt()
        # Clipboard, title, a device report, links.
        guest.type(
            b"printf '\\033]52;c;aGk=\\a\\033]0;a\\ab\\033[21t\\033]8;;file:///x\\alink\\033[5i';"
            b" echo done-$((1+1))\r"
        )
        await guest.sees("done-2")
        for sequence in (b"\x1b]52", b"\x1b[21t", b"\x1b]8;;file", b"\x1b[5i"):
            assert sequence not in guest.seen
        await guest.sees("link")


async def test_the_program_s_questions_are_answered_once() -> None:
    async with house() as made, connected(made) as guest:
        await guest.at_the_prompt()
        guest.type(b"stty raw -echo min 1; printf '\\033[5n'; head -c 4 | od -c; stty sane\r")
        await guest.sees("033   [   0   n")


async def test_the_log_has_no_secret_and_stays_off_the_program_s_screen() -> None:
    async with house() as made:
        _, link = await made.link()
        async with person("connect", "--raw", "--log-level", "DEBUG", link.url) as guest:
            await guest.at_the_prompt()
            guest.type(b"exit\r")
            assert await guest.ends() == 0
        before, after = guest.seen.split(b"Connected to")
        assert b" DEBUG " in before
        assert not _secret_in(link, guest.seen)
        assert b" DEBUG " not in after.partition(b"exit\r\n")[0]


async def test_an_escape_ends_the_connection() -> None:
    async with house() as made, connected(made) as guest:
        await guest.at_the_prompt()
        guest.type(b"~.")
        assert await guest.ends() == 1
        await guest.sees("Connection closed")
        await until(lambda: not made.agent.sessions())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
async def test_a_signal_restores_the_terminal_and_ends_the_session(number: signal.Signals) -> None:
    async with house() as made, connected(made) as guest:
        await guest.at_the_prompt()
        guest.process.send_signal(number)
        assert await guest.ends() == 1
        await until(lambda: not made.agent.sessions())


@pytest.mark.parametrize("end", ["~.", "SIGTERM"])
async def test_a_stopped_screen_stops_the_program_and_holds_nobody_back(end: str) -> None:
    async with house() as made, connected(made, Role.CONTROL, "--raw") as guest:
        await guest.at_the_prompt()
        guest.look_away()
        guest.type(b"yes\r")

        def stopped() -> bool:
            seen = [e for e in made.events if isinstance(e, ev.Traffic)]
            return bool(seen) and seen[-1].bytes_out > 100_000 and not seen[-1].rate_out

        await until(stopped)
        if end == "~.":
            guest.type(b"\r~.")
        else:
            guest.process.send_signal(signal.SIGTERM)
        assert await guest.ends() == 1
        await until(lambda: not made.agent.sessions())


async def test_a_terminal_that_goes_away_ends_the_session() -> None:
    def waits_briefly(settings: Settings) -> Settings:
        session = msgspec.structs.replace(settings.session, resume_window=2, grace=2)
        return msgspec.structs.replace(settings, session=session)

    # At once by its goodbye; where that is lost with the terminal, when the host stops waiting.
    async with house(change=waits_briefly) as made, connected(made) as guest:
        await guest.at_the_prompt()
        guest.hang_up()
        assert await asyncio.to_thread(guest.process.wait, 20) == 1
        await until(lambda: not made.agent.sessions())


async def test_a_host_that_stops_says_so_and_restores_the_terminal() -> None:
    async with house() as made, connected(made) as guest:
        await guest.at_the_prompt()
        await made.agent.stop()
        assert await guest.ends() != 0
        await guest.sees("stopp")


async def test_a_lost_connection_comes_back_to_the_same_shell_with_what_was_typed() -> None:
    async with house() as made, connected(made) as guest:
        await guest.at_the_prompt()
        guest.type(b"MARK=stored; echo one-$((1+1))\r")
        await guest.sees("one-2")
        port = int(made.relay.url.rpartition(":")[2])
        await made.relay.stop()
        (session,) = made.agent.manager.sessions()
        await session.pc.close()
        await guest.sees("[connection lost, reconnecting")
        await until(lambda: session.state is SessionState.DISCONNECTED)
        guest.type(b"echo $MARK-$((2+2))\r")
        await made.relay.start(port=port)
        assert await made.agent.wait_for_relay(20)
        await guest.sees("stored-4")
        # The title before is back.
        await guest.sees("\x1b[23;0t")
        guest.type(b"exit 3\r")
        assert await guest.ends() == 3


async def test_a_link_for_viewing_sends_no_keys() -> None:
    async with house() as made, connected(made, Role.VIEW) as guest:
        await guest.sees("You are watching")
        (session,) = made.agent.sessions()
        guest.type(b"exit 5\r")
        guest.type(b"~?")
        # It was read after the keys.
        await guest.sees("end the connection")
        assert [s.id for s in made.agent.sessions()] == [session.id]
        guest.type(b"~.")
        assert await guest.ends() == 1


async def test_who_only_wants_to_watch_sends_no_keys() -> None:
    async with house() as made:
        _, link = await made.link()
        async with person("connect", "--view", link.url) as guest:
            await guest.sees("You are watching. Press Enter")
            guest.type(b"exit 5\r~?")
            await guest.sees("end the connection")
            assert len(made.agent.sessions()) == 1
            guest.type(b"~.")
            assert await guest.ends() == 1


@asynccontextmanager
async def shared(
    made: House, *flags: str, role: Role = Role.CONTROL, rows: int = 24, cols: int = 80
) -> AsyncIterator[tuple[Person, Shell, Visitor]]:
    """Somebody in a tty who has joined Ann's shell."""
    _, opens = await made.link()
    ann = made.visitor(opens, name="Ann")
    await ann.peer.connect()
    (shell,) = made.agent.manager.shells.all()
    _, joins = await made.link(role, shell=shell.id)
    async with person("connect", *flags, joins.url, rows=rows, cols=cols) as guest:
        await guest.sees("Connected to")
        await until(lambda: len(shell.participants) == 2)
        yield guest, shell, ann


def who(shell: Shell, name: str) -> str:
    (found,) = [one.id for one in shell.participants if one.name == name]
    return found


@pytest.mark.parametrize("flags", [(), ("--raw",)], ids=["painted", "raw"])
async def test_who_is_there_is_in_the_title_and_behind_a_command(flags: tuple[str, ...]) -> None:
    async with house() as made, shared(made, "--name", "Tom", *flags) as (guest, shell, ann):
        await guest.sees("\x1b]2;[Ann is here]")
        await until(lambda: who(shell, "Tom"))
        await until(lambda: {one.name for one in ann.peer.people} == {"Ann", "Tom"})
        _, joins = await made.link(Role.VIEW, shell=shell.id)
        bob = made.visitor(joins, name="Bob")
        await bob.peer.connect()
        await guest.sees("\x1b]2;[Bob has joined and watches]")
        guest.type(b"~s")
        await guest.has_on_screen("  Ann types")
        await guest.has_on_screen("  Bob watches")
        await bob.peer.close()
        await guest.sees("\x1b]2;[Bob has left]")
        await made.agent.record(shell.id, on=True)
        await guest.sees("\x1b]2;[This terminal is recorded]")
        ann.peer.send(b"PS1=; clear; echo by-ann-$((1+1))\n")
        await guest.sees("by-ann-2")
        guest.type(b" \r~.")
        assert await guest.ends() == 1


async def test_a_frozen_keyboard_takes_no_key() -> None:
    async with house() as made, shared(made) as (guest, shell, ann):
        shell.freeze()
        await guest.sees("\x1b]2;[The host has frozen the keyboard]")
        guest.type(b"exit\r~s")
        # It was read after the keys.
        await guest.has_on_screen("The host has frozen the keyboard.")
        shell.thaw()
        await guest.sees("\x1b]2;[Everybody can type again]")
        guest.type(b" echo thawed-$((1+1))\r")
        await ann.sees(b"thawed-2")
        assert shell.exit_status is None


async def test_a_viewer_asks_for_the_keyboard_and_hands_it_back() -> None:
    async with (
        house() as made,
        shared(made, "--name", "Tom", role=Role.VIEW) as (guest, shell, ann),
    ):
        guest.type(b"exit\r")
        await guest.sees("\x1b]2;[You can only watch: press Enter, then ~k")
        guest.type(b"~k")
        await until(lambda: shell.info().asking == (who(shell, "Tom"),))
        await guest.sees("\x1b]2;[You have asked for the keyboard]")
        shell.grant_keyboard(who(shell, "Tom"))
        await guest.sees("\x1b]2;[You have the keyboard")
        guest.type(b"echo by-tom-$((1+1))\r")
        await ann.sees(b"by-tom-2")
        guest.type(b"~k")
        await guest.sees("\x1b]2;[You only watch again]")
        await until(lambda: shell.keyboard_state is KeyboardState.OPEN)
        ann.peer.send(b"echo by-ann-$((2+2))\n")
        await guest.has_on_screen("by-ann-4")


async def test_a_larger_screen_is_cropped_around_the_cursor() -> None:
    async with house() as made, shared(made, rows=10, cols=40) as (guest, shell, ann):
        shell.pin(Size(100, 40))
        await until(lambda: shell.current_size == Size(100, 40))
        ann.peer.send(b"PS1=; clear; printf '\\033[40;80Hcorner'; read -r line\n")
        await guest.has_on_screen("corner")
        ann.peer.send(b"\nclear; stty size\n")
        await guest.has_on_screen("40 100")


async def test_a_link_for_another_device_takes_the_place() -> None:
    async with house() as made, shared(made, "--name", "Tom", cols=200) as (guest, shell, ann):
        guest.type(b"~l")
        await guest.has_on_screen("takes your place here")
        shown = next(row.strip() for row in guest.screen() if "/s/" in row)
        phone = made.visitor(parse_link(shown), name="Tom on the phone")
        await phone.peer.connect()
        assert await guest.ends() == 1
        await guest.sees("This terminal was opened elsewhere")
        phone.peer.send(b"echo by-phone-$((1+1))\n")
        await ann.sees(b"by-phone-2")
        assert len(shell.participants) == 2


@pytest.mark.parametrize("then", ["~s", "~d", "later"])
async def test_what_was_typed_while_away_is_sent_only_on_request(then: str) -> None:
    async with house() as made, shared(made, "--name", "Tom") as (guest, _, ann):
        tom = next(s for s in made.agent.manager.sessions() if s.id != ann.peer.session_id)
        port = int(made.relay.url.rpartition(":")[2])
        await made.relay.stop()
        await tom.pc.close()
        await guest.sees("[connection lost, reconnecting")
        await until(lambda: tom.state is SessionState.DISCONNECTED)
        guest.type(b"echo by-tom-$((1+1))\r")
        ann.peer.send(b"echo by-ann-$((2+2))\n")
        await ann.sees(b"by-ann-4")
        await made.relay.start(port=port)
        assert await made.agent.wait_for_relay(20)
        await guest.has_on_screen("it was not sent:")
        await guest.has_on_screen("echo by-tom-$((1+1))")
        if then == "later":
            guest.type(b"echo first-$((3+3))\r")
            await ann.sees(b"first-6")
            assert b"by-tom" not in ann.said
            guest.type(b"~s")
        else:
            guest.type(then.encode())
        if then == "~d":
            guest.type(b"echo after-$((4+4))\r")
            await ann.sees(b"after-8")
            assert b"by-tom" not in ann.said
        else:
            await ann.sees(b"by-tom-2")
        await until(lambda: "it was not sent:" not in "\n".join(guest.screen()))


async def test_output_that_passes_has_no_question_in_it() -> None:
    async with house() as made, connected(made, Role.CONTROL, "--raw") as guest:
        await guest.at_the_prompt()
        guest.type(b"stty raw -echo min 1; printf 'a\\033[5nz'; head -c 4 | od -c; stty sane\r")
        await guest.sees("033   [   0   n")
        await guest.sees("az")
        assert b"\x1b[5n" not in guest.seen


async def test_the_host_is_asked_and_both_see_the_code() -> None:
    async with house(share=ShareSettings(unattended="deny")) as made:
        with_host = made.agent.admission.approvals.attend()
        # Who was denied would not be asked about again so soon.
        for role, exit_code in ((Role.CONTROL, 4), (None, 1)):
            _, link = await made.link(approval=True)
            asked = [e for e in made.events if isinstance(e, ev.ApprovalRequested)]
            async with person("connect", link.url) as guest:
                await guest.sees("Waiting for the host… The short code is ")
                now = [e for e in made.events if isinstance(e, ev.ApprovalRequested)]
                (request,) = now[len(asked) :]
                await guest.sees(f"The short code is {request.code}")
                assert made.agent.admission.answer(request.session_id, role, remember=False)
                if role is None:
                    await guest.sees("Error: ")
                else:
                    await guest.at_the_prompt()
                    guest.type(b"exit 4\r")
                assert await guest.ends() == exit_code
        with_host()


async def test_a_signal_while_the_host_is_asked_cancels_the_request() -> None:
    async with house(share=ShareSettings(unattended="deny")) as made:
        attended = made.agent.admission.approvals.attend()
        _, link = await made.link(approval=True)
        async with person("connect", link.url) as guest:
            await guest.sees("Waiting for the host…")
            guest.process.send_signal(signal.SIGINT)
            assert await guest.ends() == 1
        await until(lambda: not made.agent.sessions())
        attended()


async def test_an_idle_session_is_announced_and_any_key_keeps_it() -> None:
    async with house(change=timeout(4.0)) as made, connected(made, Role.VIEW) as guest:
        await guest.sees("\x1b]2;[idle: ends in")
        guest.type(b" ")
        await guest.sees("\x1b[23;0t")
        await until(lambda: guest.seen.count(b"[idle: ends in") == 2)
        # The second warning is left alone.
        assert await guest.ends() != 0


async def test_a_refused_link_is_a_sentence_and_exit_code_1() -> None:
    async with house() as made:
        share, link = await made.link()
        await made.agent.admission.revoke(share.id)
        async with person("connect", link.url) as guest:
            assert await guest.ends() == 1
            await guest.sees("Error: ")
            assert b"Traceback" not in guest.seen


async def test_text_that_is_no_link_is_a_usage_error_that_does_not_repeat_it() -> None:
    async with person("connect", "https://relay.example/s/Yk3vX0c1bTq9aZ2w#short") as guest:
        assert await guest.ends() == 2
        await guest.sees("Error: The link is incomplete")
        assert b"short" not in guest.seen


def test_without_a_terminal_it_is_a_usage_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engine", "connect", "https://x/s/y#z"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "Error: connect needs a terminal at standard input and standard output\n"


def _secret_in(link: Link, text: bytes) -> bool:
    return encode_secret(link.secret).encode() in text
