"""What may be pasted, and as which bytes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QUrl

from gui.terminal import paste


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("ls -l", "ls -l"),
        ("a\nb\r\nc\rd", "a\rb\rc\rd"),
        ("a\tb", "a\tb"),
        ("x\x1b[201~rm\x9b31m\x00\x7f", "x[201~rm31m"),
        ("é日😀", "é日😀"),
    ],
)
def test_text_is_cleaned(text: str, cleaned: str) -> None:
    assert paste.clean(text) == cleaned


def test_encoding_and_counting() -> None:
    assert paste.encode("a\rb", bracketed=True) == b"\x1b[200~a\rb\x1b[201~"
    assert paste.encode("a\ud800", bracketed=False) == b"a?"
    assert (paste.line_count("a"), paste.line_count("a\r"), paste.line_count("a\rb")) == (1, 1, 2)
    assert paste.is_multiline("a\r")
    assert not paste.is_multiline("a")


def test_dropped_paths_are_words_of_a_shell() -> None:
    urls = [QUrl.fromLocalFile("/tmp/it's here"), QUrl("https://example.org/?a=b&c")]
    words = "'/tmp/it'\"'\"'s here' 'https://example.org/?a=b&c' "
    assert paste.quoted_paths(urls) == words
