"""Run Python's cyclic garbage collector on the window's thread only.

By default it runs in whatever thread happens to allocate. A Qt object that is deleted in a
worker thread, such as the socket notifier of a closed connection, crashes the process.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

BUSY_MS = 16
REST_MS = 200
"""Intervals between polls of the collector's counters: while collections are due now and then,
and at rest, because each poll wakes the program."""
QUIET_POLLS = 8
"""Polls in a row without a due collection after which the program is at rest."""
YOUNG, MIDDLE = 100, 4
"""Thresholds of generations 0 and 1: net new objects, and collections of generation 0. Python's
are in the thousands, and ten. During a flood as many lines are freed as are created, so the net
count says little, and the survivors of 0.2 s take as long to traverse as a frame."""
FULL_FACTOR = 200
"""Full collections are rarer than Python's by this factor, because each takes a frame."""


class WindowGarbageCollector(QObject):
    """Replaces the automatic collection until ``stop()``."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thresholds = gc.get_threshold()
        self._was_enabled = gc.isenabled()
        gc.disable()
        # Modules and classes do not become garbage; traversing them takes longer than a frame.
        gc.collect()
        gc.freeze()
        self._quiet_polls = 0
        self._timer = QTimer(self)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self.poll)
        self._timer.start()

    def poll(self) -> int | None:
        """Collect the oldest generation that is due. Returns its number, or None."""
        counts = gc.get_count()
        young, middle, old = self._thresholds
        limits = ((2, old * FULL_FACTOR), (1, min(middle, MIDDLE)), (0, min(young, YOUNG)))
        for generation, limit in limits:
            if counts[generation] > limit > 0:
                gc.collect(generation)
                self._quiet_polls = 0
                self._pace(BUSY_MS)
                return generation
        self._quiet_polls += 1
        if self._quiet_polls >= QUIET_POLLS:
            self._pace(REST_MS)
        return None

    def _pace(self, milliseconds: int) -> None:
        if self._timer.interval() != milliseconds:
            self._timer.setInterval(milliseconds)

    def stop(self) -> None:
        self._timer.stop()
        gc.unfreeze()
        if self._was_enabled:
            gc.enable()
