"""``python -m gui``: the program with its window (gui.app.application)."""

from __future__ import annotations

import sys

from gui.app.application import main

if __name__ == "__main__":
    sys.exit(main())
