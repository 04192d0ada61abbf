"""What passes to a tty, and what does not: no question, however it is cut or disguised."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.queries import MAX_HELD, Queries
from engine.emulator import Terminal

QUESTIONS = [
    b"\x05",
    b"\x1bZ",
    b"\xc2\x9a",
    b"\x1b[c",
    b"\x1b[0c",
    b"\x1b[>c",
    b"\x1b[=0c",
    b"\xc2\x9bc",
    b"\x1b[5n",
    b"\x1b[6n",
    b"\x1b[?6n",
    b"\x1b[?996n",
    b"\x1b[>q",
    b"\x1b[>0q",
    b"\x1b[?u",
    b"\x1b[?4m",
    b"\x1b[?2;1;0S",
    b"\x1b[x",
    b"\x1b[14t",
    b"\x1b[018t",
    b"\x1b[21t",
    b"\x1b[?2026$p",
    b"\x1b[4$p",
    b"\x1b[1$w",
    b"\x1b[1$u",
    b"\x1b[&u",
    b"\x1b[1;1;1;1;9;9*y",
    b"\x1b[#R",
    b"\x1b[1;1;2;2#|",
    b"\x1b[?2048h",
    b"\x1bP$qm\x1b\\",
    b"\x1bP+q544e\x1b\\",
    b"\x1bP\n$q\nm\xc2\x9c",
    b"\xc2\x90+q544e\xc2\x9c",
    b"\x1b]10;?\x07",
    b"\x1b]011;?\x1b\\",
    b"\x1b]1\x001;?\x07",
    b"\x1b]4;1;?\x07",
    b"\x1b]4;1;#102030;2;?\x07",
    b"\x1b]52;c;?\x07",
    b"\xc2\x9d12;?\xc2\x9c",
    b"\x1b]21;foreground=?\x07",
    b"\x1b]22;?__current__\x07",
    b"\x1b]60\x07",
    b"\x1b]1337;ReportCellSize\x07",
    b"\x1b_Gi=1,a=q;AAAA\x1b\\",
    b"\x1b[\x7f6n",
    b"\x1b[00000000000006n",
]
OTHERS = [
    b"text, \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\r\n\t\x07\x08",
    b"\x1b[1;31mred\x1b[m",
    b"\x1b[2J\x1b[H\x1b[10;20H\x1b[3 q\x1b[!p",
    b"\x1b[?1049h\x1b[?25l\x1b[?1000;1006h\x1b[?2004h",
    b"\x1b[>4;2m\x1b[>1u\x1b[=1u\x1b[<u\x1b[>4n",
    b"\x1b[8;24;80t\x1b[22;0t\x1b[23;0t",
    b'\x1b[1"q\x1b[1;1;2;2$x\x1b[2*x',
    b"\x1b(B\x1b)0\x0e\x0f\x1b7\x1b8\x1bM\x1b=\x1b>\x1bc\x1b#8",
    b"\x1b]0;is it? 11;?\x07",
    b"\x1b]2;title\x1b\\\x1b]8;;https://example.org/?a=?\x1b\\link\x1b]8;;\x1b\\",
    b"\x1b]11;#102030\x07\x1b]52;c;aGk=\x07\x1b]133;A\x07\x1b]1337;File=inline=1:AAAA\x07",
    b"\x1bPq#0;2;0;0;0#0~~@@\x1b\\",
    b"\x1bP0;1|17/ab\x1b\\",
    b"\x1b_not graphics\x1b\\\x1b^private\x1b\\\x1bXstart\x1b\\",
    b"\xc2\x9b1m\xc2\x85\xc2\xa0\xc2\x9d2;t\xc2\x9c",
    b"\x1b[38:2::1:2:3m",
]


def passed(*pieces: bytes) -> bytes:
    queries = Queries()
    return b"".join(queries.passes(piece) for piece in pieces)


@pytest.mark.parametrize("question", QUESTIONS, ids=repr)
def test_a_question_does_not_pass(question: bytes) -> None:
    out = passed(b"before " + question + b" after")
    # What terminals execute within a sequence remains.
    assert out.replace(b"\n", b"") == b"before  after"


@pytest.mark.parametrize("other", OTHERS, ids=repr)
def test_everything_else_passes_unchanged(other: bytes) -> None:
    assert passed(b"before " + other + b" after") == b"before " + other + b" after"


@pytest.mark.parametrize("piece", [*QUESTIONS, *OTHERS], ids=repr)
def test_wherever_it_is_cut(piece: bytes) -> None:
    whole = b"a" + piece + b"z"
    expected = passed(whole)
    assert passed(*(whole[at : at + 1] for at in range(len(whole)))) == expected
    for at in range(1, len(whole)):
        assert passed(whole[:at], whole[at:]) == expected


def test_a_mode_in_which_terminals_report_is_taken_out_of_others() -> None:
    assert passed(b"\x1b[?25;2048;7h") == b"\x1b[?25;7h"
    assert passed(b"\x1b[?2048l") == b"\x1b[?2048l"


def test_a_question_that_cuts_off_a_string_ends_it_all_the_same() -> None:
    assert passed(b"\x1bPqpicture\x1b[6ntext") == b"\x1bPqpicture\x1b\\text"
    assert passed(b"\x1b]2;title\x1b[ctext") == b"\x1b]2;title\x1b\\text"
    assert passed(b"\x1b]10;?\x1b[1mtext") == b"\x1b[1mtext"


def test_a_sequence_that_is_cut_off_is_no_part_of_the_next_one() -> None:
    assert passed(b"\x1b[6\x1b[1mn") == b"\x1b[1mn"
    assert passed(b"\x1b[6\x18n") == b"\x18n"
    assert passed(b"\x1b\x1b[6n") == b""
    assert passed(b"\x1b[6\xc2\x9b5nx") == b"x"


def test_what_is_held_is_bounded() -> None:
    long = b"x" * (3 * MAX_HELD)
    assert passed(b"\x1b[" + b"1;" * MAX_HELD, b"6ntext") == b"text"
    # A long command is no question, and is not held back.
    queries = Queries()
    assert queries.passes(b"\x1b]52;c;" + long) == b"\x1b]52;c;" + long
    assert queries.passes(b"yz\x07\x05text") == b"yz\x07text"
    # As is the data of a string that passes.
    assert queries.passes(b"\x1bPq" + long) == b"\x1bPq" + long


def test_a_terminal_that_gets_the_rest_answers_nothing() -> None:
    replies: list[bytes] = []
    terminal = Terminal(80, 24, replies.append)
    terminal.feed(passed(*QUESTIONS, b"".join(OTHERS), *QUESTIONS))
    assert replies == []


parts = st.lists(
    st.one_of(
        st.sampled_from([*QUESTIONS, *OTHERS]),
        st.binary(max_size=4),
        st.sampled_from([b"\x1b", b"[", b"]", b"P", b"\\", b"\xc2", b"\x9b", b"?", b"6n", b"\x18"]),
    ),
    max_size=12,
)


@given(parts, st.data())
def test_no_stream_makes_a_terminal_answer(given_parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(given_parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=4)))
    edges = [0, *cuts, len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(edges)]
    out = passed(*pieces)
    assert out == passed(stream)
    replies: list[bytes] = []
    Terminal(80, 24, replies.append).feed(out)
    assert replies == []
