"""Questions in a tty: what answers them, and what goes to the program."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.questions import QUIET_SECONDS, Answer, Question, Questions, after_a_key
from engine.core.events import ApprovalRequested, KeyboardAsked
from engine.core.model import Guest, Role

SOON = QUIET_SECONDS / 2
LATER = QUIET_SECONDS * 2


def asked(who: str = "s1", role: Role = Role.CONTROL, name: str = "Ann") -> Question:
    guest = Guest(name=name, address="192.0.2.7")
    return Question.to_join(
        ApprovalRequested(
            session_id=who, target="web", guest=guest, role=role, code="123 456", waits_until=0
        )
    )


def open_questions(*questions: Question) -> Questions:
    made = Questions()
    for question in questions or (asked(),):
        made.add(question, 0.0)
    return made


def test_a_question_shows_who_asks_for_what_from_where_and_the_code() -> None:
    text = "\n".join(open_questions().lines(LATER))
    for words in ("Ann", "192.0.2.7", "open web", "123 456", "~a allow typing", "~v", "~d deny"):
        assert words in text


def test_names_are_escaped_and_short() -> None:
    lines = open_questions(asked(name="\x1b[2J" + "x" * 500)).lines(0.0)
    assert not any("\x1b" in line for line in lines)
    assert len(lines[0]) < 200


def test_a_link_to_watch_gives_no_choice_of_role() -> None:
    made = open_questions(asked(role=Role.VIEW))
    assert "~v" not in made.lines(LATER)[-1]
    assert list(made.read(b"~v", LATER)) == [b"~v"]


def test_who_asks_for_the_keyboard() -> None:
    event = KeyboardAsked(shell_id="x", participant="p1", name="Bob")
    made = open_questions(Question.for_keyboard(event))
    assert "Bob asks for the keyboard" in made.lines(0.0)[0]
    ((question, answer),) = made.read(b"~a", LATER)
    assert isinstance(question, Question)
    assert (question.id, question.role, answer) == ("p1", None, Answer.YES)


@pytest.mark.parametrize("pieces", [[b"~a"], [b"~", b"a"]], ids=repr)
def test_an_answer_after_a_pause(pieces: list[bytes]) -> None:
    made = open_questions()
    found = [one for piece in pieces for one in made.read(piece, LATER)]
    assert found == [(asked(), Answer.YES)]
    assert made.current is None
    assert not len(made)


def test_before_the_pause_keys_are_the_program_s_and_make_it_longer() -> None:
    made = open_questions()
    assert list(made.read(b"~a", SOON)) == [b"~a"]
    assert made.answers_from() == SOON + QUIET_SECONDS
    assert list(made.read(b"~a", QUIET_SECONDS)) == [b"~a"]
    assert made.current is not None


@pytest.mark.parametrize(
    ("typed", "program"),
    [
        ([b"x"], [b"x"]),
        ([b"x~a"], [b"x~a"]),
        ([b"~x"], [b"~x"]),
        ([b"~", b"x"], [b"~x"]),
        ([b"~~a"], [b"~~a"]),
        ([b"\x1b[A"], [b"\x1b[A"]),
        ([b"\x1b[200~a\x1b[201~"], [b"\x1b[200~a\x1b[201~"]),
    ],
    ids=repr,
)
def test_any_other_key_puts_it_off_and_is_not_lost(
    typed: list[bytes], program: list[bytes]
) -> None:
    made = open_questions()
    assert [one for piece in typed for one in made.read(piece, LATER)] == program
    assert made.current is None
    assert len(made) == 1
    made.show(LATER)
    assert made.current == asked()


@pytest.mark.parametrize(
    "report",
    [
        b"\x1b[I",
        b"\x1b[<0;3;4M",
        b"\x1b[M !!",
        b"\x1b[?62;c",
        b"\x1b[3;4R",
        b"\x1b]11;rgb:0/0/0\x07",
    ],
)
def test_what_a_terminal_reports_is_no_key(report: bytes) -> None:
    made = open_questions()
    assert list(made.read(report, LATER)) == [report]
    assert list(made.read(b"~", LATER)) == []
    assert list(made.read(report, LATER)) == [report]
    assert list(made.read(b"d", LATER)) == [(asked(), Answer.NO)]


def test_the_next_question_needs_its_own_pause() -> None:
    made = open_questions(asked("s1"), asked("s2"))
    assert "(1 more)" in made.lines(0.0)[0]
    assert list(made.read(b"~a~a", LATER)) == [(asked("s1"), Answer.YES), b"~a"]
    assert made.current == asked("s2")
    assert list(made.read(b"~a", LATER + SOON)) == [b"~a"]


def test_an_answer_begun_for_one_question_answers_no_other() -> None:
    made = open_questions(asked("s1"), asked("s2"))
    assert list(made.read(b"~", LATER)) == []
    made.settle("s1", LATER)
    assert list(made.read(b"a", 2 * LATER)) == [b"a"]


def test_a_settled_question_goes() -> None:
    made = open_questions()
    made.settle("unknown", 0.0)
    assert made.current is not None
    made.settle("s1", 0.0)
    assert made.current is None
    assert made.lines(0.0) == []


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=4), st.floats(0, 3)), max_size=20))
def test_no_key_is_lost(typed: list[tuple[bytes, float]]) -> None:
    made, now = open_questions(), 0.0
    given_, came = b"", b""
    for data, pause in typed:
        now += pause
        given_ += data
        for piece in made.read(data, now):
            came += piece if isinstance(piece, bytes) else f"~{piece[1].value}".encode()
    assert given_ in (came, came + b"~")


@pytest.mark.parametrize(
    ("data", "rest"),
    [
        (b"", b""),
        (b"x", b""),
        (b"xy", b"y"),
        ("éx".encode(), b"x"),
        (b"\x1b[A", b""),
        (b"~.", b"~."),
    ],
)
def test_after_a_key(data: bytes, rest: bytes) -> None:
    assert after_a_key(data) == rest
