"""Both ways of reading SGR give the same style."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from engine.emulator.cells import sgr
from engine.emulator.cells.pens import Pens
from engine.emulator.cells.style import DEFAULT_STYLE, Style

MEANINGLESS = 99
NUMBERS = st.one_of(
    st.integers(0, 110),
    st.sampled_from([2, 5, 38, 48, 58, 255, 256, 999999]),
    st.just(""),
    st.sampled_from(["4:3", "38:2::1:2:3", "58:5:9", "007"]),
)


@given(st.lists(NUMBERS, max_size=12).map(lambda parts: ";".join(map(str, parts))))
@example("38;5")
@example("48;2;1;2")
@example("38;38;5;1")
def test_the_fast_way_is_the_careful_way(parameters: str) -> None:
    # A number that means nothing changes nothing, but takes the careful way.
    for style in (DEFAULT_STYLE, Style(3, 4, bold=True, underline=2, link=7, protected=True)):
        assert sgr.apply(style, parameters) == sgr.apply(style, f"{MEANINGLESS};{parameters}")


@given(st.lists(NUMBERS, max_size=6).map(lambda parts: ";".join(map(str, parts))))
def test_codes_select_the_style_again(parameters: str) -> None:
    style = sgr.apply(DEFAULT_STYLE, parameters)
    assert sgr.apply(Style(9, 9, italic=True), ";".join(sgr.codes(style))) == style


PARAMETERS = st.lists(NUMBERS, max_size=6).map(lambda parts: ";".join(map(str, parts)))


@given(PARAMETERS, PARAMETERS)
@example("31;1", "32;1")
@example("31;44", "44")
@example("1", "2")
@example("4", "4:3")
@example("31", "")
def test_a_change_leads_to_the_other_style(one: str, two: str) -> None:
    before, style = sgr.apply(DEFAULT_STYLE, one), sgr.apply(DEFAULT_STYLE, two)
    sequence = sgr.change(before, style)
    assert bool(sequence) == (before != style)
    if sequence:
        assert sgr.apply(before, sequence.removeprefix("\x1b[").removesuffix("m")) == style


COLORS = st.one_of(
    st.tuples(st.integers(0, 257)).map(lambda n: f"38;5;{n[0]};48;5;7"),
    st.tuples(st.integers(0, 257)).map(lambda n: f"38;2;1;{n[0]};3;48;2;4;5;6"),
    st.sampled_from(["", "0", "1", "38;5;2", "48;5;3", "39", "0;31", "4:3"]),
)


@given(st.lists(COLORS, max_size=30))
def test_remembered_results_are_those_of_reading_them(sequence: list[str]) -> None:
    pens = Pens()
    pen, style = "\0", DEFAULT_STYLE
    steps = pens.steps(pen)
    for parameters in sequence * 2:
        # As the stream does it: what is remembered first.
        found = steps.after.get(f"[{parameters}")
        pen, steps = found or pens.step(pen, parameters, f"[{parameters}")
        style = sgr.apply(style, parameters)
        assert pens.style(pen) == style
