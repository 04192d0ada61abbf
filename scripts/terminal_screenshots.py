"""Pictures of programs in the real window's terminal: docs/terminal-*.png.

Starts the program's own parts as scripts/screenshots.py does, opens a shell on
this computer, runs vim, htop, mc and tmux in it and shows text that is hard to
draw, and takes the window's picture once what it waits for is on the screen.
``make screenshots`` runs it, too. A program that is not installed is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from scripts.screenshots import (
    ROOT,
    neutral_home,
    open_terminal,
    picture,
    text_of,
    until,
)

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from gui.app.application import Application
    from gui.panels.terminals.tab import TerminalTab

WIDTH, HEIGHT = 1120, 680
QUIET_SECONDS = 0.6
"""A screen that has not changed for so long is drawn."""
SAMPLES = ("boxes", "emoji")
"""Texts that are hard to draw, in scripts/samples, with \\e for the escape character."""
NEUTRAL = "unshare --pid --uts --fork --mount-proc bash -l\r"
"""A shell that knows no other processes and may name its computer."""
FURNISH = (
    "hostname workstation; python3 -m http.server 8099 --bind 127.0.0.1 >/dev/null 2>&1 & "
    "tail -f deploy.log >/dev/null & sleep 1000 & yes >/dev/null & clear\r"
)
"""Something for htop to show; it ends with the shell."""
TMUX = (
    "tmux -f /dev/null -S ~/tmux new-session -s work \\; set -g status-style bg=color24,fg=white"
    " \\; split-window -h 'htop -d 5' \\; split-window -v 'vim code/boxes.py'"
    " \\; select-pane -L \\; send-keys 'ls -la --color code | head -20' Enter"
)


class Scene(NamedTuple):
    """A picture: what is typed, what is on the screen when it is done, how it is left."""

    name: str
    program: str
    """Without it on the PATH there is no picture."""
    typed: str
    shows: str
    leave: str


SCENES = (
    Scene("boxes", "cat", "clear; cat boxes.txt\r", "overline", "clear\r"),
    Scene("emoji", "cat", "clear; cat emoji.txt\r", "abcd", "clear\r"),
    Scene("vim", "vim", "vim +/_draw_box -c 'set nu hls' code/boxes.py\r", "_draw_box", ":q!\r"),
    Scene("htop", "htop", "htop -d 5\r", "Load average", "q"),
    Scene("mc", "mc", "mc -u -S modarin256 ~/code ~/docs\r", "Menu", "\x1b[21~\r"),
    Scene("tmux", "tmux", TMUX + "\r", "[work]", "\x02:kill-server\r"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder to write to")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as config:
        neutral_home(Path(home), Path(config))
        furnish(Path(home))
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        from PySide6.QtWidgets import QApplication

        from gui.loop.factory import create_loop

        app = QApplication([])
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


def furnish(home: Path) -> None:
    """Files for the programs to show: our own."""
    for name in SAMPLES:
        text = (ROOT / "scripts" / "samples" / f"{name}.txt").read_text(encoding="utf-8")
        (home / f"{name}.txt").write_text(text.replace("\\e", "\x1b"), encoding="utf-8")
    code = home / "code"
    code.mkdir()
    for path in sorted((ROOT / "gui" / "terminal").glob("*.py")):
        shutil.copy(path, code / path.name)
    for path in sorted((ROOT / "docs").glob("*.md")):
        shutil.copy(path, home / "docs" / path.name)
    (home / ".vimrc").write_text("syntax on\nset background=dark laststatus=2 ruler\n")


async def take(app: QApplication, config_dir: Path, out: Path) -> None:
    """Run each program in the window's terminal and take its picture."""
    from engine.core import settings
    from engine.core.model import LOCAL_TARGET
    from gui.app.application import Application
    from gui.kit.style import Mode

    application = Application(app, settings.load(flags={"docker.enabled": False}), config_dir)
    running = asyncio.create_task(application.run())
    window = application.window
    try:
        await until(lambda: application.adapter.ready)
        window.set_theme(Mode.DARK)
        for dock in window.docks:
            dock.hide()
        window.resize(WIDTH, HEIGHT)
        tab = await open_terminal(application, LOCAL_TARGET)
        if os.geteuid() == 0 and shutil.which("unshare"):
            tab.terminal.typed.emit(NEUTRAL.encode())
            await settled(tab)
            tab.terminal.typed.emit(FURNISH.encode())
            await settled(tab)
        for scene in SCENES:
            if shutil.which(scene.program) is None:
                print(f"{scene.program} is not installed: no picture", file=sys.stderr)
                continue
            await play(application, tab, scene, out)
    finally:
        application.stop()
        await running


async def play(application: Application, tab: TerminalTab, scene: Scene, out: Path) -> None:
    tab.terminal.typed.emit(scene.typed.encode())
    try:
        await until(lambda: scene.shows in text_of(tab))
    except TimeoutError:
        raise SystemExit(f"{scene.name} did not come up:\n{text_of(tab)}") from None
    await settled(tab)
    await picture(application.window, out / f"terminal-{scene.name}.png")
    tab.terminal.typed.emit(scene.leave.encode())
    if scene.leave:
        await settled(tab)


async def settled(tab: TerminalTab) -> None:
    """Until the screen has not changed for a while; a clock in it is not waited for."""
    loop = asyncio.get_running_loop()
    begin = since = loop.time()
    before = text_of(tab)
    while loop.time() - since < QUIET_SECONDS and loop.time() - begin < 5 * QUIET_SECONDS:
        await asyncio.sleep(0.05)
        now = text_of(tab)
        if now != before:
            before, since = now, loop.time()


if __name__ == "__main__":
    sys.exit(main())
