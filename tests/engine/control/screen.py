"""A terminal opened through the engine's API: what it printed, how it ended."""

from __future__ import annotations

from engine.control.api import ControlApi, TerminalHandle
from engine.core.model import LOCAL_TARGET, Size
from tests.engine.until import until


class Screen:
    """What a terminal printed, how often it ended and why."""

    def __init__(self) -> None:
        self.said = b""
        self.ends: list[tuple[str, int | None]] = []
        self.handle: TerminalHandle | None = None

    async def open(self, control: ControlApi) -> TerminalHandle:
        self.handle = await control.open_terminal(
            LOCAL_TARGET, Size(90, 25), self.output, self.ended
        )
        return self.handle

    def forget(self) -> None:
        self.said, self.ends = b"", []

    async def sees(self, text: bytes) -> None:
        await until(lambda: text in self.said, what=f"{text!r} in {self.said!r}")

    def output(self, data: bytes) -> None:
        self.said += data
        if self.handle is not None:
            self.handle.rendered(len(data))

    def ended(self, reason: str, exit_code: int | None) -> None:
        self.ends.append((reason, exit_code))
