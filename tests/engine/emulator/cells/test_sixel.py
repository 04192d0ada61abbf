"""Sixel text to pixels: small pictures by hand, any cut, any bytes, and the bounds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.emulator.cells.sixel import (
    BAND_DRAWN,
    MAX_AREA,
    MAX_SIDE,
    PICTURE,
    PIXELS_AT_ONCE,
    Allowance,
    Bitmap,
    Decoder,
    rgb_of_hls,
)

COLORS = {
    (0, 0, 0, 0): ".",
    (0, 0, 0, 255): "k",
    (255, 0, 0, 255): "r",
    (0, 255, 0, 255): "g",
    (0, 0, 255, 255): "b",
    (51, 51, 204, 255): "1",
    (204, 204, 204, 255): "w",
}
RED, GREEN, BLUE = "#1;2;100;0;0", "#2;2;0;100;0", "#3;2;0;0;100"
DIAGONAL = ["r.....", ".r....", "..r...", "...r..", "....r.", ".....r"]
SQUARE = '"1;1'

VECTORS: dict[str, tuple[str, str, list[str]]] = {
    "nothing": ("", "", []),
    "blanks are no picture": ("", "???$-??", []),
    "one pixel is two high": ("", f"{RED}@", ["r", "r"]),
    "aspect by parameter": ("7", f"{RED}@", ["r"]),
    "five to one": ("2", f"{RED}@", ["r"] * 5),
    "raster attributes win": ("2", f"{SQUARE}{RED}@", ["r"]),
    "wide pixels count as square": ("", f'"1;3{RED}@', ["r"]),
    "all six": ("9", f"{RED}~", ["r"] * 6),
    "bits from the top": ("9", f"{RED}@ACGO_", DIAGONAL),
    "repeat": ("9", f"{RED}!3@A", ["rrr.", "...r"]),
    "repeat without a number": ("9", f"{RED}!@!0@", ["rr"]),
    "repeat of nothing drawable": ("9", f"{RED}!3$@", ["r"]),
    "line ends mean nothing": ("9", f"{RED}!1\r\n2@", ["r" * 12]),
    "back to the left": ("9", f"{RED}@@${GREEN}?A@", ["rrg", ".g."]),
    "one over the other": ("9", f"{RED}BB${GREEN}@", ["gr", "rr"]),
    "next band": ("9", f"{RED}@-{BLUE}@", ["r", *".....", "b"]),
    "the first band is blank": ("9", f"-{BLUE}@", [*"......", "b"]),
    "narrow then wide": ("9", f"{RED}@-@@@", ["r..", *["..."] * 5, "rrr"]),
    "registers keep": ("9", f"{RED}{GREEN}#1@#2@", ["rg"]),
    "a register changed in between": ("9", f"{RED}@#1;2;0;100;0@", ["rg"]),
    "hue, lightness, saturation": ("9", "#1;1;120;50;100@#1;1;0;50;100@", ["rb"]),
    "the first colors are a VT340's": ("9", "#0@#1@", ["k1"]),
    "a color nobody chose is light": ("9", "@", ["w"]),
    "colors come round": ("9", "#16@#1025@", ["k1"]),
    "declared size": ("", '"1;1;2;3', ["..", "..", ".."]),
    "declared smaller than drawn": ("", f'"1;1;1;1{RED}AA', ["..", "rr"]),
    "declared larger than drawn": ("", f'"1;1;3;2{RED}@', ["r..", "..."]),
    "declared too late": ("9", f'{RED}@"1;1;5;5', ["r"]),
    "half a color selects": ("9", f"{RED}@#1;2;0@", ["rr"]),
    "unknown signs mean nothing": ("9", f"{RED}@%&/(=)@\x07\u20ac@", ["rrr"]),
}
"""Parameters, text, and rows of pixels; "." is transparent."""


def picture(text: str, parameters: str = "", size: int = 0) -> Bitmap | None:
    decoder = Decoder(parameters)
    for start in range(0, len(text), size or max(len(text), 1)):
        decoder.feed(text[start : start + (size or len(text))])
    return decoder.finish()


def drawn(pixels: Bitmap | None) -> list[str]:
    if pixels is None:
        return []
    width, height = pixels.width, pixels.height
    rgba = pixels.part(0, 0, width, height)
    assert len(rgba) == width * height * 4
    dots = [tuple(rgba[at : at + 4]) for at in range(0, len(rgba), 4)]
    return [
        "".join(COLORS[dot] for dot in dots[start : start + width])  # type: ignore[index]
        for start in range(0, len(dots), width)
    ]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("name", VECTORS)
def test_picture(name: str, size: int) -> None:
    parameters, text, rows = VECTORS[name]
    assert drawn(picture(text, parameters, size)) == rows


def test_dec_begins_its_hues_with_blue() -> None:
    hues = [rgb_of_hls(hue, 50, 100) for hue in (0, 120, 240, 360)]
    assert hues == [(0, 0, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)]


def test_more_colors_in_a_band_than_it_tells_apart() -> None:
    """Each column in a color of its own, and the first one's lower half over it at the end."""
    columns = [f"#1;2;{n % 100};{n // 100};7~" for n in range(700)]
    pixels = picture("".join(columns) + f"${GREEN}o", "9")
    assert pixels is not None
    assert (pixels.width, pixels.height) == (700, 6)
    top = [tuple(pixels.rows[0][at * 4 : at * 4 + 4]) for at in range(700)]
    assert top[0] == (0, 0, 18, 255)
    assert len(set(top)) == 700
    assert pixels.part(0, 5, 1, 1) == bytes((0, 255, 0, 255))
    assert pixels.part(0, 3, 1, 1) == bytes((0, 0, 18, 255))


COMMANDS = st.one_of(
    st.text("?@AB~}_", min_size=1, max_size=8),
    st.sampled_from(["$", "-", "-", "!3~", "!9999999999999@", '"1;1;7;9', '"1;1;99999;99999', "!"]),
    st.builds("#{};{};{};{};{}".format, *[st.integers(0, 400)] * 5),
    st.integers(0, 2000).map("#{}".format),
    st.text(max_size=6),
    st.text("0123456789;", max_size=80),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(COMMANDS, max_size=30), st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_any_cut_gives_the_same_picture(commands: list[str], sizes: list[int]) -> None:
    text = "".join(commands)
    cut = Decoder("9")
    at = turn = 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        cut.feed(text[at : at + size])
        assert cut.held <= 65
        at, turn = at + size, turn + 1
    whole = picture(text, "9")
    assert cut.finish() == whole
    if whole is not None:
        assert len(whole.rows) <= whole.height
        assert all(len(row) <= whole.width * 4 for row in whole.rows)
        assert whole.width <= MAX_SIDE
        assert whole.height <= MAX_SIDE


@pytest.mark.parametrize(
    ("text", "width", "height"),
    [
        ("!99999999~", MAX_SIDE, 6),
        ("~-" * 1000, 1, MAX_SIDE),
        ('"1;1;99999;99999', MAX_SIDE, MAX_AREA // MAX_SIDE),
        ("!4096~-" * 1000, MAX_SIDE, MAX_AREA // MAX_SIDE // 6 * 6),
        ("~-" * 600 + "!4096~", MAX_AREA // 3606, 3606),
    ],
)
def test_a_picture_has_bounds(text: str, width: int, height: int) -> None:
    pixels = picture(text, "9")
    assert pixels is not None
    assert (pixels.width, pixels.height) == (width, height)


FLOODS = {
    "of one color": "!4096~-" * 170,
    "thin": "~-" * 170,
    "every row another": "!4000@!16A!16C!16G!16O!16_-" * 170,
    "one dot": "@",
}


@pytest.mark.parametrize("name", FLOODS)
def test_what_is_made_in_one_go_has_a_bound(name: str) -> None:
    allowance = Allowance()
    rows: list[bytes] = []
    for _ in range(400):
        if allowance.take(PICTURE):
            decoder = Decoder("9", allowance)
            decoder.feed(FLOODS[name])
            pixels = decoder.finish()
            rows += pixels.rows if pixels else []
    assert rows
    assert len({id(row) for row in rows}) <= PIXELS_AT_ONCE // BAND_DRAWN
    assert sum(len(row) // 4 for row in rows if len(set(row)) > 4) <= PIXELS_AT_ONCE
    assert not allowance.take(PICTURE + BAND_DRAWN + 6 * MAX_SIDE), "nearly all was used"
    allowance.refill()
    decoder = Decoder("9", allowance)
    decoder.feed("~")
    assert decoder.finish() is not None


def test_the_largest_picture_is_made_in_one_go() -> None:
    allowance = Allowance()
    assert allowance.take(PICTURE)
    decoder = Decoder("9", allowance)
    decoder.feed('"1;1;2048;2046#1' + "!2048~-" * 341)
    pixels = decoder.finish()
    assert pixels is not None
    assert len(pixels.rows) == 2046
    assert all(len(row) == 2048 * 4 for row in pixels.rows)


@pytest.mark.parametrize("down", ["-" * 99, "$-" * 99, "--$" * 50])
def test_going_down_costs_nothing(down: str) -> None:
    allowance = Allowance()
    for _ in range(2000):
        decoder = Decoder("9", allowance)
        decoder.feed(down)
        assert decoder.finish() is None
    decoder.feed(down + "@")
    pixels = decoder.finish()
    assert pixels is not None
    assert pixels.height == down.count("-") * 2 * 6 + 1
    assert allowance.take(PIXELS_AT_ONCE - BAND_DRAWN)
