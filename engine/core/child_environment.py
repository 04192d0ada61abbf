"""The environment a program we start should see.

Owns undoing what packaging did to our own environment. Does not own what a
terminal adds to it (TERM and the like): that is the backend's.
"""

from __future__ import annotations

import os
import sys

# The bootloader of a packed program points the dynamic linker at its own
# libraries and keeps the user's value under the same name with this suffix:
# PyInstaller, "Run-time Information", LD_LIBRARY_PATH considerations.
_LINKER_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LIBPATH")
_SAVED_SUFFIX = "_ORIG"
_OWN_PREFIX = "_PYI_"
"""The bootloader's notes to itself, which would mislead another packed program."""


def child_environment() -> dict[str, str]:
    """A copy of our environment as the user made it, for a program that is not ours."""
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
        # Start-up hooks of libraries (Qt's plugin path, say) point into the bundle,
        # where another program's Qt would find the wrong version.
        if name.startswith(_OWN_PREFIX) or (bundle and value.startswith(bundle)):
            del environment[name]
    return environment
