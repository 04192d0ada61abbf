"""A plain JSON guest under a flood: what still comes after it pressed Ctrl+C."""

from __future__ import annotations

import asyncio
import signal
import sys
import time

import pytest

from tests.e2e.conftest import ROOT
from tests.e2e.plain_guest import PlainGuest, PlainRelay

RUNNING = 500_000
"""Bytes of output after which the flood is under way."""
AFTER = 600_000
"""Bytes that may follow Ctrl+C: what is in flight (256 KiB of JSON), what was read and is being
sent, and the last lines. A daemon alone holds some 2 MB, and all of it used to come."""


STALL = 2.0
"""Seconds in which the guest does nothing at all, so that all that can wait does."""


@pytest.mark.parametrize("where", ["container", "this computer"])
async def test_little_comes_after_ctrl_c_and_nothing_after_the_prompt(
    shared_container: str, where: str
) -> None:
    target = shared_container if where == "container" else "This computer"
    relay = PlainRelay()
    async with relay.serve() as url:
        agent = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "engine", "--relay", url, "--share", target,
            cwd=ROOT, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with asyncio.timeout(20):
                await relay.arrived.wait()
            guest = PlainGuest(relay)
            assert (await guest.offer("s-1", target))["status"] == "success"
            await guest.until("pty_connected")
            for _ in range(2):
                guest.text = ""
                guest.send(type="input", data="yes\n")
                await guest.until_length(RUNNING)
                before = len(guest.text)
                # The guest is busy, and its network with it: it is this very loop.
                time.sleep(STALL)  # noqa: ASYNC251
                guest.send(type="input", data="\x03")
                guest.send(type="input", data='echo "d"one-$((6*7))\n')
                await guest.until_text("done-42", after=before)
                after = guest.text[before:]
                assert len(after) < AFTER
                # No line was cut in two.
                lines = set(after.split("\r\n")[1:-2])
                assert {line for line in lines if "y" in line} <= {"y"} | {
                    line for line in lines if "^C" in line
                }
            await guest.close()
        finally:
            agent.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(agent.wait(), 20) == 0
