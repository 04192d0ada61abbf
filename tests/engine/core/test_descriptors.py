"""A host with few file descriptors refuses guests at once, and those it has go on."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from typing import TYPE_CHECKING

from engine.core import descriptors
from engine.core.errors import RemoteError
from engine.wire.proof import parse_link
from tests.engine.cli.person import ROOT
from tests.engine.hosting import Visitor

if TYPE_CHECKING:
    from pathlib import Path

    from engine.wire.proof import Link


def test_free_descriptors_are_counted(tmp_path: Path) -> None:
    before = descriptors.free()
    assert before is not None
    with (tmp_path / "one").open("w"), (tmp_path / "two").open("w"):
        assert descriptors.free() == before - 2
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        left = descriptors.RESERVE + descriptors.PER_SESSION + 2
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft - before + left, hard))
        assert not descriptors.are_scarce()
        assert descriptors.are_scarce(opening=1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def refused(link: Link, visitors: list[Visitor]) -> RemoteError:
    """Why one of many guests does not come in; the others are added to ``visitors``."""
    for _ in range(60):
        visitor = Visitor(link)
        began = time.perf_counter()
        try:
            await visitor.peer.connect()
        except RemoteError as error:
            await visitor.peer.close()
            assert time.perf_counter() - began < 2
            return error
        visitors.append(visitor)
    raise AssertionError("None was refused")


async def test_guests_are_refused_before_descriptors_run_out(own_configuration: Path) -> None:
    words = (sys.executable, "-m", "engine", "--links-json", "--share", "This computer=control")
    host = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", 'ulimit -n 96; exec "$@"', "sh", *words,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    visitors: list[Visitor] = []
    try:
        assert host.stdout is not None
        link = parse_link(json.loads(await host.stdout.readline())["url"])
        refusal = await refused(link, visitors)
        assert refusal.remote_code == "session_limit"
        assert "no room for another terminal" in str(refusal)
        assert len(visitors) >= 2
        for visitor in visitors:
            visitor.peer.send(b"echo still-$((40+2))\n")
        for visitor in visitors:
            await visitor.sees(b"still-42")
        # Room that becomes free is used again.
        for _ in range(2):
            await visitors.pop(0).peer.close()
        count = len(visitors)
        async with asyncio.timeout(20):
            while len(visitors) == count:
                await refused(link, visitors)
    finally:
        for visitor in visitors:
            await visitor.peer.close()
        host.terminate()
        _, said = await asyncio.wait_for(host.communicate(), 30)
    assert b"Too many open files" not in said
    assert b"Traceback" not in said
