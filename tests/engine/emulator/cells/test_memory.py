"""What terminals remember is bounded for all of them together."""

from __future__ import annotations

import gc
import tracemalloc

from engine.emulator import Terminal
from engine.emulator.cells.memory import Memory, Table


class Store:
    def __init__(self, memory: Memory) -> None:
        self.entries: list[int] = []
        self.table = Table(self.entries.clear, memory)

    def add(self, count: int) -> None:
        for n in range(count):
            self.entries.append(n)
            self.table.grew()


def test_the_one_that_grew_longest_ago_is_forgotten() -> None:
    memory = Memory(10)
    one, two, three = (Store(memory) for _ in range(3))
    one.add(3)
    two.add(3)
    one.add(1)
    three.add(3)
    assert len(memory) == 10
    three.add(1)
    assert [len(store.entries) for store in (one, two, three)] == [4, 0, 4]
    assert len(memory) == 8
    three.add(3)
    assert [len(store.entries) for store in (one, two, three)] == [0, 0, 7]


def test_a_single_one_is_bounded_too() -> None:
    memory = Memory(10)
    store = Store(memory)
    store.add(100)
    assert len(store.entries) == len(memory) == len(store.table) <= 10


def test_it_can_be_forgotten_by_its_owner() -> None:
    memory = Memory(10)
    store = Store(memory)
    store.add(5)
    store.table.forget()
    store.table.forget()
    assert not store.entries
    assert len(memory) == 0


def test_many_terminals_with_a_history_in_colors_take_little_each() -> None:
    """1,000 lines of 90 to 110 columns: beyond the first few 0.39 MB each, most of it the rows."""

    def output(seed: int) -> bytes:
        rows = []
        for n in range(1000):
            names = (f"\x1b[0m\x1b[01;3{(n + k) % 7}mfile{seed}{n}{k}\x1b[0m  " for k in range(9))
            rows.append("".join(names))
        return "\r\n".join(rows).encode()

    terminals: list[Terminal] = []
    tracemalloc.start()
    try:
        for seed in range(10, 20):
            data = output(seed)
            before = tracemalloc.get_traced_memory()[0]
            terminals.append(Terminal(120, 40, scrollback=1000))
            terminals[-1].feed(data)
            gc.collect()
            taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken <= 450_000
    # All it forgot makes no difference.
    whole = Terminal(120, 40, scrollback=1000)
    whole.feed(output(10))
    assert whole.snapshot() == terminals[0].snapshot()
