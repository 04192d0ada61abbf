"""Every library that is imported is declared in pyproject.toml, in the group that needs it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS: dict[str, list[str]] = PYPROJECT["dependency-groups"]
APP: list[str] = PYPROJECT["project"]["dependencies"]
FOLDERS = {
    "engine": APP,
    "gui": APP,
    "resources": APP,
    "tests": [*APP, *GROUPS["test"]],
    "benchmarks": [*APP, *GROUPS["test"]],
    "scripts": [*APP, *GROUPS["test"], *GROUPS["build"]],
}
"""Each folder of Python, and what its code may import."""


NOT_EVERYWHERE = {"libdatachannel": "libdatachannel-py"}
"""Imports of packages that some platforms lack, so that nothing installed tells their name."""
INSTALLED = packages_distributions()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: list[str]) -> set[str]:
    return {normal(Requirement(text).name) for text in requirements}


def imports(folder: str) -> dict[str, str]:
    """Top-level names that the folder's modules import, each with a place of it."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("importorskip"):
                names = [ast.literal_eval(node.args[0])]
            for name in names:
                where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
                found.setdefault(name.split(".")[0], where)
    return found


def distributions(module: str) -> set[str]:
    """The packages, of which one has to be declared, that the import can come from."""
    names = INSTALLED.get(module) or [NOT_EVERYWHERE.get(module, module)]
    return {normal(name) for name in names}


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_imported_is_declared(folder: str) -> None:
    ours = {*sys.stdlib_module_names, *FOLDERS}
    known = declared(FOLDERS[folder])
    undeclared = {
        module: where
        for module, where in imports(folder).items()
        if module not in ours and not distributions(module) & known
    }
    assert undeclared == {}


def test_all_python_of_the_project_is_looked_at() -> None:
    folders = {path.parent.relative_to(ROOT).parts[0] for path in ROOT.glob("*/*.py")}
    assert folders <= FOLDERS.keys()


@pytest.mark.parametrize("text", [*APP, *(one for group in GROUPS.values() for one in group)])
def test_each_declaration_has_a_range(text: str) -> None:
    assert any(spec.operator in (">=", "~=") for spec in Requirement(text).specifier), text
