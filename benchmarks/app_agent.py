"""A child that is the app: its window, its loop, its engine, its own relay.

Owns starting it with settings for a measurement and telling how to reach it.
Does not own the guests: they are other processes.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from benchmarks import loops
from benchmarks.probe import SIZE
from benchmarks.process import claim_output, serve
from benchmarks.service import LinkService
from engine.control.commands import CreateLink, WaitForRelay
from engine.control.queries import Host, LinkUrl, Sessions, Shells
from engine.core.model import Role
from engine.wire.proof import parse_link

READY_SECONDS = 20.0
MANY = 1000
"""Sessions allowed: a scale run must not meet the limit before the bend."""


class App(LinkService):
    """A window with an engine; has no links of its own."""

    def __init__(self, application: Any) -> None:
        super().__init__()
        self._application = application

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
