"""The QR code: what is painted is what segno says, on light ground, whatever the theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import segno
from PySide6.QtGui import QColor

from gui.kit.qr import QUIET, QrCode, modules

if TYPE_CHECKING:
    from PySide6.QtGui import QImage
    from pytestqt.qtbot import QtBot

    from gui.kit.style import Theme

LINK = "https://relay.example:8443/s/J7GUzSjgRGHxK8c9AbCdEf#q83vEjRWeJCrze8SNFZ4kA"


def painted(image: QImage, count: int) -> tuple[tuple[bool, ...], ...]:
    """The modules as a camera would see them, quiet zone included."""
    scale = min(image.width(), image.height()) // count
    left, top = ((side - scale * count) // 2 for side in (image.width(), image.height()))
    return tuple(
        tuple(
            QColor(
                image.pixel(left + x * scale + scale // 2, top + y * scale + scale // 2)
            ).lightness() < 128
            for x in range(count)
        )
        for y in range(count)
    )  # fmt: skip


@pytest.mark.parametrize("text", [LINK, "http://127.0.0.1:1/s/a#b", LINK + "x" * 200])
def test_every_module_is_painted_within_a_quiet_zone(qtbot: QtBot, theme: Theme, text: str) -> None:
    code = QrCode()
    qtbot.addWidget(code)
    code.show_text(text, "A link")
    expected = segno.make(text, error="m", micro=False).matrix_iter(border=QUIET)
    rows = tuple(tuple(bool(module) for module in row) for row in expected)
    assert painted(code.grab().toImage(), len(rows)) == rows
    assert code.accessibleName() == "A link"


def test_without_a_text_nothing_is_painted(qtbot: QtBot, theme: Theme) -> None:
    code, empty = QrCode(), QrCode()
    for one in (code, empty):
        qtbot.addWidget(one)
    code.show_text(LINK, "A link")
    assert code.grab().toImage() != empty.grab().toImage()
    code.show_text("", "")
    assert code.grab().toImage() == empty.grab().toImage()


def test_a_link_fits_and_a_book_does_not() -> None:
    assert len(modules(LINK)) <= 45
    with pytest.raises(ValueError, match="too large"):
        modules("x" * 10_000)
