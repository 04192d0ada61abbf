"""Guests that the host removed or remembered, and the file that keeps them."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access.guests import ADDRESS_SECONDS, MAX_ADDRESSES, Guests, identity, key
from engine.access.kept_guests import (
    FILE_NAME,
    LOCK_NAME,
    MAX_BYTES,
    MAX_REMEMBERED,
    MAX_REMOVED,
    KeptGuests,
)
from engine.core import whole_file
from engine.core.model import Guest, Role

SAID = "0123456789abcdef" * 2
IDENTITY = hashlib.sha256(bytes.fromhex(SAID)).hexdigest()
ADA = Guest("Ada", "192.0.2.7", share="link", identity=IDENTITY)
BOB = Guest("Bob", "192.0.2.7", share="link", identity="b" * 64)
PLAIN = Guest("Old page", "192.0.2.7", share="link")
ANYBODY = Guest("Eve", "192.0.2.9")


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_identity_is_a_digest_of_what_the_guest_said() -> None:
    assert identity(SAID) == IDENTITY


@pytest.mark.parametrize("said", [None, "", SAID[1:], SAID + "0", SAID.upper(), "x" * 32, "é" * 32])
def test_what_is_not_128_bits_in_hex_is_no_identity(said: str | None) -> None:
    assert identity(said) == ""


@given(st.text())
def test_any_text_is_an_identity_or_none(said: str) -> None:
    assert len(identity(said)) in (0, 64)


def test_guests_are_told_apart_by_identity_or_else_by_link_and_address() -> None:
    elsewhere = Guest("Ada", "198.51.100.1", share="other", identity=IDENTITY)
    assert key(ADA) == key(elsewhere)
    others = {key(ADA), key(BOB), key(PLAIN), key(ANYBODY), key(Guest(own=True))}
    assert len(others) == 5
    assert key(Guest("Ms Old", "192.0.2.7", share="link")) == key(PLAIN)
    assert key(Guest(address="192.0.2.8", share="link")) != key(PLAIN)
    assert key(Guest(own=True)) == ""


def test_who_was_removed_is_refused_under_every_link_until_that_is_undone() -> None:
    guests = Guests()
    guests.remove(ADA)
    assert guests.is_refused(ADA)
    assert guests.is_refused(Guest("Another", "203.0.113.1", identity=IDENTITY))
    assert not any(guests.is_refused(one) for one in (BOB, PLAIN, ANYBODY, Guest(own=True)))
    (removed,) = guests.removed()
    assert (removed.key, removed.name) == (key(ADA), "Ada")
    guests.readmit(removed.key)
    assert not guests.is_refused(ADA)
    guests.readmit("nobody")


def test_without_an_identity_the_link_at_that_address_is_refused() -> None:
    guests = Guests()
    guests.remove(PLAIN)
    assert guests.is_refused(PLAIN)
    assert not guests.is_refused(Guest(address="192.0.2.7", share="another"))
    assert not guests.is_refused(Guest(address="192.0.2.8", share="link"))
    assert not guests.is_refused(ADA)


def test_without_identity_and_link_only_an_address_is_refused_for_some_time() -> None:
    clock = Time()
    guests = Guests(monotonic=clock)
    guests.remove(ANYBODY)
    assert not guests.is_refused(ANYBODY)
    guests.refuse_address(ANYBODY.address)
    assert guests.is_refused(ANYBODY)
    assert not guests.is_refused(Guest(address=ANYBODY.address, share="link"))
    clock.now += ADDRESS_SECONDS
    assert not guests.is_refused(ANYBODY)


def test_this_app_is_never_refused() -> None:
    guests = Guests()
    guests.remove(Guest(own=True))
    guests.refuse_address("")
    assert not guests.is_refused(Guest(own=True))
    assert guests.removed() == ()


def test_a_guest_is_remembered_in_one_target() -> None:
    guests = Guests()
    assert guests.remember(ADA, "web", Role.VIEW, compared=True)
    found = guests.find(ADA, "web")
    assert found is not None
    assert (found.role, found.compared, found.name) == (Role.VIEW, True, "Ada")
    assert guests.find(ADA, "db") is None
    assert guests.find(BOB, "web") is None
    guests.remember(ADA, "web", Role.CONTROL, compared=False)
    (found,) = guests.remembered()
    assert (found.role, found.compared) == (Role.CONTROL, False)
    guests.forget(IDENTITY)
    assert guests.find(ADA, "web") is None


def test_nobody_is_remembered_without_an_identity() -> None:
    guests = Guests()
    assert not guests.remember(PLAIN, "web", Role.CONTROL, compared=True)
    assert guests.find(PLAIN, "web") is None
    assert guests.remembered() == ()


def test_who_is_removed_is_forgotten_and_asked_about_again() -> None:
    guests = Guests()
    guests.remember(ADA, "web", Role.CONTROL, compared=True)
    guests.remember(BOB, "web", Role.CONTROL, compared=True)
    guests.remove(ADA)
    guests.readmit(key(ADA))
    assert guests.find(ADA, "web") is None
    assert guests.find(BOB, "web") is not None


def test_what_is_remembered_is_bounded() -> None:
    guests = Guests()
    for at in range(MAX_REMEMBERED + 1):
        guests.remember(ADA, f"web-{at}", Role.VIEW, compared=False)
    assert (guests.find(ADA, "web-0"), len(guests.remembered())) == (None, MAX_REMEMBERED)
    for at in range(MAX_REMOVED + 1):
        guests.remove(Guest(identity=f"{at:064x}"))
    assert len(guests.removed()) == MAX_REMOVED
    assert not guests.is_refused(Guest(identity="0" * 64))
    for at in range(MAX_ADDRESSES + 1):
        guests.refuse_address(f"address {at}")
    assert not guests.is_refused(Guest(address="address 0"))
    assert guests.is_refused(Guest(address="address 1"))


# The file.


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Guests]:
    guests = Guests(KeptGuests(folder))
    guests.restore()
    try:
        yield guests
    finally:
        await guests.close()


async def store(folder: Path) -> None:
    async with opened(folder) as guests:
        guests.remove(ADA)
        guests.remember(BOB, "web", Role.VIEW, compared=True)


async def test_both_outlive_the_program_but_not_what_the_guest_said(tmp_path: Path) -> None:
    await store(tmp_path)
    async with opened(tmp_path) as guests:
        assert guests.is_refused(ADA)
        found = guests.find(BOB, "web")
        assert found is not None
        assert (found.role, found.compared) == (Role.VIEW, True)
    assert SAID not in (tmp_path / FILE_NAME).read_text()


async def test_nothing_is_created_where_nothing_is_kept(tmp_path: Path) -> None:
    async with opened(tmp_path) as guests:
        guests.refuse_address("192.0.2.7")
    assert os.listdir(tmp_path) == []


async def test_names_and_addresses_of_any_text_are_stored(tmp_path: Path) -> None:
    strange = Guest("\ud800" * 300, "\udfff" * 3000, share="link")
    async with opened(tmp_path) as guests:
        guests.remove(strange)
        assert await guests.flush()
    async with opened(tmp_path) as guests:
        assert guests.is_refused(strange)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
async def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    await store(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"version":2,"removed":[],"remembered":[]}',
        b'{"version":1,"removed":[' + b"[" * 100_000,
        b" " * (MAX_BYTES + 1),
    ],
    ids=["empty", "binary", "list", "newer", "deep", "large"],
)
async def test_a_damaged_file_knows_nobody_and_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    (tmp_path / FILE_NAME).touch(0o600)
    (tmp_path / FILE_NAME).write_bytes(content)
    async with opened(tmp_path) as guests:
        assert (guests.removed(), guests.remembered()) == ((), ())
        (record,) = caplog.records
        assert (record.levelno, record.exc_info) == (logging.WARNING, None)
        assert "damaged" in record.getMessage()
        guests.remove(ADA)
    async with opened(tmp_path) as guests:
        assert guests.is_refused(ADA)


@pytest.mark.parametrize(
    ("list_of", "change"),
    [
        ("removed", {"key": ""}),
        ("removed", {"name": 5}),
        ("removed", {"more": 1}),
        ("remembered", {"role": "admin"}),
        ("remembered", {"identity": "b" * 63}),
        ("remembered", {"compared": 1}),
        ("remembered", {"target": ""}),
    ],
)
async def test_a_row_that_is_not_valid_is_nobody_and_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, list_of: str, change: dict[str, Any]
) -> None:
    await store(tmp_path)
    path = tmp_path / FILE_NAME
    file = json.loads(path.read_bytes())
    file[list_of][0] |= change
    path.write_text(json.dumps(file))
    async with opened(tmp_path) as guests:
        known = {"removed": guests.removed(), "remembered": guests.remembered()}
        assert [name for name, rows in known.items() if not rows] == [list_of]
    (record,) = caplog.records
    assert "guest 1 in" in record.getMessage()
    assert "b" * 32 not in caplog.text


async def test_one_process_writes_the_file_and_others_read_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await store(tmp_path)
    async with opened(tmp_path) as first:
        first.forget("b" * 64)
        await first.flush()
        async with opened(tmp_path) as second:
            assert second.is_refused(ADA)
            second.remove(BOB)
            assert second.is_refused(BOB)
            second.remove(PLAIN)
            assert not await second.flush()
        (record,) = caplog.records
        assert "another Hatchway" in record.getMessage()
    async with opened(tmp_path) as guests:
        assert [guests.is_refused(one) for one in (ADA, BOB, PLAIN)] == [True, False, False]
    assert sorted(os.listdir(tmp_path)) == [FILE_NAME, LOCK_NAME]


async def test_a_full_disk_leaves_the_old_file_and_is_tried_again_at_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, os.strerror(28))

    await store(tmp_path)
    async with opened(tmp_path) as guests:
        monkeypatch.setattr(whole_file, "replace", full)
        guests.remove(PLAIN)
        assert not await guests.flush()
        assert "cannot be stored" in caplog.text
        assert (tmp_path / FILE_NAME).exists()
        monkeypatch.undo()
    async with opened(tmp_path) as guests:
        assert guests.is_refused(ADA)
        assert guests.is_refused(PLAIN)
