"""A strip that offers to end the terminals that earlier runs left.

It comes back only for terminals that were not offered before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from engine.control.commands import EndOrphans
from gui.kit.attention import UNDO_SECONDS
from gui.kit.strips import Notice
from gui.kit.style import Tone
from gui.panels.orphans import model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.core.events import OrphansChanged
    from engine.core.model import Orphan
    from gui.control.adapter import EngineAdapter
    from gui.kit.attention import Attention
    from gui.kit.icons import Icons

LATER = "Later"


class OrphanNotice(QObject):
    """Follows the engine's list of orphans; shows one strip at a time."""

    def __init__(self, adapter: EngineAdapter, icons: Icons, attention: Attention) -> None:
        super().__init__(attention)
        self._adapter = adapter
        self._icons = icons
        self._attention = attention
        self._offered: set[str] = set()
        """Ids in the strip that is shown, and in those that were answered."""
        self._strip: Notice | None = None
        adapter.orphansChanged.connect(self._changed)

    def _changed(self, event: OrphansChanged) -> None:
        rows = model.orphans(event.orphans)
        ids = {row.id for row in rows}
        new, self._offered = ids - self._offered, self._offered & ids
        if self._strip is None:
            if new:
                self._offer(rows)
        elif rows:
            self._offered |= new
            self._strip.set_text(*model.offer(rows))
            self._end_button.setText(_end_label(rows))
        else:
            strip, self._strip = self._strip, None
            self._attention.drop(strip, model.GONE)

    def _offer(self, rows: Sequence[Orphan]) -> None:
        self._offered |= {row.id for row in rows}
        strip = self._notice("warning", Tone.WARN, *model.offer(rows))
        self._end_button = strip.answer(_end_label(rows), self._end, danger=True)
        strip.answer(LATER, lambda: None)
        strip.closed.connect(lambda: self._forget(strip))
        self._strip = strip
        self._attention.add(strip)

    def _forget(self, strip: Notice) -> None:
        if self._strip is strip:
            self._strip = None

    def _end(self) -> None:
        self._adapter.run(self._do_end())

    async def _do_end(self) -> None:
        result = await self._adapter.perform(EndOrphans())
        strip = self._notice("check", Tone.ACCENT, *model.outcome(result))
        strip.answer("Close", lambda: None)
        strip.expired.connect(lambda: self._attention.drop(strip, "Time is up."))
        strip.wait(UNDO_SECONDS)
        self._attention.add(strip)

    def _notice(self, icon: str, tone: Tone, text: str, detail: str) -> Notice:
        return Notice(self._icons, icon, tone, text, detail, self._attention.clock)


def _end_label(rows: Sequence[Orphan]) -> str:
    return "End it" if len(rows) == 1 else "End them"
