"""A terminal on another host, opened by a link: what it reports becomes one value.

The guest itself, with its returns after a lost connection, is in engine.control.guest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.control.api import Ended, Output
from engine.control.guest import GuestTerminal
from engine.core.model import LinkState, Role, Size
from engine.core.settings import IceSettings


class OpenedLink:
    """A TerminalHandle. ``changed`` gets its state whenever that has changed."""

    def __init__(
        self,
        url: str,
        size: Size,
        output: Output,
        ended: Ended,
        changed: Callable[[LinkState], None],
        notice: Callable[[str], None],
        *,
        name: str = "",
        ice: IceSettings | None = None,
    ) -> None:
        """Raises BadLinkError."""
        self.output = output
        self.ended = ended
        self.notice = notice
        self._changed = changed
        self._state = LinkState()
        self._guest = GuestTerminal(url, size, self, ice, name=name, role=self._role)

    async def connect(self) -> None:
        """Connect until the terminal takes input. Raises HatchwayError."""
        await self._guest.connect()
        self._update(approval="allowed" if self._state.approval else "")

    @property
    def session_id(self) -> str:
        return self._guest.session_id

    @property
    def is_closed(self) -> bool:
        return self._guest.is_closed

    def send(self, data: bytes) -> None:
        self._guest.send(data)

    def resize(self, size: Size) -> None:
        self._guest.resize(size)

    def rendered(self, count: int) -> None:
        self._guest.rendered(count)

    def keep(self) -> None:
        self._guest.keep()

    async def reconnect(self) -> None:
        """Nothing to do: it returns by itself."""

    async def close(self) -> None:
        await self._guest.close()

    # engine.control.guest.Guest

    def approval(self, state: str, code: str) -> None:
        self._update(approval=state)

    def idle(self, seconds: float | None) -> None:
        self._update(idle=seconds)

    def connection(self, *, lost: bool) -> None:
        self._update(lost=lost)

    def _role(self, role: Role) -> None:
        self._update()

    def _update(self, **facts: Any) -> None:
        guest = self._guest
        state = replace(self._state, target=guest.target, role=guest.role, code=guest.code, **facts)
        if state != self._state:
            self._state = state
            self._changed(state)
