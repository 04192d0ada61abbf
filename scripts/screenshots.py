"""Pictures of the real window for the README, in docs/: screenshot-dark.png and -light.png,
of the dialog that shares by link (share.png) and of the strip that lets a guest in (ask.png).

Starts the program's own parts with a neutral home, opens terminals, types, runs
the loopback test, and takes the window's picture once what it waits for is on
the screen. With a Docker Engine and the tests' images it shows containers, too.
``make screenshots`` runs it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication, QWidget

    from gui.app.application import Application
    from gui.panels.terminals.tab import TerminalTab

ROOT = Path(__file__).parents[1]
WIDTH, HEIGHT = 1280, 800
WAIT_SECONDS = 30.0
LOOK_SECONDS = 0.02
CONTAINERS = {"api": "shop/api:2.4", "db": "shop/db:16", "web": "shop/web:1.27"}
STOPPED = "batch"
PROMPT = r"\[\e[1;36m\]~\[\e[0m\] \[\e[32m\]❯\[\e[0m\] "
PROFILE = rf"""
PS1='{PROMPT}'
unset PROMPT_COMMAND MAIL
alias ls='ls --color=always -F'
palette() {{
    for i in 1 2 3 4 5 6; do printf '\e[3%dm████\e[9%dm████\e[0m ' $i $i; done; echo
}}
cd ~; clear
"""
LOG = """\
\x1b[2m09:41:02\x1b[0m \x1b[34minfo\x1b[0m   building \x1b[1mshop/web:1.27\x1b[0m
\x1b[2m09:41:09\x1b[0m \x1b[32mok\x1b[0m     214 tests passed
\x1b[2m09:41:10\x1b[0m \x1b[33mwarn\x1b[0m   cache is 92 % full
\x1b[2m09:41:12\x1b[0m \x1b[31merror\x1b[0m  api answered \x1b[4m503\x1b[0m, trying again
\x1b[2m09:41:15\x1b[0m \x1b[32mok\x1b[0m     api is healthy
"""
FILES = {"Makefile": "", "README.md": "", "compose.yaml": "", "deploy.log": LOG}
FOLDERS = ("docs", "src", "tests")
BROWSER = (
    "Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
COMMANDS = ("ls", "cat deploy.log", "palette", "stty size")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder to write to")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    # Run by its path, the checkout is not where modules are looked for.
    sys.path.insert(0, str(ROOT))
    with (
        tempfile.TemporaryDirectory() as home,
        tempfile.TemporaryDirectory() as config,
        containers(),
    ):
        neutral_home(Path(home), Path(config))
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        from PySide6.QtWidgets import QApplication

        from gui.loop.factory import create_loop

        app = QApplication([])
        # A blinking cursor would be in the one picture and not in the other.
        app.setCursorFlashTime(0)
        app.setQuitOnLastWindowClosed(False)
        loop = create_loop(app)
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(take(app, Path(config), out))
        finally:
            asyncio.set_event_loop(None)
            loop.close()
    return 0


def neutral_home(home: Path, config: Path) -> None:
    """A home with nothing of the machine's in it, and a prompt that names nobody."""
    for name in FOLDERS:
        (home / name).mkdir()
    for name, text in FILES.items():
        (home / name).write_text(text, encoding="utf-8")
    (home / ".bash_profile").write_text(PROFILE, encoding="utf-8")
    for name in list(os.environ):
        if name.startswith("HATCHWAY_"):
            del os.environ[name]
    os.environ.update(
        HOME=str(home), SHELL="/bin/bash", HATCHWAY_CONFIG_DIR=str(config), LANG="C.UTF-8"
    )


@contextlib.contextmanager
def containers() -> Iterator[None]:
    """A few containers to show, for as long as it takes; none without Docker."""
    import docker
    from docker.errors import DockerException

    made, tags = [], []
    try:
        client = docker.from_env()
        image = client.images.get("hatchway-test-bash")
    except (DockerException, OSError) as error:
        print(f"No containers in the pictures: {error}", file=sys.stderr)
        yield
        return
    try:
        for name, tag in {**CONTAINERS, STOPPED: "shop/batch:1.1"}.items():
            image.tag(tag)
            tags.append(tag)
            made.append(
                client.containers.create(tag, ["sleep", "infinity"], name=name, network_mode="none")
            )
            if name != STOPPED:
                made[-1].start()
        yield
    finally:
        for container in made:
            container.remove(force=True)
        for tag in tags:
            client.images.remove(tag)
        client.close()


async def take(app: QApplication, config_dir: Path, out: Path) -> None:
    """Play the scene, then take it in both themes."""
    from engine.core import settings
    from engine.core.model import LOCAL_TARGET
    from gui.app.application import Application
    from gui.kit.style import Mode

    application = Application(app, settings.load(flags={"share.targets": ["web"]}), config_dir)
    running = asyncio.create_task(application.run())
    window = application.window
    try:
        await until(lambda: application.adapter.ready)
        await until(lambda: not window.status.docker.text.endswith("…"))
        window.resize(WIDTH, HEIGHT)
        window.set_theme(Mode.DARK)
        window.loopback_dock.reveal()
        if any(target.id == "web" for target in window.targets.model.targets()):
            tab = await open_terminal(application, "web")
        tab = await open_terminal(application, LOCAL_TARGET)
        for command in COMMANDS:
            before = text_of(tab).count("❯")
            tab.terminal.typed.emit(command.encode() + b"\r")
            await until(lambda before=before: text_of(tab).count("❯") > before)
        window.run_loopback(LOCAL_TARGET)
        await until(lambda: window.loopback.report is not None)
        await until(lambda: not window.loopback.running)
        assert window.loopback.report is not None
        assert window.loopback.report.passed, window.loopback.report.to_json()
        await until(lambda: all(row.rtt for row in window.sessions.model.sessions()))
        for mode in (Mode.DARK, Mode.LIGHT):
            window.set_theme(mode)
            await picture(window, out / f"screenshot-{mode.value}.png")
        window.set_theme(Mode.DARK)
        await sharing(application, out / "share.png")
        await asking(application, out / "ask.png")
    finally:
        application.stop()
        await running


async def open_terminal(application: Application, target: str) -> TerminalTab:
    application.window.open_terminal(target)
    tab = application.window.terminals.current()
    assert tab is not None
    await until(lambda: tab.connected)
    await until(lambda: text_of(tab).strip())
    return tab


async def sharing(application: Application, path: Path) -> None:
    """Two links made in the dialog, the last one shown."""
    from engine.control.commands import RevokeLink
    from gui.panels.links.model import SHARE_ROLE

    window = application.window
    dialog = window.share(window.targets.model.targets()[0].id)
    dialog.accept_local.setChecked(True)
    dialog.single_use.setChecked(True)
    dialog.role.setCurrentIndex(1)
    dialog.create_button.click()
    dialog.single_use.setChecked(False)
    dialog.role.setCurrentIndex(0)
    dialog.approval.setChecked(True)
    dialog.target.setCurrentIndex(dialog.target.findText("web"))
    dialog.create_button.click()
    await until(lambda: dialog.links.rowCount() == 2 and dialog.address.text())
    await picture(dialog, path)
    for row in range(dialog.links.rowCount()):
        share = dialog.links.index(row).data(SHARE_ROLE)
        application.adapter.do(RevokeLink(share.id))
    dialog.close()


async def asking(application: Application, path: Path) -> None:
    """What the window asks when a guest of such a link waits, and another behind."""
    from engine.core.events import ApprovalRequested
    from engine.core.model import Guest, Role

    window = application.window
    for session_id, name in (("picture", "Ada"), ("another", "Dave")):
        question = ApprovalRequested(
            session_id=session_id,
            target="web",
            guest=Guest(name, "203.0.113.7", browser=BROWSER, share="link"),
            role=Role.CONTROL,
            code="418 305",
            waits_until=time.time() + 118,
        )
        application.adapter.approvalRequested.emit(question)
    shown = window.attention.shown
    assert shown is not None
    await until(lambda: all(control.isEnabled() for control in shown.controls))
    await picture(window.attention, path)
    for strip in window.approver.waiting:
        window.attention.take(strip)


async def picture(window: QWidget, path: Path) -> None:
    from PySide6.QtWidgets import QPushButton

    def laid_out() -> bool:
        """Another theme's sizes take effect in a later turn of the loop."""
        buttons = [one for one in window.findChildren(QPushButton) if one.isVisibleTo(window)]
        return all(one.width() >= one.minimumSizeHint().width() for one in buttons)

    await until(laid_out)
    window.repaint()
    if not window.grab().save(str(path)):
        raise SystemExit(f"{path} could not be written")
    print(path)


def text_of(tab: TerminalTab) -> str:
    return "\n".join(tab.terminal.terminal.text())


async def until(condition: Callable[[], object]) -> None:
    """Wait for ``condition``; raises TimeoutError after WAIT_SECONDS."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110  (widgets have no event to await)
            await asyncio.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
