"""The version text, for ``--version`` and bug reports."""

from __future__ import annotations

import platform

from engine import __version__


def parts() -> str:
    """The Python version, and whether the emulator is compiled, as in released programs."""
    from engine.emulator.cells.rows import COMPILED

    form = "compiled" if COMPILED else "not compiled"
    return f"Python {platform.python_version()}, terminal {form}"


def version() -> str:
    """One line: "Hatchway 0.1.0 (Python 3.13.0, terminal compiled)".

    One more line for each library whose version is untested.
    """
    from engine.core import dependencies

    return "\n".join([f"Hatchway {__version__} ({parts()})", *dependencies.problems()])
