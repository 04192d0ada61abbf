"""Some packages of a lock, with their versions and hashes: pick.py LOCK NAME...

Owns reading the lock; fails when a name is not in it.
"""

import re
import sys
from pathlib import Path


def pick(lock: str, names: list[str]) -> str:
    """Raises KeyError for a name the lock does not have."""
    entries = re.split(r"\n(?=\S)", lock.strip())
    by_name = {re.split(r"[=\s;\[]", entry)[0]: entry for entry in entries}
    return "\n".join(by_name[name] for name in names) + "\n"


if __name__ == "__main__":
    print(pick(Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[2:]), end="")
