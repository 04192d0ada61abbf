"""Records on disk: what dead instances left is seen by all, and claimed by one."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec
import pytest

from engine.pty.ends.records import Record, RecordStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANY = 50


class Stores:
    """The instances of a profile; those still alive at the end of the test die then."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: list[RecordStore] = []

    def __call__(self) -> RecordStore:
        self._made.append(RecordStore(self.folder))
        return self._made[-1]

    def dead(self, count: int = 1, **fields: str) -> list[Record]:
        """What an instance left that has died: ``count`` records."""
        store = RecordStore(self.folder)
        records = []
        for _ in range(count):
            tag = os.urandom(16).hex()
            values = {"tag": tag, "host": store.host, "instance": store.instance, "shell": "s"}
            records.append(msgspec.convert({**values, **fields}, Record))
            store.write(tag, msgspec.json.encode(records[-1]))
        store.close()
        return records

    def close(self) -> None:
        for store in self._made:
            store.close()


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    made = Stores(tmp_path)
    yield made
    made.close()


def tags(store: RecordStore) -> set[str]:
    return {left.record.tag for left in store.left()}


def folders(stores: Stores) -> list[str]:
    return sorted(path.name for path in (stores.folder / "shells").iterdir())


def test_all_instances_see_what_a_dead_one_left_and_nothing_of_a_living_one(
    stores: Stores,
) -> None:
    living, other = stores(), stores()
    living.write("a" * 32, b"not even read")
    (record,) = stores.dead()
    for store in (living, other):
        (left,) = store.left()
        assert left.record == record
        assert left.folder == record.instance
    assert set(folders(stores)) == {living.instance, other.instance, record.instance}


def test_a_claim_moves_the_record_and_what_is_empty_goes(stores: Stores) -> None:
    (record,) = stores.dead()
    store, other = stores(), stores()
    (left,) = store.left()
    assert store.claim(left) == record
    assert other.claim(left) is None
    assert tags(store) == tags(other) == set()
    assert record.instance not in folders(stores)


def test_what_its_claimer_did_not_get_to_change_is_as_it_was(stores: Stores) -> None:
    (record,) = stores.dead()
    killed = RecordStore(stores.folder)
    (left,) = killed.left()
    killed.claim(left)
    killed.close()
    (again,) = stores().left()
    assert again.record == record
    assert again.folder == killed.instance


def test_what_is_forgotten_goes_unless_somebody_claimed_it(stores: Stores) -> None:
    first, second = stores.dead(2)
    store, other = stores(), stores()
    left = {one.record.tag: one for one in store.left()}
    other.claim(left[first.tag])
    for one in left.values():
        store.forget(one)
    assert tags(store) == set()
    assert second.instance not in folders(stores)
    other.close()
    assert tags(stores()) == {first.tag}


def test_of_many_that_claim_at_once_each_record_has_one(stores: Stores) -> None:
    records = stores.dead(MANY)
    everybody = [stores() for _ in range(6)]
    begin = threading.Barrier(len(everybody))

    def claim_all(store: RecordStore) -> list[str]:
        left = store.left()
        begin.wait()
        return [record.tag for one in left if (record := store.claim(one)) is not None]

    with ThreadPoolExecutor(len(everybody)) as threads:
        claimed = [tag for tags in threads.map(claim_all, everybody) for tag in tags]
    assert sorted(claimed) == sorted(record.tag for record in records)
    assert tags(stores()) == set()


def test_looking_disturbs_nobody_who_looks_or_starts(stores: Stores) -> None:
    (record,) = stores.dead()
    everybody = [stores() for _ in range(6)]
    begin = threading.Barrier(len(everybody))

    def look(store: RecordStore) -> list[set[str]]:
        begin.wait()
        return [tags(store) for _ in range(20)]

    with ThreadPoolExecutor(len(everybody)) as threads:
        seen = [tags for many in threads.map(look, everybody) for tags in many]
    assert seen == [{record.tag}] * len(seen)


def test_the_meaning_of_an_end_is_in_the_record(stores: Stores) -> None:
    (record,) = stores.dead()
    record.ending(everything=True)
    record.ending()
    read = msgspec.json.decode(msgspec.json.encode(record), type=Record)
    assert (read.state, read.everything) == ("ending", True)


def test_a_record_of_an_older_release_is_read(stores: Stores) -> None:
    old = b'{"tag":"%s","host":"h","instance":"i","shell":"s","state":"kept","kept":[[1,"a"]]}'
    folder = stores.folder / "shells" / "0123456789abcdef"
    store = stores()
    folder.mkdir()
    (folder / ("a" * 32 + ".json")).write_bytes(old % (b"a" * 32))
    (left,) = store.left()
    assert (left.record.state, left.record.everything) == ("kept", False)
