"""asyncio's selector loop, run in slices by Qt's.

Owns when ready callbacks, sockets and timers get their turn: one iteration of
asyncio after another, for at most a slice, whenever Qt calls (gui.loop.wakeups).
asyncio itself does the rest, with its own selector: Qt watches only that
selector's descriptor, so readers and writers come and go without Qt knowing.
Does not own datagrams (gui.loop.datagram) or the choice of a loop (gui.loop.run). POSIX only.

Touches of asyncio's BaseEventLoop and selector loop, whose ``run_forever()`` is done
here in slices:
- its queues and clock: ``_ready``, ``_scheduled``, ``_timer_cancelled_count``,
  ``_clock_resolution``, ``_selector``, ``_process_events``;
- its state while it runs: ``_thread_id``, ``_stopping``, ``_current_handle``,
  ``_default_executor``, ``_asyncgen_firstiter_hook``, ``_asyncgen_finalizer_hook``,
  ``_set_coroutine_origin_tracking``, and of the module ``_set_running_loop``;
- its checks: ``_debug``, ``_check_closed``, ``_check_running``, ``_check_thread``,
  ``_check_callback``, ``_ensure_fd_no_transport``;
- what wakes it: ``_write_to_self`` and ``_make_datagram_transport``, which are overridden,
  ``_csock`` and ``_signal_handlers``;
- of a handle: ``_run``, ``_cancelled``, ``_scheduled``, ``_source_traceback``, ``_callback``.
Of qasync: every method it overrides is set back to asyncio's, on our sub-class alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
import selectors
import signal
import sys
import threading
from asyncio import SelectorEventLoop
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVarTuple

import qasync
from PySide6.QtCore import QCoreApplication

from gui.loop.datagram import DatagramTransport
from gui.loop.wakeups import Wakeups

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from contextvars import Context
    from types import TracebackType

logger = logging.getLogger("asyncio")

_Ts = TypeVarTuple("_Ts")

SLICE_SECONDS = 0.003
"""For how long callbacks run before Qt's events are served: a fifth of a frame. With 4 ms
a click took 9 ms at the 99th percentile beside floods, with 3 it takes 7; with 2 ms they
carry a tenth less."""

MANY_TIMERS = 100
MANY_CANCELLED = 0.5
"""Cancelled timers stay in the heap until both are passed, as in asyncio."""


def _with_asyncios_own(loop: type[qasync.QEventLoop]) -> None:
    """What qasync overrides and ``loop`` does not is asyncio's again.

    qasync makes a Qt timer for each callback and a notifier for each reader;
    here asyncio's own queues and selector are at work.
    """
    for base in qasync.QEventLoop.__mro__:
        if base is SelectorEventLoop:
            return
        for name in vars(base).keys() - vars(loop).keys():
            if not name.startswith("__") and hasattr(SelectorEventLoop, name):
                setattr(loop, name, getattr(SelectorEventLoop, name))
    raise TypeError("This qasync is built on another loop than asyncio's selector loop.")


class QtEventLoop(qasync.QEventLoop):
    """An asyncio loop in Qt's event loop: ``run_forever()`` is ``app.exec()``.

    Callbacks run only while it runs, and in dialogs' nested loops too. As with
    qasync, ``app.exit()`` ends it, and closing it waits for its executor.
    """

    def __init__(
        self, app: QCoreApplication, selector: selectors.DefaultSelector | None = None
    ) -> None:
        self._app = app
        self._home_thread = threading.get_ident()
        self._batch: deque[asyncio.Handle] = deque()
        self._failure: BaseException | None = None
        selector = selector or selectors.DefaultSelector()
        self._wakeups = Wakeups(selector.fileno(), self._pump)
        self._wake = self._wakeups.wake
        # Not qasync's: its selector, timers and signals are not needed.
        SelectorEventLoop.__init__(self, selector)

    # --- Running -------------------------------------------------------------

    def run_forever(self) -> None:
        """Run Qt's event loop until ``stop()``, or until the application is told to exit."""
        self._check_closed()
        self._check_running()
        if threading.get_ident() != self._home_thread:
            raise RuntimeError("Qt's event loop runs on the thread of the application only.")
        with self._as_running_loop(), self._hearing_signals(), self._ended_by_interrupts():
            self._wakeups.start()
            try:
                self._app.exec()
            finally:
                self._wakeups.stop()
                self._stopping = False
        if self._failure is not None:
            failure, self._failure = self._failure, None
            try:
                raise failure
            finally:
                del failure  # It holds this frame, which would hold it.

    def close(self) -> None:
        """Release everything, after waiting for the default executor's threads."""
        if self.is_running():
            raise RuntimeError("Cannot close a running event loop")
        if self.is_closed():
            return
        if self._default_executor is not None:
            self._default_executor.shutdown(wait=True)
        self._wakeups.stop()
        SelectorEventLoop.close(self)
        self._batch.clear()

    def stop(self) -> None:
        """End ``run_forever()`` when what is ready by now has run."""
        self._stopping = True
        self._wake()

    @contextlib.contextmanager
    def _as_running_loop(self) -> Iterator[None]:
        hooks = sys.get_asyncgen_hooks()
        self._thread_id = self._home_thread
        self._set_coroutine_origin_tracking(self._debug)
        sys.set_asyncgen_hooks(
            firstiter=self._asyncgen_firstiter_hook, finalizer=self._asyncgen_finalizer_hook
        )
        asyncio._set_running_loop(self)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)
            sys.set_asyncgen_hooks(*hooks)
            self._set_coroutine_origin_tracking(False)
            self._thread_id = None

    @contextlib.contextmanager
    def _hearing_signals(self) -> Iterator[None]:
        """Python's own signal handlers run at once, though Qt waits in C++."""
        if self._home_thread != threading.main_thread().ident:
            yield
            return
        before = signal.set_wakeup_fd(self._csock.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            if not self._signal_handlers:
                signal.set_wakeup_fd(before)

    @contextlib.contextmanager
    def _ended_by_interrupts(self) -> Iterator[None]:
        """Ctrl+C ends the loop in whichever slot or event handler of Qt's it is raised.

        Python raises it at the next function's start, so no ``try`` in there can
        catch it; PySide then hands it to the hook. Plain exceptions go on as before.
        """
        before = sys.excepthook

        def hook(
            kind: type[BaseException], error: BaseException, trace: TracebackType | None
        ) -> None:
            if issubclass(kind, Exception):
                before(kind, error, trace)
            else:
                self._end_with(error)

        sys.excepthook = hook
        try:
            yield
        finally:
            if sys.excepthook is hook:
                sys.excepthook = before

    def _end_with(self, failure: BaseException) -> None:
        """Have run_forever() raise ``failure``, which cannot go through C++."""
        self._failure = failure
        self._app.exit()

    # --- Scheduling ----------------------------------------------------------

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's. Each callback also makes sure that Qt calls back."""
        self._check_closed()
        if self._debug:
            self._check_thread()
            self._check_callback(callback, "call_soon")
        handle = asyncio.Handle(callback, args, self, context)
        if self._debug:
            _forget_frame(handle)
        self._ready.append(handle)
        self._wake()
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As asyncio's; ``when`` is in seconds of ``time()``."""
        timer = SelectorEventLoop.call_at(self, when, callback, *args, context=context)
        if self._debug:
            _forget_frame(timer)
        if when < self._wakeups.alarm_at:
            self._wakeups.ring_at(when, when - self.time())
        return timer

    def _write_to_self(self) -> None:
        """How asyncio wakes its loop from another thread."""
        self._wake()

    def _make_datagram_transport(
        self,
        sock: socket.socket,
        protocol: asyncio.DatagramProtocol,
        address: Any = None,
        waiter: asyncio.Future[None] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> DatagramTransport:
        self._ensure_fd_no_transport(sock)
        return DatagramTransport(self, sock, protocol, address, waiter, extra)

    # --- One slice -----------------------------------------------------------

    def _pump(self) -> None:
        """Run asyncio's iterations until nothing is ready or the slice is over."""
        try:
            self._run_slice(monotonic() + SLICE_SECONDS)
        except BaseException as error:
            self._end_with(error)

    def _run_slice(self, end: float) -> None:
        while True:
            if not self._batch and not self._next_batch() and not self._stopping:
                return
            self._run_batch(end)
            if self._stopping and not self._batch:
                self._app.exit()
                return
            if (now := monotonic()) >= end:
                self._wakeups.yield_to_qt(now)
                return

    def _next_batch(self) -> bool:
        """Make what is ready by now the batch; whether that is anything.

        Later callbacks belong to the next batch: sockets and timers come between.
        """
        self._drop_cancelled_timers()
        self._process_events(self._selector.select(0))
        ready, timers = self._ready, self._scheduled
        if timers:
            due = self.time() + self._clock_resolution
            while timers and timers[0].when() < due:
                timer = heapq.heappop(timers)
                timer._scheduled = False
                ready.append(timer)
            # Before the batch runs: it may open a dialog, whose loop needs the alarm too.
            if timers and (when := timers[0].when()) < self._wakeups.alarm_at:
                self._wakeups.ring_at(when, when - self.time())
        self._batch, self._ready = ready, self._batch
        if len(ready) > 1:
            self._wake()  # For the same reason.
        return bool(ready)

    def _drop_cancelled_timers(self) -> None:
        timers = self._scheduled
        if len(timers) > MANY_TIMERS and (
            self._timer_cancelled_count > MANY_CANCELLED * len(timers)
        ):
            for timer in timers:
                timer._scheduled = not timer.cancelled()
            timers[:] = [timer for timer in timers if timer._scheduled]
            heapq.heapify(timers)
            self._timer_cancelled_count = 0
        while timers and timers[0].cancelled():
            self._timer_cancelled_count -= 1
            heapq.heappop(timers)._scheduled = False

    def _run_batch(self, end: float) -> None:
        """Run the batch's callbacks in order, until ``end``."""
        # Not a local name for the batch: a dialog's own loop may have put another there.
        while self._batch:
            handle = self._batch.popleft()
            if not handle._cancelled:
                if self._debug:
                    self._run_watched(handle)
                else:
                    handle._run()
            del handle  # An exception's traceback may hold this frame: a cycle.
            if monotonic() >= end:
                return

    def _run_watched(self, handle: asyncio.Handle) -> None:
        """Run a callback in debug mode: a slow one is told of in the log."""
        self._current_handle = handle
        started = self.time()
        try:
            handle._run()
            took = self.time() - started
            if took >= self.slow_callback_duration:
                logger.warning("Executing %s took %.3f seconds", _described(handle), took)
        finally:
            self._current_handle = None
            del handle  # As above.


def _forget_frame(handle: asyncio.Handle) -> None:
    """Leave our own frame out of where a handle was made."""
    trace: list[object] | None = getattr(handle, "_source_traceback", None)
    if trace:
        del trace[-1]


def _described(handle: asyncio.Handle) -> str:
    """A handle's text; of a task's step, the task's."""
    task = getattr(getattr(handle, "_callback", None), "__self__", None)
    return repr(task) if isinstance(task, asyncio.Task) else str(handle)


_with_asyncios_own(QtEventLoop)
