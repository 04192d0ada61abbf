"""One instance per profile, and the way to it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from engine.control import queries as q
from engine.control.socket import instance as module
from engine.control.socket import messages as m
from engine.control.socket import place
from engine.control.socket.instance import claim, find_running
from tests.engine.control.socket.serving import Engine, served
from tests.engine.until import until


def test_a_profile_has_one_instance(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "profile"
    first = claim(folder)
    assert first is not None
    assert claim(folder) is None
    other = claim(tmp_path / "other")
    assert other is not None
    other.release()
    first.release()
    first.release()
    second = claim(folder)
    assert second is not None
    second.release()


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from engine.control.socket.instance import claim\n"
        f"held = claim(Path({str(tmp_path)!r})); print(held is not None, flush=True)\n"
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"True\n"
        assert claim(tmp_path) is None
        process.kill()
    held = claim(tmp_path)
    assert held is not None
    held.release()


def test_without_a_folder_to_write_to_nobody_else_is_looked_for(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    held = claim(file / "profile")
    assert held is not None
    held.release()


async def test_nobody_runs(tmp_path: Path) -> None:
    assert await find_running(tmp_path) is None
    assert await find_running(tmp_path / "absent") is None


async def test_the_running_one_is_found_wherever_its_socket_is(
    tmp_path: Path, engine: Engine
) -> None:
    for path in place.places(tmp_path):
        if not path.parent.parent.is_dir():
            continue
        async with served(engine, path):
            remote = await find_running(tmp_path)
            assert remote is not None
            assert remote.lasting
            assert remote.ask(q.Shells()) == ()
            await remote.stop()


async def test_one_that_starts_is_waited_for(tmp_path: Path, engine: Engine) -> None:
    held = claim(tmp_path)
    assert held is not None
    finding = asyncio.create_task(find_running(tmp_path))
    async with served(engine, place.places(tmp_path)[-1]):
        remote = await finding
        assert remote is not None
        await remote.stop()
    held.release()


async def test_one_that_does_not_answer_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STARTING_SECONDS", 0.05)
    held = claim(tmp_path)
    assert held is not None
    assert await find_running(tmp_path) is None
    held.release()


async def test_one_of_another_version_is_left_alone(
    tmp_path: Path,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(m, "VERSION", m.VERSION + 1)
        async with served(engine, place.places(tmp_path)[-1]) as house:
            raw = asyncio.open_unix_connection(str(house.path))
            reader, writer = await raw
            await reader.readexactly(4)
            writer.close()
            await writer.wait_closed()
    async with served(engine, place.places(tmp_path)[-1]):
        monkeypatch.setattr("engine.control.socket.client.m.VERSION", 99)
        assert await find_running(tmp_path) is None
    assert "another version" in caplog.text


async def test_an_instance_serves_until_it_disconnects(tmp_path: Path, engine: Engine) -> None:
    held = claim(tmp_path)
    assert held is not None
    held.serve(engine, lasting=False)
    finding = asyncio.create_task(find_running(tmp_path))
    remote = await finding
    assert remote is not None
    assert not remote.lasting
    await held.disconnect()
    await held.disconnect()
    await remote.lost()
    held.release()
    assert await find_running(tmp_path) is None
    await until(lambda: not any(path.exists() for path in place.places(tmp_path)))
