"""The guard between a Parquet file and its reader: honest files pass whatever their pages are, bombs do not."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.sources import parquet_pages
from infra.sources.parquet_pages import GuardedParquetFile, PageTooLarge, check_footer


def written(columns: dict[str, object], **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, **options)
    return sink.getvalue()


def rows_of(content: bytes, batch_rows: int = 1_000) -> list[dict[str, Any]]:
    return [row for batch in batches_of(content, batch_rows) for row in batch.to_pylist()]


def batches_of(content: bytes, batch_rows: int) -> Iterator[pa.RecordBatch]:
    guard = GuardedParquetFile(io.BytesIO(content))
    parquet = pq.ParquetFile(guard, buffer_size=1 << 16, pre_buffer=False)
    leaves = [parquet.schema.column(number) for number in range(parquet.metadata.num_columns)]
    for group in range(parquet.metadata.num_row_groups):
        metadata = parquet.metadata.row_group(group)
        chunks = [(metadata.column(number), leaf.max_repetition_level > 0) for number, leaf in enumerate(leaves)]
        guard.watch(chunks, batch_rows)
        yield from parquet.iter_batches(batch_rows, row_groups=[group], use_threads=False)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["NONE", "snappy", "zstd", "gzip"])
@pytest.mark.parametrize("use_dictionary", [True, False])
def test_an_honest_file_comes_back_as_it_is(version: str, compression: str, use_dictionary: bool) -> None:
    columns = {
        "sku": [f"sku-{number}" for number in range(5_000)],
        "title": ["Lamp", None] * 2_500,
        "views": [["front"] * (number % 4) for number in range(5_000)],
        "price": np.arange(5_000) / 7,
    }
    options = {"data_page_version": version, "compression": compression, "use_dictionary": use_dictionary}
    content = written(columns, **options, row_group_size=2_000, data_page_size=1 << 10)
    assert rows_of(content) == pa.table(columns).to_pylist()


def test_many_well_compressed_pages_of_one_read_are_no_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_pages, "MAX_BATCH_BYTES", 1 << 20)
    columns = {"title": ["The same words again and again. " * 10] * 20_000}  # 6.6 MB in one read of 64 kB
    content = written(columns, compression="zstd", use_dictionary=False, data_page_size=1 << 14)
    assert len(content) < 1 << 16
    assert len(rows_of(content, batch_rows=1_000)) == 20_000
    with pytest.raises(PageTooLarge, match="a few rows decode to more than 1 MB"):
        rows_of(content, batch_rows=10_000)


def test_pages_of_all_columns_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_pages, "MAX_PAGES_BYTES", 3 << 20)
    column = ["x" * 1_000] * 1_500
    content = written({"a": column}, compression="zstd", use_dictionary=False, data_page_size=4 << 20)
    assert len(rows_of(content)) == 1_500
    content = written(dict.fromkeys("abc", column), compression="zstd", use_dictionary=False, data_page_size=4 << 20)
    with pytest.raises(PageTooLarge, match="its pages decode to more than 3 MB"):
        rows_of(content)


def test_values_of_lists_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_pages, "MAX_LIST_VALUES", 1_000)
    with pytest.raises(PageTooLarge, match="a list column has more than 1,000 values"):
        rows_of(written({"views": [["front"] * 1_001]}))


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_encodings_that_hide_their_size_are_refused(encoding: str) -> None:
    content = written({"title": ["a", "ab"]}, use_dictionary=False, column_encoding={"title": encoding})
    with pytest.raises(PageTooLarge, match=f"encoded as {encoding}"):
        rows_of(content)


def test_columns_that_share_their_bytes_are_refused() -> None:
    metadata = pq.ParquetFile(io.BytesIO(written({"a": [1]}))).metadata.row_group(0).column(0)
    with pytest.raises(PageTooLarge, match="columns overlap"):
        GuardedParquetFile(io.BytesIO()).watch([(metadata, False), (metadata, False)], 1)


def test_bytes_outside_of_the_columns_are_not_given() -> None:
    content = written({"a": [1]})
    metadata = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(0).column(0)
    guard = GuardedParquetFile(io.BytesIO(content))
    guard.watch([(metadata, False)], 1)
    with pytest.raises(PageTooLarge, match="lie elsewhere"):
        guard.read(10)


def test_small_footers_are_not_counted_and_huge_ones_not_read() -> None:
    check_footer(b"\xff" * 1000)
    with pytest.raises(PageTooLarge, match="footer cannot be used"):
        check_footer(b"\xff" * (2 << 20))
    with pytest.raises(PageTooLarge, match="footer has more than 64 MB"):
        check_footer(bytes((64 << 20) + 1))
