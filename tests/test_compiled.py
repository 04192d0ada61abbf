"""The emulator as it ships: compiled, it passes the same tests as in source form."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from scripts.compiled import EMULATOR, INTERPRETED, ROOT, imported, sources

pytestmark = pytest.mark.takes(180)

TREE = ROOT / "build" / "compiled"
COMPILE_SECONDS, TESTS_SECONDS = 900, 900
"""At most, on a busy machine: a quiet one takes 80 and 120."""


@pytest.fixture(scope="module")
def tree() -> Path:
    headers = Path(sysconfig.get_path("include"), "Python.h")
    if not (shutil.which("cc") and headers.exists()) and not os.environ.get("CI"):
        pytest.skip("needs a C compiler, cc, and the headers of this Python")
    done = subprocess.run(
        [sys.executable, "-m", "scripts.compiled", str(TREE)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=COMPILE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return TREE


def test_only_what_is_named_stays_as_source() -> None:
    every = {Path(folder, name) for folder, _, names in os.walk(ROOT / EMULATOR) for name in names}
    written = {path.relative_to(ROOT) for path in every if path.suffix == ".py"}
    packages = {path for path in written if path.name == "__init__.py"}
    assert written == {*sources(), *packages, *INTERPRETED}
    for package in packages:
        # Code in one would run as source.
        for node in ast.parse((ROOT / package).read_text(encoding="utf-8")).body:
            is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            is_all = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            assert is_docstring or is_all or isinstance(node, ast.ImportFrom), package


@pytest.mark.timeout(COMPILE_SECONDS + 20)
def test_the_tree_has_each_module_once_in_its_form(tree: Path) -> None:
    extensions = {".so", ".pyd"}
    made = [path.relative_to(tree) for path in (tree / EMULATOR).rglob("*")]
    compiled = [
        path.parent / path.name.partition(".")[0] for path in made if path.suffix in extensions
    ]
    assert sorted(compiled) == sorted(path.with_suffix("") for path in sources())
    left = {path for path in made if path.suffix == ".py"}
    assert {path for path in left if path.name != "__init__.py"} == set(INTERPRETED)


@pytest.mark.timeout(COMPILE_SECONDS + 20)
def test_every_module_is_an_extension_that_knows_it(tree: Path) -> None:
    names = [".".join(path.with_suffix("").parts) for path in sources()]
    asked = (
        "import importlib, pathlib, sys\n"
        "from engine.emulator.cells.rows import COMPILED\n"
        "files = [importlib.import_module(name).__file__ for name in sys.argv[1:]]\n"
        "print(COMPILED, {pathlib.Path(file).suffix for file in files})"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked, *names],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout in ("True {'.so'}\n", "True {'.pyd'}\n"), done.stderr


@pytest.mark.timeout(COMPILE_SECONDS + TESTS_SECONDS + 20)
def test_it_passes_the_tests_of_the_emulator_and_the_widget(tree: Path) -> None:
    folders = ("tests/engine/emulator", "tests/gui/terminal")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *folders],
        cwd=tree,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TESTS_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 2000


def test_what_only_extensions_import_is_known_to_the_builder() -> None:
    assert {"re", "pyte", "wcwidth", "engine.emulator.cells.rows"} <= imported()
