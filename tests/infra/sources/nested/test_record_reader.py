"""Records as batches: types, lists, bounds of rows and bytes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.errors import UnreadableSource
from infra.sources.nested import record_reader
from infra.sources.nested.record_reader import RecordReader
from infra.sources.source_files import SourceFile, list_source_files


def reader_of(folder: Path, *records: dict[str, Any], objects_are_text: bool = False) -> RecordReader:
    (folder / "a.json").write_bytes(b"-")

    def read(_: SourceFile) -> Iterator[dict[str, Any]]:
        return iter(records)

    return RecordReader(list_source_files(str(folder / "a.json")), read, objects_are_text=objects_are_text)


def rows_of(reader: RecordReader, *columns: str) -> list[dict[str, Any]]:
    return [row for batch in reader.batches(columns, 100) for row in batch.rows.to_pylist()]


def test_columns_are_the_fields_of_all_records_in_the_order_of_their_appearance(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, {"sku": "1"}, {"title": "b", "sku": 2}, {})
    assert (reader.columns, reader.row_count) == (["sku", "title"], 3)
    assert rows_of(reader, "title", "sku") == [
        {"title": None, "sku": "1"},
        {"title": "b", "sku": "2"},
        {"title": None, "sku": None},
    ]


def test_a_name_without_its_own_field_is_the_attribute(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, {"@id": "7", "p": [{"@n": "c", "#text": "red"}]}, objects_are_text=True)
    assert reader.has("id")
    assert rows_of(reader, "id", "p", "p[n=c]") == [{"id": "7", "p": ["red"], "p[n=c]": "red"}]


def test_batches_are_bounded_by_rows_and_by_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = reader_of(tmp_path, *({"t": "x" * 100} for _ in range(10)))
    assert [batch.rows.num_rows for batch in reader.batches(["t"], 4)] == [4, 4, 2]
    monkeypatch.setattr(record_reader, "BATCH_BYTES", 250)
    assert [batch.rows.num_rows for batch in reader.batches(["t"], 4)] == [2] * 5


def test_s7_lists_and_columns_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = reader_of(tmp_path, {"sku": "1", "a": ["x"] * 10_001})
    assert rows_of(reader, "sku") == [{"sku": "1"}]
    with pytest.raises(UnreadableSource, match="a row has a list of more than 10,000 values"):
        rows_of(reader, "a")
    monkeypatch.setattr(record_reader, "MAX_COLUMNS", 3)
    with pytest.raises(UnreadableSource, match="has 4 columns, more than 3"):
        reader_of(tmp_path, dict.fromkeys("abcd", 1))


def test_records_without_fields_are_no_table(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match="holds no records with fields"):
        reader_of(tmp_path, {}, {})
