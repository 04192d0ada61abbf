"""Icons: drawings of resources/icons, tinted to the theme's colors."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QByteArray, QObject, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from shiboken6 import isValid

import resources
from gui.kit.style import Tone

if TYPE_CHECKING:
    from gui.kit.style import Theme

SIZES = (16, 20, 24, 32, 48)
"""Pixel sizes rendered of each icon; larger ones are for scaled screens."""
APP_SIZES = (16, 24, 32, 48, 64, 128, 256)


class TakesIcon(Protocol):
    """An action, a button, anything that can be given an icon."""

    def setIcon(self, icon: QIcon, /) -> None: ...


def render(svg: bytes, size: int) -> QPixmap:
    """One drawing, square, transparent where it is empty."""
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(svg)).render(painter)
    painter.end()
    return pixmap


def app_icon() -> QIcon:
    """The application's icon, in its own colors."""
    icon = QIcon()
    svg = resources.read("icons/app.svg")
    for size in APP_SIZES:
        icon.addPixmap(render(svg, size))
    return icon


class Icons(QObject):
    """Tinted icons by name, and the widgets and actions that show them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._cache: dict[tuple[str, str], QIcon] = {}
        self._bound: list[tuple[weakref.ref[TakesIcon], str, Tone]] = []
        theme.changed.connect(self._retint)

    def get(self, name: str, tone: Tone = Tone.TEXT) -> QIcon:
        """The icon in the color ``tone`` has now. Raises FileNotFoundError."""
        color = self._theme.colors.tone(tone).name()
        faded = self._theme.colors.muted
        icon = self._cache.get((name, color))
        if icon is None:
            svg = resources.read(f"icons/{name}.svg")
            icon = self._cache[name, color] = QIcon()
            for size in SIZES:
                for mode, tint in ((QIcon.Mode.Normal, color), (QIcon.Mode.Disabled, faded)):
                    pixmap = render(svg.replace(b"currentColor", tint.encode()), size)
                    icon.addPixmap(pixmap, mode)
                    if mode is QIcon.Mode.Normal:
                        # Without its own, Qt would tint a selected row's icon blue.
                        icon.addPixmap(pixmap, QIcon.Mode.Selected)
        return icon

    def pixmap(self, name: str, size: int, tone: Tone = Tone.TEXT) -> QPixmap:
        return self.get(name, tone).pixmap(size, size)

    def bind(self, target: TakesIcon, name: str, tone: Tone = Tone.TEXT) -> None:
        """Give ``target`` this icon, now and after each change of theme."""
        self._bound = [b for b in self._bound if b[0]() not in (None, target)]
        self._bound.append((weakref.ref(target), name, tone))
        target.setIcon(self.get(name, tone))

    def color(self, tone: Tone) -> QColor:
        """The color of ``tone`` in the current theme."""
        return self._theme.colors.tone(tone)

    def _retint(self) -> None:
        self._cache.clear()
        for reference, name, tone in self._bound:
            target = reference()
            # Python may keep what Qt has deleted already.
            if target is not None and isValid(target):
                target.setIcon(self.get(name, tone))
