"""Exit codes of the program."""

from __future__ import annotations

FAILED = 1
"""Also of a shell whose own code is not known or not from 0 to 255."""
USAGE_ERROR = 2
