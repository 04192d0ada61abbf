"""A font's grid: its cell at one device pixel ratio, its variants, its lines."""

from __future__ import annotations

import math

from PySide6.QtGui import QFont, QFontDatabase, QFontInfo, QFontMetricsF, QPixmap, QRawFont

from engine.emulator import Style
from gui.terminal.paint.boxes import Cell

FALLBACK_FAMILY = "DejaVu Sans Mono"
_LIGATURES = ("liga", "calt", "clig", "dlig")


def monospace(font: QFont) -> QFont:
    """``font`` if its characters are all equally wide, else one of its size that are."""
    if QFontInfo(font).fixedPitch():
        return QFont(font)
    for family in (
        QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family(),
        FALLBACK_FAMILY,
    ):
        other = QFont(font)
        other.setFamily(family)
        other.setStyleHint(QFont.StyleHint.Monospace)
        if QFontInfo(other).fixedPitch():
            break
    return other


def families() -> list[str]:
    """The monospaced families installed, by name, without variants for one script only."""
    return sorted(
        family
        for family in QFontDatabase.families(QFontDatabase.WritingSystem.Latin)
        if QFontDatabase.isFixedPitch(family)
        and not QFontDatabase.isPrivateFamily(family)
        # A name such as Monospace may stand for a font that is not monospaced.
        and QFontInfo(QFont(family)).fixedPitch()
    )


class Grid:
    """A font's cell at one device pixel ratio. Sizes are whole device pixels."""

    def __init__(self, font: QFont, ratio: float) -> None:
        base = monospace(font)
        # Drawn at the device's size, so that every cell starts on a whole pixel.
        if base.pointSizeF() > 0:
            base.setPointSizeF(base.pointSizeF() * ratio)
        else:
            base.setPixelSize(max(1, round(base.pixelSize() * ratio)))
        base.setKerning(False)
        # Every letter looks the same in every cell, and is drawn a sixth faster.
        base.setHintingPreference(QFont.HintingPreference.PreferFullHinting)
        for tag in _LIGATURES:
            # A ligature would not fit the cells.
            base.setFeature(QFont.Tag(tag), 0)
        metrics = QFontMetricsF(base)
        self.ratio = ratio
        self.family = base.family()
        self.width = max(1, round(metrics.horizontalAdvance("M")))
        self.height = max(1, math.ceil(metrics.height()))
        self.ascent = round(metrics.ascent())
        self.line = max(1, round(self.height / 16))
        self.underline = min(
            self.ascent + max(1, round(metrics.underlinePos())), self.height - self.line
        )
        self.strike = self.ascent - round(metrics.strikeOutPos())
        variants = [(bold, italic) for bold in (False, True) for italic in (False, True)]
        self._fonts = {key: self._variant(base, *key) for key in variants}
        self._raw = QRawFont.fromFont(base)
        self._shaped = {key: self._with_shaping(base, *key) for key in variants}
        self._in_font: dict[str, bool] = {}
        self.waves: dict[int, QPixmap] = {}
        """One cell of a curly underline by color: kept here because it depends on the size."""

    def _variant(self, base: QFont, bold: bool, italic: bool) -> QFont:
        font = QFont(base)
        font.setBold(bold)
        font.setItalic(italic)
        # One code point is one cell here: shaping could only cost time.
        font.setStyleStrategy(QFont.StyleStrategy.PreferNoShaping)
        spacing = self.width - QFontMetricsF(font).horizontalAdvance("M" * 64) / 64
        font.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, spacing)
        return font

    def _with_shaping(self, base: QFont, bold: bool, italic: bool) -> QFont:
        font = QFont(base)
        font.setBold(bold)
        font.setItalic(italic)
        return font

    def font(self, style: Style) -> QFont:
        """For runs of single code points."""
        return self._fonts[style.bold, style.italic]

    def shaped(self, style: Style) -> QFont:
        """For one grapheme: marks are placed, emoji joined."""
        return self._shaped[style.bold, style.italic]

    def has(self, char: str) -> bool:
        """Whether the font itself draws ``char``, so that it fits the cells."""
        known = self._in_font.get(char)
        if known is None:
            # Metrics would include fallback fonts.
            known = char.isascii() or self._raw.supportsCharacter(ord(char))
            self._in_font[char] = known
        return known

    def cell(self, cells: int = 1) -> Cell:
        """A cell, or several, at the origin."""
        return Cell(0, 0, cells * self.width, self.height, self.line)
