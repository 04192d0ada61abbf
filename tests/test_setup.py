"""The rules of the checkout itself: locks, modules, import rows, licences.

Owns what can be read off the files. What the tools check by themselves (lint,
types, the direction of imports) is `make check`.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

if TYPE_CHECKING:
    from packaging.markers import Marker

ROOT = Path(__file__).resolve().parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
SOURCES = sorted(path for name in ("engine", "gui") for path in (ROOT / name).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
SCRIPTS = sorted((ROOT / "scripts").glob("*.py")) + sorted((ROOT / "benchmarks").rglob("*.py"))

PYTHONS = ("3.11", "3.12", "3.13")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _requirements(lock: Path) -> list[tuple[Requirement, list[str]]]:
    """Each requirement of a lock with its hashes; a line of any other kind fails."""
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    found = []
    for line in text.splitlines():
        words, *hashes = line.split("--hash=")
        found.append((Requirement(words.strip()), [value.strip() for value in hashes]))
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# --- Locks -----------------------------------------------------------------------


def test_there_is_a_lock_for_the_app_and_for_each_group() -> None:
    groups = {"app", *_pyproject()["dependency-groups"]}
    assert {lock.stem for lock in LOCKS} == groups


@pytest.mark.parametrize("lock", LOCKS, ids=_name)
def test_every_requirement_is_exact_and_hashed(lock: Path) -> None:
    requirements = _requirements(lock)
    assert requirements
    for requirement, hashes in requirements:
        assert [spec.operator for spec in requirement.specifier] == ["=="], requirement.name
        assert requirement.url is None, requirement.name
        assert hashes, requirement.name
        for value in hashes:
            assert re.fullmatch(r"sha256:[0-9a-f]{64}", value), requirement.name


@pytest.mark.parametrize("lock", LOCKS, ids=_name)
def test_no_lock_names_an_address_or_a_folder(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert not re.search(r"https?:|file:|--(extra-)?index|--find-links|(^|\s)[./~]*/", text)


def _satisfying(locks: list[Path], python: str) -> dict[str, set[str]]:
    """The versions each name has on Linux with this Python, over several locks."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    versions: dict[str, set[str]] = {}
    for lock in locks:
        for requirement, _ in _requirements(lock):
            if requirement.marker is None or requirement.marker.evaluate(environment):
                (spec,) = requirement.specifier
                versions.setdefault(_normal(requirement.name), set()).add(spec.version)
    return versions


@pytest.mark.parametrize("python", PYTHONS)
def test_all_locks_can_be_installed_together(python: str) -> None:
    for name, versions in _satisfying(LOCKS, python).items():
        assert len(versions) == 1, name


@pytest.mark.parametrize("python", PYTHONS)
def test_the_locks_hold_what_the_project_asks_for(python: str) -> None:
    project = _pyproject()
    asked = [*project["project"]["dependencies"]]
    for group in project["dependency-groups"].values():
        asked += group
    locked = _satisfying(LOCKS, python)
    for text in asked:
        requirement = Requirement(text)
        marker: Marker | None = requirement.marker
        if marker is None or marker.evaluate({"python_version": python}):
            (version,) = locked[_normal(requirement.name)]
            assert requirement.specifier.contains(version), f"{text}: {version}"


def test_python_311_gets_a_pyside_that_counts_references_right() -> None:
    # 6.12.0 loses a reference to None per timer event where None is counted.
    (version,) = _satisfying(LOCKS, "3.11")["pyside6-essentials"]
    assert Version(version) < Version("6.12")


def test_the_locked_dnspython_reads_the_mdns_replies_of_browsers() -> None:
    for python in PYTHONS:
        (version,) = _satisfying(LOCKS, python)["dnspython"]
        assert Version(version) < Version("2.9.1")


def test_python_311_is_the_oldest_supported() -> None:
    assert _pyproject()["project"]["requires-python"] == ">=3.11"
    assert sys.version_info >= (3, 11)


# --- Modules ---------------------------------------------------------------------


def test_every_module_opens_with_a_docstring() -> None:
    silent = [_name(path) for path in SOURCES + TESTS + SCRIPTS if not _says_what_it_is(path)]
    assert not silent


def _says_what_it_is(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    # An empty __init__.py only marks a folder of tests as a package.
    if path.name == "__init__.py" and path not in SOURCES and not text.strip():
        return True
    return bool(ast.get_docstring(ast.parse(text)))


def test_every_file_that_the_architecture_page_names_is_there() -> None:
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    folders = ("engine", "gui", "tests", "scripts", "resources/web/src", "benchmarks")
    there = [f"/{path.relative_to(ROOT)}" for name in folders for path in (ROOT / name).rglob("*")]
    named = set(re.findall(r"`([\w/.-]+\.(?:py|js|json|sh)|(?:engine|gui|tests)/[\w/]+)/?`", page))
    assert len(named) > 100
    paths = {name.rstrip("/") for name in named}
    assert not [name for name in paths if not any(one.endswith(f"/{name}") for one in there)]


@pytest.mark.parametrize(("root", "most"), [("engine", 20), ("gui", 10)])
def test_a_root_has_few_rooms(root: str, most: int) -> None:
    rooms = [path for path in (ROOT / root).iterdir() if not path.name.startswith("__pycache__")]
    assert len(rooms) <= most


# --- Tests -----------------------------------------------------------------------


def test_every_folder_of_tests_mirrors_a_package() -> None:
    folders = {path.parent for path in TESTS}
    assert not [_name(folder) for folder in folders if not _mirrors_a_package(folder)]
    packages = {parent for folder in folders for parent in (folder, *folder.parents)}
    inside = [package for package in packages if package.is_relative_to(ROOT / "tests")]
    assert not [_name(one) for one in inside if not (one / "__init__.py").exists()]


def _mirrors_a_package(folder: Path) -> bool:
    place = folder.relative_to(ROOT / "tests")
    # tests/ itself holds what looks at the whole: this file, end-to-end tests.
    return place == Path() or (ROOT / place).is_dir() or place.parts[0] in {"compat", "e2e", "web"}


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("import pytest\ndef test_x(): pytest.skip('no engine')", 1),
        ("import pytest\n@pytest.mark.skip(reason='no engine')\ndef test_x(): pass", 1),
        ("import pytest\npytest.skip('no engine', allow_module_level=True)", 2),
        ("import pytest\n@pytest.mark.xfail\ndef test_x(): assert False", 0),
        ("def test_x(): pass", 0),
    ],
    ids=["in a test", "by a mark", "a whole module", "expected failure", "a pass"],
)
def test_in_ci_a_skip_is_a_failure(tmp_path: Path, code: str, outcome: int) -> None:
    done = outcome_in_ci(tmp_path, code)
    assert done.returncode == outcome, done.stdout
    if outcome:
        assert "nothing may be skipped in CI: " in done.stdout
        assert "no engine" in done.stdout


def outcome_in_ci(folder: Path, code: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_x.py").write_text(code, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.ci_no_skip", *options, str(folder)],
        cwd=folder,
        env={
            **os.environ,
            "CI": "true",
            "PYTHONPATH": str(ROOT),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "code",
    [
        "import pytest\ndef test_x(): pytest.skip('no engine')",
        "import pytest\npytest.skip('no engine', allow_module_level=True)",
    ],
    ids=["in a test", "a whole module"],
)
def test_in_ci_a_skip_is_a_failure_in_a_worker_too(tmp_path: Path, code: str) -> None:
    done = outcome_in_ci(tmp_path, code, "-p", "xdist", "-n", "1")
    assert done.returncode == 1, done.stdout
    assert "nothing may be skipped in CI: " in done.stdout


# --- Scripts ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [ROOT / ".ci" / "run", *sorted((ROOT / "scripts").glob("*.sh"))],
    ids=_name,
)
def test_every_shell_script_parses_and_stops_at_the_first_failure(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert "\nset -euo pipefail\n" in script.read_text(encoding="utf-8")
    done = subprocess.run(
        ["bash", "-n", script], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr


def test_set_up_refuses_a_group_it_does_not_know() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "setup.sh", "aap"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "no such group: aap" in done.stderr
