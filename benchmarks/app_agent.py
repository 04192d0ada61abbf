"""A child that is the app: its window, its loop, its engine, its own relay.

Owns starting it with settings for a measurement, telling how to reach it, and the host's own
terminals. Does not own the guests: they are other processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from benchmarks import loops
from benchmarks.own_terminal import OwnTerminal
from benchmarks.probe import SIZE
from benchmarks.process import claim_output, serve
from benchmarks.service import LinkService
from engine.control.commands import CreateLink, WaitForRelay
from engine.control.queries import Host, LinkUrl, Sessions, Shells
from engine.core.model import LOCAL_TARGET, Role, Size
from engine.wire.proof import parse_link

READY_SECONDS = 20.0
MANY = 1000
"""Sessions allowed: a scale run must not meet the limit before the bend."""


class App(LinkService):
    """A window with an engine; has no links of its own. ``own``: its own terminals, by key."""

    def __init__(self, application: Any) -> None:
        super().__init__()
        self._application = application
        self._own: dict[str, OwnTerminal] = {}

    def probed_window(self) -> Any:
        self._application.window.resize(*SIZE)
        return self._application.window

    async def op_info(self) -> dict[str, Any]:
        """Where guests find it; waits until the engine is at its relay."""
        async with asyncio.timeout(READY_SECONDS):
            # The window tells of it by a signal only; looking now and then does.
            while not self._application.adapter.ready:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        control = self._application.control
        if not await control.do(WaitForRelay(READY_SECONDS)):
            raise RuntimeError("The engine does not reach its own relay")
        host = control.ask(Host())
        relay = host.relay
        return {"url": relay.url, "token": relay.guest_token, "agent_id": host.agent_id}

    async def op_share(self) -> dict[str, Any]:
        """A link that joins the newest shell as a viewer."""
        control = self._application.control
        shell = control.ask(Shells())[-1]
        share = await control.do(CreateLink(shell.target, Role.VIEW, shell=shell.id))
        link = parse_link(control.ask(LinkUrl(share.id)))
        return {"target": shell.target, "share": share.id, "secret": link.secret.hex()}

    async def op_sessions(self) -> dict[str, Any]:
        return {"count": len(self._application.control.ask(Sessions()))}

    async def op_own(
        self, cols: int, rows: int, target: str = LOCAL_TARGET, peer: bool = False
    ) -> dict[str, Any]:
        """Open one of the host's own terminals, shown in a widget: attached to directly, or as a
        peer through the relay. Its shell has taken a first line when this returns."""
        way = OwnTerminal.by_peer if peer else OwnTerminal.directly
        own = await way(self._application.control, target, Size(cols, rows))
        key = f"own {len(self._own)}"
        self._own[key] = own
        await own.run(":")
        return {"key": key}

    async def op_run_own(self, key: str, line: str, seconds: float = 20.0) -> dict[str, Any]:
        """``seconds`` until all that ``line`` prints is painted, and the CPU time of this process
        meanwhile. Fails after the ``seconds`` given."""
        began = time.process_time()
        took = await self._own[key].run(line, seconds)
        return {"seconds": took, "cpu": time.process_time() - began}

    async def op_type_own(self, key: str, line: str) -> None:
        self._own[key].type(line)

    async def op_join_link(self, key: str, role: str) -> dict[str, Any]:
        """The URL of a link that joins an own terminal that is attached directly."""
        own, control = self._own[key], self._application.control
        link = await control.do(CreateLink(own.target, Role(role), shell=own.shell_id))
        return {"url": control.ask(LinkUrl(link.id))}

    async def op_end_own(self, key: str) -> None:
        await self._own.pop(key).end()


async def work(pipe: Any) -> None:
    from PySide6.QtWidgets import QApplication

    from engine.core.settings import (
        SessionSettings,
        Settings,
        ShareSettings,
        UiSettings,
        config_dir,
    )
    from gui.app.application import Application

    app = QApplication.instance()
    assert isinstance(app, QApplication)
    settings = Settings(
        session=SessionSettings(timeout=3600, max_shells=MANY, max_shells_per_guest=MANY),
        share=ShareSettings(targets=("*",)),
        ui=UiSettings(confirm_close=False),
    )
    application = Application(app, settings, config_dir())
    running = asyncio.create_task(application.run())
    await serve(App(application), pipe)
    application.stop()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def main() -> None:
    pipe = claim_output()
    loops.run("gui", lambda: work(pipe))


if __name__ == "__main__":
    main()
