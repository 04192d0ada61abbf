"""What runs: the version, for people who ask and for reports of faults.

Owns the wording. Does not own the number (engine/__init__.py).
"""

from __future__ import annotations

import platform

from engine import __version__


def parts() -> str:
    """The Python, and the emulator's form: that of the released program is compiled."""
    from engine.emulator.cells.rows import COMPILED

    form = "compiled" if COMPILED else "not compiled"
    return f"Python {platform.python_version()}, terminal {form}"


def version() -> str:
    """One line: "Hatchway 0.1.0 (Python 3.13.0, terminal compiled)".

    A further line for each library that is not of a version we have tested.
    """
    from engine.core import dependencies

    return "\n".join([f"Hatchway {__version__} ({parts()})", *dependencies.problems()])
