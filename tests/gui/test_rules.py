"""Rules of the window's code that no type checker knows, for all its rooms."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

GUI = Path(__file__).parents[2] / "gui"
FILES = sorted(GUI.rglob("*.py"))
THE_LOOP = GUI / "loop" / "event_loop.py"
"""It runs Qt's loop: that is what it is for."""
HEAVY = (
    "aiortc",
    "aioice",
    "av",
    "socketio",
    "docker",
    "engine.agent.agent",
    "engine.control.control",
    "engine.transport.connection",
    "engine.client.peer",
)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(GUI)))
def test_no_dialog_runs_a_loop_of_its_own(file: Path) -> None:
    # QDialog.exec() inside a coroutine breaks other tasks; so do the static helpers.
    tree = ast.parse(file.read_text(encoding="utf-8"))
    static = {"getSaveFileName", "getOpenFileName", "getText", "question", "processEvents"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, owner = node.func.attr, ast.unparse(node.func.value)
            assert name not in ("exec", "exec_") or file == THE_LOOP, f"line {node.lineno}: {owner}"
            assert name not in static, f"line {node.lineno}: {name}"


@pytest.mark.parametrize("module", ["gui.window.main_window", "gui.app.application"])
def test_importing_the_window_does_not_import_the_engines_heavy_parts(module: str) -> None:
    code = f"import {module}, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=GUI.parent
    )
    assert ran.stdout.strip() == "[]"


def test_the_engine_never_imports_qt() -> None:
    for file in sorted((GUI.parent / "engine").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert not name.startswith(("PySide6", "qasync", "gui")), f"{file}: {name}"
