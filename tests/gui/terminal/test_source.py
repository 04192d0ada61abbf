"""What is viewed of a terminal, and the subscriptions to a shell's."""

from __future__ import annotations

from engine.emulator import Host, Terminal
from gui.terminal.source import Viewed, Watch
from tests.gui.terminal.shell import Shell


def test_all_of_a_terminal_is_viewed_unless_there_is_too_little_room() -> None:
    viewed = Viewed(Terminal(40, 10))
    assert (viewed.columns, viewed.rows) == (40, 10)
    viewed.crop((30, 20))
    assert (viewed.columns, viewed.rows) == (30, 10)
    viewed.terminal.resize(5, 20)
    assert (viewed.columns, viewed.rows) == (20, 5)
    viewed.crop(None)
    assert (viewed.columns, viewed.rows) == (20, 5)


def test_another_terminal_is_viewed_and_the_own_one_again() -> None:
    own, other = Terminal(40, 10), Terminal(20, 5)
    viewed = Viewed(own)
    assert viewed.is_own
    viewed.show(other)
    assert viewed.terminal is other
    assert not viewed.is_own
    viewed.show(None)
    assert viewed.terminal is own


def test_a_watch_listens_always_and_subscribes_while_one_looks() -> None:
    shell = Shell()
    calls: list[bool] = []
    watch = Watch(shell, lambda: calls.append(True), Host())
    shell.print("x")
    assert (shell.watchers, shell.listeners, len(calls)) == (0, 1, 0)
    watch.look(True)
    watch.look(True)
    shell.print("x")
    assert (shell.watchers, shell.listeners, len(calls)) == (1, 1, 1)
    watch.look(False)
    shell.print("x")
    assert (shell.watchers, shell.listeners, len(calls)) == (0, 1, 1)


def test_a_watch_that_has_ended_stays_so() -> None:
    shell = Shell()
    watch = Watch(shell, lambda: None, Host())
    watch.look(True)
    watch.end()
    watch.end()
    watch.look(True)
    assert (shell.watchers, shell.listeners) == (0, 0)
