"""Whether the installed libraries are those we have tested: ``python -m scripts.dependencies``.

Prints the table of engine.core.dependencies; exits with 1, and with what is lost, when a
library is outside its range.
"""

from __future__ import annotations

import sys

from engine.core.dependencies import TESTED


def main() -> int:
    for row in TESTED:
        mark = "" if row.is_tested else "   <-- not tested"
        tested = f"{row.least} up to {row.below}"
        print(f"{row.name:<16} {row.installed() or 'missing':<10} tested: {tested}{mark}")
    lost = [row.problem for row in TESTED if not row.is_tested]
    for problem in lost:
        print(f"dependencies: {problem}", file=sys.stderr)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
