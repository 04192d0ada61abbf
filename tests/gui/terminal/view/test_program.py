"""Bytes to the program, until it has ended."""

from __future__ import annotations

from engine.emulator import Terminal
from gui.terminal.view.program import Program


def test_an_ended_program_gets_nothing_and_no_answer() -> None:
    sent: list[bytes] = []
    terminal = Terminal(reply=sent.append)
    program = Program(terminal, sent.append)
    program.send(b"a")
    program.end()
    program.send(b"b")
    terminal.feed(b"\x1b[6n")
    assert program.ended
    assert sent == [b"a"]
    program.revive()
    program.send(b"c")
    terminal.feed(b"\x1b[6n")
    assert sent == [b"a", b"c", b"\x1b[1;1R"]


def test_a_program_that_accepts_no_input_gets_none_and_no_answer_until_it_does() -> None:
    sent: list[bytes] = []
    terminal = Terminal(reply=sent.append)
    program = Program(terminal, sent.append)
    program.refuse("You view this terminal.")
    program.send(b"a")
    terminal.feed(b"\x1b[6n")
    assert (program.refusal, program.accepts, sent) == ("You view this terminal.", False, [])
    program.end()
    program.refuse("")
    assert not program.accepts
    program.revive()
    program.send(b"b")
    assert (program.accepts, sent) == (True, [b"b"])
