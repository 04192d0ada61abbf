"""One shell, many people: pages, plain guests, Python peers and the host in it at once.

Joins the rooms control, agent, client, relay, sessions, shells, pty and emulator.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from docker.models.containers import Container

from engine.client.peer import PeerHandlers, TerminalPeer
from engine.control import commands as c
from engine.core import events as ev
from engine.core.errors import RemoteError
from engine.core.model import (
    LOCAL_TARGET,
    AfterRemoval,
    EndCode,
    KeyboardState,
    ParticipantKind,
    Role,
    Size,
)
from engine.core.settings import SessionSettings, Settings
from tests.docker_fixtures import Box
from tests.engine.handlers import Host, local_shell
from tests.engine.party import Page, Party, party
from tests.engine.raw_guest import RawGuest
from tests.engine.until import until

CONTROL, VIEW = Role.CONTROL, Role.VIEW
ANSWER = "echo {0}-$((40+2))\n"


def session(**changes: Any) -> Callable[[Settings], Settings]:
    return lambda settings: msgspec.structs.replace(settings, session=SessionSettings(**changes))


async def refused(page: Page, **more: Any) -> str:
    """The code with which its offer is refused."""
    with pytest.raises(RemoteError) as error:
        await page.join(**more)
    return error.value.remote_code


async def everybody_in(made: Party, target: str) -> None:
    """Each kind of participant in one shell: what one types all see."""
    shell = await made.open(target)
    painter = made.control.attach(shell, role=VIEW, name="wall")
    printed = bytearray()
    tab = made.control.attach(shell, name="tab", size=Size(90, 30), output=printed.extend)
    first, second = await made.joins(shell), await made.joins(shell)
    viewer = await made.joins(shell, VIEW)
    plain = await made.joins(shell, protocol="")
    old = await made.joins(shell, caps=("mute",))
    link = await made.link(shell)
    said = bytearray()

    def output(data: bytes) -> None:
        said.extend(data)
        peer.rendered(len(data))

    peer = TerminalPeer.of_link(link, Size(100, 40), PeerHandlers(output=output))
    await peer.connect()
    assert len(made.info(shell).participants) == 8

    async def all_see(word: str) -> None:
        text = f"{word}-42"
        for page in (first, second, viewer, plain, old):
            await page.sees(text)
        await until(lambda: text.encode() in said and text.encode() in printed)
        await until(lambda: any(text in line for line in painter.screen.terminal.text()))

    first.types(ANSWER.format("first").encode())
    await all_see("first")
    plain.types(ANSWER.format("plain").encode())
    await all_see("plain")
    old.types(ANSWER.format("old").encode())
    await all_see("old")
    peer.send(ANSWER.format("peer").encode())
    await all_see("peer")
    tab.send(ANSWER.format("tab").encode())
    await all_see("tab")
    await made.same(shell, first, second, viewer)
    await peer.close()
    await until(lambda: len(made.info(shell).participants) == 7)
    second.types(b"exit 3\n")
    await until(lambda: all(page.raw.of("exit") for page in (first, second, viewer, old)))
    assert viewer.raw.of("exit")[0]["exit_code"] == 3
    await until(lambda: plain.raw.of("pty_disconnected"))
    assert made.of(ev.ShellEnded)[0].shell.exit.exit_code == 3
    tab.detach()


async def test_everybody_shares_a_shell_of_this_computer() -> None:
    async with party() as made:
        await everybody_in(made, LOCAL_TARGET)


@pytest.mark.docker
async def test_everybody_shares_a_shell_of_a_container(busybox: Container) -> None:
    async with party(docker=True) as made:
        await made.control.do(c.WaitForTargets(20))
        await everybody_in(made, Box(busybox).target.id)


async def test_a_viewer_can_do_nothing_but_view() -> None:
    async with party() as made:
        shell = await made.open()
        owner = await made.joins(shell)
        viewer = await made.joins(shell, VIEW)
        owner.types(ANSWER.format("ready").encode())
        await viewer.sees("ready-42")
        size = made.info(shell).size
        viewer.types(b"echo hack''ed\n")
        for data in (b"\x03", bytes(range(256)), b"\x1b[200~x", b"\xff" * 5000):
            viewer.types(data)
        viewer.raw.say(type="resize", cols=20, rows=5)
        viewer.raw.say(type="connect_pty", container=LOCAL_TARGET)
        viewer.raw.say(type="role", role="control")
        viewer.raw.say(type="hello", caps=[], role="control")
        viewer.raw.say(type="history", before=10**9, lines=10**9)
        viewer.raw.say(type="ask_keyboard", on=False)
        viewer.raw.say(type="keep")
        viewer.raw.channel.post("{" * 1000)
        codes = {"access_denied", "unknown_type", "bad_message", "bad_json"}
        await until(lambda: codes <= {error["code"] for error in viewer.raw.of("error")})
        owner.types(ANSWER.format("after").encode())
        await viewer.sees("after-42")
        assert not any("hacked" in line for line in owner.lines())
        info = made.info(shell)
        assert info.size == size
        assert [one.role for one in info.participants] == [CONTROL, VIEW]
        assert len(made.shells()) == 1
        await made.same(shell, owner, viewer)


async def test_connect_pty_on_a_join_link_opens_nothing_also_after_the_end() -> None:
    async with party() as made:
        shell = await made.open()
        page = await made.joins(shell)
        page.raw.say(type="connect_pty", container=LOCAL_TARGET)
        await until(lambda: page.raw.of("error"))
        page.types(b"exit\n")
        await until(lambda: page.raw.of("exit"))
        page.raw.say(type="connect_pty", container=LOCAL_TARGET)
        await until(lambda: len(page.raw.of("error")) == 2)
        assert [error["code"] for error in page.raw.of("error")] == ["access_denied"] * 2
        assert made.shells() == ()


async def test_the_host_takes_freezes_and_hands_back_the_keyboard() -> None:
    async with party() as made:
        do = made.control.do
        shell = await made.open()
        refusals: list[str] = []
        tab = made.control.attach(shell, name="me", size=Size(), refused=refusals.append)
        ann = await made.joins(shell)
        await do(c.TakeKeyboard(shell, tab.participant))
        await until(lambda: ann.raw.of("keyboard")[-1]["state"] == "taken")
        assert ann.raw.of("keyboard")[-1]["holder"] == tab.participant
        ann.types(b"echo no''pe\n")
        await until(lambda: ann.raw.of("error"))
        tab.send(ANSWER.format("host").encode())
        await ann.sees("host-42")
        await do(c.OpenKeyboard(shell))
        ann.types(ANSWER.format("ann").encode())
        await ann.sees("ann-42")
        await do(c.Freeze())
        assert made.info(shell).keyboard is KeyboardState.FROZEN
        ann.types(b"echo no''pe\n")
        await until(lambda: len(ann.raw.of("error")) == 2)
        tab.send(ANSWER.format("frozen").encode())
        await ann.sees("frozen-42")
        await do(c.Freeze(on=False))
        ann.types(ANSWER.format("free").encode())
        await ann.sees("free-42")
        assert not any("nope" in line for line in ann.lines())
        assert refusals == []
        tab.detach()


async def test_a_viewer_asks_for_the_keyboard_and_gets_it_for_a_while() -> None:
    async with party() as made:
        do = made.control.do
        shell = await made.open()
        ann, vic = await made.joins(shell), await made.joins(shell, VIEW)
        vic.raw.say(type="ask_keyboard", on=True)
        await until(lambda: made.of(ev.KeyboardAsked))
        assert made.of(ev.KeyboardAsked)[0].participant == vic.participant
        await do(c.DenyKeyboard(shell, vic.participant))
        await until(lambda: vic.raw.of("keyboard")[-1]["asked"] == "denied")
        await do(c.GrantKeyboard(shell, vic.participant))
        await until(lambda: vic.raw.of("role"))
        assert vic.raw.of("role")[-1]["role"] == "control"
        vic.types(ANSWER.format("vic").encode())
        await ann.sees("vic-42")
        vic.raw.say(type="ask_keyboard", on=False)
        await until(lambda: vic.raw.of("role")[-1]["role"] == "view")
        errors = len(vic.raw.of("error"))
        vic.types(b"x")
        await until(lambda: len(vic.raw.of("error")) > errors)
        await do(c.SetRole(shell, ann.participant, VIEW))
        await until(lambda: ann.raw.of("role"))
        ann.types(b"x")
        await until(lambda: ann.raw.of("error"))


async def test_a_removed_guest_is_out_and_has_no_way_back() -> None:
    async with party() as made:
        shell = await made.open()
        ann, bob = await made.joins(shell), await made.joins(shell)
        token = bob.raw.token
        await made.control.do(c.RemoveGuest(shell, bob.participant, AfterRemoval.REVOKE))
        await until(lambda: bob.raw.of("exit"))
        assert bob.raw.of("exit")[0]["code"] == "removed_revoked"
        assert await refused(made.page(bob.link), resume=token) in ("access_denied", "link_revoked")
        ann.types(ANSWER.format("still").encode())
        await ann.sees("still-42")
        assert len(made.info(shell).participants) == 1


async def test_a_guest_whose_shell_it_is_leaves_and_the_others_stay() -> None:
    async with party() as made:
        opener = await made.page(await made.link()).join()
        shell = opener.raw.welcome["shell"]
        other, viewer = await made.joins(shell), await made.joins(shell, VIEW)
        viewer.raw.say(type="close")
        await until(lambda: len(made.info(shell).participants) == 2)
        opener.raw.say(type="close")
        await until(lambda: len(made.info(shell).participants) == 1)
        other.types(ANSWER.format("mine").encode())
        await other.sees("mine-42")
        other.raw.say(type="close")
        await until(lambda: made.info(shell).participants == ())
        await made.control.do(c.EndShell(shell))
        assert made.shells() == ()


async def test_a_join_link_leads_nowhere_after_the_end() -> None:
    async with party() as made:
        shell = await made.open()
        link = await made.link(shell)
        page = await made.page(link).join()
        await made.control.do(c.EndShell(shell))
        await until(lambda: page.raw.of("exit"))
        assert page.raw.of("exit")[0]["code"] == "closed"
        assert await refused(made.page(link)) == "shell_ended"
        assert made.shells() == ()


async def test_a_return_from_elsewhere_displaces_the_first_and_it_may_come_back() -> None:
    async with party() as made:
        shell = await made.open()
        first = await made.joins(shell)
        first.types(ANSWER.format("first").encode())
        await first.sees("first-42")
        who, token = first.participant, first.raw.token
        second = made.page(first.link)
        await second.join(resume=token)
        await second.sees("first-42")
        assert second.participant == who
        await until(lambda: first.raw.of("exit"))
        assert first.raw.of("error")[-1]["code"] == "replaced"
        await until(lambda: not first.raw.is_open)
        back = made.page(first.link, session_id=first.session_id)
        assert await refused(back, resume=token) == "replaced"
        await second.sees("first-42")
        assert len(made.info(shell).participants) == 1
        again = made.page(first.link, session_id=first.session_id)
        await again.join(resume=token, again=True)
        again.types(ANSWER.format("again").encode())
        await again.sees("again-42")
        await until(lambda: second.raw.of("error"))
        assert [one.id for one in made.info(shell).participants] == [who]
        # Neither of the returns was a use of the link.
        await made.same(shell, again)


async def test_a_guest_comes_back_as_what_it_was_last_and_no_more() -> None:
    async with party() as made:
        shell = await made.open()
        page = await made.joins(shell)
        await made.control.do(c.SetRole(shell, page.participant, VIEW))
        await until(lambda: page.raw.of("role"))
        back = made.page(page.link)
        await back.join(resume=page.raw.token)
        assert back.raw.welcome["role"] == "view"
        back.types(b"x")
        await until(lambda: back.raw.of("error"))


async def test_offers_that_fail_repeat_race_or_stop_change_no_shell() -> None:
    async with party() as made:
        shell = await made.open()
        ann = await made.joins(shell)
        link = await made.link(shell, single_use=True)
        await asyncio.sleep(0)
        token = ann.raw.token

        def state() -> object:
            info = made.info(shell)
            return [(one.id, one.role, one.attached) for one in info.participants], info.size

        before = state()
        forged = made.page(link)
        offer = await forged.offer()
        offer["proof"]["mac"] = "00" * 32
        with pytest.raises(RemoteError):
            await forged.call(offer)
        stranger = made.page(ann.link)
        offer = await stranger.offer(resume=token)
        del offer["proof"]
        with pytest.raises(RemoteError):
            await stranger.call(offer)
        broken = made.page(link)
        offer = await broken.offer()
        with pytest.raises(RemoteError):
            await broken.call(offer | {"sdp": "v=0\r\n"})
        # One that returns and is never connected.
        half = made.page(ann.link)
        await half.call(await half.offer(resume=token))
        # One that is given up on its way.
        gone = made.page(ann.link)
        call = asyncio.create_task(gone.call(await gone.offer(resume=token)))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([call])
        assert state() == before
        ann.types(ANSWER.format("ann").encode())
        await ann.sees("ann-42")
        # The link was used by none of them.
        page = made.page(link)
        offer = await page.offer()
        replies = await asyncio.gather(page.call(offer), page.call(offer))
        assert replies[0]["sdp"] == replies[1]["sdp"]
        await page.raw.take(replies[0], caps=list(page.caps))
        assert len(made.info(shell).participants) == 2
        assert await refused(made.page(link)) != ""
        await made.same(shell, ann, page)


async def test_own_shells_never_end_by_themselves_and_guests_do() -> None:
    async with party(session(timeout=1.0, grace=1.0)) as made:
        own = await made.open()
        opener = await made.page(await made.link()).join()
        await until(lambda: opener.raw.of("exit"))
        assert opener.raw.of("exit")[0]["code"] == "idle"
        lost = await made.page(await made.link()).join()
        await lost.raw.close()
        ended = made.of(ev.ShellEnded)
        await until(lambda: len(made.of(ev.ShellEnded)) > len(ended))
        assert made.of(ev.ShellEnded)[-1].shell.exit.code in (EndCode.GRACE, EndCode.IDLE)
        assert [one.id for one in made.shells()] == [own]
        host = made.control.attach(own, size=Size())
        host.send(ANSWER.format("own").encode())
        await until(lambda: any("own-42" in line for line in host.screen.terminal.text()))
        host.detach()


DROPS = 20
COUNTER = (
    "stty -echo; i=0; while [ $i -lt 30000 ]; do echo number-$i; i=$((i+1)); "
    "[ $((i % 1500)) = 0 ] && sleep 0.05; done; "
    "echo fini''shed\n"
)
COUNTED = b"".join(b"number-%d\r\n" % number for number in range(30_000))


async def test_a_counter_over_twenty_losses_comes_whole_and_nothing_twice() -> None:
    host = Host(local_shell)
    await host.manager.start()
    guest = host.guest()
    caps = ["snapshot", "size", "mute"]

    async def take(one: RawGuest, reply: dict[str, Any], received: int = 0) -> None:
        await one.take(reply, received, caps=caps)

    await take(guest, await host.offer(await guest.offer("s", "here")))
    got = b""
    guest.channel.post(COUNTER.encode())

    async def read_on(one: RawGuest, more: int) -> None:
        """Until it has so much more, or all."""

        def enough() -> bool:
            one.say(type="ack", bytes=len(got) + len(one.output))
            return len(one.output) >= more or b"finished" in (got + one.output)[-1000:]

        await until(enough, 40)

    for _ in range(DROPS):
        await read_on(guest, 7_000)
        before = guest
        await before.close()
        got += before.output
        guest, offer = await host.back(before)
        await take(guest, await host.offer(offer), len(got))
        assert guest.welcome["start"] == len(got)
    await read_on(guest, 10**9)
    got += guest.output
    assert guest.of("snapshot") == []
    begin = got.index(b"number-0\r\n")
    counted = got[begin : begin + len(COUNTED)]
    assert hashlib.sha256(counted).hexdigest() == hashlib.sha256(COUNTED).hexdigest()
    await host.stop()


SCENE = (
    r"printf '\033]0;a title\007\033[?1049h\033[?1002h\033[?1006h\033[?2004h\033[?25l"
    r"\033[2J\033[3;10r\033[?69h\033[5;60s\033[?6h\033[1;1H\033[38;2;10;200;30mgreen"
    r"\033[48;5;17m\033[4:3mwavy\033[0m\033[5;1H\033(0lqqk\033(B\033[3 q\033H\r\n\r\n'"
)
PROGRAMS = {"printf": (f"{SCENE}; read x; printf 'more %s\\n' $x; read y\n", "green")}
if shutil.which("vim"):
    options = "set mouse=a title laststatus=2 nu|syntax on"
    PROGRAMS["vim"] = (f"vim -u NONE -N -n -c '{options}' {__file__}\n", "One shell, many people")


@pytest.mark.parametrize("program", PROGRAMS)
async def test_everybody_shows_what_the_agent_shows_of_a_full_screen(program: str) -> None:
    async with party() as made:
        shell = await made.open()
        ann = await made.joins(shell)
        stopped = await made.joins(shell, VIEW)
        line, text = PROGRAMS[program]
        ann.types(line.encode())
        await ann.sees(text)
        await made.same(shell, ann, stopped)
        assert ann.terminal.title == made.info(shell).title != ""
        # Somebody joins, somebody loads the page anew.
        joined = await made.joins(shell, VIEW)
        again = made.page(ann.link)
        await again.join(resume=ann.raw.token)
        await made.same(shell, joined, again, stopped)
        # Somebody is skipped, while the terminal's size changes.
        stopped.reads = False
        for size in (Size(100, 30), Size(60, 20), Size(80, 24)):
            await made.control.do(c.PinSize(shell, size))
            await until(lambda size=size: made.info(shell).size == size)
        again.types(b"GggG50%ihello\x1bu\r" if program == "vim" else b"x\r")
        for _ in range(3 if program == "vim" else 0):
            again.types(b"\x06" * 20 + b"\x02" * 20)
        stopped.reads = True
        stopped.raw.say(type="ack", bytes=stopped.position)
        await made.same(shell, joined, again, stopped)
        assert len(made.info(shell).participants) == 3


ASK = (
    "stty raw -echo; printf '\\033[c\\033[5n\\033[?7$p\\033]11;?\\033\\\\\\033[6n'; "
    "timeout 2 cat -v >{0}; stty sane; echo don''e\n"
)


@pytest.mark.parametrize("people", ["nobody", "page", "ten", "plain", "both"])
async def test_each_query_has_one_answer(people: str, tmp_path: Any) -> None:
    file = tmp_path / "answers"
    async with party() as made:
        shell = await made.open()
        host = made.control.attach(shell, kind=ParticipantKind.HOST, size=None)
        for _ in range({"page": 1, "ten": 10, "both": 1}.get(people, 0)):
            await made.joins(shell)
        if people in ("plain", "both"):
            await made.joins(shell, protocol="")
        host.send(b"sleep 0.3; " + ASK.format(file).encode())
        await until(lambda: any("sleep" in line for line in host.screen.terminal.text()))
        if people == "nobody":
            host.detach()
        await until(lambda: file.exists())
        # Who comes meanwhile gets the queries, or their screen, and answers nothing.
        late = await made.joins(shell)
        await late.sees("done")
        said = file.read_text()
        for answer in (r"\^\[\[\?\d+[\d;]*c", r"\^\[\[0n", r"\?7;\d\$y", r"\]11;", r"\[\d+;\d+R"):
            assert len(re.findall(answer, said)) == 1, said
        if people != "nobody":
            host.detach()
