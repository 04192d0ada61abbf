"""What sessions with a history have in it."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from benchmarks.scale_figures import COLS, LINES, ROWS, listing


@pytest.mark.skipif(not shutil.which("awk"), reason="awk is not installed")
def test_a_listing_fills_screen_and_history_with_colored_names() -> None:
    found = [
        subprocess.run(["sh", "-c", listing(seed)], capture_output=True, check=True, text=True)
        for seed in (1, 2)
    ]
    one, other = ([*shown.stdout.splitlines()] for shown in found)
    assert len(one) == LINES + ROWS
    assert {len(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in one} == {COLS}
    assert {line.count("\x1b[01;3") for line in one} == {8}
    # No two sessions share their text.
    assert not {*one} & {*other}
