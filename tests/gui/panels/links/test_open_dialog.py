"""The dialog that opens somebody else's link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QMimeData, QSettings, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialogButtonBox

from engine.wire.proof import Link
from gui.panels.links.open_dialog import HINT, OpenLinkDialog, link_in, looks_like_link

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

LINK = Link("https://relay.example", "abcdefghij", bytes(32)).url


@pytest.fixture
def make(qtbot: QtBot, tmp_path: Path) -> Callable[..., OpenLinkDialog]:
    store = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    QGuiApplication.clipboard().clear()

    def make(link: str = "") -> OpenLinkDialog:
        dialog = OpenLinkDialog(store, link)
        qtbot.addWidget(dialog)
        dialog.show()
        return dialog

    return make


@pytest.mark.parametrize(
    "text",
    ["", "hello", "https://relay.example/", "https://x/s/abc", "file:///s/x#y", "a b", "x" * 5000],
)
def test_what_is_no_link_cannot_be_opened(make: Callable[..., OpenLinkDialog], text: str) -> None:
    assert not looks_like_link(text)
    dialog = make()
    dialog.link.setText(text)
    assert not dialog.buttons.button(QDialogButtonBox.StandardButton.Open).isEnabled()
    assert (dialog.hint.text() == HINT) is not bool(text.strip())


def test_a_link_and_a_name_are_chosen_and_only_the_name_is_kept(
    make: Callable[..., OpenLinkDialog], tmp_path: Path, qtbot: QtBot
) -> None:
    dialog = make(LINK)
    dialog.name.setText(" Ann ")
    with qtbot.waitSignal(dialog.chosen, check_params_cb=lambda *a: a == (LINK, "Ann")):
        dialog.buttons.button(QDialogButtonBox.StandardButton.Open).click()
    assert make().name.text() == "Ann"
    QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat).sync()
    stored = (tmp_path / "window.ini").read_text()
    assert "Ann" in stored
    assert "relay.example" not in stored


def test_a_copied_link_is_filled_in(make: Callable[..., OpenLinkDialog]) -> None:
    assert make().link.text() == ""
    QGuiApplication.clipboard().setText(f"  {LINK}\n")
    assert make().link.text() == LINK
    QGuiApplication.clipboard().setText("secret password")
    assert make().link.text() == ""


def test_a_dropped_link_is_found_in_text_and_in_urls() -> None:
    text, url, other = QMimeData(), QMimeData(), QMimeData()
    text.setText(LINK)
    url.setUrls([QUrl(LINK)])
    other.setUrls([QUrl("file:///etc/passwd")])
    assert link_in(text) == link_in(url) == LINK
    assert link_in(other) == link_in(QMimeData()) == ""
