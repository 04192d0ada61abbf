"""Both ways of reading SGR give the same style."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from engine.emulator import sgr
from engine.emulator.style import DEFAULT_STYLE, Style

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
    for style in (DEFAULT_STYLE, Style(3, 4, bold=True, underline=2, link=7, protected=True)):
        assert sgr.apply(style, parameters) == sgr._apply(style, parameters)


@given(st.lists(NUMBERS, max_size=6).map(lambda parts: ";".join(map(str, parts))))
def test_codes_select_the_style_again(parameters: str) -> None:
    style = sgr.apply(DEFAULT_STYLE, parameters)
    assert sgr.apply(Style(9, 9, italic=True), ";".join(sgr.codes(style))) == style
