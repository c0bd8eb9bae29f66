"""Tables as objects: whole or not there, and what was never written reads as empty."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.errors import DocumentUnreadable, ObjectMissing
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.stores.parquet_objects import (
    parse_table,
    read_batches,
    read_row_group,
    read_row_groups,
    read_table,
    write_table,
    write_table_once,
)

SCHEMA = pa.schema([("key", pa.binary()), ("count", pa.int16()), ("reasons", pa.list_(pa.string()))])


def table(*counts: int) -> pa.Table:
    rows = [{"key": bytes([count]), "count": count, "reasons": ["a", "b"][: count % 3]} for count in counts]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


@pytest.fixture
def store(request: pytest.FixtureRequest) -> ObjectStore:
    return open_store(f"memory://{abs(hash(request.node.nodeid)):x}")


@pytest.mark.parametrize("rows", [(), (1,), tuple(range(100))])
def test_a_table_comes_back_as_it_was(store: ObjectStore, rows: tuple[int, ...]) -> None:
    write_table(store, "runs/r1/slots.parquet", table(*rows))
    assert read_table(store, "runs/r1/slots.parquet", SCHEMA).equals(table(*rows))


def test_what_was_never_written_reads_as_no_rows(store: ObjectStore) -> None:
    found = read_table(store, "nowhere.parquet", SCHEMA)
    assert (found.num_rows, found.schema) == (0, SCHEMA)
    assert list(read_row_groups(store, "nowhere/")) == []
    with pytest.raises(ObjectMissing):
        read_row_group(store, "nowhere.parquet", 0)


def test_a_table_is_read_under_the_schema_that_is_asked_for(store: ObjectStore) -> None:
    wider = table(1, 2).append_column("more", pa.array([0, 0])).select(["more", "reasons", "count", "key"])
    write_table(store, "wide.parquet", wider)
    assert read_table(store, "wide.parquet", SCHEMA).equals(table(1, 2))


def test_one_row_group_is_read_alone(store: ObjectStore) -> None:
    with store.open_output("groups.parquet") as output, pq.ParquetWriter(output, SCHEMA) as writer:
        for start in (0, 3, 6):
            writer.write_table(table(start, start + 1, start + 2))
    assert read_row_group(store, "groups.parquet", 1)["count"].to_pylist() == [3, 4, 5]
    assert [part["count"].to_pylist() for part in read_row_groups(store, "groups")] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_row_groups_of_an_older_version_have_nulls_in_the_columns_that_came_later(store: ObjectStore) -> None:
    write_table(store, "older.parquet", table(1, 2).drop_columns(["reasons"]))
    for rows in (read_row_group(store, "older.parquet", 0, SCHEMA), *read_row_groups(store, "older", schema=SCHEMA)):
        assert (rows["count"].to_pylist(), rows["reasons"].to_pylist()) == ([1, 2], [None, None])


def test_records_are_read_object_by_object_in_key_order(store: ObjectStore) -> None:
    for name, rows in (("b", (3, 4)), ("a", (1,)), ("c", ())):
        write_table(store, f"runs/r1/records/{name}.parquet", table(*rows))
    write_table(store, "runs/r2/records/a.parquet", table(9))
    read = [count for part in read_row_groups(store, "runs/r1/records/") for count in part["count"].to_pylist()]
    assert read == [1, 3, 4]


def test_of_two_tables_under_one_name_the_first_stands(store: ObjectStore) -> None:
    assert write_table_once(store, "batch.parquet", table(1, 2)).equals(table(1, 2))
    assert write_table_once(store, "batch.parquet", table(3)).equals(table(1, 2))
    assert read_table(store, "batch.parquet", SCHEMA).equals(table(1, 2))


def test_a_table_whose_writing_fails_is_not_there(store: ObjectStore) -> None:
    kinds = pa.array([0], pa.int8())
    odd = pa.table({"key": pa.UnionArray.from_sparse(kinds, [pa.array([1]), pa.array(["a"])])})
    with pytest.raises(pa.ArrowNotImplementedError):
        write_table(store, "half.parquet", odd)
    assert not store.exists("half.parquet")


def test_columns_that_came_after_the_object_are_null(store: ObjectStore) -> None:
    write_table(store, "old.parquet", table(1, 2).drop_columns(["reasons"]))
    found = read_table(store, "old.parquet", SCHEMA)
    assert found.schema == SCHEMA
    assert found["reasons"].to_pylist() == [None, None]
    assert found["count"].to_pylist() == [1, 2]


GARBAGE = {"empty": b"", "text": b"[]", "header": b"PAR1" + b"\0" * 20 + b"PAR1", "zeros": b"\0" * 200}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
def test_an_object_that_is_no_table_is_named(store: ObjectStore, data: bytes) -> None:
    store.write("a/b.parquet", data)
    schema = pa.schema([("x", pa.int64())])
    for read in (
        lambda: read_table(store, "a/b.parquet", schema),
        lambda: read_row_group(store, "a/b.parquet", 0),
        lambda: list(read_row_groups(store, "a/")),
        lambda: parse_table("a/b.parquet", data, schema),
        lambda: list(read_batches("a/b.parquet", pa.BufferReader(data), ["x"])),
    ):
        with pytest.raises(DocumentUnreadable, match=r"a/b\.parquet cannot be read as a table"):
            read()


def test_a_table_of_another_shape_is_named_too(store: ObjectStore) -> None:
    write_table(store, "a/b.parquet", pa.table({"y": ["text"]}))
    for schema in (pa.schema([pa.field("x", pa.int64(), nullable=False)]), pa.schema([("y", pa.int64())])):
        with pytest.raises(DocumentUnreadable, match=r"a/b\.parquet cannot be read as a table"):
            read_table(store, "a/b.parquet", schema)


def test_a_damaged_page_is_named(store: ObjectStore) -> None:
    write_table(store, "a/b.parquet", pa.table({"x": list(range(10_000))}))
    data = store.read("a/b.parquet")
    store.write("a/b.parquet", data[:4] + b"\xff" * (len(data) // 2) + data[4 + len(data) // 2 :])
    with pytest.raises(DocumentUnreadable, match=r"a/b\.parquet"):
        list(read_row_groups(store, "a/"))
