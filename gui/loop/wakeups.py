"""How Qt calls the event loop back: by a posted event, a timer, a descriptor or an idle timer.

At most one posted event is pending at any time.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QSocketNotifier, Qt, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_ALARM_SECONDS = 24 * 3600.0
"""Qt counts a timer's milliseconds in 31 bits. A longer alarm rings early and is set again."""

LONGEST_YIELD_SECONDS = 0.004
"""How long a busy window can delay the loop's next slice."""

WAKE = QEvent.Type(QEvent.registerEventType())


class Wakeups(QObject):
    """Calls ``pump`` on Qt's thread when there may be something to do, while started.

    Each way is ignored while another one is certain to follow, so that Qt handles its own
    events between two pumps.
    """

    def __init__(self, descriptor: int, pump: Callable[[], None]) -> None:
        super().__init__()
        self._pump = pump
        self._unwoken = threading.Lock()  # Held while a wake event is pending.
        self._yielding = False
        self._started = False
        self.alarm_at = math.inf
        """When the alarm will ring, in seconds of the caller's clock; infinity: never."""
        self._alarm = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._alarm.timeout.connect(self._on_alarm)
        self._idle = QTimer(self, singleShot=True, interval=0)
        self._idle.timeout.connect(self._on_idle)
        self._notifier = QSocketNotifier(descriptor, QSocketNotifier.Type.Read, self)
        self._notifier.setEnabled(False)
        self._notifier.activated.connect(self._on_ready)

    def start(self) -> None:
        """Start, with a wake event."""
        self._started = True
        self._notifier.setEnabled(True)
        QCoreApplication.removePostedEvents(self, WAKE.value)
        self._unwoken.acquire(blocking=False)
        QCoreApplication.postEvent(self, QEvent(WAKE))

    def stop(self) -> None:
        """Stop calling ``pump``. It can be started again."""
        self._started = self._yielding = False
        self.alarm_at = math.inf
        self._alarm.stop()
        self._idle.stop()
        self._notifier.setEnabled(False)

    def wake(self) -> None:
        """Pump soon. From any thread, and from a signal handler."""
        if self._unwoken.acquire(False):
            QCoreApplication.postEvent(self, QEvent(WAKE))

    def ring_at(self, when: float, delay: float) -> None:
        """Pump in ``delay`` seconds, which is at ``when``, instead of at ``alarm_at``."""
        if not self._started:
            return
        if delay <= 0:
            self.wake()
            return
        # Qt's timers count milliseconds: round up, or the alarm rings too early.
        self._alarm.start(math.ceil(min(delay, LONGEST_ALARM_SECONDS) * 1000))
        self.alarm_at = when

    def yield_to_qt(self, now: float) -> None:
        """Pump again when Qt has nothing else to do, or has taken too long.

        With glib under Qt, timers of zero milliseconds (delayed layouts, for
        one) wait until no other event is left: without this they starve.
        """
        self._yielding = True
        self._notifier.setEnabled(False)
        self._idle.start()
        self.ring_at(min(self.alarm_at, now + LONGEST_YIELD_SECONDS), LONGEST_YIELD_SECONDS)

    def event(self, event: QEvent) -> bool:
        if event.type() != WAKE:
            return super().event(event)
        if self._unwoken.locked():  # Only this thread releases it.
            self._unwoken.release()
        if not self._yielding:
            self._pump_if_started()
        return True

    def _on_ready(self) -> None:
        if not self._unwoken.locked():
            self._pump_if_started()

    def _on_alarm(self) -> None:
        self.alarm_at = math.inf
        if self._yielding:
            self._on_idle()
        elif not self._unwoken.locked():
            self._pump_if_started()

    def _on_idle(self) -> None:
        self._yielding = False
        self._idle.stop()
        self._notifier.setEnabled(self._started)
        self._pump_if_started()

    def _pump_if_started(self) -> None:
        if self._started:
            self._pump()
