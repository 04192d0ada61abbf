"""What may be pasted, and as which bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtCore import QUrl

from gui.terminal.input import paste

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "paste.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: repr(vector["text"]))
def test_text_is_cleaned(vector: dict[str, str]) -> None:
    assert paste.clean(vector["text"]) == vector["cleaned"]


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
