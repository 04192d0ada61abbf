"""The composition root of the GUI: application, loop, engine, shutdown.

The window comes first, then the engine, whose import alone takes half a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import main as cli
from engine.control.commands import ShowWindow
from engine.control.queries import Host
from engine.control.socket.instance import NOT_ALONE, claim, find_running
from engine.core import log, settings, stdio, stop_signals
from engine.core.errors import HatchwayError, HostStoppedError, SettingsError
from gui.app import display

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from types import TracebackType

    from PySide6.QtWidgets import QApplication

    from engine.cli.parser import CommandLine
    from engine.control.api import ControlApi
    from engine.control.control import Control
    from engine.core.events import WindowRequested
    from engine.core.settings import Loaded, Settings
    from gui.window.main_window import MainWindow

logger = logging.getLogger(__name__)

STOP_SECONDS = 40.0
"""How long closing waits for the engine. Its parts have their own time limits: with a Docker
engine that does not respond, 5 s for sessions, 10 s for processes, 15 s for connections."""
EXIT_SETTINGS = 2
EXIT_DISPLAY = 1
EXIT_NO_WINDOW = 1
NO_WINDOW = (
    "Hatchway is already hosting without a window for this profile. Control it with "
    "'hatchway ctl', or stop it to open the window."
)
NO_DISPLAY_FOR_LINK = (
    "No display found. Set DISPLAY or WAYLAND_DISPLAY to open the link in the window, or open it "
    "here with 'hatchway connect LINK'."
)
NO_DISPLAY = (
    "No display found: hosting without a window.\n"
    "Set DISPLAY or WAYLAND_DISPLAY to open the window."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program, by default with a window. Returns the exit code."""
    return cli.main(argv, prog="hatchway", window=open_window)


def open_window(line: CommandLine) -> int:
    """Open the window and run until it closes. Returns the exit code.

    Without a display, hosts without a window.
    """
    if not display.is_configured(os.environ, sys.platform):
        if "link" in line.options:
            stdio.warn(NO_DISPLAY_FOR_LINK)
            return EXIT_DISPLAY
        stdio.warn(NO_DISPLAY)
        return cli.run(line.headless())
    if (code := _ask_running(line)) is not None:
        return code
    if problem := display.problem():
        # A display is configured, so the user expects a window: do not host without one.
        stdio.warn(problem)
        return EXIT_DISPLAY
    try:
        loaded = settings.read(line.config, flags=line.settings, lenient=True)
    except SettingsError as error:
        stdio.warn(f"hatchway: {error}")
        wrong = error
        return _with_application(lambda app: _show_settings_error(app, wrong))
    log.configure(loaded.settings.log_level.upper())
    link = line.options.get("link", "")
    return _with_application(lambda app: _run_window(app, loaded, link))


def _ask_running(line: CommandLine) -> int | None:
    """Ask the running instance of the profile for its window. Returns the exit code; None when
    this process has to open one."""
    try:
        folder = settings.config_dir()
    except SettingsError:
        return None  # shown later
    return asyncio.run(_show_running(folder, line.options.get("link", "")))


async def _show_running(folder: Path, link: str) -> int | None:
    remote = await find_running(folder)
    if remote is None:
        return None
    try:
        if await remote.do(ShowWindow(link)):
            return 0
        if remote.lasting:
            stdio.warn(NO_WINDOW)
            return EXIT_NO_WINDOW
    except HostStoppedError:
        pass  # it has just ended
    finally:
        await remote.stop()
    return None


class Application:
    """The window and the engine, from start to clean shutdown."""

    def __init__(
        self,
        app: QApplication,
        settings: Settings,
        config_dir: Path,
        settings_path: Path | None = None,
        flaws: Sequence[str] = (),
        link: str = "",
    ) -> None:
        from gui.control.adapter import EngineAdapter
        from gui.kit.style import Theme
        from gui.panels.settings.dialog import Hosting
        from gui.window.main_window import MainWindow

        self._settings = settings
        self._settings_path = settings_path
        self._flaws = tuple(flaws)
        self._link = link
        self._stop = asyncio.Event()
        self._instance = claim(config_dir)
        self.control: ControlApi | None = None
        self.theme = Theme(app)
        self.adapter = EngineAdapter()
        self.window: MainWindow = MainWindow(
            self.adapter,
            self.theme,
            settings.ui,
            config_dir,
            settings_path,
            Hosting(settings.session.timeout, settings.session.grace, settings.recording.enabled),
        )
        self.window.closeWanted.connect(self._stop.set)
        self.adapter.windowRequested.connect(self._requested)

    def _requested(self, event: WindowRequested) -> None:
        logger.info("Another start of the program asks for the window")
        self.window.raise_window(event.link)

    def stop(self) -> None:
        """Request the end, without a confirmation dialog."""
        self._stop.set()

    async def run(self) -> None:
        """Show the window, start the engine, wait for the end, release everything."""
        self.window.show()
        logger.info("The window is shown")
        if self._flaws:
            for flaw in self._flaws:
                logger.warning("%s: %s", self._settings_path, flaw)
            title, text = "Some settings were ignored", "\n".join(self._flaws)
            self.window.show_flaws(title, text, self._settings_path)
        if self._link:
            self.window.open_link(self._link)
        starting = asyncio.create_task(self._start_engine(), name="engine start")
        try:
            await self._stop.wait()
        finally:
            self.window.show_closing()
            # A cancelled start cleans up after itself.
            await _ended(starting)
            await self._end()

    async def _start_engine(self) -> None:
        try:
            loop = asyncio.get_running_loop()
            make = await loop.run_in_executor(None, _import_control)
            temporary = "" if self._instance is not None else NOT_ALONE
            self.control = control = make(self._settings, temporary=temporary, window=True)
            self.adapter.attach(control)
            await control.start()
            if self._instance is not None:
                self._instance.serve(control)
        except HatchwayError as error:
            logger.warning("The engine could not start: %s", error)
            self.adapter.start_failed(error)
            return
        except Exception as error:
            logger.error("The engine could not start", exc_info=error)
            self.adapter.start_failed(error)
            return
        self.adapter.started()
        host = control.ask(Host())
        if problem := host.identity_problem:
            logger.warning("%s", problem)
            self.window.show_flaws("Running with a temporary identity", problem)
        if host.links_problem:
            self.window.show_flaws("Kept links do not work", host.links_problem)
        logger.info("The engine is running")

    async def _end(self) -> None:
        """End tabs, engine and window, in that order, within STOP_SECONDS."""
        try:
            self.window.terminals.close_all()
            async with asyncio.timeout(STOP_SECONDS):
                if self._instance is not None:
                    await self._instance.disconnect()
                await self.adapter.close()
                if self.control is not None:
                    await self.control.stop()
        except TimeoutError:
            logger.error("The engine did not stop within %.0f s", STOP_SECONDS)
        except HatchwayError as error:
            logger.error("The engine did not stop cleanly: %s", error)
        finally:
            if self._instance is not None:
                self._instance.release()
            self.theme.close()
            self.window.finish()


def _import_control() -> type[Control]:
    """Import the engine, which takes half a second."""
    from engine.control.control import Control

    return Control


def _with_application(work: Callable[[QApplication], int]) -> int:
    """``work`` with a QApplication of our name and icon."""
    from PySide6.QtWidgets import QApplication

    from gui.kit.icons import app_icon

    app = QApplication(sys.argv[:1])
    app.setApplicationName("Hatchway")
    app.setDesktopFileName("hatchway")
    app.setWindowIcon(app_icon())
    # The loop ends when the engine has: that is after the last window.
    app.setQuitOnLastWindowClosed(False)
    return work(app)


def _run_window(app: QApplication, loaded: Loaded, link: str) -> int:
    _on_loop(app, _run(app, loaded, settings.config_dir(), link))
    return 0


def _on_loop(app: QApplication, work: Coroutine[Any, Any, None]) -> None:
    """Run ``work`` to its end on a Qt loop of its own."""
    from gui.loop.factory import create_loop
    from gui.loop.garbage import WindowGarbageCollector

    loop = create_loop(app)
    asyncio.set_event_loop(loop)
    collector = WindowGarbageCollector(app)
    try:
        loop.run_until_complete(work)
    finally:
        collector.stop()
        asyncio.set_event_loop(None)
        loop.close()


async def _run(app: QApplication, loaded: Loaded, config_dir: Path, link: str) -> None:
    flaws = loaded.flaws
    if loaded.broken:
        flaws = (
            *flaws,
            "Hatchway uses default settings and saves no changes until the file is corrected",
        )
    application = Application(app, loaded.settings, config_dir, loaded.file, flaws, link)
    with stop_signals.watched(application.stop), _unhandled(application.window.show_problem):
        await application.run()


@contextlib.contextmanager
def _unhandled(show: Callable[[str, str], None]) -> Iterator[None]:
    """Log unhandled exceptions and show them to the user."""
    from gui.kit import problems

    loop = asyncio.get_running_loop()
    words = problems.explain(Exception())

    def from_loop(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        logger.error("%s", context.get("message"), exc_info=error)
        show(words.title, words.text)

    def from_slot(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        logger.error("A slot failed", exc_info=(kind, error, trace))
        show(words.title, words.text)

    previous = sys.excepthook
    loop.set_exception_handler(from_loop)
    sys.excepthook = from_slot
    try:
        yield
    finally:
        sys.excepthook = previous
        loop.set_exception_handler(None)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _show_settings_error(app: QApplication, error: SettingsError) -> int:
    """Show the error in a dialog. Returns the exit code when it is closed."""
    _on_loop(app, _settings_error_dialog(app, error))
    return EXIT_SETTINGS


def _file_of(error: SettingsError) -> Path | None:
    """The file to correct: an error names it as its source or as its key."""
    return next((Path(name) for name in (error.source, error.key) if Path(name).is_file()), None)


async def _settings_error_dialog(app: QApplication, error: SettingsError) -> None:
    from PySide6.QtWidgets import QMessageBox

    from gui.kit import problems
    from gui.kit.style import Theme
    from gui.kit.widgets import open_file

    closed = asyncio.Event()
    theme = Theme(app)
    words = problems.explain(error)
    box = QMessageBox(QMessageBox.Icon.Critical, "Hatchway", words.title)
    box.setInformativeText(words.text)
    box.setStandardButtons(QMessageBox.StandardButton.Close)
    if (file := _file_of(error)) is not None:
        opening = box.addButton("Open file", QMessageBox.ButtonRole.ActionRole)
        opening.clicked.connect(lambda: open_file(file))
    box.finished.connect(lambda _: closed.set())
    box.open()
    with stop_signals.watched(closed.set):
        await closed.wait()
    theme.close()
