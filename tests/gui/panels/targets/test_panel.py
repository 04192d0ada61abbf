"""The targets: what is listed, what can be opened, what Docker's absence looks like."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox

from engine.control.commands import RevokeLink, SetShared
from engine.control.queries import Links
from engine.core.errors import DockerAbsentError
from engine.core.events import DockerStatusChanged, SharesChanged, TargetsChanged
from engine.core.model import (
    LOCAL_TARGET,
    DockerStatus,
    EngineState,
    Role,
    Share,
    Target,
    TargetKind,
    TargetState,
)
from engine.core.settings import DockerEngine
from engine.docker.endpoint import DEFAULT_URL, explain, resolve
from gui.kit.rows import DETAIL_ROLE, FADED_ROLE, NOTE_ROLE
from gui.panels.targets.model import TargetModel, openable
from gui.panels.targets.panel import TargetsPanel
from tests.gui.keyboard import activate

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.modeltest import ModelTester
    from pytestqt.qtbot import QtBot

    from engine.core.events import EventBus
    from gui.control.adapter import EngineAdapter
    from gui.kit.icons import Icons
    from gui.kit.style import Theme
    from tests.gui.fake_control import FakeControl

STOPPED = TargetState.STOPPED
LOCAL = Target(LOCAL_TARGET, TargetKind.LOCAL, LOCAL_TARGET)


def container(
    name: str,
    state: TargetState = TargetState.RUNNING,
    engine: str = "docker",
    image: str = "busybox:1.36",
    shared: bool = False,
    ref: str = "",
) -> Target:
    return Target(
        name, TargetKind.CONTAINER, name, state, engine, ref=ref, image=image, shared=shared
    )


def ready(engine: str = "docker", state: EngineState = EngineState.READY) -> DockerStatus:
    return DockerStatus(engine, "unix:///run/x.sock", state, "Nothing listens there", "20.10")


@pytest.fixture
def panel(qtbot: QtBot, adapter: EngineAdapter, theme: Theme, icons: Icons) -> TargetsPanel:
    panel = TargetsPanel(adapter, theme, icons)
    qtbot.addWidget(panel)
    panel.resize(260, 500)
    panel.show()
    return panel


def shown(panel: TargetsPanel) -> list[str]:
    """Every visible row's name, groups with a colon."""
    names = []
    for row in range(panel.proxy.rowCount()):
        top = panel.proxy.index(row, 0)
        below = [panel.proxy.index(r, 0, top).data() for r in range(panel.proxy.rowCount(top))]
        names += [f"{top.data()}:" if below else top.data(), *below]
    return names


def test_the_model_keeps_qts_contract_through_every_change(
    icons: Icons, qtmodeltester: ModelTester
) -> None:
    model = TargetModel(icons)
    qtmodeltester.check(model)
    model.set_status(ready())
    catalogues = [
        (LOCAL, container("a"), container("c")),
        (LOCAL, container("a"), container("b"), container("c")),
        (LOCAL, container("c"), container("b", TargetState.STOPPED)),
        (LOCAL, container("b"), container("c"), container("a"), container("x", engine="other")),
        (container("z"),),
        (),
        (LOCAL, container("a")),
    ]
    for targets in catalogues:
        model.set_targets(targets)
        assert set(model.targets()) == set(targets)
    qtmodeltester.check(model)


def test_rows_are_grouped_by_engine_with_this_computer_first(
    panel: TargetsPanel, bus: EventBus
) -> None:
    bus.publish(DockerStatusChanged(status=ready()))
    bus.publish(DockerStatusChanged(status=ready("build")))
    bus.publish(
        TargetsChanged(
            targets=(LOCAL, container("api"), container("web"), container("ci", engine="build"))
        )
    )
    assert shown(panel) == [LOCAL_TARGET, "Docker:", "api", "web", "build:", "ci"]
    group = panel.proxy.index(1, 0)
    assert group.data(NOTE_ROLE) == "2 running"


def test_the_selection_survives_what_happens_to_others(panel: TargetsPanel, bus: EventBus) -> None:
    bus.publish(TargetsChanged(targets=(LOCAL, container("m"), container("z"))))
    panel.select("m")
    bus.publish(TargetsChanged(targets=(LOCAL, container("a"), container("m", shared=True))))
    selected = panel.selected()
    assert selected is not None
    assert (selected.id, selected.shared) == ("m", True)


@pytest.mark.parametrize("name", ["a", "zz", "n"])
def test_the_selection_goes_with_a_renamed_container(
    panel: TargetsPanel, bus: EventBus, name: str
) -> None:
    one, two, three = (container(n, ref=f"ref-{n}") for n in ("k", "m", "x"))
    bus.publish(TargetsChanged(targets=(LOCAL, one, two, three)))
    panel.select("m")
    # Its former name is that of another one now.
    others = (replace(one, id="m", name="m"), replace(two, id=name, name=name), three)
    ordered = tuple(sorted(others, key=lambda target: target.name))
    bus.publish(TargetsChanged(targets=(LOCAL, *ordered)))
    selected = panel.selected()
    assert selected is not None
    assert (selected.id, selected.ref) == (name, "ref-m")
    assert shown(panel) == [LOCAL_TARGET, "Docker:", *(target.name for target in ordered)]


def test_nothing_is_selected_in_place_of_what_is_gone(panel: TargetsPanel, bus: EventBus) -> None:
    bus.publish(TargetsChanged(targets=(LOCAL, container("a"), container("m"), container("z"))))
    panel.select("m")
    bus.publish(TargetsChanged(targets=(LOCAL, container("a"), container("z"))))
    assert panel.selected() is None


def test_a_stopped_container_is_grey_closed_and_says_why(
    panel: TargetsPanel, bus: EventBus, qtbot: QtBot
) -> None:
    stopped = container("old", TargetState.STOPPED)
    bus.publish(TargetsChanged(targets=(LOCAL, stopped)))
    index = panel.proxy.mapFromSource(panel.model.index_of("old"))
    assert index.data(FADED_ROLE) is True
    assert "Start it" in index.data(Qt.ItemDataRole.ToolTipRole)
    with qtbot.assertNotEmitted(panel.openWanted), qtbot.waitSignal(panel.startWanted) as asked:
        panel.view.activated.emit(index)
    assert asked.args == [stopped]
    actions = {a.text(): a.isEnabled() for a in panel.menu(stopped).actions() if a.text()}
    assert actions == {
        "Start": True,
        "Open terminal": False,
        "Connect as a peer": False,
        "Run loopback test": False,
        "Share…": True,
        "Share with guests": True,
        "Copy name": True,
    }
    paused = container("p", TargetState.PAUSED)
    assert not openable(paused)
    assert "Unpause" in [a.text() for a in panel.menu(paused).actions()]
    assert "Start" not in [a.text() for a in panel.menu(container("r")).actions()]


def test_double_click_and_enter_open_a_running_one(
    panel: TargetsPanel, bus: EventBus, qtbot: QtBot
) -> None:
    bus.publish(TargetsChanged(targets=(LOCAL, container("web"))))
    panel.select("web")
    at = panel.view.visualRect(panel.view.currentIndex()).center()
    with qtbot.waitSignal(panel.openWanted, check_params_cb=lambda t: t == "web"):
        # A real double click begins with a click.
        qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=at)
        qtbot.mouseDClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    with qtbot.waitSignal(panel.openWanted, check_params_cb=lambda t: t == "web"):
        qtbot.keyClick(panel.view, Qt.Key.Key_Return)


def test_search_looks_at_names_and_images(panel: TargetsPanel, bus: EventBus) -> None:
    bus.publish(TargetsChanged(targets=(LOCAL, container("web", image="nginx:1"), container("db"))))
    panel.search.setText("NGINX")
    assert shown(panel) == ["Docker:", "web"]
    panel.search.setText("comp")
    assert shown(panel) == [LOCAL_TARGET]
    panel.search.setText("nothing like it")
    assert shown(panel) == []
    assert panel.empty.isVisible()
    panel.search.clear()
    assert panel.view.isVisible()


def test_the_search_is_used_by_keys(panel: TargetsPanel, bus: EventBus, qtbot: QtBot) -> None:
    web, api, old = container("web"), container("web-api"), container("web-old", STOPPED)
    bus.publish(TargetsChanged(targets=(LOCAL, container("db"), web, api, old)))
    activate(panel)
    panel.search.setFocus()
    qtbot.keyClicks(panel.search, "web")
    with qtbot.waitSignal(panel.openWanted) as opened:
        qtbot.keyClick(panel.search, Qt.Key.Key_Return)
    assert opened.args == ["web"], "the first match"
    qtbot.keyClick(panel.search, Qt.Key.Key_Down)
    assert panel.view.hasFocus()
    assert panel.selected() == web
    qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    assert panel.selected() == api
    # Back to the field above the list.
    qtbot.keyClick(panel.view, Qt.Key.Key_Up)
    qtbot.keyClick(panel.view, Qt.Key.Key_Up)
    assert panel.search.hasFocus()
    with qtbot.assertNotEmitted(panel.searchLeft):
        qtbot.keyClick(panel.search, Qt.Key.Key_Escape)
    assert panel.search.text() == ""
    with qtbot.waitSignal(panel.searchLeft):
        qtbot.keyClick(panel.search, Qt.Key.Key_Escape)


@pytest.mark.parametrize(
    ("state", "title", "step"),
    [
        (EngineState.ABSENT, "Docker cannot be reached", "reconnects automatically"),
        (EngineState.REFUSED, "Permission denied by Docker", "keeps trying"),
        (EngineState.FAILED, "Docker answered with an error", "keeps trying"),
    ],
)
def test_docker_away_is_told_with_a_next_step(
    panel: TargetsPanel, bus: EventBus, state: EngineState, title: str, step: str
) -> None:
    bus.publish(TargetsChanged(targets=(LOCAL,)))
    bus.publish(DockerStatusChanged(status=ready(state=state)))
    assert panel.banner.isVisible()
    assert panel.banner.text.startswith(f"{title}\nNothing listens there. ")
    assert step in panel.banner.text
    bus.publish(DockerStatusChanged(status=ready()))
    bus.publish(TargetsChanged(targets=(LOCAL, container("web"))))
    assert not panel.banner.isVisible()


@pytest.mark.parametrize("url", [DEFAULT_URL, "unix:///run/x.sock", "tcp://build:2375"])
@pytest.mark.parametrize("error", [FileNotFoundError(2, "no such file"), PermissionError(13, "no")])
def test_nothing_is_said_twice_of_docker(
    panel: TargetsPanel, bus: EventBus, url: str, error: OSError
) -> None:
    problem = explain(resolve(DockerEngine(url=url)), error)
    state = EngineState.ABSENT if isinstance(problem, DockerAbsentError) else EngineState.REFUSED
    bus.publish(DockerStatusChanged(status=DockerStatus("docker", url, state, str(problem))))
    text = panel.banner.text.lower()
    for words in (
        "not running",
        "start it",
        "start docker",
        "automatically",
        "permission",
        "group",
    ):
        # The title may name what the text explains.
        assert text.partition("\n")[2].count(words) <= 1, text
    assert "docker" in text


def test_docker_with_no_containers_says_how_to_get_one(panel: TargetsPanel, bus: EventBus) -> None:
    bus.publish(DockerStatusChanged(status=ready()))
    bus.publish(TargetsChanged(targets=(LOCAL,)))
    assert "docker run" in panel.banner.text


def test_copy_name_copies_it(panel: TargetsPanel) -> None:
    menu = panel.menu(container("web"))
    next(a for a in menu.actions() if a.text() == "Copy name").trigger()
    assert QGuiApplication.clipboard().text() == "web"


def test_sharing_this_computer_asks_first_and_cancel_is_the_default(
    panel: TargetsPanel, qtbot: QtBot
) -> None:
    panel.share(LOCAL, True)
    box = panel.findChild(QMessageBox)
    assert isinstance(box, QMessageBox)
    assert "your files" in box.informativeText()
    assert box.defaultButton() is box.button(QMessageBox.StandardButton.Cancel)
    with qtbot.waitSignal(box.finished):
        box.defaultButton().click()


def test_sharing_this_computer_happens_when_the_warning_is_accepted(
    panel: TargetsPanel, control: FakeControl, settle: Callable[[], None]
) -> None:
    panel.share(LOCAL, True)
    settle()
    assert control.commands == []
    box = panel.findChild(QMessageBox)
    assert isinstance(box, QMessageBox)
    accept = QMessageBox.ButtonRole.DestructiveRole
    next(b for b in box.buttons() if box.buttonRole(b) is accept).click()
    settle()
    assert control.commands == [SetShared(LOCAL_TARGET, True)]


def test_a_container_is_shared_and_no_longer_without_a_question(
    panel: TargetsPanel, control: FakeControl, settle: Callable[[], None]
) -> None:
    web = container("web")
    for shared in (True, False):
        panel.share(web, shared)
    settle()
    assert control.commands == [SetShared("web", True), SetShared("web", False)]
    assert panel.findChild(QMessageBox) is None


def test_links_to_a_target_are_counted_and_end_with_its_sharing(
    panel: TargetsPanel, bus: EventBus, control: FakeControl, settle: Callable[[], None]
) -> None:
    web, other = container("web", ref="one"), container("other", ref="two")
    bus.publish(TargetsChanged(targets=(LOCAL, web, other)))
    index = panel.model.index_of("web")
    assert index.data(NOTE_ROLE) is None

    def share(name: str, **facts: object) -> Share:
        return replace(Share(name, "web", Role.CONTROL, b"", 0.0), **facts)

    shares = (
        share("by name"),
        share("its own", ref="one"),
        share("another container's", ref="three"),
        share("revoked", revoked=True),
        share("other", target="other"),
    )
    control.answers[Links] = shares
    bus.publish(SharesChanged(shares=shares))
    assert index.data(DETAIL_ROLE) == "busybox:1.36 · 2 links"
    assert index.data(NOTE_ROLE) is not None
    stop = next(a for a in panel.menu(web).actions() if a.text() == "Stop sharing")
    stop.trigger()
    settle()
    assert control.commands == []
    box = panel.findChild(QMessageBox)
    assert isinstance(box, QMessageBox)
    assert box.informativeText().startswith("2 links to it are revoked")
    accept = QMessageBox.ButtonRole.DestructiveRole
    next(b for b in box.buttons() if box.buttonRole(b) is accept).click()
    settle()
    ends = [RevokeLink("by name"), RevokeLink("its own")]
    assert control.commands == [SetShared("web", False), *ends]


def test_text_from_docker_is_never_markup(panel: TargetsPanel, bus: EventBus) -> None:
    status = DockerStatus("docker", "", EngineState.FAILED, "<img src=x> & <b>bold</b>")
    bus.publish(DockerStatusChanged(status=status))
    assert "<img src=x> & <b>bold</b>" in panel.banner.text
