"""The file of kept links: what is in it, and that nothing else than a valid row is a link."""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.access.kept_links import FILE_NAME, MAX_BYTES, KeptLinks
from engine.core import whole_file
from engine.core.errors import SettingsError
from engine.core.model import LOCAL_TARGET, Role, Share
from engine.wire.proof import encode_secret

NOW = 1_000_000.0
SECRET = bytes(range(16))
LINK = Share(
    id="a" * 16,
    target="web-1",
    role=Role.VIEW,
    secret=SECRET,
    created_at=NOW,
    approval=True,
    expires_at=NOW + 60,
    single_use=True,
    kept=True,
    ref="c" * 64,
)
RECORDS = Share("d" * 16, LOCAL_TARGET, Role.VIEW, SECRET, NOW, kept=True, record=True)
OTHER = Share("b" * 16, LOCAL_TARGET, Role.CONTROL, SECRET[::-1], NOW, uses=3, kept=True)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[KeptLinks]:
    kept = KeptLinks(folder)
    await kept.open(NOW)
    try:
        yield kept
    finally:
        await kept.close()


async def store(folder: Path, *links: Share, port: int = 0) -> None:
    async with opened(folder) as kept:
        kept.save(links, NOW, port)


async def load(folder: Path, now: float = NOW) -> tuple[tuple[Share, ...], int]:
    kept = KeptLinks(folder)
    found = await kept.load(now), kept.port
    await kept.close()
    return found


async def test_kept_links_come_back_as_they_were_with_the_port(tmp_path: Path) -> None:
    await store(tmp_path, LINK, OTHER, RECORDS, port=4321)
    assert await load(tmp_path) == ((LINK, OTHER, RECORDS), 4321)


async def test_a_link_that_is_not_kept_is_not_in_the_file(tmp_path: Path) -> None:
    await store(tmp_path, LINK, replace(OTHER, kept=False))
    assert encode_secret(OTHER.secret) not in (tmp_path / FILE_NAME).read_text()
    assert await load(tmp_path) == ((LINK,), 0)


async def test_nothing_is_created_where_nothing_is_kept(tmp_path: Path) -> None:
    assert await load(tmp_path) == ((), 0)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "ended",
    [replace(LINK, revoked=True), replace(LINK, uses=1, used_by="s"), replace(LINK, expires_at=1)],
    ids=["revoked", "used", "expired"],
)
async def test_an_ended_link_is_removed_and_the_file_with_the_last_one(
    tmp_path: Path, ended: Share
) -> None:
    async with opened(tmp_path) as kept:
        kept.save([LINK, OTHER], NOW, 0)
        await kept.flush()
        kept.save([ended, OTHER], NOW, 0)
        await kept.flush()
        assert encode_secret(SECRET) not in (tmp_path / FILE_NAME).read_text()
        kept.save([ended], NOW, 0)
        await kept.flush()
        assert not (tmp_path / FILE_NAME).exists()


async def test_a_link_that_expired_meanwhile_does_not_come_back(tmp_path: Path) -> None:
    await store(tmp_path, LINK)
    assert await load(tmp_path, NOW + 60) == ((), 0)
    assert not (tmp_path / FILE_NAME).exists()


async def test_the_port_stays_as_long_as_a_link_has_it_in_its_url(tmp_path: Path) -> None:
    await store(tmp_path, LINK, port=4321)
    async with opened(tmp_path) as kept:
        kept.save([LINK, OTHER], NOW, 5555)
        assert kept.port == 4321
        kept.save([], NOW, 5555)
        kept.save([OTHER], NOW, 5555)
        assert kept.port == 5555


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
async def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    async with opened(tmp_path) as kept:
        kept.save([LINK], NOW, 0)
        await kept.flush()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o644)
        kept.save([LINK, OTHER], NOW, 0)
        await kept.flush()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
async def test_links_that_others_could_read_are_ignored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await store(tmp_path, LINK)
    (tmp_path / FILE_NAME).chmod(0o640)
    assert await load(tmp_path) == ((), 0)
    assert "other users" in caplog.text


def rows(path: Path) -> Any:
    return json.loads(path.read_bytes())


def damaged(**fields: object) -> Callable[[dict[str, Any]], None]:
    def change(row: dict[str, Any]) -> None:
        row.update(fields)

    return change


def without(field: str) -> Callable[[dict[str, Any]], None]:
    def change(row: dict[str, Any]) -> None:
        del row[field]

    return change


FIELDS = [
    "id",
    "secret",
    "target",
    "container",
    "role",
    "approval",
    "created_at",
    "expires_at",
    "single_use",
    "uses",
    "by_name",
    "suspended",
    "record",
]


@pytest.mark.parametrize(
    "change",
    [
        *(without(field) for field in FIELDS),
        *(damaged(**{field: {"no": "value"}}) for field in FIELDS),
        damaged(id="a" * 15),
        damaged(id="a" * 16 + "\n"),
        damaged(secret="A" * 21),
        damaged(secret="A" * 21 + "B"),
        damaged(target=""),
        damaged(role="admin"),
        damaged(approval=0),
        damaged(expires_at="never"),
        damaged(uses=-1),
        damaged(uses=1),
        damaged(container=""),
        damaged(target=LOCAL_TARGET),
        damaged(by_name=True),
        damaged(suspended=0),
        damaged(record=0),
        damaged(only_on_mondays=True),
    ],
)
async def test_a_row_that_is_not_valid_is_no_link_and_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, change: Callable[[dict[str, Any]], None]
) -> None:
    await store(tmp_path, LINK, OTHER)
    path = tmp_path / FILE_NAME
    file = rows(path)
    change(file["links"][0])
    path.write_text(json.dumps(file))
    assert (await load(tmp_path))[0] == (OTHER,)
    (record,) = caplog.records
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert "Kept link 1" in record.getMessage()
    assert encode_secret(SECRET)[:8] not in caplog.text


async def test_links_for_a_name_and_suspended_ones_come_back_as_that(tmp_path: Path) -> None:
    named, paused = replace(LINK, ref=""), replace(OTHER, suspended=True)
    await store(tmp_path, named, paused)
    assert (await load(tmp_path))[0] == (named, paused)


SINCE = {2: ("by_name", "suspended"), 3: ("record",)}
"""The fields that a version of the file added."""


def make_older(path: Path, version: int) -> None:
    """The file as that version would have written it."""
    file = rows(path)
    for row in file["links"]:
        for field in (one for since in SINCE if since > version for one in SINCE[since]):
            del row[field]
    path.write_text(json.dumps(file | {"version": version}))


@pytest.mark.parametrize("version", [1, 2])
async def test_an_older_file_is_read_and_no_link_in_it_records(
    tmp_path: Path, version: int
) -> None:
    await store(tmp_path, LINK, OTHER, RECORDS)
    make_older(tmp_path / FILE_NAME, version)
    assert (await load(tmp_path))[0] == (LINK, OTHER, replace(RECORDS, record=False))


async def test_in_a_file_of_version_2_links_are_suspended_and_for_a_name(tmp_path: Path) -> None:
    links = replace(LINK, ref=""), replace(OTHER, suspended=True)
    await store(tmp_path, *links)
    make_older(tmp_path / FILE_NAME, 2)
    assert (await load(tmp_path))[0] == links


@pytest.mark.parametrize("version", [1, 2])
async def test_a_file_with_fields_of_a_later_version_has_no_links(
    tmp_path: Path, version: int
) -> None:
    await store(tmp_path, LINK)
    path = tmp_path / FILE_NAME
    path.write_text(json.dumps(rows(path) | {"version": version}))
    assert (await load(tmp_path))[0] == ()


async def test_in_a_file_of_version_1_no_link_is_for_a_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await store(tmp_path, replace(LINK, ref=""), OTHER)
    make_older(tmp_path / FILE_NAME, 1)
    assert (await load(tmp_path))[0] == (OTHER,)
    assert "Kept link 1" in caplog.text


async def test_of_two_links_with_one_id_there_is_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await store(tmp_path, LINK, OTHER)
    path = tmp_path / FILE_NAME
    file = rows(path)
    file["links"].append(file["links"][0] | {"approval": False})
    path.write_text(json.dumps(file))
    assert (await load(tmp_path))[0] == (OTHER,)
    assert "twice" in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"version":1,"port":0}',
        b'{"version":4,"port":0,"links":[]}',
        b'{"version":1,"port":70000,"links":[]}',
        b'{"version":1,"port":0,"links":[' + b"[" * 100_000,
        b" " * (MAX_BYTES + 1),
        None,
    ],
    ids=["empty", "binary", "list", "short", "newer", "port", "deep", "large", "cut"],
)
async def test_a_damaged_file_has_no_links_and_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    await store(tmp_path, LINK)
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes()[:-10] if content is None else content)
    assert await load(tmp_path) == ((), 0)
    (record,) = caplog.records
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert "damaged" in record.getMessage()
    # The next link is kept all the same.
    await store(tmp_path, OTHER)
    assert (await load(tmp_path))[0] == (OTHER,)


async def test_a_folder_in_the_place_of_the_file_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).mkdir()
    assert await load(tmp_path) == ((), 0)
    assert "Cannot read the kept links" in caplog.text


async def test_one_process_has_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(tmp_path) as kept:
        kept.save([LINK], NOW, 0)
        await kept.flush()
        assert await load(tmp_path) == ((), 0)
        assert "another Hatchway" in caplog.text
        with pytest.raises(SettingsError, match="another Hatchway"):
            await KeptLinks(tmp_path).open(NOW)
    assert (await load(tmp_path))[0] == (LINK,)


async def test_where_a_revocation_cannot_be_written_the_old_file_goes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, os.strerror(28))

    async with opened(tmp_path) as kept:
        kept.save([LINK, OTHER], NOW, 0)
        await kept.flush()
        monkeypatch.setattr(whole_file, "replace", full)
        kept.save([OTHER], NOW, 0)
        assert not await kept.flush()
        assert "cannot be kept" in caplog.text
        assert not (tmp_path / FILE_NAME).exists()
        # It is written once there is room again, although nothing else changed.
        monkeypatch.undo()
        kept.save([OTHER], NOW, 0)
        assert await kept.flush()
    assert (await load(tmp_path))[0] == (OTHER,)
