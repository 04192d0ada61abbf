"""The heartbeat's fields against the machine it runs on."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import psutil
import pytest

from engine.signaling.heartbeat import GIGABYTE, Heartbeat, sample

FIELDS = {
    "agent_id",
    "cpu_usage",
    "memory_usage",
    "memory_total",
    "disk_usage",
    "disk_total",
    "uptime",
    "status",
    "timestamp",
}


def test_the_fields_are_those_of_the_protocol_and_in_their_units() -> None:
    beat = sample("a1", "/")
    assert set(beat) == FIELDS
    assert (beat["agent_id"], beat["status"]) == ("a1", "online")
    assert beat["memory_total"] == round(psutil.virtual_memory().total / GIGABYTE, 3)
    assert beat["disk_total"] == round(psutil.disk_usage("/").total / GIGABYTE, 3)
    assert 0 < beat["memory_usage"] <= beat["memory_total"]
    assert 0 < beat["disk_usage"] <= beat["disk_total"]
    assert 0 <= beat["cpu_usage"] <= 100
    assert beat["uptime"] > 0


def test_the_timestamp_is_now_with_its_zone() -> None:
    before = datetime.now(UTC)
    at = datetime.fromisoformat(sample("a1", "/")["timestamp"])
    assert before <= at <= datetime.now(UTC)


async def test_sampling_leaves_the_loop_free_and_its_thread_ends() -> None:
    heartbeat = Heartbeat()
    assert set(await heartbeat.sample("a1", 10)) == FIELDS
    assert any(t.name.startswith("heartbeat") for t in threading.enumerate())
    heartbeat.close()
    assert not any(t.name.startswith("heartbeat") for t in threading.enumerate())


async def test_a_disk_that_hangs_costs_the_beat_and_nothing_more() -> None:
    back = threading.Event()
    calls: list[str] = []

    def measure(agent_id: str, disk: str) -> dict[str, Any]:
        calls.append(disk)
        assert back.wait(10)
        return {"agent_id": agent_id}

    heartbeat = Heartbeat("/away", measure)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await heartbeat.sample("a1", 0.01)
    assert calls == ["/away"]
    back.set()
    assert await heartbeat.sample("a1", 10) == {"agent_id": "a1"}
    heartbeat.close()
    assert not any(t.name.startswith("heartbeat") for t in threading.enumerate())
