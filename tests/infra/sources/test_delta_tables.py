"""Delta tables as a source: at a version, read only, and nothing outside of the table."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from infra.errors import UnreadableSource
from infra.sources import Source, delta_tables, open_source
from infra.sources.source_options import SourceOptions
from infra.stores.s3_client import S3Access

ROWS = pa.table({"sku": ["1", "2"], "title": ["Mug", "Cup"], "group": ["Home & Garden", None]})


def opened(folder: Path, version: int | None = None, kind: str | None = None) -> Source:
    return open_source(str(folder), SourceOptions(version=version, format=kind))


def rows_of(source: Source, *columns: str) -> list[tuple[Any, ...]]:
    rows = [row for batch in source.batches(columns) for row in batch.rows.to_pylist()]
    return sorted(tuple(row.values()) for row in rows)


def log_entry(folder: Path, version: int = 0) -> Path:
    return folder / "_delta_log" / f"{version:020d}.json"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    folder = tmp_path / "products"
    write_deltalake(folder, ROWS, partition_by=["group"])
    write_deltalake(folder, ROWS.slice(0, 1).set_column(1, "title", pa.array(["Pot"])), mode="overwrite")
    return folder


def test_the_newest_version_has_no_dead_rows(table: Path) -> None:
    source = opened(table)
    assert (source.columns, source.row_count()) == (("sku", "title", "group"), 1)
    assert source.notes == ("a Delta table at version 1",)
    assert rows_of(source, "sku", "title", "group") == [("1", "Pot", "Home & Garden")]


def test_an_older_version_is_read_by_its_number_and_has_its_own_fingerprint(table: Path) -> None:
    source = opened(table, 0)
    assert rows_of(source, "sku", "title", "group") == [("1", "Mug", "Home & Garden"), ("2", "Cup", None)]
    assert source.fingerprint() != opened(table, 1).fingerprint()
    assert opened(table).fingerprint() == opened(table, 1, "delta").fingerprint()


def test_a_version_by_a_checkpoint_is_the_same(table: Path) -> None:
    before = opened(table).fingerprint()
    DeltaTable(table).create_checkpoint()
    log_entry(table, 0).unlink()
    assert opened(table).fingerprint() == before


def test_a_column_that_came_later_is_empty_in_older_files(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.table({"sku": ["1"], "size": pa.array([1], pa.int32())}))
    more = pa.table({"sku": ["2"], "size": pa.array([2], pa.int32()), "color": ["red"]})
    write_deltalake(tmp_path, more, mode="append", schema_mode="merge")
    assert rows_of(opened(tmp_path), "sku", "size", "color") == [("1", 1, None), ("2", 2, "red")]


def test_a_table_in_a_bucket_is_read_at_its_versions(s3_url: str) -> None:
    options = S3Access.from_environment().for_deltalake(s3_url.split("/")[2])
    for mode, rows in (("error", ROWS), ("overwrite", ROWS.slice(1))):
        write_deltalake(f"{s3_url}/products", rows, mode=mode, partition_by=["group"], storage_options=options)
    newest = open_source(f"{s3_url}/products")
    assert rows_of(newest, "sku", "group") == [("2", None)]
    first = open_source(f"{s3_url}/products/", SourceOptions(version=0))
    assert rows_of(first, "sku", "group") == [("1", "Home & Garden"), ("2", None)]
    assert first.fingerprint() != newest.fingerprint()


def test_what_a_version_lacks_is_said(table: Path) -> None:
    with pytest.raises(
        UnreadableSource, match=r"Version 7 of the Delta table '.*products' cannot be read; name another"
    ):
        opened(table, 7)
    with pytest.raises(UnreadableSource, match=r"products/group=.* is no Delta table, so it has no version 1; leave"):
        opened(next(table.glob("group=Home*")), 1)
    with pytest.raises(UnreadableSource, match=r"There is no Delta table in .*absent': it has no _delta_log"):
        opened(table.parent / "absent", kind="delta")
    with pytest.raises(UnreadableSource, match="is a Delta table, whose files hold dead rows too"):
        opened(table, kind="parquet")


def test_files_that_vacuum_removed_are_named(table: Path) -> None:
    next(table.glob("group=__HIVE*/*.parquet")).unlink()
    with pytest.raises(UnreadableSource, match=r"Version 0 .* names the file 'group=__HIVE.*, which is not there"):
        opened(table, 0)


def test_a_table_without_rows_says_so(table: Path) -> None:
    DeltaTable(table).delete()
    with pytest.raises(UnreadableSource, match=r"Version 2 of the Delta table .* has no rows; name another version"):
        opened(table)


def test_s11_neither_the_log_nor_a_file_is_read_through_a_link(table: Path, tmp_path: Path) -> None:
    for target in (next(table.glob("group=Home*/*.parquet")), log_entry(table), table / "_delta_log"):
        moved = tmp_path / "moved"
        target.rename(moved)
        target.symlink_to(moved)
        with pytest.raises(UnreadableSource, match="is a link, which is not followed in a Delta table; put the file"):
            opened(table)
        target.unlink()
        moved.rename(target)
    assert opened(table).row_count() == 1


@pytest.mark.parametrize("path", ["../other.parquet", "/etc/passwd", "file:///etc/passwd", "a/%2e%2e/%2e%2e/b.parquet"])
def test_s11_a_log_that_names_files_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    write_deltalake(tmp_path / "t", ROWS.select(["sku"]))
    entry = log_entry(tmp_path / "t")
    actions = [json.loads(line) for line in entry.read_text("utf-8").splitlines()]
    for action in actions:
        if "add" in action:
            action["add"]["path"] = path
    entry.write_text("\n".join(map(json.dumps, actions)), "utf-8")
    with pytest.raises(UnreadableSource, match=r"names a file outside of its own folder|cannot be read; name"):
        opened(tmp_path / "t")


def change_log(folder: Path, kind: str, **fields: object) -> None:
    entry = log_entry(folder)
    actions = [json.loads(line) for line in entry.read_text("utf-8").splitlines()]
    for action in actions:
        if kind in action:
            action[kind] |= fields
    entry.write_text("\n".join(map(json.dumps, actions)), "utf-8")


@pytest.mark.parametrize(
    ("features", "configuration", "words"),
    [
        (["columnMapping"], {"delta.columnMapping.mode": "name"}, "maps its columns by name, so its files have other"),
        (["deletionVectors", "someFeature"], {}, "someFeature|cannot be read; name another"),
    ],
)
def test_tables_whose_files_do_not_hold_their_rows_are_refused(
    tmp_path: Path, features: list[str], configuration: dict[str, str], words: str
) -> None:
    write_deltalake(tmp_path, ROWS.select(["sku"]))
    versions = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}
    change_log(tmp_path, "protocol", **versions)
    mapped = {"delta.columnMapping.physicalName": "col-1", "delta.columnMapping.id": 1}
    fields = [{"name": "sku", "type": "string", "nullable": True, "metadata": mapped if configuration else {}}]
    schema = json.dumps({"type": "struct", "fields": fields})
    change_log(tmp_path, "metaData", configuration=configuration, schemaString=schema)
    with pytest.raises(UnreadableSource, match=words):
        opened(tmp_path)


def test_deletion_vectors_that_delete_nothing_are_no_obstacle(tmp_path: Path) -> None:
    write_deltalake(tmp_path, ROWS.select(["sku"]))
    names = ["deletionVectors"]
    versions = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": names, "writerFeatures": names}
    change_log(tmp_path, "protocol", **versions)
    assert rows_of(opened(tmp_path), "sku") == [("1",), ("2",)]


def test_s7_a_log_has_a_bounded_size(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta_tables, "MAX_LOG_BYTES", 100)
    with pytest.raises(UnreadableSource, match=r"The log of the Delta table .* has 0 MB for this version, and at"):
        opened(table)


def test_s7_a_checkpoint_is_measured_before_it_is_read(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    DeltaTable(table).create_checkpoint()
    monkeypatch.setattr(delta_tables, "MAX_CHECKPOINT_BYTES", 100)
    with pytest.raises(UnreadableSource, match=r"checkpoint\.parquet' is not read, since it decodes to more than is"):
        opened(table)


@pytest.mark.parametrize("content", [b"", b"{", b'{"add": "x"}\n', b"[" * 100_000, b"\xff", b'{"metaData": {}}\n'])
def test_s7_a_damaged_log_is_one_sentence(table: Path, content: bytes) -> None:
    log_entry(table, 1).write_bytes(content)
    with pytest.raises(UnreadableSource, match=r"of the Delta table '.*products'"):
        opened(table)
