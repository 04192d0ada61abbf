"""Cyclic garbage is collected on the window's thread, and only there.

Owns when Python's collector runs while a window is open. Python would run it in
whatever thread happens to allocate; a Qt object that dies in a worker thread
(a socket notifier of a closed connection, say) takes the process with it.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

BUSY_MS = 16
REST_MS = 200
"""Between two looks at the collector's counters, while something is due now and then, and at
rest, when each look wakes the program."""
LULL = 8
"""So many looks in a row find nothing due before the program is at rest."""
YOUNG, MIDDLE = 100, 4
"""New objects, less those gone, that make a collection due, and collections that make one of
their survivors due. Python waits for thousands and for ten; but while a program floods, as
many lines go as come, so that the count says little, and what a fifth of a second left alive
takes as long to look through as a frame."""
FULL_RARER = 200
"""So many times rarer than Python would is everything looked through: it takes a frame."""


class WindowGarbageCollector(QObject):
    """Takes the collector over while it lives; ``stop()`` leaves it as it was."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thresholds = gc.get_threshold()
        self._was_enabled = gc.isenabled()
        gc.disable()
        # What a program is made of does not become garbage: to look through it takes
        # longer than a frame may.
        gc.collect()
        gc.freeze()
        self._lull = 0
        self._timer = QTimer(self)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def look(self) -> int | None:
        """Collect the oldest generation that is due; which one, or None."""
        counts = gc.get_count()
        young, middle, old = self._thresholds
        limits = ((2, old * FULL_RARER), (1, min(middle, MIDDLE)), (0, min(young, YOUNG)))
        for generation, limit in limits:
            if counts[generation] > limit > 0:
                gc.collect(generation)
                self._lull = 0
                self._pace(BUSY_MS)
                return generation
        self._lull += 1
        if self._lull >= LULL:
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
