"""``python -m engine``: what it prints, how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.core.errors import RemoteError
from engine.core.model import LOCAL_TARGET
from engine.wire.proof import encode_secret, parse_link
from tests.engine.hosting import Visitor

if TYPE_CHECKING:
    from tests.docker_fixtures import ContainerFactory

ROOT = Path(__file__).parents[3]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "engine", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_the_version_tells_the_python_and_the_form_of_the_emulator() -> None:
    asked = run("--version")
    parts = rf"Python {re.escape(platform.python_version())}, terminal not compiled"
    words = rf"Hatchway \d+\.\d+\.\d+ \({parts}\)\n"
    assert re.fullmatch(words, asked.stdout), asked
    assert (asked.returncode, asked.stderr) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("arguments", "line"),
    [((), "Stop with Ctrl+C."), (("relay",), "Guest token: ")],
    ids=["agent", "relay"],
)
def test_a_signal_ends_it_cleanly(
    number: signal.Signals, arguments: tuple[str, ...], line: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        while line not in (said := process.stdout.readline()):
            assert said, process.stderr.read()
        process.send_signal(number)
        assert process.wait(20) == 0
        assert "Traceback" not in process.stderr.read()


def test_targets_as_json(containers: ContainerFactory) -> None:
    name = str(containers().name)
    done = run("targets", "--json")
    assert done.returncode == 0, done.stderr
    found = {target["id"]: target for target in json.loads(done.stdout)["targets"]}
    assert found[name]["state"] == "running"
    assert found["This computer"]["kind"] == "local"


def test_the_self_test_of_a_container_as_json(containers: ContainerFactory) -> None:
    done = run("selftest", "--json", "--target", str(containers().name))
    report = json.loads(done.stdout)
    assert done.returncode == 0, report
    assert report["passed"]
    assert len(report["stages"]) == 10


def test_a_failing_self_test_exits_with_1_and_names_the_stage() -> None:
    done = run("selftest", "--json", "--target", "nowhere")
    assert done.returncode == 1
    assert json.loads(done.stdout)["failed_stage"] == "offer_answer"


def test_a_self_test_of_what_is_no_target_lists_those_there_are() -> None:
    done = run("selftest", "--target", "nowhere")
    assert done.returncode == 1
    assert "There is no target “nowhere”" in done.stdout
    assert LOCAL_TARGET in done.stdout.splitlines()[-1]
    done = run("selftest", "--target", "")
    assert done.returncode != 0
    assert "Name a target to test" in done.stderr
    assert LOCAL_TARGET in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "environment", "key"),
    [
        (("--listen", "nonsense"), {}, "--listen"),
        (("--relay", "ftp://x"), {}, "relay.url"),
        (("--session-timeout", "-5"), {}, "session.timeout"),
        (("--config", "/does/not/exist"), {}, "/does/not/exist"),
        ((), {"HATCHWAY_RELAY__PORT": "x"}, "relay.port"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_named_and_exits_with_2(
    arguments: tuple[str, ...], environment: dict[str, str], key: str
) -> None:
    done = run(*arguments, **environment)
    assert done.returncode == 2
    assert key in done.stderr
    assert "Traceback" not in done.stderr


def test_the_engine_starts_without_qt() -> None:
    code = "import sys, engine.__main__, engine.agent.agent; print('PySide6' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


async def test_links_as_json_work_as_soon_as_they_are_printed() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "engine", "--links-json", "--share", f"{LOCAL_TARGET}=control",
        "--share", f"{LOCAL_TARGET}=ask", "--share", "later=view",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    rows = [json.loads(await asyncio.wait_for(process.stdout.readline(), 30)) for _ in range(3)]
    assert [(row["target"], row["role"]) for row in rows] == [
        (LOCAL_TARGET, "control"),
        (LOCAL_TARGET, "ask"),
        ("later", "view"),
    ]
    assert all(set(row) == {"target", "role", "url"} for row in rows)
    open_link, asking, later = (parse_link(row["url"]) for row in rows)
    visitor = Visitor(open_link)
    await visitor.peer.connect()
    visitor.peer.send(b"echo $((6*7))\r")
    await visitor.sees(b"42")
    await visitor.peer.close()
    for link, words in ((asking, "Nobody is at the host"), (later, "not found")):
        visitor = Visitor(link)
        with pytest.raises(RemoteError, match=words):
            await visitor.peer.connect()
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, out) == (0, b"")
    assert open_link.secret.hex().encode() not in err
    assert encode_secret(open_link.secret).encode() not in err


def test_a_share_that_makes_no_sense_is_a_usage_error() -> None:
    done = run("--share", "web=king")
    assert (done.returncode, "share.links" in done.stderr) == (2, True)
