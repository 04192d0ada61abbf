"""What terminals may be able to do beyond the usual, and which answers say that one can.

The words are those of ``hello.features``. A terminal that lacks one is sent nothing that needs it
(snapshot), and programs are not told of it (reports). Sources: xterm ctlseqs; tmux, tty-keys.c,
for what programs make of DA1.
"""

from __future__ import annotations

from typing import Final

FEATURES: Final = frozenset(
    {"margins", "rectangles", "kitty_keyboard", "sixel", "images", "sync", "graphemes", "osc52"}
)
"""All that ours can do. No answer depends on ``images``."""
ATTRIBUTES: Final = {4: "sixel", 21: "margins", 28: "rectangles"}
"""Of DA1. 21 is horizontal scrolling, by which programs mean DECSLRM."""
PRIVATE_MODES: Final = {
    69: "margins",
    80: "sixel",
    2026: "sync",
    2027: "graphemes",
    8452: "sixel",
}
"""Of DECRQM: the mode is unknown without the feature."""
SETTINGS: Final = {"s": "margins", "*x": "rectangles"}
"""Of DECRQSS."""
CAPABILITIES: Final = {"Sync": "sync", "Ms": "osc52"}
"""Of XTGETTCAP."""
