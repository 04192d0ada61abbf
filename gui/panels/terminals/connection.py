"""One run of a terminal: a session is opened, used, and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.core.errors import ChannelClosedError, LimitError
from engine.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.control.api import TerminalHandle
    from engine.core.model import Size
    from gui.control.adapter import EngineAdapter
    from gui.kit import problems

MAX_EARLY_INPUT = 4096
"""Bytes typed before the session is open that are kept for the shell; more are dropped."""


class Connection:
    """Begins to open a session at once; it has to be made on a running event loop.

    ``output`` gets the program's bytes, ``ended`` the reason for the user when there is no
    session (any more), ``settled`` is called when opening is over. None of them is called
    after drop().
    """

    def __init__(
        self,
        adapter: EngineAdapter,
        target_id: str,
        size: Size,
        *,
        output: Callable[[bytes], None],
        ended: Callable[[str], None],
        settled: Callable[[], None],
    ) -> None:
        self._adapter = adapter
        self._target_id = target_id
        self._size = size
        self._output = output
        self._ended = ended
        self._settled = settled
        self._handle: TerminalHandle | None = None
        self._over = self._dropped = False
        self._early_input = b""
        self._early_rendered = 0
        self._task = adapter.run(self._open(), self._failed)
        if self._task is not None:
            self._task.add_done_callback(lambda _: self._opened())

    @property
    def handle(self) -> TerminalHandle | None:
        """None before the session is open and after its end."""
        return self._handle

    @property
    def opening(self) -> bool:
        return self._task is not None

    def send(self, data: bytes) -> None:
        """Input; what comes before the session is open waits for it."""
        if self._handle is None:
            if self.opening and len(self._early_input) + len(data) <= MAX_EARLY_INPUT:
                self._early_input += data
            return
        try:
            self._handle.send(data)
        except LimitError as error:
            self._adapter.report(error)
        except ChannelClosedError:
            # The end is about to be reported, with its reason.
            pass

    def resize(self, size: Size) -> None:
        self._size = size
        if self._handle is not None:
            self._handle.resize(size)

    def rendered(self, count: int) -> None:
        """So many more bytes of output are on screen."""
        if self._handle is not None:
            self._handle.rendered(count)
        else:
            self._early_rendered += count

    def drop(self) -> None:
        """End the session, whatever state it is in."""
        self._dropped = True
        if self._task is not None:
            self._task.cancel()
        self._close()

    async def _open(self) -> None:
        handle = await self._adapter.open_terminal(
            self._target_id, self._size, self._received, self._finished
        )
        if self._dropped or self._over:
            await handle.close()
            return
        self._handle = handle
        handle.resize(self._size)
        # Output and keys may have come between the shell's start and this line.
        handle.rendered(self._early_rendered)
        if self._early_input:
            handle.send(self._early_input)

    def _opened(self) -> None:
        """Or failed."""
        self._task = None
        if not self._dropped:
            self._settled()

    def _failed(self, problem: problems.Problem) -> None:
        if not self._dropped:
            self._ended(f"{problem.title}\n{problem.text}")

    def _received(self, data: bytes) -> None:
        if not self._dropped:
            self._output(data)

    def _finished(self, reason: str, exit_code: int | None) -> None:
        if self._dropped:
            return
        self._over = True
        self._close()
        sentence = shown(reason).rstrip(".") or "The terminal has ended"
        # The engine's sentence often has the code already.
        known = exit_code is None or str(exit_code) in sentence
        code = "" if known else f" (exit code {exit_code})"
        self._ended(f"{sentence}{code}. Reconnect starts a new shell.")

    def _close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            self._adapter.run(handle.close(), finish=True)
