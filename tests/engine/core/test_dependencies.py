"""The tested ranges of the libraries whose internals we rely on."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from engine.core import dependencies
from engine.core.dependencies import PYTHON, TESTED, Dependency

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DECLARED = {one.name: one for one in map(Requirement, PROJECT["dependencies"])}


@pytest.mark.skipif("HATCHWAY_UNTESTED" in os.environ, reason="make next: beyond on purpose")
def test_the_installed_versions_are_in_the_tested_ranges() -> None:
    """What fails here is no longer what we have tested: the message says what is lost."""
    assert dependencies.problems() == []


@pytest.mark.parametrize("row", TESTED, ids=lambda row: row.name)
def test_the_table_and_the_declarations_agree(row: Dependency) -> None:
    if row.name == PYTHON:
        # Python is not capped for those who install: newer ones run, with a warning.
        assert PROJECT["requires-python"] == f">={row.least}"
    else:
        assert DECLARED[row.name].specifier == SpecifierSet(f">={row.least},<{row.below}")


ROW = Dependency("thing", "1.16", "1.17", (), "speed")


@pytest.mark.parametrize(
    ("installed", "is_tested"),
    [
        ("1.16", True),
        ("1.16.0", True),
        ("1.16.99.post1", True),
        ("1.15.9", False),
        ("1.17", False),
        ("1.17.0rc1", False),
        ("2.0", False),
        ("1", False),
        ("1.116", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_a_version_is_in_the_range_or_not(
    installed: str, is_tested: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependencies, "version", lambda name: installed)
    assert ROW.is_tested is is_tested
    assert bool(ROW.problem) is not is_tested


def test_a_missing_library_is_a_problem_and_no_error() -> None:
    missing = Dependency("hatchway-needs-no-such-thing", "1", "2", (), "everything fails")
    assert not missing.is_tested
    assert missing.problem == (
        "No hatchway-needs-no-such-thing: tested with 1 up to, but not including, 2."
        " With other versions everything fails."
    )


def test_a_problem_says_what_is_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dependencies, "version", lambda name: "999")
    dependencies.log_problems()
    packages = [row for row in TESTED if row.name != PYTHON]
    assert len(caplog.records) == len(packages)
    for row, record in zip(packages, caplog.records, strict=True):
        assert record.levelname == "WARNING"
        assert f"{row.name} 999" in record.message
        assert row.lost in record.message
