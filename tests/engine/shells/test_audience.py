"""Notes and clipboard writes of a shell's program reach everyone who listens."""

from __future__ import annotations

from engine.emulator import Host, Terminal
from engine.shells.audience import Audience


class Window(Host):
    """Notes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def notify(self, title: str, body: str) -> None:
        self.asked.append((title, body))

    def clipboard_write(self, selection: str, text: str) -> None:
        self.asked.append((selection, text))

    def clipboard_refused(self) -> None:
        self.asked.append(("", "too long"))


def test_everyone_who_listens_is_asked_until_they_stop() -> None:
    audience = Audience()
    terminal = Terminal(host=audience)
    first, second = Window(), Window()
    stop = audience.listen(first)
    audience.listen(second)
    terminal.feed(b"\x1b]777;notify;make;done\x07")
    stop()
    stop()
    terminal.feed(b"\x1b]52;c;aGk=\x07")
    terminal.feed(b"\x1b]52;c;" + b"QUJD" * 70_000 + b"\x07")
    terminal.feed(b"\x1b]53;c;" + b"QUJD" * 70_000 + b"\x07")
    assert first.asked == [("make", "done")]
    assert second.asked == [("make", "done"), ("c", "hi"), ("", "too long")]


def test_a_window_that_listens_twice_is_asked_twice() -> None:
    audience = Audience()
    window = Window()
    stop_first, stop_second = audience.listen(window), audience.listen(window)
    audience.notify("", "two")
    stop_first()
    audience.notify("", "one")
    stop_second()
    audience.notify("", "none")
    assert [text for _, text in window.asked] == ["two", "two", "one"]


def test_programs_are_told_what_was_set_and_read_nothing() -> None:
    answers: list[bytes] = []
    audience = Audience()
    terminal = Terminal(reply=answers.append, host=audience)
    audience.report((9, 18), dark=False)
    terminal.feed(b"\x1b[16t\x1b[?996n\x1b]52;c;?\x07\x1b[21t")
    assert answers == [b"\x1b[6;18;9t", b"\x1b[?997;2n"]
