"""Data files are read whole where they are small, by ranges where they are large, and in the columns that are asked."""

import io
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.errors import ObjectMissing
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.tables import data_files
from infra.tables.data_files import DataFile, read_data_files
from infra.tables.snapshots import SnapshotCache
from infra.testing.faulty_store import FaultInjector, FaultyStore

SCHEMA = pa.schema([("sku", pa.string()), ("price", pa.int64())])


def write(store: ObjectStore, key: str, rows: pa.Table) -> DataFile:
    file = io.BytesIO()
    pq.write_table(rows, file)
    store.write(key, file.getvalue())
    return DataFile(key, len(file.getvalue()))


@pytest.mark.parametrize("whole_file_bytes", [0, data_files.WHOLE_FILE_BYTES], ids=["by ranges", "whole"])
def test_rows_come_in_the_wanted_columns_and_types(monkeypatch: pytest.MonkeyPatch, whole_file_bytes: int) -> None:
    monkeypatch.setattr(data_files, "WHOLE_FILE_BYTES", whole_file_bytes)
    store = open_store(f"memory://{uuid4().hex}")
    old = write(store, "t/old", pa.table({"sku": pa.array(["a"], pa.large_string())}))
    new = write(store, "t/new", pa.table({"price": [2, 3], "sku": ["b", "c"], "extra": [None, None]}))
    rows = pa.Table.from_batches(read_data_files(store, [old, new], SCHEMA), SCHEMA).sort_by("sku")
    assert rows.to_pydict() == {"sku": ["a", "b", "c"], "price": [None, 2, 3]}
    only_missing = pa.schema([("price", pa.int64())])
    assert [batch.to_pydict() for batch in read_data_files(store, [old], only_missing)] == [{"price": [None]}]
    assert list(read_data_files(store, [], SCHEMA)) == []


def test_a_file_that_is_gone_is_said() -> None:
    with pytest.raises(ObjectMissing, match="t/gone"):
        list(read_data_files(open_store(f"memory://{uuid4().hex}"), [DataFile("t/gone", 9)], SCHEMA))


def test_what_was_read_once_is_not_asked_for_again() -> None:
    counted = FaultInjector()
    store = FaultyStore(open_store(f"memory://{uuid4().hex}"), counted)
    store.max_concurrency = 4
    files = [write(store, f"t/{number}", pa.table({"sku": [str(number)], "price": [number]})) for number in range(5)]
    cache, before = SnapshotCache(), counted.operation_count
    for _ in range(3):
        assert len(pa.Table.from_batches(read_data_files(store, files, SCHEMA, cache))) == 5
    assert counted.operation_count - before == 5
