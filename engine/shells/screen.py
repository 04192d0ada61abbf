from __future__ import annotations

from dataclasses import dataclass

from engine.emulator.terminal import Terminal


@dataclass(frozen=True)
class Snapshot:
    at: int
    cols: int
    rows: int
    data: tuple[bytes, ...]
    left_out: int = 0


class ShellScreen:
    def __init__(self, log, size, *, scrollback, reply):
        self._log = log
        self.terminal = Terminal(size.cols, size.rows, reply, scrollback=scrollback)
        self.position = log.end
        self._subs = []

    def printed(self):
        while d := self._log.read(self.position, 65536):
            self.terminal.feed(d)
            self.position += len(d)
        for s in self._subs:
            s()

    async def bring_up(self):
        self.printed()
        return self.position

    def resize(self, size):
        self.terminal.resize(size.rows, size.cols)

    async def snapshot(self, *, history, features):
        d = self.terminal.snapshot().encode()
        return Snapshot(
            self.position,
            self.terminal.cols,
            self.terminal.rows,
            tuple(d[i : i + 16384] for i in range(0, len(d), 16384)),
        )

    def subscribe(self, changed):
        self._subs.append(changed)
        return lambda: self._subs.remove(changed)

    async def close(self): ...
