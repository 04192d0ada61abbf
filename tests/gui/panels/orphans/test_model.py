"""The words about terminals that earlier runs left."""

from __future__ import annotations

import pytest

from engine.core.model import Orphan, OrphanProcess, OrphansEnded, OrphanState
from gui.panels.orphans.model import offer, orphans, outcome

WORDS = "a\x1b[31m\n\u202eb"


def row(
    number: int = 1,
    state: OrphanState = OrphanState.ORPHAN,
    *names: str,
    more: int = 0,
    reason: str = "",
) -> Orphan:
    processes = tuple(OrphanProcess(10 + at, name) for at, name in enumerate(names))
    return Orphan(f"tag-{number}", f"web-{number}", "s", state, processes, more, reason)


def test_only_orphans_are_offered() -> None:
    rows = [row(number, state) for number, state in enumerate(OrphanState)]
    assert [one.state for one in orphans(rows)] == [OrphanState.ORPHAN]


def test_it_says_how_many_and_what_runs() -> None:
    assert offer([row(1, OrphanState.ORPHAN, "sh", "sleep")]) == (
        "1 terminal was left by a Hatchway that did not stop properly",
        "web-1: sh (10), sleep (11)",
    )
    rows = [row(1, OrphanState.ORPHAN, *"abcde", more=7), row(2, reason="web-2 is paused")]
    assert offer(rows) == (
        "2 terminals were left by a Hatchway that did not stop properly",
        "web-1: a (10), b (11), c (12), 9 more; web-2: web-2 is paused",
    )


def test_a_long_list_is_short() -> None:
    _, detail = offer([row(number) for number in range(5000)])
    assert detail.endswith("; 4990 more")
    assert len(detail) < 500


def test_hostile_words_are_visible() -> None:
    hostile = Orphan("t", WORDS * 100, "s", OrphanState.ORPHAN, (OrphanProcess(1, WORDS * 100),))
    _, detail = offer([hostile])
    assert detail.isprintable()
    assert len(detail) < 200


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (OrphansEnded(1), ("1 terminal ended", "")),
        (OrphansEnded(0), ("The terminals of earlier runs have ended already", "")),
        (
            OrphansEnded(2, (row(3, OrphanState.KEPT, "tmux"),)),
            ("3 terminals ended", "Kept running because they asked to: web-3: tmux (10)"),
        ),
        (
            OrphansEnded(0, (row(3, OrphanState.ENDING, reason="web-3 is paused"),)),
            ("1 terminal not ended yet", "Hatchway keeps trying to end web-3: web-3 is paused"),
        ),
    ],
    ids=str,
)
def test_it_says_what_came_of_it(result: OrphansEnded, words: tuple[str, str]) -> None:
    assert outcome(result) == words
