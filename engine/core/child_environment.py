"""The environment for programs we start: ours, without what packaging changed in it.

What a terminal adds (TERM and the like) is up to each PTY backend.
"""

from __future__ import annotations

import os
import sys

# The bootloader of a packaged program points the dynamic linker at its own
# libraries and saves the user's value under the same name with this suffix:
# PyInstaller, "Run-time Information", LD_LIBRARY_PATH considerations.
_LINKER_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LIBPATH")
_SAVED_SUFFIX = "_ORIG"
_OWN_PREFIX = "_PYI_"
"""Private variables of the bootloader, which would mislead another packaged program."""


def child_environment() -> dict[str, str]:
    """A copy of our environment as the user set it."""
    environment = dict(os.environ)
    if not getattr(sys, "frozen", False):
        return environment
    for name in _LINKER_VARIABLES:
        environment.pop(name, None)
        saved = environment.pop(name + _SAVED_SUFFIX, None)
        if saved is not None:
            environment[name] = saved
    bundle = str(getattr(sys, "_MEIPASS", ""))
    for name, value in list(environment.items()):
        # Variables of libraries (Qt's plugin path, for example) point into the bundle,
        # where another program's Qt would find the wrong version.
        if name.startswith(_OWN_PREFIX) or (bundle and value.startswith(bundle)):
            del environment[name]
    return environment
