"""One of the host's own terminals, shown in a widget of the app under test.

Owns opening it, both ways a tab can have: attached to directly, or as a peer through the relay;
and the time until what a command prints is painted. Does not own what is run in it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Self

from benchmarks.widgets import shown_widget
from engine.control.api import ControlApi
from engine.control.commands import EndShell, OpenShell
from engine.core.model import Size
from gui.terminal.widget import TerminalWidget


class OwnTerminal:
    """``shell_id`` is "" for one that is a peer."""

    def __init__(
        self,
        target: str,
        shell_id: str,
        widget: TerminalWidget,
        send: Callable[[bytes], None],
        end: Callable[[], Awaitable[None]],
    ) -> None:
        self.target = target
        self.shell_id = shell_id
        self._widget = widget
        self._send = send
        self._end = end
        self._count = 0

    @classmethod
    async def directly(cls, control: ControlApi, target: str, size: Size) -> Self:
        """The widget shows the screen that the shell keeps."""
        widget = shown_widget(size.cols, size.rows)
        shell_id = await control.do(OpenShell(target, size))
        handle = control.attach(shell_id, size=size)
        widget.show_source(handle.screen)

        async def end() -> None:
            widget.show_source(None)
            handle.detach()
            await control.do(EndShell(shell_id))

        return cls(target, shell_id, widget, handle.send, end)

    @classmethod
    async def by_peer(cls, control: ControlApi, target: str, size: Size) -> Self:
        """The widget has a terminal of its own, fed with what comes over the connection."""
        widget = shown_widget(size.cols, size.rows)
        handle = await control.open_terminal(target, size, widget.feed, lambda reason, code: None)
        widget.typed.connect(handle.send)
        widget.rendered.connect(handle.rendered)

        async def end() -> None:
            widget.typed.disconnect(handle.send)
            widget.rendered.disconnect(handle.rendered)
            await handle.close()

        return cls(target, "", widget, handle.send, end)

    def type(self, line: str) -> None:
        self._send(f"{line}\r".encode())

    async def run(self, line: str, limit: float = 20.0) -> float:
        """Seconds from typing ``line`` until all that it prints is painted. Raises TimeoutError
        after ``limit`` seconds."""
        self._count += 1
        mark = f"END-{self._count}"
        painted: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        def look() -> None:
            if not painted.done() and any(mark in row for row in self._widget.terminal.text()):
                # A frame is due; it is not waited for, but its painting counts.
                self._widget.viewport().repaint()
                painted.set_result(time.perf_counter())

        self._widget.output.came.connect(look)
        try:
            began = time.perf_counter()
            # In two parts: where the line is echoed, that is no mark.
            self.type(f" {line}; printf 'END-%s' {self._count}")
            async with asyncio.timeout(limit):
                return await painted - began
        finally:
            self._widget.output.came.disconnect(look)

    async def end(self) -> None:
        await self._end()
        self._widget.close()
        self._widget.deleteLater()
