"""Codes: each value has one, and keeps it through any sweep that finds it in use."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.emulator.cells.codes import Codes

FIRST, MOST = 0xE000, 6
ASK, BEGIN, SWEEP = "ask", "begin", "sweep"
STEPS = st.one_of(
    st.tuples(st.just(ASK), st.integers(0, 9)),
    st.tuples(st.just(BEGIN), st.sets(st.integers(0, 9))),
    st.tuples(st.just(SWEEP), st.integers(1, 4)),
)


def test_codes_are_given_out_in_turn_until_none_is_left() -> None:
    codes: Codes[int] = Codes(FIRST, MOST)
    assert [codes.code(value) for value in range(6)] == [chr(FIRST + n) for n in range(6)]
    assert not codes.full
    assert codes.code(6) == codes.get(6) == ""
    assert codes.full
    assert codes.code(2) == chr(FIRST + 2)
    assert [codes.value(chr(FIRST + n)) for n in (5, 6)] == [5, None]


def test_what_a_sweep_freed_is_given_out_again() -> None:
    codes: Codes[str] = Codes(FIRST, MOST)
    a, b, c = (codes.code(value) for value in "abc")
    codes.begin_sweep({b})
    assert codes.sweep(2) == [a]
    assert codes.sweep(2) == [c]
    assert codes.sweep(2) is None
    assert (codes.value(a), codes.value(b), len(codes)) == (None, "b", 1)
    assert {codes.code("x"), codes.code("y")} == {a, c}
    assert codes.values() == ["b", "x", "y"]


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_whoever_is_in_use_or_asked_for_keeps_its_code(steps: list[tuple[str, object]]) -> None:
    codes: Codes[int] = Codes(FIRST, MOST)
    held: dict[int, str] = {}
    """What must have its code still."""
    sweeping = False
    for step, argument in steps:
        if step == ASK:
            assert isinstance(argument, int)
            if code := codes.code(argument):
                assert held.setdefault(argument, code) == code
        elif step == BEGIN and not sweeping:
            assert isinstance(argument, set)
            held = {value: code for value, code in held.items() if value in argument}
            codes.begin_sweep(set(held.values()))
            sweeping = True
        elif step == SWEEP:
            assert isinstance(argument, int)
            sweeping = codes.sweep(argument) is not None
        assert [codes.value(code) for code in held.values()] == list(held)
        assert len(set(held.values())) == len(held) <= len(codes) <= MOST
    assert [codes.get(value) for value in held] == list(held.values())
