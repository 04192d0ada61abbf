"""All 25 pairs of states, by name."""

from __future__ import annotations

from itertools import product

import pytest

from engine.core.errors import InvalidTransitionError
from engine.core.session_state import TRANSITIONS, SessionState, transition

C, G, N, D, X = SessionState
ALLOWED = {
    (C, G), (C, N), (C, X),
    (G, N), (G, D), (G, X),
    (N, D), (N, X),
    (D, G), (D, N), (D, X),
}  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new"), list(product(SessionState, SessionState)), ids=lambda state: state.value
)
def test_transition(old: SessionState, new: SessionState) -> None:
    if old is new:
        assert transition(old, new) is False
    elif (old, new) in ALLOWED:
        assert transition(old, new) is True
    else:
        with pytest.raises(InvalidTransitionError, match=f"from {old} to {new}"):
            transition(old, new)


def test_every_state_has_a_row() -> None:
    assert set(TRANSITIONS) == set(SessionState)
