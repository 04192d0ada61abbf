"""Addresses in the text, and which of them are opened."""

from __future__ import annotations

import pytest

from engine.emulator import Terminal
from gui.terminal.text import links
from gui.terminal.text.links import Verdict
from gui.terminal.text.selection import Place


def link_in(text: str, column: int, cols: int = 80) -> str | None:
    terminal = Terminal(cols, 5)
    terminal.feed(text.encode())
    row, column = divmod(column, cols)
    link = links.at(terminal, Place(row, column))
    return None if link is None else link.uri


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("see https://example.org/a?b=c#d for", "https://example.org/a?b=c#d"),
        ("(https://example.org/a_(b)) more", "https://example.org/a_(b)"),
        ("at http://localhost:8080.", "http://localhost:8080"),
        ("<https://example.org/>, and", "https://example.org/"),
        ("go www.example.org/x now", "https://www.example.org/x"),
        ("write mailto:me@example.org!", "mailto:me@example.org"),
        ("\x1b[31mhttps://exa\x1b[32mmple.org\x1b[m", "https://example.org"),
        ("日本 https://example.org", "https://example.org"),
        ("│https://example.org│", "https://example.org"),
        ("https://example.org/a。下一句", "https://example.org/a"),
        ("https://example.org。下一句", "https://example.org"),
        ("「https://example.org/a」という", "https://example.org/a"),
        ("（https://example.org/a）", "https://example.org/a"),
        ("https://example.org/a，b", "https://example.org/a"),
        ("https://example.org/日本", "https://example.org/日本"),
    ],
)
def test_plain_addresses_are_links(text: str, uri: str) -> None:
    plain = text.replace("日本", "日本  ")
    column = plain.replace("\x1b[31m", "").find("ht" if "ht" in text else uri[8:11])
    column = max(column, 0) + 8
    assert link_in(text, column) == uri


def test_beside_an_address_there_is_no_link() -> None:
    assert link_in("see https://example.org now", 1) is None
    assert link_in("see https://example.org now", 24) is None
    assert link_in("see https://example.org now", 60) is None
    assert link_in("example.org", 2) is None


def test_an_address_the_terminal_wrapped_is_one() -> None:
    text = "x" * 15 + " https://example.org/long"
    uri = "https://example.org/long"
    assert link_in(text, 17, cols=20) == uri
    assert link_in(text, 25, cols=20) == uri
    terminal = Terminal(20, 5)
    terminal.feed(text.encode())
    link = links.at(terminal, Place(1, 2))
    assert link is not None
    assert link.spans == ((0, 16, 20), (1, 0, 20))


@pytest.mark.parametrize(
    ("uri", "verdict"),
    [
        ("https://example.org/", Verdict.OPEN),
        ("http://127.0.0.1:80/", Verdict.OPEN),
        ("mailto:me@example.org", Verdict.OPEN),
        ("file:///etc/passwd", Verdict.ASK),
        ("ssh://host", Verdict.ASK),
        ("vscode://file/x", Verdict.ASK),
        ("https://bank.example@evil.example/", Verdict.ASK),
        ("https://xn--pple-43d.com/", Verdict.ASK),
        ("https://аpple.com/", Verdict.ASK),
        ("javascript:alert(1)", Verdict.REFUSE),
        ("data:text/html,x", Verdict.REFUSE),
        ("https:///nothing", Verdict.REFUSE),
        ("/etc/passwd", Verdict.REFUSE),
        ("https://exa\x1bmple.org", Verdict.REFUSE),
        ("https://[broken", Verdict.REFUSE),
        ("https://example.org/" + "a" * links.MAX_URL, Verdict.REFUSE),
        ("", Verdict.REFUSE),
    ],
)
def test_verdicts(uri: str, verdict: Verdict) -> None:
    assert links.judge(uri) is verdict
