"""Which figures a measurement of painting gives."""

from __future__ import annotations

import pytest

from benchmarks.painting_figures import Result, from_json, rows, to_json

FOUND = {
    "dense": Result(7.5, 9.0, 20.0, 8.0),
    "cat": Result(0.1, 9.0, 20.0, 16.0),
    "cells": Result(300.0, 400.0, 500.0, 0.0),
}


def test_medians_but_for_what_people_wait_for() -> None:
    found = {row.name: row for row in rows(FOUND, 12.5)}
    assert list(found) == ["painting_dense", "painting_cat", "painting_cells"]
    assert (found["painting_dense"].value, found["painting_dense"].met) == (7.5, True)
    assert (found["painting_cat"].value, found["painting_cat"].met) == (20.0, False)
    assert found["painting_cells"].aim is None
    assert found["painting_cat"].baseline == pytest.approx(1000 / 60)
    assert found["painting_cat"].extra == {
        "p50": 0.1,
        "p99": 9.0,
        "max": 20.0,
        "others_cpu": 12.5,
    }


def test_a_measurement_goes_from_process_to_process() -> None:
    assert from_json(to_json(FOUND)) == FOUND
