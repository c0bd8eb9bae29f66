"""Small files are merged by a commit that changes no row, and large ones are left alone."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from infra.errors import CommitConflict
from infra.interfaces import TableStore
from infra.stores import open_store
from infra.tables import compaction, open_tables
from infra.tables.compaction import MAX_SMALL_FILES, compact_files, plan_compaction
from infra.tables.data_files import DataFile, list_data_files
from infra.tables.delta_log import new_commit_properties

SLOTS = pa.schema([("slot_id", pa.binary()), ("object", pa.string())])
TABLE = "manifest/shoes"
KIND = {"kind": "compaction"}


@pytest.fixture
def tables(tmp_path: Path) -> TableStore:
    tables = open_tables(str(tmp_path))
    tables.ensure(TABLE, SLOTS)
    return tables


def put(tables: TableStore, base: int, rows: int = 1) -> int:
    keys = [b"%d/%d" % (base, row) for row in range(rows)]
    changes = pa.table({"slot_id": keys, "object": ["x"] * rows, "_op": ["put"] * rows})
    return tables.merge(TABLE, changes, on=["slot_id"], base_version=base, metadata={"run_id": f"r{base}"})


def file_count(folder: Path) -> int:
    return len(DeltaTable(str(folder / TABLE)).file_uris())


def test_one_row_commits_leave_no_more_files_than_the_limit(tables: TableStore, tmp_path: Path) -> None:
    most = 0
    for _ in range(3 * MAX_SMALL_FILES):
        version = tables.version(TABLE)
        assert version is not None
        put(tables, version)
        tables.compact(TABLE, metadata=KIND)
        most = max(most, file_count(tmp_path))
    kinds = [commit.metadata.get("kind") for commit in tables.history(TABLE)]
    assert (most, kinds.count("compaction")) == (MAX_SMALL_FILES, 2)
    assert len(tables.read(TABLE)) == 3 * MAX_SMALL_FILES


def test_a_compaction_changes_no_row_and_old_versions_and_feeds_stay_readable(tables: TableStore) -> None:
    for base in range(MAX_SMALL_FILES + 1):
        put(tables, base)
    newest = MAX_SMALL_FILES + 1
    assert tables.compact(TABLE, metadata=KIND)
    assert not tables.compact(TABLE, metadata=KIND)
    commit = tables.history(TABLE)[0]
    assert (commit.version, commit.changes_data, dict(commit.metadata)) == (newest + 1, False, KIND)
    assert len(tables.changes(TABLE, newest + 1)) == 0
    assert [len(tables.changes(TABLE, version)) for version in (1, newest)] == [1, 1]
    assert len(tables.read(TABLE, version=newest)) == len(tables.read(TABLE)) == newest
    assert put(tables, newest + 1) == newest + 2
    assert len(tables.changes(TABLE, newest + 2)) == 1


def test_large_files_are_not_written_again(tables: TableStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tables, 0, rows=20_000)
    large = set(DeltaTable(str(tmp_path / TABLE)).file_uris())
    monkeypatch.setattr(compaction, "TARGET_BYTES", 20_000)
    for base in range(1, MAX_SMALL_FILES + 2):
        put(tables, base)
    assert tables.compact(TABLE, metadata=KIND)
    files = set(DeltaTable(str(tmp_path / TABLE)).file_uris())
    assert (len(files), large <= files) == (2, True)


def test_a_race_is_lost_without_a_row_more_or_less(tables: TableStore, tmp_path: Path) -> None:
    for base in range(MAX_SMALL_FILES + 1):
        put(tables, base)
    store, stale = open_store(str(tmp_path)), DeltaTable(str(tmp_path / TABLE))
    groups = plan_compaction(list_data_files(TABLE, stale))
    assert tables.compact(TABLE, metadata=KIND)
    with pytest.raises(CommitConflict):
        put(tables, MAX_SMALL_FILES + 1)
    with pytest.raises(CommitFailedError):
        compact_files(store, TABLE, groups, stale, new_commit_properties(KIND, store.now()))
    assert (tables.version(TABLE), len(tables.read(TABLE))) == (MAX_SMALL_FILES + 2, MAX_SMALL_FILES + 1)


def test_of_racing_compactions_one_is_made(tables: TableStore, tmp_path: Path) -> None:
    for base in range(MAX_SMALL_FILES + 1):
        put(tables, base)
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: open_tables(str(tmp_path)).compact(TABLE, metadata=KIND), range(4)))
    assert sum(made) == 1
    assert (tables.version(TABLE), len(tables.read(TABLE))) == (MAX_SMALL_FILES + 2, MAX_SMALL_FILES + 1)


def test_no_table_is_not_compacted(tables: TableStore) -> None:
    assert not tables.compact("no/table", metadata=KIND)


@pytest.mark.parametrize(
    ("sizes", "merged"),
    [
        ([10] * 20, []),
        ([10] * 21, [[10] * 9, [10] * 9, [10] * 3]),
        ([100] * 50, []),
        ([95, *[1] * 21], [[1] * 21]),
    ],
    ids=["few", "many", "large ones", "one that is nearly large"],
)
def test_small_files_are_merged_up_to_the_target(
    sizes: list[int], merged: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "TARGET_BYTES", 99)
    files = [DataFile(str(number), size) for number, size in enumerate(sizes)]
    assert [[file.size for file in group] for group in plan_compaction(files)] == merged
