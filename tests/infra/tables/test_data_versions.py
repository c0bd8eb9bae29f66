"""What is live since when, where versions without data stand between the releases."""

from pathlib import Path

import pyarrow as pa

from infra.interfaces import TableStore
from infra.stores import open_store
from infra.tables import open_tables
from infra.tables.data_versions import data_commits, has_new_data, newest_data_version

SLOTS = pa.schema([("slot_id", pa.binary())])
TABLE = "manifest/shoes"


def put(tables: TableStore, base: int) -> int:
    rows = pa.table({"slot_id": [bytes([base])], "_op": ["put"]})
    return tables.merge(TABLE, rows, on=["slot_id"], base_version=base, metadata={})


def mark(tables: TableStore, base: int) -> int:
    return tables.mark(TABLE, base_version=base, metadata={})


def test_marks_do_not_move_the_newest_data_version(tmp_path: Path) -> None:
    tables = open_tables(str(tmp_path))
    assert newest_data_version(tables, TABLE) is None
    tables.ensure(TABLE, SLOTS)
    assert newest_data_version(tables, TABLE) == 0
    assert put(tables, 0) == 1
    for base in range(1, 12):
        mark(tables, base)
    assert (tables.version(TABLE), newest_data_version(tables, TABLE)) == (12, 1)
    assert [commit.version for commit in data_commits(tables.history(TABLE))] == [1]
    assert not has_new_data(tables, TABLE, 1)
    assert has_new_data(tables, TABLE, 0)
    assert put(tables, 12) == 13
    assert newest_data_version(tables, TABLE) == 13
    assert has_new_data(tables, TABLE, 12)
    assert not has_new_data(tables, TABLE, 13)


def test_what_has_left_the_log_may_have_changed_rows(tmp_path: Path) -> None:
    tables = open_tables(str(tmp_path))
    tables.ensure(TABLE, SLOTS)
    put(tables, 0)
    for base in range(1, 4):
        mark(tables, base)
    log = f"{TABLE}/_delta_log"
    open_store(str(tmp_path)).delete(f"{log}/{version:020d}.json" for version in range(3))
    assert has_new_data(tables, TABLE, 1), "version 2 cannot be looked at"
    assert not has_new_data(tables, TABLE, 2)
    assert newest_data_version(tables, TABLE) == 3, "the oldest version of the live history shows the same rows"
