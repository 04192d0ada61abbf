"""Which figures of ``cat`` in a tab there are, and what it shows."""

from __future__ import annotations

import pytest

from benchmarks.cat_figures import FILES, content, merge, rows

FOUND = {
    "direct": {"source": [1.4, 1.6], "colored": [2.0]},
    "direct, CPU": {"source": [0.5, 0.7], "colored": [1.0]},
    "alone": {"source": [1.0, 1.0], "colored": [1.0]},
}


def test_beside_the_pty_alone() -> None:
    source, colored = rows(FOUND, 32_000_000)
    assert (source.name, source.value, source.baseline) == ("cat_source", 1.5, 1.0)
    assert source.met
    assert source.extra == {"mb": 32.0, "cpu": pytest.approx(0.6)}
    assert (colored.name, colored.ratio, colored.met) == ("cat_colored", 2.0, None)


def test_and_beside_a_peer_where_that_was_measured() -> None:
    peer = {"peer": {"source": [3.0], "colored": [4.0]}}
    found = {row.name: row for row in rows(FOUND | peer, 32_000_000)}
    assert found["cat_source_vs_peer"].ratio == 0.5
    assert found["cat_colored_vs_peer"].ratio == 0.5


def test_rounds_are_collected_by_file() -> None:
    times: dict[str, list[float]] = {}
    merge(times, {"source": 1.0})
    merge(times, {"source": 2.0})
    assert times == {"source": [1.0, 2.0]}


@pytest.mark.parametrize("name", list(FILES))
def test_a_file_has_line_feeds_alone_and_about_the_size(name: str) -> None:
    data = content(FILES[name], 3_000_000)
    assert b"\r" not in data
    assert 2_000_000 <= len(data) <= 3_000_000
    assert (b"\x1b[" in data) is (name == "colored")
