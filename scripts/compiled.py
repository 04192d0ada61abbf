"""The emulator compiled: the same source through mypyc, in a tree of its own.

    python -m scripts.compiled build/compiled

Owns that tree: extension modules in place of the emulator's .py files, and links to
all else in the checkout, so that anything run from within it (tests, benchmarks)
meets the compiled form. Does not own who uses it: build.spec ships it,
tests/test_compiled.py tests it, benchmarks measure it. The checkout itself is never
touched: what is edited there is what runs.

Needs mypyc, setuptools and a C compiler. Exits 1, having said why, without them.
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
INTERPRETED = ("__init__.py", "host.py")
"""Not compiled: nothing to gain, and a class that others make their own of."""
LIBRARY = "hatchway_emulator"
"""What the modules share is a library of this name, ``__mypyc`` after it."""
OPTIONS = ("--config-file=", "--strict", "--no-warn-return-any", "--follow-untyped-imports")
"""For mypy, which reads the types first: as in ``make check``, but that rows are looser."""
LINKED = ("benchmarks", "gui", "pyproject.toml", "resources", "scripts", "tests")
_APART = (EMULATOR.name, "__pycache__")
STAMP = "compiled-from"
"""A file in the tree that tells what it was made from."""


class CannotCompileError(Exception):
    """Says in one sentence what is missing, or what the compiler said."""


def sources() -> list[Path]:
    """The modules that are compiled, from the top of the checkout."""
    found = sorted((ROOT / EMULATOR).rglob("*.py"))
    return [path.relative_to(ROOT) for path in found if path.name not in INTERPRETED]


def imported() -> set[str]:
    """All that they import: nobody sees it who looks at extension modules (PyInstaller)."""
    found: set[str] = set()
    for path in sources():
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.update(name.name for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
    return found


def compiled(tree: Path) -> None:
    """Make ``tree``, unless it was made from the same; CannotCompileError."""
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
        # A half of it would run as source without a word.
        shutil.rmtree(tree)
        raise
    stamp.write_text(made_from, encoding="utf-8")


def _fill(tree: Path) -> None:
    others = [path.name for path in (ROOT / "engine").iterdir()]
    (tree / "engine").mkdir()
    _link(ROOT / "engine", tree / "engine", [name for name in others if name not in _APART])
    for path in (ROOT / EMULATOR).rglob("*.py"):
        copy = tree / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    with contextlib.chdir(tree):
        _compile([str(path) for path in sources()])
        for path in sources():
            path.unlink()
        shutil.rmtree("build")
    # Only now: setuptools would read what is told of another project there.
    _link(ROOT, tree, LINKED)


def _link(place: Path, tree: Path, names: Iterable[str]) -> None:
    for name in names:
        (tree / name).symlink_to(place / name)


def _compile(modules: list[str]) -> None:
    try:
        from mypyc.build import mypycify
        from setuptools import setup
    except ImportError as error:
        raise CannotCompileError(f"{error.name} is not installed") from error
    said = io.StringIO()
    # The code is generated: what a C compiler thinks of its style is nobody's concern.
    os.environ["CFLAGS"] = f"{os.environ.get('CFLAGS', '')} -w"
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            options = [*OPTIONS, "--always-true=COMPILED", *modules]
            extensions = mypycify(options, opt_level="2", debug_level="0", group_name=LIBRARY)
            setup(
                name=LIBRARY,
                packages=[],
                ext_modules=extensions,
                script_args=["-q", "build_ext", "--inplace"],
            )
    except SystemExit as error:
        errors = [line for line in said.getvalue().splitlines() if ": error:" in line]
        raise CannotCompileError("\n".join([*errors, str(error)])) from error


def _digest() -> str:
    """Of the tools, of every file that is compiled or says how, and of the names linked."""
    try:
        tools = sys.version, metadata.version("mypy")
    except metadata.PackageNotFoundError as error:
        raise CannotCompileError("mypy is not installed") from error
    names = sorted(path.name for path in (ROOT / "engine").iterdir())
    found = hashlib.sha256(repr((tools, names)).encode())
    interpreted = [p.relative_to(ROOT) for p in sorted((ROOT / EMULATOR).rglob("host.py"))]
    for path in (Path("scripts/compiled.py"), *sources(), *interpreted):
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
