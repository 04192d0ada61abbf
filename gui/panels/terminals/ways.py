"""The ways in which a tab gets its terminal, the first time and after its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.control.commands import EndShell, OpenShell
from engine.core.errors import HatchwayError
from engine.core.model import LinkState, Role
from gui.panels.terminals.connection import Open, Opened
from gui.panels.terminals.far_screen import FarScreen
from gui.panels.terminals.place import Place

if TYPE_CHECKING:
    from engine.control.api import Ended, Output
    from engine.core.model import Size
    from gui.control.adapter import EngineAdapter
    from gui.terminal.widget import TerminalWidget

NEW_SHELL = "Reconnect starts a new shell."


@dataclass(frozen=True, slots=True)
class Reports:
    """The widget that a terminal is for, and what it may report beside its output, on the
    loop."""

    look: TerminalWidget
    refused: Callable[[str], None] = lambda reason: None
    """A key was not accepted: the reason, for people."""
    link: Callable[[LinkState], None] = lambda state: None
    """Of a terminal on another host."""
    notice: Callable[[str], None] = lambda text: None
    """A sentence of another host, not escaped."""


@dataclass(frozen=True, slots=True)
class Way:
    """``again``: the label of the button after the end, which takes this way again; "": the
    tab can only be closed. ``after``: a sentence that says what the button does."""

    open: Callable[[Reports], Open]
    again: str = "Reconnect"
    after: str = NEW_SHELL
    icon: str = ""
    """The name of the tab's icon; "": that of its target."""
    elsewhere: bool = False
    """Its terminal is on another host."""
    renamed: Callable[[str], Way] | None = None
    """This way to the target under another id; None where it does not lead to a target."""


def own_shell(adapter: EngineAdapter, target_id: str) -> Way:
    """A new shell in this process."""

    def way(reports: Reports) -> Open:
        async def open_(size: Size, output: Output, ended: Ended) -> Opened:
            shell_id = await adapter.perform(OpenShell(target_id, size))
            try:
                return await _enter(adapter, shell_id, Role.CONTROL, size, ended, reports)
            except HatchwayError:
                adapter.do(EndShell(shell_id))
                raise

        return open_

    return Way(way, renamed=lambda name: own_shell(adapter, name))


def running_shell(adapter: EngineAdapter, shell_id: str, role: Role) -> Way:
    """A shell that runs already: to type in it, or to watch it."""

    def way(reports: Reports) -> Open:
        async def open_(size: Size, output: Output, ended: Ended) -> Opened:
            return await _enter(adapter, shell_id, role, size, ended, reports)

        return open_

    return Way(way, again="", after="", icon="eye" if role is Role.VIEW else "")


def as_peer(adapter: EngineAdapter, target_id: str) -> Way:
    """A new shell, connected as a guest's is: through the relay, over WebRTC."""

    def way(reports: Reports) -> Open:
        async def open_(size: Size, output: Output, ended: Ended) -> Opened:
            return Opened(await adapter.open_terminal(target_id, size, output, ended))

        return open_

    return Way(way, renamed=lambda name: as_peer(adapter, name))


def by_link(adapter: EngineAdapter, url: str, name: str) -> Way:
    """What a link of somebody else opens, as a guest called ``name``."""

    screens: list[FarScreen] = []

    def way(reports: Reports) -> Open:
        async def open_(size: Size, output: Output, ended: Ended) -> Opened:
            look = reports.look
            theme = look.theme
            # It belongs to the widget, so that no garbage collection in a thread deletes it.
            screen = FarScreen(size, theme, look.scrollback, look)
            while screens:
                screens.pop().deleteLater()
            screens.append(screen)
            line = await adapter.open_link(
                url,
                size,
                screen.feed,
                ended,
                name=name,
                changed=reports.link,
                notice=reports.notice,
                sized=screen.resize,
                colors=(theme.foreground, theme.background, theme.cursor, *theme.palette[:16]),
            )
            screen.belongs_to(line)
            return Opened(line, screen=screen, link=line)

        return open_

    return Way(way, again="Open the link again", after="", icon="link", elsewhere=True)


async def _enter(
    adapter: EngineAdapter, shell_id: str, role: Role, size: Size, ended: Ended, reports: Reports
) -> Opened:
    place = Place(await adapter.enter_shell(shell_id, role, size, ended, reports.refused))
    return Opened(place, place, place.screen)
