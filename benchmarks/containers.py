"""The container that terminals are opened in, made for one run and removed after it.

Owns its life. Does not own the image (tests.images makes it).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

LIFE_SECONDS = 2 * 3600
"""After which it is gone even if this run was killed and could not remove it."""


class NoContainerError(Exception):
    """There is no Docker Engine to be had; the text says why."""


@dataclass(frozen=True, slots=True)
class Box:
    """A running container with bash in it."""

    name: str
    ref: str


@contextlib.contextmanager
def box() -> Iterator[Box]:
    """Start one; remove it and everything in it at the end. Raises NoContainerError."""
    import docker
    import docker.errors

    from tests import images

    try:
        client = docker.from_env()
    except docker.errors.DockerException as error:
        raise NoContainerError(str(error)) from error
    try:
        images.ensure(client, images.BASH)
        container = client.containers.run(
            images.BASH,
            ["sleep", str(LIFE_SECONDS)],
            detach=True,
            remove=True,
            network_mode="none",
            labels={"hatchway.bench": "1"},
        )
        try:
            yield Box(str(container.name), str(container.id))
        finally:
            # The daemon removes it then, by itself.
            with contextlib.suppress(docker.errors.NotFound):
                container.kill()
    finally:
        client.close()
