"""Files that matter are written by engine.core.whole_file; whoever writes otherwise says why."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [file for room in ("engine", "gui") for file in sorted((ROOT / room).rglob("*.py"))]
WRITING = frozenset("wax+")
MODE = WRITING | set("rbt")
WRITERS = {
    "write_text",
    "write_bytes",
    "mkstemp",
    "NamedTemporaryFile",
    "TemporaryFile",
    "QFile",
    "QSaveFile",
    "QTemporaryFile",
    "QSettings",
}
EXCEPTIONS = {
    "engine/core/lock_file.py": 1,  # a file that is only locked
    "engine/core/whole_file.py": 2,
    "engine/relay/http/access_log.py": 1,  # appended to, line by line
    "engine/shells/recording_file.py": 1,  # appended to once a second, in whole lines
    "gui/panels/log/panel.py": 1,  # an export to wherever the person says
    "gui/window/docks.py": 1,  # Qt's own, written aside and renamed by Qt
}
"""By file, how many such calls; a comment in each says why."""


def writes(call: ast.Call) -> bool:
    """Whether it opens a file for writing, as far as its words show."""
    name = ast.unparse(call.func).rpartition(".")[2]
    if name == "open" and ast.unparse(call.func) == "os.open":
        return "O_CREAT" in ast.unparse(call)
    if name not in ("open", "fdopen"):
        return name in WRITERS
    named = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    # open(path, mode) and os.fdopen(number, mode), but path.open(mode).
    at = 0 if isinstance(call.func, ast.Attribute) and name == "open" else 1
    modes = named or call.args[at : at + 1]
    if not modes:
        return False
    if isinstance(modes[0], ast.Constant):
        text = str(modes[0].value)
        return bool(WRITING & set(text)) and set(text) <= MODE
    # A mode that is computed; a method called open may take something else.
    return at == 1


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_files_are_written_whole(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    lines = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Call) and writes(n)]
    most = EXCEPTIONS.get(str(file.relative_to(ROOT)), 0)
    assert len(lines) <= most, f"lines {lines}: use engine.core.whole_file, or say here why not"


@pytest.mark.parametrize("file", EXCEPTIONS)
def test_exceptions_are_in_use(file: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found = sum(isinstance(node, ast.Call) and writes(node) for node in ast.walk(tree))
    assert found == EXCEPTIONS[file]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("open(path)", False),
        ("open(path, 'rb')", False),
        ("open(path, 'w')", True),
        ("open(path, mode='ab')", True),
        ("open(path, how)", True),
        ("path.open()", False),
        ("path.open('rb')", False),
        ("path.open('x')", True),
        ("tabs.open(target)", False),
        ("tabs.open('box')", False),
        ("os.fdopen(number, 'wb')", True),
        ("os.open(path, os.O_RDONLY)", False),
        ("os.open(path, os.O_WRONLY | os.O_CREAT)", True),
        ("path.write_text(text)", True),
        ("path.write_bytes(data)", True),
        ("tempfile.mkstemp()", True),
        ("path.read_text()", False),
    ],
)
def test_what_counts_as_writing(code: str, expected: bool) -> None:
    (statement,) = ast.parse(code).body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    assert writes(statement.value) is expected
