"""Docker images for the tests, made on the spot from this machine's own files.

Owns the three images and when they are made anew. Nothing is pulled, nothing
needs root: a tar is put together in memory and handed to ``docker import``.
``python -m tests.images`` makes what is missing and says so.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import docker
import docker.errors

BUSYBOX = "hatchway-test-busybox"
"""A whole busybox with /bin/sh; no bash."""
BASH = "hatchway-test-bash"
"""This machine's bash, dash, coreutils, procps and grep, with their libraries."""
NOSHELL = "hatchway-test-noshell"
"""One static program that sleeps, and nothing else."""

RECIPE_LABEL = "hatchway.test.recipe"
_SLEEP = 'CMD ["sleep", "infinity"]'
_USERS = "root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000:guest:/home/guest:/bin/sh\n"
_GROUPS = "root:x:0:\nguest:x:1000:\n"
_BASH_PROGRAMS = """
bash dash sh cat chmod cp cut date dd echo env false head id ln ls md5sum mkdir mkfifo mktemp mv
nohup printf pwd rm seq sha256sum sleep sort stty tail tee test touch tr true tty uname wc yes
ps pgrep pkill kill top grep sed setsid awk mawk clear
"""
_TERMINFO = ("xterm-256color", "xterm", "linux", "vt100", "dumb")
_TERMINFO_FOLDERS = ("/lib/terminfo", "/usr/share/terminfo", "/etc/terminfo")


class _Root:
    """A root file system being put together; the first to use a name keeps it."""

    def __init__(self) -> None:
        self._members: dict[str, tuple[tarfile.TarInfo, bytes]] = {}
        for folder in ("etc", "dev", "proc", "sys", "usr/bin", "root", "home/guest", "tmp"):
            self.folder(folder)

    def folder(self, name: str) -> None:
        if "/" in name:
            self.folder(name.rpartition("/")[0])
        info = self._add(name, tarfile.DIRTYPE)
        info.mode = 0o1777 if name == "tmp" else 0o755
        if name == "home/guest":
            info.uid = info.gid = 1000

    def link(self, name: str, target: str) -> None:
        self._add(name, tarfile.SYMTYPE).linkname = target

    def file(self, name: str, data: bytes, mode: int = 0o644) -> None:
        if "/" in name:
            self.folder(name.rpartition("/")[0])
        self._add(name, tarfile.REGTYPE, data).mode = mode

    def tar(self) -> bytes:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for info, data in self._members.values():
                tar.addfile(info, io.BytesIO(data))
        return packed.getvalue()

    def _add(self, name: str, kind: bytes, data: bytes = b"") -> tarfile.TarInfo:
        info = tarfile.TarInfo(name)
        info.type, info.size = kind, len(data)
        return self._members.setdefault(name, (info, data))[0]


def _busybox() -> Path:
    found = shutil.which("busybox", path=f"/bin:/usr/bin:{os.environ.get('PATH', '')}")
    if not found:
        raise RuntimeError("busybox is missing: install the package busybox-static")
    if not re.search("not a dynamic executable|statically linked", _ldd(Path(found))):
        raise RuntimeError(f"{found} is not static: install the package busybox-static")
    return Path(found)


def _ldd(program: Path) -> str:
    done = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _busybox_root() -> bytes:
    busybox = _busybox()
    root = _Root()
    root.file("usr/bin/busybox", busybox.read_bytes(), 0o755)
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    for applet in listed.stdout.split():
        if applet != "busybox":
            root.link(f"usr/bin/{applet}", "busybox")
    _common(root)
    return root.tar()


def _noshell_root() -> bytes:
    root = _Root()
    # Busybox acts by the name it is called by: as "sleep" it is only that.
    root.file("sleep", _busybox().read_bytes(), 0o755)
    return root.tar()


def _bash_root() -> bytes:
    root = _Root()
    libraries: set[str] = set()
    for name in _BASH_PROGRAMS.split():
        found = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")
        if not found:
            continue
        program = Path(found)
        root.file(f"usr/bin/{name}", program.read_bytes(), 0o755)
        libraries |= set(re.findall(r"(/\S+) \(0x", _ldd(program)))
    for library in sorted(libraries):
        root.file(_merged(library), Path(library).read_bytes(), 0o755)
    for folder in _TERMINFO_FOLDERS:
        for name in _TERMINFO:
            entry = Path(folder, name[0], name)
            if entry.is_file():
                root.file(f"usr/share/terminfo/{name[0]}/{name}", entry.read_bytes())
    locale = Path("/usr/lib/locale/C.utf8")
    for path in sorted(locale.rglob("*")):
        if path.is_file():
            root.file(str(path).lstrip("/"), path.read_bytes())
    # What Debian's bash reads when it is interactive, login shell or not.
    for name in ("etc/profile", "etc/bash.bashrc"):
        root.file(name, b"PS1='\\u@\\h:\\w\\$ '\n")
    _common(root)
    return root.tar()


def _common(root: _Root) -> None:
    for name in ("bin", "sbin", "lib", "lib64"):
        root.folder(f"usr/{'bin' if name == 'sbin' else name}")
        root.link(name, f"usr/{'bin' if name == 'sbin' else name}")
    root.file("etc/passwd", _USERS.encode())
    root.file("etc/group", _GROUPS.encode())


def _merged(path: str) -> str:
    """The path in a root where /bin and /lib are links into /usr, as on Debian 12."""
    return path.lstrip("/") if path.startswith("/usr/") else f"usr{path}"


_RECIPES = {
    BUSYBOX: (_busybox_root, _SLEEP),
    BASH: (_bash_root, _SLEEP),
    NOSHELL: (_noshell_root, 'CMD ["/sleep", "infinity"]'),
}


def _recipe() -> str:
    """Changes when this module or the machine's programs do."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in (str(_busybox()), shutil.which("bash") or "", shutil.which("ps") or ""):
        if path:
            facts = os.stat(path)
            digest.update(f"{path} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def ensure(client: docker.DockerClient, *names: str) -> list[str]:
    """Make the images (all by default) that are missing or out of date; return those made."""
    recipe = _recipe()
    made = []
    for name in names or tuple(_RECIPES):
        build, command = _RECIPES[name]
        try:
            labels = client.images.get(f"{name}:latest").labels
        except docker.errors.ImageNotFound:
            labels = {}
        if labels.get(RECIPE_LABEL) == recipe:
            continue
        client.api.import_image_from_data(
            build(),
            repository=name,
            tag="latest",
            changes=[command, f"LABEL {RECIPE_LABEL}={recipe}", "ENV PATH=/usr/bin:/bin"],
        )
        made.append(name)
    return made


def main() -> int:
    try:
        client = docker.from_env()
    except docker.errors.DockerException as error:
        print(f"Test images: Docker cannot be used: {error}", file=sys.stderr)
        return 1
    try:
        made = ensure(client)
    finally:
        client.close()
    print("Test images:", f"made {', '.join(made)}" if made else "up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
