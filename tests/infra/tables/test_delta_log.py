"""A log as Delta's protocol writes it, and as it looks after years."""

import json
from datetime import UTC, datetime
from uuid import uuid4

from infra.stores import open_store
from infra.tables.delta_log import read_history, to_commit_metadata


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
