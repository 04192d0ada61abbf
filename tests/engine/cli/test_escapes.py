"""The ``~`` commands: where they are one, and what reaches the shell."""

from __future__ import annotations

import pytest

from engine.cli.escapes import GUESTS, HELP, HOST_HELP, HOSTS, Escape, Escapes

CASES: list[tuple[bytes, list[bytes | Escape]]] = [
    (b"", []),
    (b"ls\r", [b"ls\r"]),
    (b"~.", [Escape.END]),
    (b"~?", [Escape.HELP]),
    (b"ls\r~.", [b"ls\r", Escape.END]),
    (b"ls\n~?pwd\r", [b"ls\n", Escape.HELP, b"pwd\r"]),
    (b"~~", [b"~"]),
    (b"~~.", [b"~."]),
    (b"~~\r~.", [b"~\r", Escape.END]),
    (b"~/bin\r", [b"~/bin\r"]),
    (b"~\r~.", [b"~\r", Escape.END]),
    (b"cd ~.", [b"cd ~."]),
    (b"cd ~?\r", [b"cd ~?\r"]),
    (b"~?~.", [Escape.HELP, Escape.END]),
    (b"\x1b[200~.", [b"\x1b[200~."]),
]


def joined(pieces: list[bytes | Escape]) -> list[bytes | Escape]:
    """Neighboring bytes as one piece."""
    made: list[bytes | Escape] = []
    for piece in pieces:
        last = made[-1] if made else None
        if isinstance(piece, bytes) and isinstance(last, bytes):
            made[-1] = last + piece
        else:
            made.append(piece)
    return made


@pytest.mark.parametrize(("typed", "read"), CASES, ids=repr)
def test_what_is_typed(typed: bytes, read: list[bytes | Escape]) -> None:
    assert joined(list(Escapes().read(typed))) == read


@pytest.mark.parametrize(("typed", "read"), CASES, ids=repr)
def test_the_same_key_by_key(typed: bytes, read: list[bytes | Escape]) -> None:
    escapes = Escapes()
    pieces = [piece for byte in typed for piece in escapes.read(bytes([byte]))]
    assert joined(pieces) == read


def test_a_tilde_at_the_beginning_of_a_line_waits_for_the_next_key() -> None:
    escapes = Escapes()
    assert list(escapes.read(b"~")) == []
    assert list(escapes.read(b"/")) == [b"~/"]


def test_guests_and_hosts_have_other_commands() -> None:
    assert list(Escapes().read(b"~q~l")) == [b"~q~l"]
    assert list(Escapes().read(b"~l~k")) == [Escape.LINK, Escape.KEYBOARD]
    assert list(Escapes(HOSTS).read(b"~q~l")) == [Escape.QUESTIONS, b"~l"]


def test_within_a_line_a_command_can_be_made_possible() -> None:
    escapes = Escapes()
    assert list(escapes.read(b"ls ")) == [b"ls "]
    escapes.begin_line()
    assert list(escapes.read(b"~d")) == [Escape.DISCARD]


@pytest.mark.parametrize(("known", "text"), [(GUESTS, HELP), (HOSTS, HOST_HELP)])
def test_the_help_has_every_command(known: tuple[Escape, ...], text: str) -> None:
    missing = [e for e in known if e is not Escape.HELP and f"{e.value}  " not in text]
    assert missing == []
