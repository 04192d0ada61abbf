"""The emulator compiled: the same source through mypyc, in a tree of its own.

    python -m scripts.compiled build/compiled

The tree has extension modules in place of the emulator's .py files and links to
everything else in the checkout, so what runs from within it (tests, benchmarks) uses
the compiled form. build.spec ships it, tests/test_compiled.py tests it, benchmarks
measure it. The checkout itself is never changed.

Needs mypyc, setuptools and a C compiler. Without them it prints why and exits 1.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import os
import shutil
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EMULATOR = Path("engine/emulator")
INTERPRETED = frozenset({EMULATOR / "screen" / "host.py"})
"""Modules that are not compiled: others subclass Host. Nor are the packages' __init__.py,
which only import."""
LIBRARY = "hatchway_emulator"
"""What the modules share is a library of this name, ``__mypyc`` after it."""
OPTIONS = ("--config-file=", "--strict", "--no-warn-return-any", "--follow-untyped-imports")
"""For mypy, which reads the types first: as in ``make check``, but rows are looser."""
LINKED = ("benchmarks", "gui", "pyproject.toml", "resources", "scripts", "tests")
_APART = (EMULATOR.name, "__pycache__")
STAMP = "compiled-from"
"""A file in the tree with a digest of what it was made from."""


class CannotCompileError(Exception):
    """Its text is one sentence: what is missing, or what the compiler reported."""


def modules() -> list[Path]:
    """All files of the emulator, in all of its folders, from the top of the checkout."""
    return [path.relative_to(ROOT) for path in sorted((ROOT / EMULATOR).rglob("*.py"))]


def sources() -> list[Path]:
    """Those that are compiled."""
    return [path for path in modules() if path not in INTERPRETED and path.name != "__init__.py"]


def imported() -> set[str]:
    """All that they import: PyInstaller cannot read it from extension modules."""
    found: set[str] = set()
    for path in sources():
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.update(name.name for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
    return found


def compiled(tree: Path) -> None:
    """Make ``tree``, unless it was made from the same. Raises CannotCompileError."""
    made_from = _digest()
    stamp = tree / STAMP
    if stamp.exists() and stamp.read_text(encoding="utf-8") == made_from:
        return
    if tree.exists():
        shutil.rmtree(tree)
    tree.mkdir(parents=True)
    try:
        _fill(tree)
    except BaseException:
        # A partial tree would run as source without anybody noticing.
        shutil.rmtree(tree)
        raise
    stamp.write_text(made_from, encoding="utf-8")


def _fill(tree: Path) -> None:
    others = [path.name for path in (ROOT / "engine").iterdir()]
    (tree / "engine").mkdir()
    _link(ROOT / "engine", tree / "engine", [name for name in others if name not in _APART])
    for path in modules():
        (tree / path.parent).mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tree / path)
    with contextlib.chdir(tree):
        _compile([str(path) for path in sources()])
        for path in sources():
            path.unlink()
        shutil.rmtree("build")
    # Only now: setuptools would read the project's own pyproject.toml.
    _link(ROOT, tree, LINKED)


def _link(place: Path, tree: Path, names: Iterable[str]) -> None:
    for name in names:
        (tree / name).symlink_to(place / name)


def _compile(paths: list[str]) -> None:
    try:
        from mypyc.build import mypycify
        from setuptools import setup
    except ImportError as error:
        raise CannotCompileError(f"{error.name} is not installed") from error
    output = io.StringIO()
    # The code is generated: warnings about its style help nobody.
    os.environ["CFLAGS"] = f"{os.environ.get('CFLAGS', '')} -w"
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            options = [*OPTIONS, "--always-true=COMPILED", *paths]
            extensions = mypycify(options, opt_level="2", debug_level="0", group_name=LIBRARY)
            setup(
                name=LIBRARY,
                packages=[],
                ext_modules=extensions,
                script_args=["-q", "build_ext", "--inplace"],
            )
    except SystemExit as error:
        errors = [line for line in output.getvalue().splitlines() if ": error:" in line]
        raise CannotCompileError("\n".join([*errors, str(error)])) from error


def _digest() -> str:
    """Of the tools, of every file that is in the tree or says how, and of the names linked."""
    try:
        tools = sys.version, metadata.version("mypy")
    except metadata.PackageNotFoundError as error:
        raise CannotCompileError("mypy is not installed") from error
    names = sorted(path.name for path in (ROOT / "engine").iterdir())
    found = hashlib.sha256(repr((tools, names)).encode())
    for path in (Path("scripts/compiled.py"), *modules()):
        found.update(str(path).encode())
        found.update((ROOT / path).read_bytes())
    return found.hexdigest()


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(f"usage: {sys.argv[0]} TREE", file=sys.stderr)
        return 2
    try:
        compiled(Path(arguments[0]).resolve())
    except CannotCompileError as error:
        print(f"compiled: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
