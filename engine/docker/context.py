"""The docker command's contexts: named engines in its configuration folder.

The format is that of the docker command (docs.docker.com, "Docker contexts"): config.json has
``currentContext``, and contexts/meta/DIGEST/meta.json the engine's address, where DIGEST is the
SHA-256 of the name; PEM files are in contexts/tls/DIGEST/docker.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.errors import DockerFailedError
from engine.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT = "default"
MAX_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Context:
    """An engine's address. ``tls``: whether its connection is encrypted with these files."""

    url: str
    tls: bool = False
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""


def name_in_use(environ: Mapping[str, str]) -> str:
    """DOCKER_CONTEXT, else the configured one; empty for Docker's default."""
    name: object = environ.get("DOCKER_CONTEXT", "")
    if not name:
        try:
            config = _read(_folder(environ) / "config.json")
        except (OSError, ValueError):
            return ""  # as for a user who never used the docker command
        name = config.get("currentContext", "")
    return name if isinstance(name, str) and name != DEFAULT else ""


def load(name: str, environ: Mapping[str, str]) -> Context:
    """Raises DockerFailedError, which names the context."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    folder = _folder(environ) / "contexts"
    try:
        endpoint = _read(folder / "meta" / digest / "meta.json")["Endpoints"]["docker"]
        url = endpoint["Host"]
        if not isinstance(url, str) or not url:
            raise ValueError("it has no address")
    except FileNotFoundError:
        raise DockerFailedError(
            f"The Docker context “{shown(name)}” does not exist: choose another with"
            " “docker context use”, or change DOCKER_CONTEXT or the setting"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DockerFailedError(
            f"The Docker context “{shown(name)}” cannot be read: {error}"
        ) from None
    files = {part: folder / "tls" / digest / "docker" / f"{part}.pem" for part in _PARTS}
    found = {part: str(file) if file.is_file() else "" for part, file in files.items()}
    return Context(url, any(found.values()), found["ca"], found["cert"], found["key"])


_PARTS = ("ca", "cert", "key")


def _folder(environ: Mapping[str, str]) -> Path:
    # Without a home folder "~" stays, and nothing is found there.
    return Path(environ.get("DOCKER_CONFIG", "") or os.path.expanduser("~/.docker"))


def _read(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        data = opened.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ValueError("the file is too large")
    found = json.loads(data)
    if not isinstance(found, dict):
        raise TypeError("the file is not an object")
    return found
