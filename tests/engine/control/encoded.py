"""The engine's API with every value encoded and decoded on its way, as over a socket."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import msgspec

from engine.control.commands import Command
from engine.control.queries import Query
from engine.core.model import LinkState
from tests.engine.control.samples import result_type, subclasses

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.control.api import (
        ControlApi,
        Ended,
        LinkTerminal,
        Output,
        ShellHandle,
        TerminalHandle,
    )
    from engine.core.events import Event, Handler
    from engine.core.model import Size

_command = msgspec.json.Decoder(reduce(or_, subclasses(Command)))
_query = msgspec.json.Decoder(reduce(or_, subclasses(Query)))


def passed(value: Any, kind: Any) -> Any:
    """``value`` at the other end of a connection that knows it is a ``kind``."""
    return msgspec.json.decode(msgspec.json.encode(value), type=kind)


class Encoded:
    """A ControlApi before another one."""

    def __init__(self, control: ControlApi) -> None:
        self._control = control

    async def start(self) -> None:
        await self._control.start()

    async def stop(self) -> None:
        await self._control.stop()

    async def do(self, command: Command[Any]) -> Any:
        result = await self._control.do(_command.decode(msgspec.json.encode(command)))
        return passed(result, result_type(type(command)))

    def ask(self, query: Query[Any]) -> Any:
        result = self._control.ask(_query.decode(msgspec.json.encode(query)))
        return passed(result, result_type(type(query)))

    def subscribe(self, handler: Handler, *, decides: bool = False) -> Callable[[], None]:
        def forward(event: Event) -> None:
            handler(passed(event, type(event)))

        return self._control.subscribe(forward, decides=decides)

    async def open_terminal(
        self, target_id: str, size: Size, output: Output, ended: Ended
    ) -> TerminalHandle:
        """Bytes, and the handle on them, are not encoded."""
        return await self._control.open_terminal(target_id, size, output, ended)

    async def open_link(
        self,
        url: str,
        size: Size,
        output: Output,
        ended: Ended,
        *,
        changed: Callable[[LinkState], None] = lambda state: None,
        **more: Any,
    ) -> LinkTerminal:
        """Its state is encoded, its bytes and the handle are not."""

        def forward(state: LinkState) -> None:
            changed(passed(state, LinkState))

        return await self._control.open_link(url, size, output, ended, changed=forward, **more)

    def attach(self, shell_id: str, **options: Any) -> ShellHandle:
        """As above."""
        return self._control.attach(shell_id, **options)
