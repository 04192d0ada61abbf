"""Exit codes of the program."""

from __future__ import annotations

FAILED = 1
USAGE_ERROR = 2
