"""Who a guest is to each host: the same at every visit, another one elsewhere, and private."""

from __future__ import annotations

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.client.identities import Identities

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")


def test_one_for_each_host(tmp_path: Path) -> None:
    first = Identities(tmp_path / "ids")
    ours = first.of("https://relay.example/", "agent-1")
    assert re.fullmatch("[0-9a-f]{32}", ours)
    assert first.of("https://RELAY.example", "agent-1") == ours
    assert Identities(tmp_path / "ids").of("https://relay.example", "agent-1") == ours
    others = {
        first.of("https://relay.example", "agent-2"),
        first.of("https://other.example", "agent-1"),
        Identities(tmp_path / "other").of("https://relay.example", "agent-1"),
    }
    assert len(others | {ours}) == 4


@posix
def test_only_the_owner_can_read_them_and_they_say_nothing_of_the_host(tmp_path: Path) -> None:
    Identities(tmp_path).of("https://relay.example", "agent-1")
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "relay" not in file.name
    assert "agent" not in file.read_text()


def test_programs_that_start_together_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(
            lambda _: Identities(tmp_path).of("https://relay.example", "agent-1"), range(40)
        )
    assert len(set(found)) == 1


@posix
@pytest.mark.parametrize("damage", ["text", "mode"])
def test_a_file_that_cannot_be_trusted_is_not_used(tmp_path: Path, damage: str) -> None:
    before = Identities(tmp_path).of("https://relay.example", "agent-1")
    (file,) = tmp_path.iterdir()
    if damage == "text":
        file.write_text("no identity\n")
    else:
        file.chmod(0o644)
    again = Identities(tmp_path)
    made = again.of("https://relay.example", "agent-1")
    assert made != before
    # For this run it is one and the same.
    assert again.of("https://relay.example", "agent-1") == made


def test_without_a_folder_to_write_to_there_is_one_for_this_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ours = Identities(tmp_path / "file" / "ids")
    assert ours.of("https://a.example", "1") == ours.of("https://a.example", "1")
    assert ours.of("https://a.example", "1") != ours.of("https://a.example", "2")
    assert os.listdir(tmp_path) == ["file"]
