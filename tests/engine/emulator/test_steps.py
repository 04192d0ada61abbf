"""Sequences that take a number of steps, up to the largest one. The page reads the same vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.emulator import Terminal

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "steps.json").read_text())


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: repr(case["text"]))
def test_steps(case: dict[str, Any]) -> None:
    terminal = Terminal(VECTORS["cols"], VECTORS["lines"])
    terminal.feed((VECTORS["before"] + case["text"]).encode())
    assert [row.rstrip() for row in terminal.text()] == case["rows"]
    assert list(terminal.cursor()) == case["cursor"]
