"""Children that behave, refuse, hang and die."""

from __future__ import annotations

import time

import psutil
import pytest

from benchmarks import process
from benchmarks.process import BenchError, Child


async def test_a_child_answers_and_ends_with_its_input() -> None:
    async with await Child.start("raw_exec", "asyncio") as child:
        pid = child.pid
        found = await child.call("sample")
        assert found["received"] == 0
        assert found["cpu"] > 0
    assert not psutil.pid_exists(pid)


async def test_a_request_that_fails_says_why_and_leaves_the_child_be() -> None:
    async with await Child.start("raw_exec", "asyncio") as child:
        with pytest.raises(BenchError, match=r"raw_exec asyncio: KeyError: 'none'"):
            await child.call("flood", key="none", on=True)
        await child.call("sample")


async def test_a_child_that_cannot_start_says_why() -> None:
    with pytest.raises(BenchError, match=r"(?s)has died.*No module named benchmarks\.nowhere"):
        await Child.start("nowhere")


async def test_a_stuck_child_is_given_up_and_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "END_SECONDS", 0.1)
    child = await Child.start("raw_exec", "asyncio")
    psutil.Process(child.pid).suspend()
    began = time.monotonic()
    with pytest.raises(BenchError, match="no answer to 'sample' in 0 s"):
        await child.call("sample", 0.1)
    await child.close()
    assert not psutil.pid_exists(child.pid)
    assert time.monotonic() - began < 5


async def test_a_killed_child_fails_what_waits_for_it() -> None:
    child = await Child.start("raw_exec", "asyncio")
    psutil.Process(child.pid).kill()
    with pytest.raises(BenchError, match="has died"):
        await child.call("sample")
    await child.kill()
