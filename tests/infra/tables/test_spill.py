"""Rows are all there before the first is used, or none is."""

from collections.abc import Iterator

import pyarrow as pa
import pytest

from infra.tables.spill import read_spilled, spill

SCHEMA = pa.schema([("number", pa.int64())])


def batches(count: int, breaks: bool = False) -> Iterator[pa.RecordBatch]:
    for number in range(count):
        yield pa.record_batch([[number, number + 1]], schema=SCHEMA)
    if breaks:
        raise OSError("the connection was cut")


def test_batches_come_back_as_they_went_in() -> None:
    assert list(read_spilled(spill(SCHEMA, batches(3)))) == list(batches(3))
    assert list(read_spilled(spill(SCHEMA, batches(0)))) == []


def test_a_stream_that_breaks_is_told_before_a_row_is_used() -> None:
    with pytest.raises(OSError, match="was cut"):
        spill(SCHEMA, batches(3, breaks=True))
