"""The entries of a combo box that follow a list without disturbing whoever is using the box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QComboBox

KEY_ROLE = Qt.ItemDataRole.UserRole + 40
"""What identifies an entry, a text."""

Choice = tuple[str, str, Any]
"""Key, text and data (``currentData()``) of an entry."""


def key(box: QComboBox) -> str:
    """The key of the chosen entry; "" when none is chosen."""
    return str(box.currentData(KEY_ROLE) or "")


def choose(box: QComboBox, wanted: str) -> None:
    """Choose the entry with a key; none when there is no such entry."""
    box.setCurrentIndex(box.findData(wanted, KEY_ROLE) if wanted else -1)


def update(box: QComboBox, choices: Sequence[Choice]) -> None:
    """Make these the entries, changing only what differs.

    What is chosen stays so under another name and in another place, and an open list stays open.
    When it is no longer there nothing is chosen: not what happens to be beside it.
    """
    chosen, keys = key(box), [key for key, _, _ in choices]
    if chosen and chosen not in keys:
        box.setCurrentIndex(-1)
    for row in reversed(range(box.count())):
        if box.itemData(row, KEY_ROLE) not in keys:
            box.removeItem(row)
    for row, (name, text, data) in enumerate(choices):
        at = box.findData(name, KEY_ROLE)
        if at < 0:
            box.insertItem(row, text)
            box.setItemData(row, name, KEY_ROLE)
        elif at != row:
            # Moved, or moved past: its place is another one only after a rename.
            box.removeItem(at)
            box.insertItem(row, text)
            box.setItemData(row, name, KEY_ROLE)
        if box.itemText(row) != text:
            box.setItemText(row, text)
        if box.itemData(row) != data:
            box.setItemData(row, data)
    if chosen in keys and key(box) != chosen:
        choose(box, chosen)
    elif not chosen and box.currentIndex() >= 0:
        # Qt chooses the first entry of an empty box.
        box.setCurrentIndex(-1)
