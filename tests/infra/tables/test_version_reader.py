"""Versions are read from snapshots, which are opened once, and through delta-rs where another tool left its marks."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from infra.errors import TableError
from infra.stores import open_store
from infra.stores.addresses import parse_address
from infra.tables import open_tables
from infra.tables.delta_client import DeltaClient
from infra.tables.version_reader import VersionReader

SCHEMA = pa.schema([("sku", pa.string()), ("price", pa.int64())])
TABLE = "manifest/shoes"


@pytest.fixture
def reader(tmp_path: Path) -> VersionReader:
    tables = open_tables(str(tmp_path))
    tables.ensure(TABLE, SCHEMA)
    rows = pa.table({"sku": ["a", "b"], "price": [1, 2], "_op": ["put", "put"]})
    tables.merge(TABLE, rows, on=["sku"], base_version=0, metadata={})
    return VersionReader(DeltaClient(parse_address(str(tmp_path))), open_store(str(tmp_path)))


def test_a_scan_has_the_chosen_columns(reader: VersionReader) -> None:
    scan = reader.scan(TABLE, ["price"], None)
    assert scan.schema.names == ["price"]
    assert sorted(pa.Table.from_batches(scan.batches)["price"].to_pylist()) == [1, 2]
    with pytest.raises(ValueError, match="'colour'"):
        reader.scan(TABLE, ["colour"], None)
    with pytest.raises(TableError, match="no table 'other'"):
        reader.scan("other", None, None)


def test_a_version_is_opened_once(reader: VersionReader, tmp_path: Path) -> None:
    first = reader.snapshot(TABLE)
    assert (first.version, len(first.files or ())) == (1, 1)
    log = tmp_path / TABLE / "_delta_log"
    log.rename(tmp_path / "away")
    assert reader.snapshot(TABLE, 1) is first
    assert len(pa.Table.from_batches(reader.scan(TABLE, ["sku"], 1).batches)) == 2
    reader.forget()
    with pytest.raises(TableError):
        reader.snapshot(TABLE, 0)
    (tmp_path / "away").rename(log)
    assert reader.snapshot(TABLE, 0).files == ()


def test_a_file_that_is_gone_is_a_table_s_error(reader: VersionReader, tmp_path: Path) -> None:
    scan = reader.scan(TABLE, None, None)
    for path in (tmp_path / TABLE).glob("*.parquet"):
        path.unlink()
    with pytest.raises(TableError, match="'manifest/shoes' could not be served: a file of its version 1 is gone"):
        list(scan.batches)


def test_a_table_with_partitions_is_read_through_delta(reader: VersionReader, tmp_path: Path) -> None:
    rows = pa.table({"sku": ["a", "b"], "price": [1, 2]})
    write_deltalake(tmp_path / "by-sku", rows, partition_by=["sku"])
    assert DeltaTable(tmp_path / "by-sku").metadata().partition_columns == ["sku"]
    assert reader.snapshot("by-sku").files is None
    wider = SCHEMA.append(pa.field("angle", pa.string()))
    found = pa.Table.from_batches(reader.scan("by-sku", wider, None).batches).sort_by("sku")
    assert found.to_pydict() == {"sku": ["a", "b"], "price": [1, 2], "angle": [None, None]}
    assert len(pa.Table.from_batches(reader.scan("by-sku", pa.schema([("angle", pa.string())]), None).batches)) == 2


def test_a_table_that_only_delta_can_read_is_searched_through_it(tmp_path: Path) -> None:
    rows = pa.table({"sku": ["a", "b", "c"], "price": [1, 2, 3], "day": ["x", "y", "y"]})
    write_deltalake(str(tmp_path / TABLE), rows, partition_by=["day"])
    reader = VersionReader(DeltaClient(parse_address(str(tmp_path))), open_store(str(tmp_path)))
    scan = reader.search(TABLE, ["price"], None, ("sku", ["b", "none"]))
    assert scan.schema.names == ["price"]
    assert pa.Table.from_batches(scan.batches, scan.schema).to_pydict() == {"price": [2]}
