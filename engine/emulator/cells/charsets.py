"""Character sets: G0..G3, which of them are in use, and what they print.

ISO 2022 designation as far as terminals use it. Shifts and DEC graphics also work in
UTF-8, as in xterm. Source: xterm ctlseqs
"Designate G0 Character Set", DEC STD 070, the VT510 manual's tables.
"""

from __future__ import annotations

from typing import Final, NamedTuple

ASCII: Final = "B"
SPECIAL_GRAPHICS: Final = dict(
    zip(range(0x5F, 0x7F), " ◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·", strict=True)
)
"""DEC Special Graphics, 0x5F..0x7E: the line-drawing set of the VT100."""

_NATIONAL: Final = "#@[\\]^_`{|}~"
"""The places where national replacement sets differ from ASCII."""
_REPLACEMENTS: Final = {
    "A": "£@[\\]^_`{|}~",
    "4": "£¾ĳ½|^_`¨ƒ¼´",
    "C": "#@ÄÖÅÜ_éäöåü",
    "R": "£à°ç§^_`éùè¨",
    "Q": "#àâçêî_ôéùèû",
    "K": "#§ÄÖÜ^_`äöüß",
    "Y": "£§°çé^_ùàòèì",
    "E": "#ÄÆØÅÜ_äæøåü",
    "Z": "£§¡Ñ¿^_`°ñç~",
    "H": "#ÉÄÖÅÜ_éäöåü",
    "=": "ùàéçêîèôäöüû",
    "%6": "#@ÃÇÕ^_`ãçõ~",
}
_ALIASES: Final = {"5": "C", "f": "R", "9": "Q", "6": "E", "`": "E", "7": "H", '"?': "%6"}

TABLES: dict[str, dict[int, str]] = {
    "0": SPECIAL_GRAPHICS,
    **{
        name: {ord(a): b for a, b in zip(_NATIONAL, letters, strict=True) if a != b}
        for name, letters in _REPLACEMENTS.items()
    },
}
TABLES |= {alias: TABLES[name] for alias, name in _ALIASES.items()}
"""Intermediates and final byte of a designation to its translation; others count as ASCII."""


class Charsets(NamedTuple):
    """What is designated as G0..G3, and which of these is in GL."""

    sets: tuple[str, str, str, str] = (ASCII, ASCII, ASCII, ASCII)
    left: int = 0
    right: int = 2

    def designate(self, slot: int, name: str) -> Charsets:
        """Unknown sets are remembered by name and print as ASCII."""
        sets = list(self.sets)
        sets[slot] = name[:2]
        return self._replace(sets=(sets[0], sets[1], sets[2], sets[3]))

    @property
    def ascii_is_set(self) -> bool:
        """Whether G0 is ASCII and in use: designating it again changes nothing."""
        return self.left == 0 and self.sets[0] == ASCII

    def table(self, slot: int | None = None) -> dict[int, str] | None:
        """The translation in use (or of one slot); None for ASCII."""
        return TABLES.get(self.sets[self.left if slot is None else slot])
