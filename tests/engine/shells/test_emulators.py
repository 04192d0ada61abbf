"""What a shell's emulators have in common, and whose theme counts."""

from __future__ import annotations

from engine.shells.emulators import Emulators

OWN = frozenset({"margins", "sixel", "sync"})


def test_only_what_all_controllers_have_is_reported() -> None:
    emulators: Emulators[str] = Emulators()
    assert emulators.features(OWN) == OWN
    emulators.join("ann", controls=True, features=["margins", "sync", "unheard of"])
    assert emulators.features(OWN) == {"margins", "sync"}
    emulators.join("bob", controls=True, features=["sync"])
    emulators.join("vic", controls=False)
    assert emulators.features(OWN) == {"sync"}
    emulators.control("vic", True)
    assert emulators.features(OWN) == frozenset()
    emulators.leave("vic")
    emulators.leave("bob")
    assert emulators.features(OWN) == {"margins", "sync"}


def test_with_nobody_attached_the_last_controller_counts() -> None:
    emulators: Emulators[str] = Emulators()
    emulators.join("ann", controls=True, features=["margins"], theme="dark")
    emulators.join("bob", controls=True, features=["sync"], theme="light")
    emulators.leave("ann")
    emulators.leave("bob")
    assert (emulators.features(OWN), emulators.theme("")) == (frozenset({"sync"}), "light")
    emulators.join("vic", controls=False, features=OWN, theme="red")
    assert (emulators.features(OWN), emulators.theme("")) == (frozenset({"sync"}), "light")
    emulators.leave("vic")
    emulators.join("ann", controls=True, features=["margins"], theme="dark")
    assert (emulators.features(OWN), emulators.theme("")) == (frozenset({"margins"}), "dark")


def test_the_holders_theme_counts_then_that_of_the_longest_attached_controller() -> None:
    emulators: Emulators[str] = Emulators()
    assert emulators.theme("") is None
    emulators.join("vic", controls=False, theme="red")
    emulators.join("plain", controls=True)
    emulators.join("ann", controls=True, theme="dark")
    emulators.join("bob", controls=True, theme="light")
    assert emulators.theme("") == "dark"
    assert emulators.theme("bob") == "light"
    assert emulators.theme("vic") == "red"
    assert emulators.theme("plain") == "dark"
    assert emulators.theme("gone") == "dark"


def test_strangers_change_nothing() -> None:
    emulators: Emulators[str] = Emulators()
    emulators.control("eve", True)
    emulators.leave("eve")
    assert emulators.features(OWN) == OWN
