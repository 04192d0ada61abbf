"""What ``make next`` tries, and with which tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

from engine.core.dependencies import PYTHON, TESTED, Dependency
from scripts import next_versions

ROOT = Path(__file__).parent.parent


def test_every_library_with_a_tested_range_is_tried_beyond_it() -> None:
    limits = next_versions.limits()
    for row in TESTED:
        if row.name != PYTHON:
            assert Version(limits[row.name]) == Version(row.below)


@pytest.mark.parametrize("row", TESTED, ids=lambda row: row.name)
def test_the_tests_of_a_library_exist(row: Dependency) -> None:
    folders = next_versions.own_tests(row.name)
    assert all((ROOT / folder).is_dir() for folder in folders)
    assert bool(folders) is bool(row.adapters)


def test_a_library_that_nobody_touches_is_tried_with_all_tests() -> None:
    assert next_versions.own_tests("segno") == []
