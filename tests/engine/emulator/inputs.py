"""Output of programs, sensible and not, in pieces; and what holds for every screen."""

from __future__ import annotations

from hypothesis import strategies as st

from engine.emulator import Terminal

FINALS = "".join(map(chr, range(0x40, 0x7F)))
NUMBERS = st.one_of(st.integers(0, 20), st.sampled_from([255, 1049, 2004, 9999, 10**30]))
SEQUENCES = st.builds(
    lambda prefix, numbers, middle, final: (
        f"\x1b[{prefix}{';'.join(map(str, numbers))}{middle}{final}".encode()
    ),
    st.sampled_from(["", "?", ">", "="]),
    st.lists(NUMBERS, max_size=6),
    st.sampled_from(["", "", "", " ", "$", "!", "'"]),
    st.sampled_from(FINALS),
)
PIECES = st.one_of(
    SEQUENCES,
    st.text(max_size=15).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text("ab 日e\u0301─", min_size=1, max_size=15).map(str.encode),
    st.sampled_from([b"\r\n", b"\n", b"\t", b"\b", b"\x1bM", b"\x1bD", b"\x1b7", b"\x1b8"]),
    st.sampled_from([b"\x1b(0", b"\x1b)A", b"\x0e", b"\x0f", b"\x1b=", b"\x1b#8", b"\x1b[?1049h"]),
    st.sampled_from([b"\x1b]0;t\x07", b"\x1bPq\x1b\\", b"\x1b_", b"\x1b", b"\x1b[", b"\x9b"]),
    st.sampled_from(
        [b"\x1b]8;id=a;http://x/\x07", b"\x1b]8;;\x07", b"\x1b]133;A\x07", b'\x1b[1"q']
    ),
    st.sampled_from([b"\x1b[?69h\x1b[2;7s", b"\x1b[?6h", b"\x1b[?45h", b"\x1b[4h", b"\x1b[?7l"]),
    st.sampled_from([b"\x1b]4;1;#123456\x07", b"\x1b[>5u", b"\x1bV", b"\x1bN", b"\x1bo", b"\x1bH"]),
    st.sampled_from(["👍🏽", "🇩🇪", "👩\u200d💻", "❤\ufe0f", "\u200d", "🏽"]).map(str.encode),
    st.binary(max_size=12),
)
"""What a program may print, one of it."""


def check(terminal: Terminal) -> None:
    """The promises every screen keeps."""
    row, column = terminal.cursor()
    assert 0 <= row < terminal.rows
    assert 0 <= column < terminal.cols
    for index in range(terminal.rows):
        end = 0
        for run in terminal.line(index).runs:
            assert run.column >= end
            assert run.cells >= 1
            assert run.cluster or len(run.text) == run.cells
            end = run.column + run.cells
        assert end <= terminal.cols
