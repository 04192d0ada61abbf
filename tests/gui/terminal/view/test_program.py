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
