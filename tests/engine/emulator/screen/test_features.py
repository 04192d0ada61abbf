"""What a program is not told of while a feature is missing, and that nothing else depends on it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.emulator import FEATURES, Host, Terminal

ST = b"\x1b\\"
SYNC = b"\x1bP+q" + b"Sync".hex().encode() + ST
CLIPBOARD = b"\x1bP+q" + b"Ms".hex().encode() + ST
ATTRIBUTES = b"\x1b[c"
NO_ANSWER = b""


class Readable(Host):
    """Its clipboard may be read."""

    def clipboard_read(self, selection: str) -> str | None:
        return "secret"


WITHOUT: dict[tuple[str, bytes], bytes] = {
    ("sixel", ATTRIBUTES): b"\x1b[?65;1;2;6;9;15;16;17;18;21;22;28;29c",
    ("sixel", b"\x1bZ"): b"\x1b[?65;1;2;6;9;15;16;17;18;21;22;28;29c",
    ("sixel", b"\x1b[?80$p"): b"\x1b[?80;0$y",
    ("sixel", b"\x1b[?8452h\x1b[?8452$p"): b"\x1b[?8452;0$y",
    ("sixel", b"\x1b[?1;1S"): b"\x1b[?1;1;0S",
    ("sixel", b"\x1b[?2;4S"): b"\x1b[?2;1;0S",
    ("margins", ATTRIBUTES): b"\x1b[?65;1;2;4;6;9;15;16;17;18;22;28;29c",
    ("margins", b"\x1b[?69$p"): b"\x1b[?69;0$y",
    ("margins", b"\x1b[?69h\x1b[?69$p"): b"\x1b[?69;0$y",
    ("margins", b"\x1bP$qs" + ST): b"\x1bP0$r" + ST,
    ("rectangles", ATTRIBUTES): b"\x1b[?65;1;2;4;6;9;15;16;17;18;21;22;29c",
    ("rectangles", b"\x1b[2*x\x1bP$q*x" + ST): b"\x1bP0$r" + ST,
    ("kitty_keyboard", b"\x1b[>1u\x1b[?u"): NO_ANSWER,
    ("sync", b"\x1b[?2026$p"): b"\x1b[?2026;0$y",
    ("sync", SYNC): b"\x1bP0+r53796E63" + ST,
    ("graphemes", b"\x1b[?2027$p"): b"\x1b[?2027;0$y",
    ("osc52", CLIPBOARD): b"\x1bP0+r4D73" + ST,
    ("osc52", b"\x1b]52;c;?" + ST): NO_ANSWER,
}
"""What is answered without a feature, which alone is missing."""
ALWAYS = (
    b"\x1b[>c\x1b[=c\x1b[>q\x1b[5n\x1b[6n\x1b[x\x1b[14t\x1b[?6n\x1b[?996n",
    b"\x1b[?7$p\x1b[?1049$p\x1b[?2004$p\x1b[?2048$p\x1b[4$p\x1b[?31337$p",
    b'\x1bP$qr\x1b\\\x1bP$qm\x1b\\\x1bP$q"p\x1b\\\x1bP+q436F\x1b\\',
    b"\x1b[?4m\x1b]4;1;?\x07\x1b]11;?\x07",
)
"""Questions that have the same answer in any case."""


def asked(question: bytes, *features: frozenset[str] | None) -> bytes:
    """What is answered after each of these has been set."""
    said: list[bytes] = []
    terminal = Terminal(10, 4, said.append, host=Readable())
    for some in features:
        terminal.set_features(some)
    terminal.feed(question)
    return b"".join(said)


@pytest.mark.parametrize(("feature", "question"), WITHOUT)
def test_a_missing_feature_is_not_reported(feature: str, question: bytes) -> None:
    assert asked(question, FEATURES - {feature}) == WITHOUT[feature, question]


@pytest.mark.parametrize(("feature", "question"), WITHOUT)
def test_it_is_reported_by_default_and_whatever_else_is_missing(
    feature: str, question: bytes
) -> None:
    usual = asked(question)
    assert usual != WITHOUT[feature, question]
    assert asked(question, frozenset(), None) == usual
    if question not in (ATTRIBUTES, b"\x1bZ"):
        assert asked(question, frozenset({feature, "unknown word"})) == usual


def test_with_nothing_more_it_is_still_a_terminal_with_colors() -> None:
    assert asked(ATTRIBUTES, frozenset()) == b"\x1b[?65;1;2;6;9;15;16;17;18;22;29c"


@pytest.mark.parametrize("question", ALWAYS)
def test_other_answers_stay(question: bytes) -> None:
    assert asked(question, frozenset()) == asked(question) != b""


def test_a_reset_of_the_program_brings_nothing_back() -> None:
    assert asked(b"\x1bc\x1b[!p\x1b[?2026$p", frozenset()) == b"\x1b[?2026;0$y"


def test_the_clipboard_is_read_only_for_an_answer() -> None:
    text = base64.b64encode(b"secret")
    assert asked(b"\x1b]52;c;?" + ST, FEATURES) == b"\x1b]52;c;" + text + ST


DRAWS = (
    b"\x1b[?69h\x1b[3;6s",
    b"abcdefgh\r\n",
    b"\x1b[65;1;2;3;4$x",
    b"\x1b[?2026h",
    b"\x1bPq#0;2;0;0;0#0~~@@vv" + ST,
    "👨\u200d👩\u200d👧".encode(),
    b"\x1b[>5u",
    b"\x1b[2*x",
    b"\x1b[?8452h",
)


@given(
    parts=st.lists(st.sampled_from(DRAWS), max_size=8),
    features=st.frozensets(st.sampled_from(sorted(FEATURES))),
)
def test_what_is_drawn_does_not_depend_on_them(
    parts: list[bytes], features: frozenset[str]
) -> None:
    limited, usual = Terminal(10, 4), Terminal(10, 4)
    limited.set_features(features)
    for part in parts:
        limited.feed(part)
        usual.feed(part)
    assert limited.snapshot() == usual.snapshot()
    assert limited.keyboard == usual.keyboard
    assert limited.synchronized == usual.synchronized
