"""What stored work is believed by: a tag of one of the keys, or an age that its writer could not choose."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.integrity.keyring import IntegrityKeys
from infra.integrity.stored_work_trust import UNCHECKED, StoredWorkTrust
from infra.stores import open_store
from infra.stores.memory import MemoryStore

KEYS = IntegrityKeys([b"1" * 64])
OTHERS = IntegrityKeys([b"2" * 64])
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_tag_of_one_of_the_keys_is_believed_and_another_hosts_is_not() -> None:
    store, trust = open_store("memory://trust-1"), StoredWorkTrust(KEYS)
    tag = trust.tag("scores", "key", b"content")
    assert trust.believes(store, "key", tag, "scores", "key", b"content")
    assert not trust.believes(store, "key", tag, "scores", "key", b"other content")
    assert not trust.believes(store, "key", OTHERS.tag("scores", "key", b"content"), "scores", "key", b"content")


def test_without_keys_everything_is_believed_and_nothing_is_tagged() -> None:
    assert UNCHECKED.tag("scores", "key") is None
    assert UNCHECKED.believes(open_store("memory://trust-2"), "key", None, "scores", "key")


@pytest.mark.parametrize(
    ("tagged_since", "believed"),
    [(None, False), (NOON, False), (NOON - HOUR, False), (NOON + HOUR, True)],
    ids=["a store that always had tags", "the same moment", "written after", "written before"],
)
def test_untagged_work_is_believed_only_where_it_is_older_than_the_stores_tags(
    tagged_since: datetime | None, believed: bool
) -> None:
    store = MemoryStore(f"trust-{tagged_since}", lambda: NOON)
    store.write("staging/a.png", b"old")
    trust = StoredWorkTrust(KEYS, tagged_since)
    assert trust.believes(store, "staging/a.png", None, "staged image") == believed
    assert not trust.believes(store, "staging/gone.png", None, "staged image")
    assert not trust.believes(store, "staging/a.png", "", "staged image")
    assert not trust.believes(store, "staging/a.png", OTHERS.tag("staged image"), "staged image")


def test_a_file_that_its_writer_dates_back_is_not_old(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    tagged_since = store.now()
    store.write("staging/planted.png", b"mine")
    os.utime(tmp_path / "staging" / "planted.png", (1, 1))
    assert store.info("staging/planted.png").modified < tagged_since - HOUR
    assert not StoredWorkTrust(KEYS, tagged_since).believes(store, "staging/planted.png", None, "staged image")
    later = store.now() + HOUR
    assert StoredWorkTrust(KEYS, later).believes(store, "staging/planted.png", None, "staged image")
