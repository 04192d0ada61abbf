"""``recordings``: what it lists and deletes, and its exit codes."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.core import stop_signals
from engine.core.model import Size
from engine.shells.recorder import Recorder, RecordingMeta


async def recorded(folder: Path, target: str, since: float, output: bytes) -> str:
    """Make a finished recording; its id."""
    recorder = Recorder.start(
        folder / "recordings",
        RecordingMeta(target, shell="s1"),
        Size(),
        clock=lambda: 0.0,
        now=lambda: since,
    )
    recorder.printed(output)
    await recorder.close()
    return recorder.path.stem[-12:]


@pytest.fixture(autouse=True)
def signals_stay() -> Iterator[None]:
    """A program that ends ignores signals; the one that runs the tests goes on, and shells that it
    starts would ignore Ctrl+C."""
    before = {number: signal.getsignal(number) for number in stop_signals.ending()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
async def two(own_configuration: Path) -> tuple[str, str]:
    """The ids of two recordings, older first."""
    old = await recorded(own_configuration, "web-1", 1_700_000_000, b"x")
    return old, await recorded(own_configuration, "a\x1b[31m", 1_700_000_600, b"x" * 5000)


def test_without_recordings_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recordings"]) == 0
    assert capsys.readouterr() == ("", "There are no recordings.\n")
    assert main(["recordings", "--json"]) == 0
    assert capsys.readouterr() == ('{"recordings": []}\n', "")


def test_the_list_is_for_people(two: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    old, new = two
    assert main(["recordings"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(new)
    assert first.endswith(r"a\x1b[31m")
    assert "5.1 KiB" in first
    assert second.startswith(old)
    assert second.endswith("web-1")
    assert "0:00" in second


def test_the_list_as_json(
    two: tuple[str, str], own_configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recordings", "--json"]) == 0
    _, row = json.loads(capsys.readouterr().out)["recordings"]
    path = Path(row.pop("path"))
    assert path.parent == own_configuration / "recordings"
    assert row == {
        "id": two[0],
        "target": "web-1",
        "shell": "s1",
        "started_at": 1_700_000_000.0,
        "seconds": 0.0,
        "bytes": path.stat().st_size,
        "running": False,
    }


def test_what_is_named_is_deleted_and_nothing_else(
    two: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = two
    assert main(["recordings", "--delete", "nothing", "--delete", old]) == 1
    assert capsys.readouterr() == ("", "Error: There is no recording nothing\n")
    assert main(["recordings", "--json"]) == 0
    assert [row["id"] for row in json.loads(capsys.readouterr().out)["recordings"]] == [new]
    assert main(["recordings", "--delete", new]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_folder_that_cannot_be_read_is_an_error_without_traceback(
    own_configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (own_configuration / "recordings").write_text("x")
    assert main(["recordings"]) == 1
    _, err = capsys.readouterr()
    assert "cannot be read: Not a directory" in err
    assert "Traceback" not in err
