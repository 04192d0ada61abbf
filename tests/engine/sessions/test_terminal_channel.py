"""The conversation over a terminal channel, in both dialects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from engine.core.errors import AccessDeniedError
from engine.core.model import ExitStatus, Size
from engine.pty.base import PTY
from engine.shells.participant import Permission
from engine.wire.conversation.agent import ERRORS_AT_ONCE
from engine.wire.terminal import ACK_EVERY, V1, WINDOW
from tests.engine.pty.echo import EchoPTY
from tests.engine.sessions.guest import Guest, Host
from tests.engine.until import until


@pytest.fixture
async def guest() -> AsyncIterator[Guest]:
    made = await Guest().start()
    yield made
    await made.stop()


@pytest.fixture
async def v1() -> AsyncIterator[Guest]:
    made = await Guest(V1).start()
    yield made
    await made.stop()


async def test_the_offered_pty_connects_by_itself(guest: Guest) -> None:
    assert [message["type"] for message in guest.messages] == ["ready", "pty_connected"]
    assert guest.messages[1]["container"] == "echo"
    assert guest.host.opened == [("echo", Size(80, 24))]


async def test_input_comes_back_as_output(guest: Guest) -> None:
    guest.say(type="input", data="ls é\n")
    await until(lambda: guest.text == "ls é\n")


async def test_600_quick_inputs_arrive_in_order(guest: Guest) -> None:
    expected = "".join(f"{number} " for number in range(600))
    for number in range(600):
        guest.say(type="input", data=f"{number} ")
    await until(lambda: len(guest.text) == len(expected))
    assert guest.text == expected


async def test_input_before_the_pty_is_up_is_queued_in_order() -> None:
    guest = Guest()
    gate = asyncio.Event()
    connect = guest.host.connect_pty

    async def slow(*args: object) -> object:
        await gate.wait()
        return await connect(*args)  # type: ignore[arg-type]

    guest.host.connect_pty = slow  # type: ignore[method-assign, assignment]
    guest.channel.start()
    guest.say(type="input", data="a")
    guest.say(type="resize", cols=120, rows=40)
    guest.say(type="input", data="b")
    guest.say(type="ping")
    # A ping is answered while the PTY is still being opened.
    await until(lambda: guest.of("pong"))
    assert guest.text == ""
    gate.set()
    await until(lambda: guest.text == "ab")
    assert guest.host.bridge is not None
    assert guest.host.bridge.size == Size(120, 40)
    await guest.stop()


async def test_resize_reaches_the_pty(guest: Guest) -> None:
    guest.say(type="resize", cols=132, rows=43)
    assert guest.host.bridge is not None
    bridge = guest.host.bridge
    await until(lambda: bridge.size == Size(132, 43))


async def test_a_character_split_over_two_reads_arrives_whole(guest: Guest) -> None:
    euro = "€".encode()
    for byte in euro:
        await guest.channel.output(bytes([byte]))
    await guest.channel.output(b"\xff!")
    await until(lambda: guest.text == "€\ufffd!")


async def test_half_a_character_at_the_end_is_shown_as_a_replacement(guest: Guest) -> None:
    await guest.channel.output("€".encode()[:2])
    guest.channel.ended(ExitStatus(7, "The shell exited"))
    await until(lambda: guest.of("pty_disconnected"))
    assert guest.text == "\ufffd"
    assert guest.of("pty_disconnected")[0] == {
        "type": "pty_disconnected",
        "exit_code": 7,
        "reason": "The shell exited",
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"type":"nope"}', "unknown_type"),
        ("{", "bad_json"),
        ("[]", "bad_message"),
        ('{"type":"resize","cols":"x","rows":1}', "bad_message"),
        (b"binary", "bad_message"),
    ],
)
async def test_bad_input_gets_one_error_and_changes_nothing(
    guest: Guest, text: str | bytes, code: str
) -> None:
    guest.end.post(text)
    await until(lambda: guest.of("error"))
    assert [error["code"] for error in guest.of("error")] == [code]
    guest.say(type="input", data="still here")
    await until(lambda: guest.text == "still here")


async def test_error_answers_are_limited_and_the_channel_stays_up(guest: Guest) -> None:
    for _ in range(500):
        guest.end.post("{")
    guest.say(type="input", data="x")
    await until(lambda: guest.text == "x")
    assert ERRORS_AT_ONCE <= len(guest.of("error")) < 2 * ERRORS_AT_ONCE


async def test_connect_pty_only_when_none_is_connected(guest: Guest) -> None:
    guest.say(type="connect_pty", container="other")
    await until(lambda: guest.of("error"))
    assert "Already connected" in guest.of("error")[0]["message"]
    guest.say(type="input", data="\x04")
    await until(lambda: guest.of("pty_disconnected"))
    guest.say(type="connect_pty", container="other", cols=90, rows=20)
    await until(lambda: len(guest.of("pty_connected")) == 2)
    assert guest.host.opened[-1] == ("other", Size(90, 20))
    guest.say(type="input", data="again")
    await until(lambda: guest.text == "again")


async def test_connect_pty_to_what_is_not_there_is_an_error(guest: Guest) -> None:
    guest.say(type="input", data="\x04")
    await until(lambda: guest.of("pty_disconnected"))
    guest.say(type="connect_pty", container="gone")
    await until(lambda: guest.of("error"))
    error = guest.of("error")[0]
    assert (error["code"], error["message"]) == ("target_not_found", "Device gone not found")


async def test_input_after_the_end_is_an_error(guest: Guest) -> None:
    guest.say(type="input", data="\x04")
    await until(lambda: guest.of("pty_disconnected"))
    guest.say(type="input", data="x")
    await until(lambda: guest.of("error"))
    assert guest.of("error")[0]["code"] == "pty_closed"


async def test_close_comes_after_the_input_before_it(guest: Guest) -> None:
    guest.say(type="input", data="last words")
    guest.say(type="close")
    await until(lambda: guest.host.events == ["closed by guest"])
    await until(lambda: guest.text == "last words")


class Stuck(Host):
    """Its program never reads."""

    def make(self, size: Size) -> PTY:
        return EchoPTY(size, capacity=1)


async def test_close_is_not_held_up_by_a_program_that_does_not_read() -> None:
    guest = Guest(V1, Stuck())
    await guest.start()
    guest.agent_end.stalled = True
    for _ in range(4):
        guest.end.post(bytes(40_000))
    guest.say(type="close")
    await until(lambda: "closed by guest" in guest.host.events, 5)
    await guest.stop()


async def test_more_waiting_input_than_the_limit_ends_the_channel_with_words() -> None:
    guest = Guest("", Stuck())
    await guest.start()
    guest.agent_end.stalled = True
    for _ in range(80):
        guest.say(type="input", data="x" * 8000)
    await until(lambda: "broken: limit" in guest.host.events)
    guest.agent_end.resume()
    await until(lambda: guest.of("error"))
    assert guest.of("error")[-1]["code"] == "limit"
    await guest.stop()


async def test_v1_greets_and_carries_bytes(v1: Guest) -> None:
    kinds = [message["type"] for message in v1.messages]
    assert kinds == ["ready", "welcome", "pty_connected"]
    assert v1.host.opened == [("echo", Size(100, 30))]
    v1.end.post(bytes(range(256)))
    await until(lambda: v1.output == bytes(range(256)))


async def test_v1_sends_no_more_than_the_window_unrendered(v1: Guest) -> None:
    bridge = v1.host.bridge
    assert bridge is not None
    flood = asyncio.ensure_future(v1.channel.output(bytes(3 * WINDOW)))
    await until(lambda: len(v1.output) >= WINDOW)
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(v1.output) == WINDOW
    assert not flood.done()
    v1.say(type="ack", bytes=WINDOW)
    await until(lambda: len(v1.output) == 2 * WINDOW)
    v1.say(type="ack", bytes=2 * WINDOW)
    await flood


async def test_v1_acknowledging_what_was_never_sent_is_an_error(v1: Guest) -> None:
    v1.say(type="ack", bytes=10**6)
    await until(lambda: v1.of("error"))
    assert "'bytes'" in v1.of("error")[0]["message"]


async def test_v1_messages_stay_within_16_kib(v1: Guest) -> None:
    sizes: list[int] = []
    v1.message = lambda message: sizes.append(len(message))  # type: ignore[method-assign, assignment]
    await v1.channel.output(bytes(100_000))
    await until(lambda: sum(sizes) == 100_000)
    assert max(sizes) <= 16 * 1024


async def test_v1_exit_is_sent(v1: Guest) -> None:
    v1.end.post(b"\x04")
    await until(lambda: v1.of("exit"))
    assert v1.of("exit")[0]["exit_code"] == 0


async def test_json_output_fits_a_64_kib_message_however_it_is_escaped(guest: Guest) -> None:
    sizes: list[int] = []
    guest.message = lambda message: sizes.append(len(message))  # type: ignore[method-assign, assignment]
    await guest.channel.output(b"\x01" * 50_000)
    await until(lambda: len(sizes) >= 7)
    assert max(sizes) < 64 * 1024


async def test_refused_input_is_answered_with_an_error() -> None:
    host = Host()
    host.permission = Permission(lambda: AccessDeniedError("You may watch"), resize=False)
    guest = await Guest(V1, host).start()
    guest.end.post(b"rm -rf /")
    await until(lambda: guest.of("error"))
    assert guest.of("error")[0]["code"] == "access_denied"
    assert guest.output == b""
    await guest.stop()


async def test_the_loss_of_the_channel_is_reported_once(guest: Guest) -> None:
    guest.end.close()
    await until(lambda: guest.host.events)
    assert guest.host.events == ["lost"]


async def test_every_agent_message_is_one_json_object_with_a_type(guest: Guest) -> None:
    guest.say(type="ping")
    await until(lambda: guest.of("pong"))
    assert all(isinstance(json.loads(json.dumps(m))["type"], str) for m in guest.messages)


async def test_v1_a_returning_guest_learns_how_much_input_arrived(v1: Guest) -> None:
    assert v1.of("welcome")[0].get("taken", 0) == 0
    v1.end.post(b"typed")
    await until(lambda: v1.output == b"typed")
    v1.end.close()
    again = await Guest(V1, v1.host).start()
    assert again.of("welcome")[0]["taken"] == 5
    again.end.post(b"x" * ACK_EVERY)
    await until(lambda: again.of("ack"))
    assert again.of("ack")[0]["bytes"] == 5 + ACK_EVERY, "a total over both channels"
    await again.stop()


class Redraws(EchoPTY):
    """A program that redraws its screen whenever its size changes."""

    SCREEN = bytes(range(256)) * 400

    async def resize(self, size: Size) -> None:
        await super().resize(size)
        await self.write(self.SCREEN)
        for _ in range(10):  # until somebody has read it, if anybody reads
            await asyncio.sleep(0)


class Redrawing(Host):
    def make(self, size: Size) -> PTY:
        return Redraws(size)


async def test_v1_output_goes_on_where_the_guest_stopped_whatever_is_printed_meanwhile() -> None:
    first = await Guest(V1, Redrawing()).start()
    first.end.post(bytes(16 * 1024) * 3)
    await until(lambda: len(first.output) == 48 * 1024)
    first.end.close()
    await until(lambda: "lost" in first.host.events)
    again = Guest(V1, first.host)
    again.channel.start()
    again.say(type="hello", cols=90, rows=31, received=48 * 1024, shell="shell")
    await until(lambda: again.of("pty_connected"))
    assert again.of("welcome")[0]["start"] == 48 * 1024
    again.end.post(b"the end")
    await until(lambda: again.output.endswith(b"the end"))
    assert again.output == Redraws.SCREEN + b"the end"
    await again.stop()


async def test_v1_who_lacks_output_that_is_gone_gets_the_screen_as_output() -> None:
    first = await Guest(V1).start()
    for length in (50_000, 100_000, 150_000):
        # With a sequence in it that the agent's screen does not put off.
        first.end.post(b"\x1b7" + b"o" * 49_998)
        await until(lambda length=length: len(first.output) == length)
        first.say(type="ack", bytes=length)
    first.end.close()
    await until(lambda: "lost" in first.host.events)
    again = Guest(V1, first.host)
    again.channel.start()
    again.say(type="hello", cols=100, rows=30, received=0)
    await until(lambda: again.output)
    assert again.output.startswith(b"\x1bc"), "it begins with a reset"
    again.end.post(b"the end")
    await until(lambda: again.output.endswith(b"the end"))
    await again.stop()


async def test_programs_are_told_only_of_what_the_guests_emulator_can_do() -> None:
    guest = Guest(V1)
    guest.channel.start()
    guest.say(
        type="hello", cols=80, rows=24, caps=["mute"], features=["sixel", "rectangles", "warp"]
    )
    await until(lambda: guest.of("pty_connected"))
    # The program repeats what is typed, and so it asks, and prints the answer.
    guest.end.post(b"\x1b[?2026$p\x1b[c")
    await until(lambda: guest.output.endswith(b"\x1b[?65;1;2;4;6;9;15;16;17;18;22;28;29c"))
    assert b"\x1b[?2026;0$y" in guest.output
    await guest.stop()
