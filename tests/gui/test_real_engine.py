"""The window with the real engine: a terminal, its session, the loopback test, a clean end.

Joins all rooms of the window, and the engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partialmethod
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QPushButton

from engine.control.commands import (
    REMOVED_BY_HOST,
    CloseSession,
    CreateLink,
    RevokeLink,
    SetShared,
    ShowWindow,
)
from engine.control.queries import LinkUrl, SharedTargets
from engine.control.socket.instance import find_running
from engine.core.model import LOCAL_TARGET, Role
from engine.core.selftest_report import StageStatus
from engine.core.settings import (
    DockerSettings,
    RelaySettings,
    Settings,
    TerminalSettings,
    UiSettings,
)
from engine.relay import Relay
from engine.wire.proof import parse_link
from gui.app.application import Application
from gui.kit.attention import Attention
from gui.panels.targets.model import openable
from gui.panels.terminals.closed import MAX_CLOSED
from gui.panels.terminals.tab import TerminalTab
from gui.panels.terminals.ways import running_shell
from gui.window.main_window import MainWindow
from tests.docker_fixtures import ContainerFactory
from tests.engine.hosting import Visitor
from tests.gui.conftest import Run
from tests.gui.keyboard import activate

Play = Callable[..., None]

SETTINGS = Settings(
    docker=DockerSettings(enabled=False),
    terminal=TerminalSettings(shell="/bin/sh"),
    ui=UiSettings(confirm_close=False),
)


@pytest.fixture
def with_window(
    qapp: QApplication, qt_run: Run, config_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Play:
    """Runs steps in a window with a running engine, then ends it as the user would."""
    monkeypatch.setenv("HOME", str(config_dir))
    monkeypatch.setenv("ENV", "")
    # As the program does: the loop ends when the engine has, which is after the last window.
    qapp.setQuitOnLastWindowClosed(False)

    def play(
        steps: Callable[[Application], Awaitable[None]],
        settings: Settings = SETTINGS,
        relay: Relay | None = None,
    ) -> None:
        """``relay``: not the app's own one, but this, with the tokens agent and guest."""

        async def all_of_it() -> None:
            used = settings
            if relay is not None:
                url = await relay.start()
                at = RelaySettings(url=url, token="agent", guest_token="guest")
                used = msgspec.structs.replace(settings, relay=at)
            application = Application(qapp, used, config_dir)
            running = asyncio.create_task(application.run())
            try:
                await until(lambda: application.adapter.ready)
                await steps(application)
            finally:
                application.window.quit()
                await running
                if relay is not None:
                    await relay.stop()
            assert not application.window.isVisible()
            application.window.deleteLater()

        qt_run(all_of_it())

    return play


async def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait for ``condition`` of widgets, which have no event to await: it is looked at often."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (see above)
            await asyncio.sleep(0.01)


def screen(tab: TerminalTab) -> str:
    return "\n".join(tab.terminal.terminal.text())


def press(window: MainWindow, words: str) -> None:
    """Choose that answer of the strip that is shown."""
    shown = window.attention.shown
    assert shown is not None
    button = next(b for b in shown.findChildren(QPushButton) if b.text() == words)
    button.setEnabled(True)
    button.click()


async def connected(application: Application, target: str = LOCAL_TARGET) -> TerminalTab:
    application.window.open_terminal(target)
    tab = application.window.terminals.current()
    assert tab is not None
    await until(lambda: tab.connected)
    return tab


async def peer(application: Application) -> TerminalTab:
    application.window.open_peer(LOCAL_TARGET)
    tab = application.window.terminals.current()
    assert tab is not None
    await until(lambda: tab.connected)
    return tab


def type_in(tab: TerminalTab, text: str) -> None:
    tab.terminal.typed.emit(text.encode())


def test_what_is_typed_runs_and_its_output_is_shown(with_window: Play) -> None:
    async def steps(application: Application) -> None:
        window = application.window
        tab = await connected(application)
        QTest.keyClicks(tab.terminal, "echo mark-$((6*7))")
        QTest.keyClick(tab.terminal, Qt.Key.Key_Return)
        await until(lambda: "mark-42" in screen(tab))
        (shell,) = window.book.all()
        assert (shell.own, shell.target) == (True, LOCAL_TARGET)
        assert window.sessions.model.rowCount() == 0, "it is no connection"
        window.terminals.close_tab()
        assert window.terminals.empty.isVisible()
        press(window, "End now")
        await until(lambda: not window.book.all())

    with_window(steps)


def test_a_terminal_connected_as_a_peer_is_a_session_of_its_own(with_window: Play) -> None:
    async def steps(application: Application) -> None:
        window = application.window
        tab = await peer(application)
        type_in(tab, "echo mark-$((6*7))\r")
        await until(lambda: "mark-42" in screen(tab))
        await until(lambda: window.sessions.model.rowCount() == 1)
        row = window.sessions.model.sessions()[0]
        assert (row.guest, row.target) == ("This app", LOCAL_TARGET)
        await until(lambda: row.path == "direct")
        assert window.status.sessions.text == "1 session"
        window.terminals.close_tab()
        press(window, "End now")
        await until(lambda: window.sessions.model.rowCount() == 0)

    with_window(steps)


def test_two_tabs_on_one_shell_see_the_same_and_the_watching_one_takes_over(
    with_window: Play,
) -> None:
    async def steps(application: Application) -> None:
        window = application.window
        first = await connected(application)
        type_in(first, "echo one-$((6*7))\r")
        await until(lambda: "one-42" in screen(first))
        shell_id = first.shell_id
        tab = window.terminals.open(
            LOCAL_TARGET, running_shell(application.adapter, shell_id, Role.VIEW), watches=True
        )
        await until(lambda: tab.connected)
        assert tab.terminal.terminal is first.terminal.terminal
        assert "one-42" in screen(tab)
        assert tab.terminal.read_only
        tab.header.take.click()
        await until(lambda: not tab.terminal.read_only)
        type_in(tab, "echo two-$((6*7))\r")
        await until(lambda: "two-42" in screen(first))
        tab.header.back.click()
        await until(lambda: tab.terminal.read_only)
        window.terminals.close_tab(tab)
        press(window, "End now")
        await until(lambda: len(window.book.all()[0].participants) == 1)
        assert first.connected

    with_window(steps)


def test_a_guest_of_a_shared_terminal_is_seen_frozen_and_outlives_the_tab(
    with_window: Play,
) -> None:
    relay = Relay("agent", "guest")

    async def steps(application: Application) -> None:
        window = application.window
        tab = await connected(application)
        shell_id = tab.shell_id
        await until(window.actions_["share_terminal"].isEnabled)
        window.actions_["share_terminal"].trigger()
        dialog = window.share()
        dialog.accept_local.click()
        dialog.create_button.click()
        await until(dialog.address.text)
        link = parse_link(dialog.address.text())
        dialog.close()
        await until(lambda: relay.knows_link(link.id))
        visitor = Visitor(link)
        await visitor.peer.connect()
        try:
            visitor.peer.send(b"echo guest-$((6*7))\r")
            await until(lambda: "guest-42" in screen(tab))
            await until(lambda: tab.header.isVisible())
            assert [shell.id for shell in window.book.all()] == [shell_id]
            tab.header.freeze.click()
            await until(lambda: tab.header.freeze.text() == "Unfreeze")
            visitor.peer.send(b"echo frozen-$((6*7))\r")
            type_in(tab, "echo host-$((6*7))\r")
            await until(lambda: "host-42" in screen(tab))
            assert "frozen-42" not in screen(tab)
            window.terminals.close_tab(tab)
            press(window, "Keep it running")
            await until(lambda: not window.terminals.all())
            window.shells.select(shell_id)
            window.shells.take.click()
            again = window.terminals.current()
            assert again is not None
            await until(lambda: again.connected)
            assert again.shell_id == shell_id
            assert "host-42" in screen(again)
            await until(lambda: again.ends_shell)
            window.terminals.close_tab(again)
            press(window, "End it")
            await until(lambda: visitor.end is not None)
            await until(lambda: not window.book.all())
        finally:
            await visitor.peer.close()

    with_window(steps, relay=relay)


def test_a_link_opens_in_a_tab(with_window: Play) -> None:
    """Of this very host: it is its own guest."""
    relay = Relay("agent", "guest")

    async def steps(application: Application) -> None:
        window = application.window
        share = await application.adapter.perform(CreateLink(LOCAL_TARGET, Role.VIEW))
        url = application.adapter.ask(LinkUrl(share.id), "")
        await until(lambda: relay.knows_link(share.id))
        dialog = window.open_link(url)
        dialog.name.setText("Ann")
        dialog.buttons.accepted.emit()
        tab = window.terminals.current()
        assert tab is not None
        await until(lambda: tab.connected)
        assert tab.header.badge.text() == "You view"
        await until(lambda: bool(window.book.all()))
        await until(lambda: [p.name for s in window.book.all() for p in s.participants] == ["Ann"])
        application.adapter.do(RevokeLink(share.id))
        await until(lambda: not tab.connected)
        assert "revoked" in tab.notice

    with_window(steps, relay=relay)


def test_a_place_on_another_host_moves_between_tabs_and_back(with_window: Play) -> None:
    relay = Relay("agent", "guest")

    async def steps(application: Application) -> None:
        window = application.window
        share = await application.adapter.perform(CreateLink(LOCAL_TARGET))
        await until(lambda: relay.knows_link(share.id))
        first = window.terminals.open_link(application.adapter.ask(LinkUrl(share.id), ""), "Ann")
        await until(lambda: first.connected)
        type_in(first, "x=kept; echo one-$((6*7))\r")
        await until(lambda: "one-42" in screen(first))
        second = window.terminals.open_link(first.return_link, "Ann")
        await until(lambda: second.connected and not first.connected)
        assert first.terminal.ended_bar.button.text() == "Come back here"
        await until(lambda: "one-42" in screen(second))
        first.terminal.ended_bar.button.click()
        await until(lambda: first.connected and not second.connected)
        type_in(first, "echo $x-$((6*8))\r")
        await until(lambda: "kept-48" in screen(first))
        assert len(window.book.all()) == 1

    with_window(steps, relay=relay)


@pytest.mark.docker
def test_a_container_is_listed_live_opened_by_a_double_click_and_leaves_nothing(
    with_window: Play, containers: ContainerFactory
) -> None:
    async def steps(application: Application) -> None:
        window = application.window
        panel = window.targets
        container = await asyncio.to_thread(containers)
        name = container.name
        assert name
        await until(lambda: openable(panel.model.target(panel.model.index_of(name))))
        panel.select(name)
        panel.view.activated.emit(panel.view.currentIndex())
        tab = window.terminals.current()
        assert tab is not None
        await until(lambda: tab.connected)
        QTest.keyClicks(tab.terminal, "echo in-$((40+2))")
        QTest.keyClick(tab.terminal, Qt.Key.Key_Return)
        await until(lambda: "in-42" in screen(tab))
        window.terminals.close_tab(tab)
        press(window, "End now")
        await until(lambda: not window.book.all())
        top = await asyncio.to_thread(container.top)
        assert len(top["Processes"]) == 1
        await asyncio.to_thread(container.stop, timeout=0)
        await until(lambda: not openable(panel.model.target(panel.model.index_of(name))))

    with_window(steps, Settings(ui=UiSettings(confirm_close=False)))


def test_a_terminal_asked_for_before_the_engine_runs_opens_when_it_does(
    qapp: QApplication, qt_run: Run, config_dir: Path
) -> None:
    async def steps() -> None:
        application = Application(qapp, SETTINGS, config_dir)
        running = asyncio.create_task(application.run())
        await until(application.window.isVisible)
        application.window.open_terminal(LOCAL_TARGET)
        tab = application.window.terminals.current()
        assert tab is not None
        assert tab.connecting
        await until(lambda: tab.connected)
        application.stop()
        await running
        application.window.deleteLater()

    qt_run(steps())


def test_another_start_shows_the_hidden_window_and_its_link(
    with_window: Play, config_dir: Path
) -> None:
    async def steps(application: Application) -> None:
        window = application.window
        link = "https://relay.example/s/abcdefgh#secret"
        remote = await find_running(config_dir)
        assert remote is not None
        for given in ("", link):
            window.hide()
            assert await remote.do(ShowWindow(given))
            await until(window.isVisible)
        dialog = window.open_link()
        assert dialog.link.text() == link
        dialog.close()
        await remote.stop()

    with_window(steps)


def test_a_shell_that_ends_says_how_and_can_be_reconnected(with_window: Play) -> None:
    async def steps(application: Application) -> None:
        tab = await connected(application)
        tab.terminal.typed.emit(b"exit 3\r")
        await until(lambda: not tab.connected)
        assert "code 3" in tab.notice
        assert tab.terminal.ended
        tab.terminal.ended_bar.button.click()
        await until(lambda: tab.connected)
        assert not tab.notice
        assert not tab.terminal.ended
        tab.terminal.typed.emit(b"echo again-$((1+1))\r")
        await until(lambda: "again-2" in screen(tab))

    with_window(steps)


def test_the_shell_sees_the_tabs_size(with_window: Play) -> None:
    async def steps(application: Application) -> None:
        tab = await connected(application)
        before = tab.terminal.terminal.cols, tab.terminal.terminal.rows
        sizes = [before]
        tab.terminal.resized.connect(lambda cols, rows: sizes.append((cols, rows)))
        application.window.resize(900, 700)
        # Again and again: the window may take more than one step to its size.
        tab.terminal.typed.emit(b"while sleep 0.1; do stty size; done\r")
        await until(lambda: sizes[-1] != before and "{1} {0}".format(*sizes[-1]) in screen(tab))

    with_window(steps)


def test_a_target_that_is_not_there_is_a_problem_in_words(with_window: Play) -> None:
    async def steps(application: Application) -> None:
        application.window.open_terminal("no-such-container")
        tab = application.window.terminals.current()
        assert tab is not None
        await until(lambda: not tab.connecting)
        assert tab.notice.startswith("Target not found\nDevice no-such-container")

    with_window(steps)


def test_a_closed_tab_comes_back_as_it_is_by_then(with_window: Play) -> None:
    async def steps(application: Application) -> None:
        window = application.window
        other = await connected(application)
        tab = await connected(application)
        tab.terminal.typed.emit(b"x=unsaved; for i in 1 2 3; do read y; echo got-$y-$x; done\r")
        # It may be wrapped.
        await until(lambda: "done" in screen(tab).replace("\n", ""))
        line = tab.line
        # Nothing that is typed after it goes to the program it was typed for.
        window.terminals.close_tab()
        assert window.terminals.all() == (other,)
        assert line is not None
        # It lives on, and so does what it says.
        line.send(b"meanwhile\n")
        await until(lambda: "got-meanwhile-unsaved" in screen(tab))
        window.actions_["reopen_tab"].trigger()
        assert window.terminals.current() is tab
        assert window.terminals.all() == (other, tab)
        assert tab.line is line
        tab.terminal.typed.emit(b"again\r")
        await until(lambda: "got-again-unsaved" in screen(tab))
        window.terminals.close_tab()
        press(window, "Undo")
        assert window.terminals.current() is tab
        assert not window.actions_["reopen_tab"].isEnabled()

    with_window(steps)


def test_a_closed_tab_ends_in_its_time(with_window: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = partialmethod(Attention.undo, seconds=0.2)
    monkeypatch.setattr("gui.kit.attention.Attention.undo", quick)

    async def steps(application: Application) -> None:
        window = application.window
        await connected(application)
        assert len(window.book.all()) == 1
        window.terminals.close_tab()
        assert window.terminals.closed == 1
        await until(lambda: not window.book.all())
        assert window.terminals.closed == 0
        assert not window.attention.isVisible()

    with_window(steps)


def test_closed_tabs_are_bounded_and_the_first_ends(with_window: Play) -> None:
    async def steps(application: Application) -> None:
        window = application.window
        await connected(application)
        assert len(window.book.all()) == 1
        window.terminals.close_tab()
        for _ in range(MAX_CLOSED):
            window.open_terminal("no-such-container")
            window.terminals.close_tab()
        assert window.terminals.closed == MAX_CLOSED
        await until(lambda: not window.book.all())
        for _ in range(MAX_CLOSED):
            window.terminals.reopen()
        window.terminals.reopen()
        assert len(window.terminals.all()) == MAX_CLOSED

    with_window(steps)


def test_closing_an_own_session_from_the_table_can_be_undone(with_window: Play) -> None:
    async def steps(application: Application) -> None:
        window = application.window
        tab = await peer(application)
        await until(lambda: window.sessions.model.rowCount() == 1)
        window.sessions.select(window.sessions.model.sessions()[0].session_id)
        window.actions_["close_session"].trigger()
        assert window.terminals.all() == ()
        press(window, "Undo")
        assert tab.connected
        assert window.terminals.current() is tab

    with_window(steps)


def test_a_session_that_ends_elsewhere_ends_its_tab_with_the_reason(with_window: Play) -> None:
    async def steps(application: Application) -> None:
        window = application.window
        tab = await peer(application)
        application.adapter.do(CloseSession(tab.session_id, REMOVED_BY_HOST))
        await until(lambda: not tab.connected)
        assert tab.notice.startswith("Removed by the host")
        log = window.ice_log.model
        await until(lambda: any("Removed by the host" in line.text for line in log.lines()))

    with_window(steps)


def test_a_terminal_that_connects_takes_no_keyboard(with_window: Play) -> None:
    async def steps(application: Application) -> None:
        window = application.window
        activate(window)
        window.open_terminal(LOCAL_TARGET)
        tab = window.terminals.current()
        assert tab is not None
        window.targets.search.setFocus()
        await until(lambda: tab.connected and not tab.connecting)
        assert window.targets.search.hasFocus()

    with_window(steps)


def test_sharing_a_target_reaches_the_engine_and_shows(with_window: Play) -> None:
    async def steps(application: Application) -> None:
        panel, control = application.window.targets, application.control
        assert control is not None
        application.adapter.do(SetShared(LOCAL_TARGET, True))
        await until(lambda: any(t.shared for t in panel.model.targets()))
        assert LOCAL_TARGET in control.ask(SharedTargets())
        local = next(t for t in panel.model.targets() if t.id == LOCAL_TARGET)
        panel.share(local, False)
        await until(lambda: not any(t.shared for t in panel.model.targets()))

    with_window(steps)


def test_the_loopback_test_passes_with_ten_green_stages(with_window: Play) -> None:
    async def steps(application: Application) -> None:
        panel = application.window.loopback
        application.window.run_loopback(LOCAL_TARGET)
        assert panel.running
        await until(lambda: not panel.running, 30)
        results = [panel.model.result(row) for row in range(panel.model.rowCount())]
        assert [r.status if r else None for r in results] == [StageStatus.PASSED] * 10
        assert panel.banner.text.startswith("All 10 stages passed")
        assert panel.progress.value() == 10

    with_window(steps)


def test_the_loopback_test_names_the_failing_stage_and_the_next_step(with_window: Play) -> None:
    async def steps(application: Application) -> None:
        panel = application.window.loopback
        panel.run("no-such-container")
        await until(lambda: not panel.running, 30)
        assert panel.banner.text.startswith("Failed: ")
        assert "no-such-container" in panel.banner.text
        assert "list of targets" in panel.banner.text

    with_window(steps)


def test_a_running_loopback_test_can_be_stopped(with_window: Play) -> None:
    async def steps(application: Application) -> None:
        panel = application.window.loopback
        panel.run(LOCAL_TARGET)
        await until(lambda: panel.model.done >= 1)
        panel.toggle()
        await until(lambda: not panel.running)
        assert panel.banner.text.startswith("Test stopped")

    with_window(steps)


def test_a_guest_with_a_link_is_asked_for_let_in_and_put_out(with_window: Play) -> None:
    relay = Relay("agent", "guest")

    async def steps(application: Application) -> None:
        window = application.window
        dialog = window.share(LOCAL_TARGET)
        dialog.accept_local.click()
        dialog.approval.click()
        dialog.create_button.click()
        await until(dialog.address.text)
        link = parse_link(dialog.address.text())
        await until(lambda: relay.knows_link(link.id))
        visitor = Visitor(link)
        connecting = asyncio.create_task(visitor.peer.connect())
        try:
            await until(lambda: window.approver.waiting)
            (question,) = window.approver.waiting
            assert question.isVisible()
            assert question.where.text().startswith("127.0.0.1 · ")
            assert question.code.text() == visitor.peer.code
            await until(question.allow.isEnabled)
            assert visitor.approvals == ["waiting"]
            question.allow.click()
            await connecting
            assert visitor.approvals == ["waiting", "allowed"]
            visitor.peer.send(b"echo guest-$((6*7))\r")
            await until(lambda: b"guest-42" in visitor.said)
            await until(lambda: window.sessions.model.rowCount() == 1)
            dialog.revoke.click()
            (warning,) = dialog.findChildren(QMessageBox)
            role = QMessageBox.ButtonRole.DestructiveRole
            (revoke,) = (b for b in warning.buttons() if warning.buttonRole(b) is role)
            revoke.click()
            await until(lambda: visitor.end is not None)
            assert visitor.end is not None
            assert "revoked the link" in visitor.end[0]
            await until(lambda: window.sessions.model.rowCount() == 0)
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            await visitor.peer.close()
            dialog.close()

    with_window(steps, relay=relay)


def test_a_relay_port_that_is_taken_is_told_and_the_window_still_closes(
    qapp: QApplication, qt_run: Run, config_dir: Path
) -> None:
    async def steps() -> None:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        settings = Settings(
            docker=DockerSettings(enabled=False), relay=type(SETTINGS.relay)(port=port)
        )
        application = Application(qapp, settings, config_dir)
        running = asyncio.create_task(application.run())
        window = application.window
        await until(window.banner.isVisible)
        assert str(port) in window.banner.text
        assert window.status.relay.text == "Hatchway not running"
        assert not [one for one in window.findChildren(QLabel) if "Starting" in one.text()]
        window.open_terminal(LOCAL_TARGET)
        tab = window.terminals.current()
        assert tab is not None
        await until(lambda: not tab.connecting)
        assert "could not start" in tab.notice
        window.close()
        await running
        server.close()
        await server.wait_closed()
        window.deleteLater()

    qt_run(steps())


def test_this_computer_is_listed_with_docker_switched_off(with_window: Play) -> None:
    async def steps(application: Application) -> None:
        window = application.window
        await until(lambda: [t.id for t in window.targets.model.targets()] == [LOCAL_TARGET])
        await until(lambda: window.status.relay.text == "Relay connected")
        assert window.status.docker.text == "Docker off"
        assert not window.targets.banner.isVisible()
        assert window.loopback.button.isEnabled()

    with_window(steps)


def test_what_the_start_does_without_is_told_and_the_file_can_be_opened(
    qapp: QApplication, qt_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only configuration folder, and mistakes in the file."""
    monkeypatch.setenv("HATCHWAY_CONFIG_DIR", "/sys/hatchway")
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    file = tmp_path / "settings.toml"

    async def steps() -> None:
        application = Application(
            qapp, SETTINGS, tmp_path, file, ["ui.hue: is not a setting", "a: b"]
        )
        running = asyncio.create_task(application.run())
        window = application.window
        await until(lambda: application.adapter.ready)
        await until(lambda: window.status.relay.text == "Relay connected")
        shown = window.flaws.text
        for part in ("ui.hue: is not a setting\na: b", "/sys/hatchway", "at each start"):
            assert part in shown
        assert window.flaws.isVisible()
        window.flaws.button.click()
        assert opened == [str(file)]
        window.close()
        await running
        window.deleteLater()

    qt_run(steps())
