"""A log as Delta's protocol writes it, and as it looks after years."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from infra.errors import TableError
from infra.interfaces import ObjectInfo, ObjectStore
from infra.stores import open_store
from infra.tables.delta_log import COMMIT_TIME, read_history, to_commit_metadata


def entry(*actions: object) -> bytes:
    return b"\n".join(json.dumps(action).encode() for action in actions)


def test_only_commits_are_read_and_only_our_words() -> None:
    store = open_store(f"memory://{uuid4().hex}")
    info = {
        "timestamp": 1_795_370_714_132,
        "operation": "MERGE",
        **to_commit_metadata({"run_id": "r1", "operation": "mine"}),
    }
    names = {
        "00000000000000000010.checkpoint.parquet": b"PAR1",
        "00000000000000000010.json": entry({"add": {"path": 'a"commitInfo"b'}}, {"commitInfo": info}),
        "00000000000000000011.json": entry({"protocol": {}}, {"remove": {"path": "b"}}),
        "00000000000000000010.00000000000000000011.compacted.json": b"{}",
        "_last_checkpoint": b"{}",
    }
    for name, data in names.items():
        store.write(f"manifest/shoes/_delta_log/{name}", data)
    newest, older = read_history(store, "manifest/shoes")
    assert (newest.version, dict(newest.metadata)) == (11, {})
    assert (older.version, dict(older.metadata)) == (10, {"run_id": "r1", "operation": "mine"})
    assert older.timestamp == datetime(2026, 11, 22, 18, 5, 14, 132_000, tzinfo=UTC)
    assert [commit.version for commit in read_history(store, "manifest/shoes", 1)] == [11]


def test_no_table_has_no_history() -> None:
    assert list(read_history(open_store(f"memory://{uuid4().hex}"), "manifest/shoes")) == []


def test_a_commit_s_time_is_the_store_s_where_it_carries_one() -> None:
    store = open_store(f"memory://{uuid4().hex}")
    info = {"timestamp": 0, **to_commit_metadata({"run_id": "r1", COMMIT_TIME: "2027-01-02T03:04:05+00:00"})}
    store.write("manifest/shoes/_delta_log/00000000000000000001.json", entry({"commitInfo": info}))
    (commit,) = read_history(store, "manifest/shoes")
    assert commit.timestamp == datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert dict(commit.metadata) == {"run_id": "r1"}


def test_a_compaction_changes_no_data_and_is_told_from_a_release() -> None:
    store = open_store(f"memory://{uuid4().hex}")
    entries = [
        entry({"commitInfo": {}}, {"add": {"path": "a", "dataChange": True}}),
        entry({"commitInfo": {}}, {"add": {"path": "b", "dataChange": False}}, {"remove": {"dataChange": False}}),
        entry({"commitInfo": {}}, {"remove": {"path": "b"}}),
        entry({"commitInfo": {}}, {"metaData": {}}),
    ]
    for version, data in enumerate(entries):
        store.write(f"t/_delta_log/{version:020d}.json", data)
    assert [commit.changes_data for commit in read_history(store, "t")] == [False, True, False, True]


def test_an_entry_that_a_sweep_removes_meanwhile_is_left_out() -> None:
    store = open_store(f"memory://{uuid4().hex}")
    for version in range(3):
        store.write(f"t/_delta_log/{version:020d}.json", entry({"commitInfo": {}}))
    assert [commit.version for commit in read_history(SweptWhileListed(store), "t")] == [2, 1]


class SweptWhileListed:
    """A store whose oldest log entry is deleted between its listing and its reading."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        found = list(self._store.list(prefix))
        self._store.delete([found[0].key])
        return iter(found)


@pytest.mark.parametrize(
    "damaged",
    [
        b"{",
        b"\xff",
        b"[" * 100_000,
        b"1",
        b'{"commitInfo": null}',
        b'{"commitInfo": {"timestamp": []}}',
        b'{"add": true}',
        b'{"commitInfo": {"timestamp": 1e308}}',
        b'{"commitInfo": {"packshot.at": "2026-11-29T08:00:00"}}',
        b'{"remove": "x"}',
        b'{"commitInfo": {"operationMetrics": {"num_added_rows": "1e308"}}}',
        b'{"commitInfo": {"timestamp": ' + b"9" * 5000 + b"}}",
    ],
    ids=[
        "cut",
        "no-text",
        "deep",
        "number",
        "null",
        "time-list",
        "add",
        "time-far",
        "no-zone",
        "remove",
        "rows",
        "long-number",
    ],
)
def test_a_damaged_entry_is_a_sentence_that_names_table_and_version(damaged: bytes) -> None:
    store = open_store(f"memory://{uuid4().hex}")
    store.write("manifest/shoes/_delta_log/00000000000000000007.json", damaged)
    with pytest.raises(TableError, match=r"version 7 of table 'manifest/shoes' is damaged .*: restore that object"):
        read_history(store, "manifest/shoes")
