"""S11: tables stay inside their folder, whatever a link or a log entry says."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.errors import StoreError, TableError
from infra.interfaces import TableStore
from infra.tables import open_tables
from infra.tables.table_paths import own_file_key

SCHEMA = pa.schema([("slot_id", pa.string()), ("object", pa.string())])
TABLE = "manifest/shop"


def put(tables: TableStore, slot: str, base: int) -> int:
    rows = pa.table({"slot_id": [slot], "object": ["o"], "_op": ["put"]})
    return tables.merge(TABLE, rows, on=["slot_id"], base_version=base, metadata={})


@pytest.fixture
def store(tmp_path: Path) -> Path:
    tables = open_tables(str(tmp_path / "store"))
    tables.ensure(TABLE, SCHEMA)
    put(tables, "a", 0)
    return tmp_path / "store"


@pytest.mark.parametrize("dangling", [False, True])
@pytest.mark.parametrize(
    "link", ["manifest", "manifest/shop", "manifest/shop/_delta_log", "manifest/shop/_change_data"]
)
def test_s11_nothing_is_written_through_a_link(tmp_path: Path, link: str, dangling: bool) -> None:
    outside = tmp_path / "outside"
    if not dangling:
        outside.mkdir()
    path = tmp_path / "store" / link
    path.parent.mkdir(parents=True)
    path.symlink_to(outside)
    tables = open_tables(str(tmp_path / "store"))
    for attempt in (lambda: tables.ensure(TABLE, SCHEMA), lambda: tables.version(TABLE), lambda: put(tables, "b", 0)):
        with pytest.raises(StoreError, match="behind a symbolic link"):
            attempt()
    assert not list(outside.glob("**/*"))


def test_s11_a_link_that_comes_later_is_noticed(tmp_path: Path, store: Path) -> None:
    tables = open_tables(str(store))
    assert tables.version(TABLE) == 1
    (store / "manifest").rename(tmp_path / "moved")
    (store / "manifest").symlink_to(tmp_path / "moved")
    with pytest.raises(StoreError, match="behind a symbolic link"):
        put(tables, "b", 1)
    assert len(list((tmp_path / "moved" / "shop" / "_delta_log").glob("*.json"))) == 2


def foreign_file(folder: Path) -> Path:
    path = folder / "foreign.parquet"
    pq.write_table(pa.table({"slot_id": ["stolen"], "object": ["o"]}), path)
    return path


@pytest.mark.parametrize(
    "named", ["../../../foreign.parquet", "{absolute}", "file://{absolute}", "s3://other/x.parquet"]
)
def test_s11_a_log_entry_that_names_a_foreign_file_is_refused(tmp_path: Path, store: Path, named: str) -> None:
    foreign = foreign_file(tmp_path)
    path = named.format(absolute=foreign)
    action = {"path": path, "partitionValues": {}, "size": foreign.stat().st_size, "modificationTime": 0}
    entry = json.dumps({"add": action | {"dataChange": True}}) + "\n"
    opened = open_tables(str(store))
    assert opened.version(TABLE) == 1
    (store / TABLE / "_delta_log" / f"{2:020d}.json").write_text(entry)
    for tables in (opened, open_tables(str(store))):
        for attempt in (
            lambda tables=tables: tables.read(TABLE),
            lambda tables=tables: put(tables, "b", 2),
            lambda tables=tables: list(tables.batches_since(TABLE, ["slot_id"], oldest=1)),
            lambda tables=tables: tables.changes(TABLE, 2),
        ):
            with pytest.raises(TableError, match="names a file outside of its own folder"):
                attempt()


def test_s11_a_change_feed_of_a_foreign_file_is_refused(tmp_path: Path, store: Path) -> None:
    foreign = foreign_file(tmp_path)
    action = {"path": str(foreign), "partitionValues": {}, "size": foreign.stat().st_size, "dataChange": False}
    (store / TABLE / "_delta_log" / f"{2:020d}.json").write_text(json.dumps({"cdc": action}) + "\n")
    with pytest.raises(TableError, match=r"names a file outside of its own folder, '.*foreign\.parquet'"):
        open_tables(str(store)).changes(TABLE, 2)


@pytest.mark.parametrize("path", ["part-0.parquet", "a=b%20c/part-0.parquet", "_change_data/cdc-1.parquet"])
def test_files_of_the_table_have_keys_below_it(path: str) -> None:
    assert own_file_key("manifest/shop", path).startswith("manifest/shop/")


@pytest.mark.parametrize("path", ["%2e%2e/x", "/etc/passwd", "a//b", "./x", "", "C:/x", "abfss://c@a/x", "file:/x"])
def test_other_paths_have_none(path: str) -> None:
    with pytest.raises(TableError, match="outside of its own folder"):
        own_file_key("manifest/shop", path)
