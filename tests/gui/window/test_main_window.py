"""The window: its parts joined, its layout kept, its questions asked without blocking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPointF, QSettings, Qt
from PySide6.QtGui import QAccessible, QDropEvent, QFont, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QMessageBox,
    QPushButton,
    QTabBar,
    QToolButton,
    QWidget,
)
from shiboken6 import isValid

from engine.control.commands import (
    CloseSession,
    EndOrphans,
    Freeze,
    OpenKeyboard,
    Record,
    RemoveGuest,
    SetGrace,
    SetGuestTimeout,
    SetRecording,
    SetShared,
    StartTarget,
    TakeKeyboard,
)
from engine.control.queries import DockerStatuses, Host, Links, Targets
from engine.core import settings
from engine.core.events import (
    DockerStatusChanged,
    EndsPending,
    LoopRestarted,
    OrphansChanged,
    RecordingProblem,
    RelayStateChanged,
    SessionClosed,
    SessionCreated,
    TargetsChanged,
)
from engine.core.model import (
    LOCAL_TARGET,
    DockerStatus,
    EndCode,
    EngineState,
    Guest,
    KeyboardState,
    Orphan,
    OrphansEnded,
    OrphanState,
    ParticipantInfo,
    ParticipantKind,
    RelayInfo,
    RelayState,
    Role,
    Share,
    Target,
    TargetKind,
    TargetState,
)
from engine.core.settings import UiSettings
from gui.commands.actions import ENTRIES, MENUS
from gui.control.adapter import EngineAdapter
from gui.kit.strips import Notice
from gui.kit.style import DARK, Mode
from gui.panels.links.address_dialog import AddressDialog
from gui.window.main_window import DEFAULT_SIZE, MainWindow
from gui.window.status import StatusBar
from tests.gui.fake_control import HOST
from tests.gui.keyboard import activate, press, spin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from engine.core.events import (
        EventBus,
    )
    from gui.kit.icons import Icons
    from gui.kit.style import Theme
    from gui.panels.terminals.tab import TerminalTab
    from tests.gui.fake_control import FakeControl

CTRL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
MakeWindow = Callable[..., MainWindow]


@pytest.fixture
def make_window(
    qtbot: QtBot, adapter: EngineAdapter, theme: Theme, config_dir: Path
) -> Iterator[MakeWindow]:
    windows: list[MainWindow] = []

    def make(**ui: bool) -> MainWindow:
        window = MainWindow(adapter, theme, UiSettings(**ui), config_dir)
        windows.append(window)
        window.show()
        return window

    yield make
    for window in windows:
        window.terminals.close_all()
        window.finish()
        window.deleteLater()


@pytest.fixture
def window(make_window: MakeWindow) -> MainWindow:
    """Its terminals stay connecting: the loop does not run."""
    return make_window()


def live_session(bus: EventBus, session_id: str = "s1") -> None:
    bus.publish(SessionCreated(session_id=session_id, device_id="web", guest=Guest("Maria")))


def answer(window: MainWindow, words: str) -> None:
    """Click that answer once it can be given."""
    shown = window.attention.shown
    assert shown is not None
    button = next(b for b in shown.findChildren(QPushButton) if b.text() == words)
    spin(button.isEnabled)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_first_window_shows_the_default_layout(window: MainWindow) -> None:
    # The wanted size, or all of a smaller screen.
    assert window.size() == DEFAULT_SIZE.boundedTo(window.screen().availableSize())
    assert window.targets_dock.isVisible()
    assert window.shells.isVisible()
    assert window.loopback_dock.isHidden()
    assert window.dockWidgetArea(window.targets_dock) is Qt.DockWidgetArea.LeftDockWidgetArea
    beside = window.tabifiedDockWidgets(window.shells_dock)
    assert set(beside) == {window.sessions_dock, window.log_dock}
    assert window.terminals.empty.isVisible()


def test_place_size_docks_theme_and_zoom_come_back(
    make_window: MakeWindow, config_dir: Path, theme: Theme
) -> None:
    first = make_window()
    first.resize(780, 600)
    first.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, first.targets_dock)
    first.loopback_dock.reveal()
    first.set_theme(Mode.DARK)
    first.zoom(3)
    first.finish()
    assert (config_dir / "window.ini").exists()
    theme.set_mode(Mode.LIGHT)
    second = make_window()
    assert (second.width(), second.height()) == (780, 600)
    assert second.dockWidgetArea(second.targets_dock) is Qt.DockWidgetArea.RightDockWidgetArea
    assert second.loopback_dock.isVisible()
    assert theme.colors is DARK
    assert second.look.font.pointSizeF() == pytest.approx(UiSettings().font_size + 3)


def test_reset_brings_the_default_layout_back(window: MainWindow) -> None:
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, window.targets_dock)
    window.sessions_dock.setFloating(True)
    window.loopback_dock.reveal()
    window.reset_layout()
    assert window.dockWidgetArea(window.targets_dock) is Qt.DockWidgetArea.LeftDockWidgetArea
    assert not window.sessions_dock.isFloating()
    assert window.loopback_dock.isHidden()


def test_the_status_bar_shows_ends_that_take_long(window: MainWindow, bus: EventBus) -> None:
    bus.publish(EndsPending(count=3))
    assert window.status.ends.isHidden()
    bus.publish(EndsPending(count=3, text="web-1 is paused"))
    assert window.status.ends.isVisible()
    assert window.status.ends.text == "Closing 3 terminals…"
    assert window.status.ends.toolTip() == "web-1 is paused"
    bus.publish(EndsPending(count=0))
    assert window.status.ends.isHidden()


@pytest.mark.parametrize("rubbish", ["", "not an ini file \x00", "[window]\ngeometry=7\nstate=x\n"])
def test_a_damaged_layout_file_is_no_hindrance(
    make_window: MakeWindow, config_dir: Path, rubbish: str
) -> None:
    (config_dir / "window.ini").write_text(rubbish)
    QSettings(str(config_dir / "window.ini"), QSettings.Format.IniFormat).sync()
    assert make_window().targets_dock.isVisible()


def test_the_status_bar_tells_relay_docker_and_sessions(window: MainWindow, bus: EventBus) -> None:
    bus.publish(RelayStateChanged(state=RelayState.CONNECTED, url="http://127.0.0.1:9"))
    bus.publish(DockerStatusChanged(status=DockerStatus("docker", "u", EngineState.READY)))
    live_session(bus)
    status = window.status
    assert (status.relay.text, status.docker.text) == ("Relay connected", "Docker connected")
    assert status.sessions.text == "1 session"
    assert status.relay.toolTip() == "http://127.0.0.1:9"
    other = DockerStatus("build", "u", EngineState.REFUSED, "no permission")
    bus.publish(DockerStatusChanged(status=other))
    bus.publish(RelayStateChanged(state=RelayState.RECONNECTING, url="http://r", detail="gone"))
    assert status.docker.text == "Docker: permission denied (build)"
    assert status.relay.toolTip() == "http://r\ngone"
    bus.publish(SessionClosed(session_id="s1", reason="over"))
    assert status.sessions.text == "No sessions"


def test_a_problem_is_told_without_a_dialog_and_can_be_dismissed(
    window: MainWindow, adapter: EngineAdapter
) -> None:
    adapter.problem.emit("It broke", "Mend it.")
    assert window.banner.isVisible()
    assert window.banner.text == "It broke\nMend it."
    assert not window.findChildren(QMessageBox)
    window.banner.dismiss()
    assert not window.banner.isVisible()


def test_a_loop_that_was_restarted_is_a_notice(window: MainWindow, bus: EventBus) -> None:
    bus.publish(LoopRestarted(name="The heartbeat of sessions", problem="ValueError: x"))
    assert window.banner.isVisible()
    assert window.banner.text.startswith(
        "The heartbeat of sessions stopped unexpectedly and was restarted\n"
    )
    assert "ValueError: x" in window.banner.text
    assert not window.findChildren(QMessageBox)


def test_closing_without_sessions_asks_nothing(window: MainWindow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(window.closeWanted):
        window.close()
    # The engine has yet to stop: the window stays until it has.
    assert window.isVisible()


def own_shell(control: FakeControl) -> str:
    return control.start_shell("web", own=True)


def test_closing_while_something_runs_asks_once_and_from_then_on_hides(
    window: MainWindow, control: FakeControl, bus: EventBus, qtbot: QtBot
) -> None:
    own_shell(control)
    live_session(bus, "a")
    live_session(bus, "b")
    with qtbot.assertNotEmitted(window.closeWanted):
        window.close()
        window.close()
        assert len(window.attention.strips) == 1
        shown = window.attention.shown
        assert isinstance(shown, Notice)
        assert shown.words.text() == "Keep hosting without the window?"
        assert shown.detail.text().startswith("1 terminal and 2 guests stay available.")
        answer(window, "Cancel")
        assert window.isVisible()
        window.close()
        answer(window, "Keep hosting")
        assert not window.isVisible()
        window.raise_window()
        assert window.isVisible()
        window.close()
        assert not window.isVisible()
        assert not window.attention.strips


def test_an_active_link_keeps_the_program_hosting_and_an_ended_one_does_not(
    window: MainWindow, control: FakeControl, qtbot: QtBot
) -> None:
    share = Share("l", "web", Role.VIEW, b"", 0.0)
    control.answers[Links] = (share,)
    window.close()
    assert window.attention.shown is not None
    answer(window, "Cancel")
    control.answers[Links] = (replace(share, revoked=True),)
    with qtbot.waitSignal(window.closeWanted):
        window.close()


def test_quitting_asks_with_how_many_and_whose(
    window: MainWindow, control: FakeControl, bus: EventBus, qtbot: QtBot
) -> None:
    own_shell(control)
    theirs = control.start_shell("web")
    control.come(theirs, ParticipantInfo("p", "Maria", ParticipantKind.GUEST, Role.CONTROL, "a"))
    live_session(bus, "a")
    with qtbot.assertNotEmitted(window.closeWanted):
        window.quit()
        window.quit()
        assert len(window.attention.strips) == 1
        shown = window.attention.shown
        assert isinstance(shown, Notice)
        assert shown.words.text() == "Quit Hatchway?"
        assert shown.detail.text() == (
            "2 terminals end: 1 of yours and 1 of guests. Connected: Maria."
        )
        answer(window, "Cancel")
    window.quit()
    with qtbot.waitSignal(window.closeWanted):
        answer(window, "Quit")


def test_quitting_again_shows_the_question_that_is_open(window: MainWindow, bus: EventBus) -> None:
    live_session(bus, "a")
    window.quit()
    question = window.attention.shown
    window.attention.undo("Did something", lambda: None, lambda: None)
    assert window.attention.shown is not question
    window.quit()
    assert window.attention.shown is question
    window.attention.finish()


def test_the_theme_changes_after_strips_have_gone(window: MainWindow, bus: EventBus) -> None:
    live_session(bus, "a")
    window.quit()
    # Kept by Python, as a bound method or a list would.
    kept = window.attention.shown
    assert kept is not None
    labels = kept.findChildren(QLabel)
    answer(window, "Cancel")
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not isValid(kept)
    for mode in (Mode.LIGHT, Mode.DARK):
        window.set_theme(mode)
    assert labels


def test_the_question_follows_what_still_runs(
    window: MainWindow, bus: EventBus, control: FakeControl
) -> None:
    live_session(bus, "a")
    mine = own_shell(control)
    window.open_terminal(LOCAL_TARGET)
    window.quit()
    shown = window.attention.shown
    assert isinstance(shown, Notice)
    assert shown.detail.text() == "2 terminals end: 2 of yours. Connected: Maria."
    bus.publish(SessionClosed(session_id="a", reason="over"))
    assert shown.detail.text() == "2 terminals end: 2 of yours."
    control.end_shell(mine)
    assert shown.detail.text() == "1 terminal ends: 1 of yours."
    window.terminals.close_all()
    assert shown.detail.text() == "Everything has ended already."


def test_quitting_by_key_is_answered_by_no_key_that_follows(
    window: MainWindow, bus: EventBus, qtbot: QtBot
) -> None:
    activate(window)
    live_session(bus)
    window.open_terminal(LOCAL_TARGET)
    with qtbot.assertNotEmitted(window.closeWanted):
        press(window, "Q", held=CTRL_SHIFT)
        assert window.attention.isVisible()
        press(window, Qt.Key.Key_Return, Qt.Key.Key_Space, Qt.Key.Key_Escape)
    assert window.attention.isVisible()
    press(window, "G", held=CTRL_SHIFT)
    shown = window.attention.shown
    assert shown is not None
    spin(lambda: all(control.isEnabled() for control in shown.controls))
    press(window, Qt.Key.Key_Tab, Qt.Key.Key_Tab)
    with qtbot.waitSignal(window.closeWanted):
        press(window, Qt.Key.Key_Return)
    window.terminals.close_all()


def test_removing_a_guest_asks_first(
    window: MainWindow, bus: EventBus, control: FakeControl, settle: Callable[[], None]
) -> None:
    live_session(bus)
    for action in ("kick", "close_session"):
        window.sessions.select("s1")
        window.actions_[action].trigger()
        answer(window, "Cancel")
    settle()
    assert control.commands == []
    window.actions_["kick"].trigger()
    shown = window.attention.shown
    assert isinstance(shown, Notice)
    assert shown.words.text() == "Remove Maria from web?"
    answer(window, "Remove guest")
    settle()
    assert control.commands == [CloseSession("s1", "Removed by the host", EndCode.REMOVED)]


def test_a_guest_who_is_in_a_shell_is_removed_for_good(
    window: MainWindow, bus: EventBus, control: FakeControl, settle: Callable[[], None]
) -> None:
    shell_id = control.start_shell("web")
    control.come(shell_id, ParticipantInfo("p", "Maria", ParticipantKind.GUEST, Role.VIEW, "s1"))
    live_session(bus)
    window.sessions.select("s1")
    window.actions_["kick"].trigger()
    answer(window, "Remove guest")
    settle()
    assert control.commands == [RemoveGuest(shell_id, "p")]


def test_no_dialog_of_the_window_keeps_it_from_being_used(window: MainWindow) -> None:
    window.open_settings()
    window.share()
    for name in ("about", "shortcuts"):
        window.actions_[name].trigger()
    dialogs = [d for d in window.findChildren(QDialog) if d.isVisible()]
    assert len(dialogs) == 4
    assert not any(dialog.isModal() for dialog in dialogs)
    for dialog in dialogs:
        dialog.reject()


def test_the_questions_can_be_switched_off(
    make_window: MakeWindow, bus: EventBus, qtbot: QtBot
) -> None:
    window = make_window(confirm_close=False)
    live_session(bus)
    with qtbot.assertNotEmitted(window.closeWanted):
        window.close()
    assert not window.isVisible()
    window.raise_window()
    with qtbot.waitSignal(window.closeWanted):
        window.quit()


def test_while_closing_nothing_can_be_started(window: MainWindow) -> None:
    window.show_closing()
    assert window.banner.text == "Closing sessions…"
    assert not window.targets_dock.isEnabled()
    assert not window.terminals.isEnabled()
    window.finish()
    assert not window.isVisible()


def test_session_actions_need_a_selection(window: MainWindow, bus: EventBus) -> None:
    names = ("close_session", "kick", "copy_id", "session_log")
    assert not any(window.actions_[name].isEnabled() for name in names)
    live_session(bus)
    window.sessions.select("s1")
    assert all(window.actions_[name].isEnabled() for name in names)
    window.actions_["session_log"].trigger()
    assert window.ice_log.session.currentData() == "s1"
    bus.publish(SessionClosed(session_id="s1", reason="over"))
    assert not any(window.actions_[name].isEnabled() for name in names)


def test_the_new_menu_lists_the_targets(window: MainWindow, bus: EventBus) -> None:
    menu = window.actions_.new_menu
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()] == ["No targets yet"]
    local = Target(LOCAL_TARGET, TargetKind.LOCAL, LOCAL_TARGET)
    odd = Target("a&b", TargetKind.CONTAINER, "a&b", engine="docker")
    bus.publish(TargetsChanged(targets=(local, odd)))
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()] == [LOCAL_TARGET, "a&&b"]


def test_every_action_is_in_a_menu_and_every_menu_entry_exists() -> None:
    used = {name for _, names in MENUS for name in names if not name.endswith(":")} - {"-"}
    assert used == set(ENTRIES)


def test_no_shortcut_is_ambiguous_and_only_two_are_plain_control_letters() -> None:
    keys = [key for entry in ENTRIES.values() for key in entry.keys]
    assert len({QKeySequence(key).toString() for key in keys}) == len(keys)
    letters = [
        k for k in keys if k.startswith("Ctrl+") and len(k) == len("Ctrl+X") and k[-1].isalpha()
    ]
    assert letters == ["Ctrl+T", "Ctrl+O"]


@pytest.mark.parametrize("name", ["about", "shortcuts"])
def test_dialogs_open_without_blocking(window: MainWindow, name: str) -> None:
    window.actions_[name].trigger()
    dialogs = [d for d in window.findChildren(QDialog) if d.isVisible()]
    assert len(dialogs) == 1
    dialogs[0].reject()


def test_the_theme_menu_changes_the_theme_and_remembers(
    window: MainWindow, theme: Theme, config_dir: Path
) -> None:
    window.set_theme(Mode.DARK)
    assert theme.colors is DARK
    saved = QSettings(str(config_dir / "window.ini"), QSettings.Format.IniFormat)
    window.layout_store.save()
    saved.sync()
    assert saved.value("window/theme") == "dark"


def test_zoom_has_bounds(window: MainWindow) -> None:
    for _ in range(100):
        window.zoom(1)
    assert window.look.font.pointSizeF() == 96
    window.zoom(0)
    assert window.look.font.pointSizeF() == UiSettings().font_size
    assert isinstance(window.look.font, QFont)


@pytest.mark.parametrize("size", [(1280, 800), (1000, 640)])
def test_no_column_header_is_cut_off(
    window: MainWindow, bus: EventBus, size: tuple[int, int]
) -> None:
    window.resize(*size)
    live_session(bus)
    header = window.sessions.view.horizontalHeader()
    for section in range(header.count()):
        assert header.sectionSize(section) >= header.sectionSizeHint(section)


def test_sharing_again_shows_the_dialog_for_the_other_target(
    window: MainWindow, control: FakeControl
) -> None:
    targets = tuple(
        Target(name, TargetKind.CONTAINER, name, ref=f"ref-{name}") for name in ("web-1", "web-2")
    )
    control.answers[Targets] = targets
    control.publish(TargetsChanged(targets=targets))
    dialog = window.share("web-1")
    dialog.showMinimized()
    window.targets.linkWanted.emit("web-2")
    assert window.share() is dialog
    assert dialog.target.currentText() == "web-2"
    assert not dialog.isMinimized()
    spin(dialog.isActiveWindow)
    settings_dialog = window.open_settings()
    spin(settings_dialog.isActiveWindow)
    window.share("web-1")
    spin(dialog.isActiveWindow)
    assert dialog.target.currentText() == "web-1"


def test_a_stopped_container_is_started_after_a_question(
    window: MainWindow, control: FakeControl, settle: Callable[[], None]
) -> None:
    stopped = Target("web", TargetKind.CONTAINER, "web", TargetState.STOPPED, ref="one")
    control.publish(TargetsChanged(targets=(stopped,)))
    window.targets.view.activated.emit(
        window.targets.proxy.mapFromSource(window.targets.model.index_of("web"))
    )
    window.targets.startWanted.emit(stopped)
    settle()
    assert control.commands == []
    assert len(window.attention.strips) == 1
    answer(window, "Start and open")
    settle()
    assert control.commands[0] == StartTarget("web")
    assert [tab.target_id for tab in window.terminals.all()] == ["web"]


def test_only_keys_of_the_window_are_kept_from_the_program(
    window: MainWindow, control: FakeControl, settle: Callable[[], None]
) -> None:
    window.open_terminal(LOCAL_TARGET)
    settle()
    activate(window)
    window.terminals.all()[0].terminal.setFocus()
    spin(window.terminals.all()[0].terminal.hasFocus)
    bound = {key for entry in ENTRIES.values() for key in entry.keys}
    assert "Ctrl+Shift+E" not in bound
    press(window, Qt.Key.Key_E, held=CTRL_SHIFT)
    assert control.places[0].typed == b"\x05"
    # Nothing can be reopened: the shortcut is disabled, and the shell is not suspended.
    assert "Ctrl+Shift+Z" in bound
    press(window, Qt.Key.Key_Z, held=CTRL_SHIFT)
    assert control.places[0].typed == b"\x05"


def test_everything_that_takes_keys_has_a_name(window: MainWindow) -> None:
    window.open_terminal(LOCAL_TARGET)
    for dock in window.docks:
        dock.reveal()
    dialogs = (window.open_settings(), window.share(), window.open_link())
    link = window.show_guest_address()
    assert link is not None
    nameless = [
        f"{type(top).__name__}: {type(one).__name__} in {type(one.parent()).__name__}"
        for top in (window, *dialogs, link)
        for one in top.findChildren(QWidget)
        if one.focusPolicy() & Qt.FocusPolicy.TabFocus
        # Qt's own, within its widgets and as lists of combo boxes; buttons that have no text yet.
        and not one.objectName().startswith("qt_")
        and one.window() is top
        and not (isinstance(one, QPushButton) and not one.text() and not one.isVisible())
        and not QAccessible.queryAccessibleInterface(one).text(QAccessible.Text.Name)
    ]
    assert nameless == []


def test_tab_goes_only_to_what_is_seen(window: MainWindow) -> None:
    activate(window)
    window.targets.search.setFocus()
    seen: list[QWidget] = []
    for _ in range(60):
        QTest.keyClick(window.windowHandle(), Qt.Key.Key_Tab)
        focus = QApplication.focusWidget()
        assert focus is not None
        if focus is window.targets.search:
            break
        seen.append(focus)
    assert len(seen) > 3, "round once"
    assert not any(window.ice_log.isAncestorOf(one) for one in seen)
    assert not any(window.sessions.isAncestorOf(one) for one in seen)
    assert any(window.shells.isAncestorOf(one) for one in seen)
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_Backtab, Qt.KeyboardModifier.ShiftModifier)
    assert QApplication.focusWidget() is seen[-1]


def test_menus_and_panels_are_reached_from_a_terminal_by_keys(
    window: MainWindow, control: FakeControl, settle: Callable[[], None]
) -> None:
    window.open_terminal(LOCAL_TARGET)
    settle()
    activate(window)
    terminal = window.terminals.all()[0].terminal
    terminal.setFocus()
    spin(terminal.hasFocus)
    gone: list[QWidget] = []
    for _ in range(10):
        press(window, Qt.Key.Key_I, held=CTRL_SHIFT)
        focus = QApplication.focusWidget()
        assert focus is not None
        if focus is terminal:
            break
        gone.append(focus)
    assert [p for one in gone for p in window.docks if p.isAncestorOf(one)] == [
        window.targets_dock,
        window.shells_dock,
    ]
    press(window, Qt.Key.Key_M, held=CTRL_SHIFT)
    menu = window.menuBar().actions()[0].menu()
    spin(menu.isVisible)
    QTest.keyClick(menu, Qt.Key.Key_Escape)
    QTest.keyClick(window.menuBar(), Qt.Key.Key_Escape)
    spin(terminal.hasFocus)
    assert control.places[0].typed == b""


def test_settings_that_are_not_touched_are_not_written(
    adapter: EngineAdapter, theme: Theme, config_dir: Path
) -> None:
    file = config_dir / "settings.toml"
    file.write_text(text := "[ui]\nfont_size = 72\ncontrast = 5.5\ndark_theme = 'Gone'\n")
    window = MainWindow(adapter, theme, settings.load(file, environ={}).ui, config_dir, file)
    window.open_settings().buttons.button(QDialogButtonBox.StandardButton.Ok).click()
    assert file.read_text() == text
    dialog = window.open_settings()
    dialog.blink.click()
    dialog.buttons.button(QDialogButtonBox.StandardButton.Ok).click()
    assert file.read_text() == text + "cursor_blink = false\n"
    window.finish()
    window.deleteLater()


def test_settings_are_worn_at_once_and_kept(window: MainWindow, config_dir: Path) -> None:
    dialog = window.open_settings()
    assert window.open_settings() is dialog
    dialog.size_box.setValue(15)
    dialog.buttons.button(QDialogButtonBox.StandardButton.Ok).click()
    assert window.look.font.pointSizeF() == 15
    assert settings.load(config_dir / "settings.toml", environ={}).ui.font_size == 15
    assert "font_family" not in (config_dir / "settings.toml").read_text()
    assert window.open_settings() is not dialog


def test_what_becomes_of_guests_terminals_is_used_at_once_and_kept(
    window: MainWindow, config_dir: Path, control: FakeControl, settle: Callable[[], None]
) -> None:
    dialog = window.open_settings()
    dialog.guest_timeout.setValue(0)
    dialog.grace.setValue(90)
    dialog.recording.click()
    dialog.buttons.button(QDialogButtonBox.StandardButton.Ok).click()
    settle()
    assert control.commands == [SetGuestTimeout(0), SetGrace(5400), SetRecording(True)]
    loaded = settings.load(config_dir / "settings.toml", environ={})
    assert (loaded.session.timeout, loaded.session.grace) == (0, 5400)
    assert loaded.recording.enabled


def test_what_is_shared_with_guests_has_an_address(
    make_window: MakeWindow, control: FakeControl, settle: Callable[[], None]
) -> None:
    window = make_window()
    target = Target("web", TargetKind.CONTAINER, "web", ref="one")
    control.publish(TargetsChanged(targets=(target,)))
    window.targets.share(target, True)
    settle()
    assert control.commands == [SetShared("web", True)]
    answer(window, "Show address")
    dialog = window.findChild(AddressDialog)
    assert isinstance(dialog, AddressDialog)
    assert dialog.address.text() == "http://127.0.0.1:4000/#token=guest"
    assert not dialog.qr.isHidden()
    assert "works on this computer only" in dialog.hint.text()
    dialog.copy.click()
    assert QApplication.clipboard().text() == dialog.address.text()
    dialog.close()
    # At somebody else's relay the token may be unknown.
    relay = RelayInfo("https://relay.example", "", False)
    control.answers[Host] = replace(HOST, relay=relay)
    other = window.show_guest_address()
    assert other is not None
    assert other.address.text() == "https://relay.example"
    assert "need the guest token" in other.hint.text()


def test_the_address_for_guests_is_known_once_the_relay_runs(
    adapter: EngineAdapter, theme: Theme, config_dir: Path
) -> None:
    early = MainWindow(EngineAdapter(), theme, UiSettings(), config_dir)
    early.actions_["guest_address"].trigger()
    assert "not running yet" in early.banner.text
    early.finish()
    early.deleteLater()


@pytest.mark.parametrize("off", [True, False])
def test_docker_that_is_switched_off_is_shown_so(
    qt_loop: object,
    control: FakeControl,
    theme: Theme,
    icons: Icons,
    qtbot: QtBot,
    off: bool,
) -> None:
    status = DockerStatus("docker", "u", EngineState.CONNECTING)
    control.answers[DockerStatuses] = () if off else (status,)
    adapter = EngineAdapter()
    bar = StatusBar(adapter, icons)
    qtbot.addWidget(bar)
    adapter.attach(control)
    adapter.started()
    assert bar.docker.text == ("Docker off" if off else "Connecting to Docker…")


def test_settings_that_cannot_be_kept_are_worn_all_the_same(
    window: MainWindow, config_dir: Path
) -> None:
    (config_dir / "settings.toml").write_text("not = [toml")
    dialog = window.open_settings()
    dialog.size_box.setValue(15)
    dialog.buttons.button(QDialogButtonBox.StandardButton.Ok).click()
    assert window.look.font.pointSizeF() == 15
    assert "settings.toml" in window.banner.text
    assert (config_dir / "settings.toml").read_text() == "not = [toml"


@pytest.mark.parametrize("where", ["banner", "dismiss", "tab's cross", "dock's button", "strip"])
def test_a_click_on_what_surrounds_a_terminal_leaves_the_keyboard_alone(
    window: MainWindow, where: str
) -> None:
    activate(window)
    window.open_terminal(LOCAL_TARGET)
    window.open_terminal(LOCAL_TARGET)
    window.show_problem("It broke", "Mend it.")
    window.attention.undo("Did it", lambda: None, lambda: None)
    window.loopback_dock.reveal()
    window.targets.search.setFocus()
    QApplication.processEvents()
    cross = window.terminals.tabs.tabBar().tabButton(0, QTabBar.ButtonPosition.RightSide)
    target = {
        "banner": window.banner.findChildren(QLabel)[1],
        "dismiss": window.banner.findChild(QToolButton),
        "tab's cross": cross,
        "dock's button": window.loopback_dock.findChild(QToolButton),
        "strip": window.attention.findChildren(QPushButton)[0],
    }[where]
    assert isinstance(target, QWidget)
    QTest.mouseClick(target, Qt.MouseButton.LeftButton)
    press(window, "a")
    assert window.targets.search.text() == "a"
    window.terminals.close_all()


def test_what_a_killed_run_left_is_offered_without_a_dialog(
    window: MainWindow, control: FakeControl, bus: EventBus, settle: Callable[[], None]
) -> None:
    control.answers[EndOrphans] = OrphansEnded(1)
    bus.publish(OrphansChanged(orphans=(Orphan("tag", "web", "s", OrphanState.ORPHAN),)))
    shown = window.attention.shown
    assert isinstance(shown, Notice)
    assert shown.words.text() == "1 terminal was left by a Hatchway that did not stop properly"
    answer(window, "End it")
    settle()
    assert control.commands == [EndOrphans()]


def opened_shell(window: MainWindow, settle: Callable[[], None]) -> TerminalTab:
    window.open_terminal("web")
    settle()
    tab = window.terminals.current()
    assert tab is not None
    assert tab.shell is not None
    return tab


def test_the_current_terminal_has_its_commands(
    window: MainWindow, control: FakeControl, settle: Callable[[], None]
) -> None:
    names = ("share_terminal", "keyboard", "freeze", "record", "peer")
    assert not any(window.actions_[name].isEnabled() for name in names)
    tab = opened_shell(window, settle)
    assert all(window.actions_[name].isEnabled() for name in names)
    control.commands.clear()
    for name in ("keyboard", "freeze", "record"):
        window.actions_[name].trigger()
    settle()
    me = tab.participant
    control.change_shell(tab.shell_id, keyboard=KeyboardState.TAKEN, holder=me, recording_since=1.0)
    for name in ("keyboard", "record"):
        window.actions_[name].trigger()
    settle()
    control.change_shell(tab.shell_id, keyboard=KeyboardState.FROZEN, holder="")
    window.actions_["freeze"].trigger()
    settle()
    assert control.commands == [
        TakeKeyboard(tab.shell_id, me),
        Freeze(tab.shell_id, True),
        Record(tab.shell_id, True),
        OpenKeyboard(tab.shell_id),
        Record(tab.shell_id, False),
        Freeze(tab.shell_id, False),
    ]
    window.actions_["peer"].trigger()
    settle()
    assert [peer.target for peer in control.terminals] == ["web"]


def test_the_current_terminal_and_that_of_a_session_can_be_shared(
    window: MainWindow, control: FakeControl, settle: Callable[[], None]
) -> None:
    tab = opened_shell(window, settle)
    window.actions_["share_terminal"].trigger()
    dialog = window.share()
    assert dialog.target.currentText() == "This terminal: web"
    other = control.start_shell("db")
    control.come(other, ParticipantInfo("p", "Maria", ParticipantKind.GUEST, Role.VIEW, "s1"))
    window.sessions.shareWanted.emit("s1")
    assert dialog.target.currentText() == "This terminal: db"
    window.shells.shareWanted.emit(tab.shell_id)
    assert dialog.target.currentText() == "This terminal: web"
    dialog.close()


def test_a_shell_of_the_list_is_watched_and_taken_over_in_a_tab(
    window: MainWindow, control: FakeControl, settle: Callable[[], None]
) -> None:
    shell_id = control.start_shell("web")
    window.shells.select(shell_id)
    window.shells.watch.click()
    settle()
    (place,) = control.places
    assert place.role is Role.VIEW
    window.shells.take.click()
    settle()
    assert control.commands == [TakeKeyboard(shell_id, place.participant)]
    assert len(window.terminals.all()) == 1


def test_a_link_is_opened_from_the_menu_from_a_drop_and_from_another_start(
    window: MainWindow, control: FakeControl, settle: Callable[[], None]
) -> None:
    url = "https://relay.example/s/abc#def"
    window.actions_["open_link"].trigger()
    dialog = window.open_link()
    dialog.reject()
    dropped = QMimeData()
    dropped.setText(url)
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        dropped,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.dropEvent(event)
    assert event.isAccepted()
    dialog = window.open_link()
    assert dialog.link.text() == url, "it is shown before it is used"
    window.hide()
    window.raise_window(url)
    assert window.isVisible()
    assert window.open_link() is dialog
    dialog.name.setText("Ann")
    dialog.buttons.button(QDialogButtonBox.StandardButton.Open).click()
    settle()
    assert [(link.target, link.name) for link in control.links] == [(url, "Ann")]


def test_a_recording_with_a_gap_is_a_warning(window: MainWindow, bus: EventBus) -> None:
    bus.publish(RecordingProblem(target="web\u202e", text="12 KB are missing\x1b"))
    assert window.banner.text == "Recording of web\\u202e\n12 KB are missing\\x1b"
