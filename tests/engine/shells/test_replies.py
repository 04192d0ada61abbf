"""Replies of emulators: recognized, compared, told from keys, and from their beginnings."""

from __future__ import annotations

import pytest

from engine.emulator.terminal import Terminal
from engine.shells import replies

QUERIES = [
    b"\x1b[c",
    b"\x1b[>c",
    b"\x1b[=c",
    b"\x1b[>q",
    b"\x1b[5n",
    b"\x1b[6n",
    b"\x1b[?6n",
    b"\x1b[?15n",
    b"\x1b[?62n",
    b"\x1b[?63;1n",
    b"\x1b[?996n",
    b"\x1b[x",
    b"\x1b[4$p",
    b"\x1b[?2026$p",
    b"\x1b['|",
    b"\x1b[?u",
    b"\x1b[?4m",
    b"\x1b[11t",
    b"\x1b[14t",
    b"\x1b[16t",
    b"\x1b[18t",
    b"\x1b[?1;1S",
    b"\x1b]4;1;?\x07",
    b"\x1b]10;?\x1b\\",
    b"\x1b]11;?\x07",
    b"\x1b]12;?\x07",
    b"\x1bP$qm\x1b\\",
    b"\x1bP$qx\x1b\\",
    b"\x1bP+q544e\x1b\\",
    b"\x1bP+q7878\x1b\\",
]

OTHERS = [
    (b"\x1b[?1;2c", "?c"),
    (b"\x1b[>0;276;0c", ">c"),
    (b"\x1bP!|7E565445\x1b\\", "P!|"),
    (b"\x1b[0n", "n"),
    (b"\x1b[12;40R", "R"),
    (b"\x1b[?12;40R", "?R"),
    (b"\x1b[?2004;1$y", "?$y2004"),
    (b"\x1b[4;2$y", "4$y"),
    (b"\x1b[?0u", "?u"),
    (b"\x1b[8;24;80t", "8t"),
    (b"\x1b[3;-5;10t", "3t"),
    (b"\x1b]4;1;rgb:ff/00/00\x1b\\", "]4;1;"),
    (b"\x1b]11;rgb:0000/0000/0000\x07", "]11"),
    (b"\x1b]52;c;aGk=\x07", "]52"),
    (b"\x1b]lTitle\x1b\\", "]l"),
    (b"\x1bP>|xterm(390)\x1b\\", "P>|"),
    (b"\x1bP1$r0m\x1b\\", "P$r"),
    (b"\x1bP0$r\x1b\\", "P$r"),
    (b"\x1bP1+r544e=78\x1b\\", "P+r"),
    (b"\x1bP0+r\x1b\\", "P+r"),
    (b"\x1b_Gi=1;OK\x1b\\", "G"),
]

KEYS = [
    b"a",
    b"\r",
    b"\x1b[A",
    b"\x1bOP",
    b"\x1b[1;2A",
    b"\x1b[1;2P",
    b"\x1b[1;2S",
    b"\x1b[3~",
    b"\x1b[3;5~",
    b"\x1b[27;5;9~",
    b"\x1b[99;5u",
    b"\x1b[99;5:3u",
    b"\x1b[200~text\x1b[201~",
    b"\x1b[<0;10;20M",
    b"\x1b[M !!",
    b"\x1b[I",
    b"\x1b[O",
    b"\x1b\x1b[A",
    b"\x1bx",
]


@pytest.mark.parametrize("query", QUERIES)
def test_what_our_own_emulator_replies_is_a_reply(query: bytes) -> None:
    got: list[bytes] = []
    terminal = Terminal(80, 24)
    terminal.reply = got.append
    terminal.feed(query)
    (reply,) = got
    assert replies.find(reply, 0) == (0, len(reply), True)
    assert replies.kind(reply)


@pytest.mark.parametrize(("reply", "kind"), OTHERS)
def test_what_other_emulators_reply_is_a_reply(reply: bytes, kind: str) -> None:
    assert replies.find(b"ab" + reply + b"c", 0) == (2, 2 + len(reply), True)
    assert replies.kind(reply) == kind
    for end in range(1, len(reply)):
        assert replies.find(reply[:end], 0) == (0, end, False)


@pytest.mark.parametrize("key", KEYS)
def test_keys_are_no_replies(key: bytes) -> None:
    found, end, whole = replies.find(key, 0)
    assert (found, end, whole) == (len(key), len(key), True)
    assert not replies.may_be_key(key)
    assert replies.kind(key) == ""


def test_shift_f3_is_both() -> None:
    assert replies.may_be_key(b"\x1b[1;2R")
    assert not replies.may_be_key(b"\x1b[2;2R")
    assert not replies.may_be_key(b"\x1b[1;20R")


def test_what_is_too_long_is_no_reply() -> None:
    long = b"\x1b]52;c;" + b"a" * replies.MAX_REPLY
    assert replies.find(long, 0) == (len(long), len(long), True)
    assert replies.find(long + b"\x07", 0) == (len(long) + 1, len(long) + 1, True)
