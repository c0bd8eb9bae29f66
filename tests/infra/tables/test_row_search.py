"""Searching data files: which columns of which row groups are read."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.errors import ObjectMissing
from infra.stores import open_store
from infra.tables.data_files import DataFile
from infra.tables.row_search import filter_batches, search_data_files

SCHEMA = pa.schema([("sku", pa.string()), ("price", pa.int64())])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, first in (("one", 0), ("two", 100)):
        rows = pa.table({"sku": [f"s{n}" for n in range(first, first + 100)], "price": range(first, first + 100)})
        pq.write_table(rows, tmp_path / f"{name}.parquet", row_group_size=10)
    return tmp_path


def search(folder: Path, schema: pa.Schema, *values: str, files: tuple[str, ...] = ("one", "two")) -> pa.Table:
    found = search_data_files(
        open_store(str(folder)), [DataFile(f"{name}.parquet", 1) for name in files], schema, ("sku", values)
    )
    return pa.Table.from_batches(found, schema)


def test_rows_are_found_across_files_and_row_groups(folder: Path) -> None:
    assert search(folder, SCHEMA, "s3", "s99", "s100", "none").to_pydict() == {
        "sku": ["s3", "s99", "s100"],
        "price": [3, 99, 100],
    }
    assert len(search(folder, SCHEMA, "none")) == 0


def test_a_column_that_a_file_lacks_is_null_and_the_searched_one_need_not_be_wanted(folder: Path) -> None:
    assert search(folder, SCHEMA.remove(0), "s5")["price"].to_pylist() == [5]
    assert search(folder, pa.schema([("angle", pa.string())]), "s5", "s6")["angle"].to_pylist() == [None, None]


def test_rows_are_found_wherever_they_stand_in_a_large_row_group(tmp_path: Path) -> None:
    """It is read batch by batch: a release's file has groups of 131,072 rows."""
    count = 50_000
    rows = pa.table({"sku": [f"s{n}" for n in range(count)], "price": range(count)})
    pq.write_table(rows, tmp_path / "one.parquet", row_group_size=count)
    wanted = [0, 16_383, 16_384, 40_000, count - 1]
    found = search(tmp_path, SCHEMA, *(f"s{n}" for n in wanted), files=("one",))
    assert found.to_pydict() == {"sku": [f"s{n}" for n in wanted], "price": wanted}


def test_other_columns_are_read_only_where_a_value_stands(folder: Path) -> None:
    damaged = folder / "damaged.parquet"
    table = pa.table({"sku": [f"s{n}" for n in range(20)], "price": range(20)})
    pq.write_table(table, damaged, row_group_size=10, compression="zstd", use_dictionary=False)
    price = pq.ParquetFile(damaged).metadata.row_group(1).column(1)
    data = bytearray(damaged.read_bytes())
    data[price.data_page_offset : price.data_page_offset + price.total_compressed_size] = bytes(
        price.total_compressed_size
    )
    damaged.write_bytes(data)
    assert search(folder, SCHEMA, "s9", files=("damaged",))["price"].to_pylist() == [9]
    with pytest.raises(OSError, match="thrift"):
        search(folder, SCHEMA, "s10", files=("damaged",))


def test_a_missing_file_is_named(folder: Path) -> None:
    with pytest.raises(ObjectMissing, match=r"gone\.parquet"):
        search(folder, SCHEMA, "s1", files=("gone",))


def test_batches_are_filtered_alike() -> None:
    batch = pa.RecordBatch.from_pylist([{"sku": "a", "price": 1}, {"sku": "b", "price": 2}], schema=SCHEMA)
    (found,) = filter_batches(iter([batch]), ("sku", ["b"]), SCHEMA.remove(0))
    assert found.to_pylist() == [{"price": 2}]
