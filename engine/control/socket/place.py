"""Where a profile's socket is, and who may use it: the user who runs the program, nobody else.

    $XDG_RUNTIME_DIR/hatchway/PROFILE.sock   or /run/user/UID, where the variable is not set
    /tmp/hatchway-UID/PROFILE.sock           where the system has no such folder

The folder is 0700, the socket 0600, and both ends check the other's uid. A client looks at all of
these places: the variable may be set for the window and not for a shell started by ssh.
"""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import struct
import sys
from pathlib import Path

_XUCRED = struct.Struct("=Ii4x")
_LOCAL_PEERCRED = 1


def places(profile: Path) -> list[Path]:
    """Where the socket of the profile (a configuration folder) may be, best first.

    Empty where there are no unix sockets.
    """
    if sys.platform == "win32":
        return []
    uid = os.geteuid()
    name = hashlib.sha256(os.fsencode(profile.resolve())).hexdigest()[:16] + ".sock"
    runtime = [Path(value) for value in (os.environ.get("XDG_RUNTIME_DIR"),) if value]
    folders = [path / "hatchway" for path in (*runtime, Path(f"/run/user/{uid}"))]
    return [folder / name for folder in (*folders, Path("/tmp", f"hatchway-{uid}"))]


def prepare(path: Path) -> None:
    """Create the folder of a socket. Raises OSError when others could use it."""
    folder = path.parent
    if folder.name == "hatchway":
        _check(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _check(folder)
    folder.chmod(0o700)


def listen(path: Path) -> socket.socket:
    """A listening socket at ``path``, in the place of one that a dead program left. It does not
    block.

    Raises OSError.
    """
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(str(path))
        # Until then its folder keeps others out.
        path.chmod(0o600)
        made.listen()
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made


def is_ours(connected: socket.socket) -> bool:
    """Whether the other end of a connected unix socket is a program of the same user."""
    return peer_uid(connected) == os.geteuid()


def peer_uid(connected: socket.socket) -> int | None:
    """The uid of the other end as the kernel knows it; None when it does not say."""
    try:
        if sys.platform == "darwin":
            _, uid = _XUCRED.unpack(connected.getsockopt(0, _LOCAL_PEERCRED, _XUCRED.size))
            return int(uid)
        if sys.platform == "linux":
            size = struct.calcsize("3i")
            found = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
            _, uid, _ = struct.unpack("3i", found)
            return int(uid)
    except OSError:
        pass
    return None


def _check(folder: Path) -> None:
    """That it is a folder of this user. Raises OSError."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{folder} is not a folder of this user")
