"""Rows keep their numbers, whatever stands between them."""

import numpy as np
import pyarrow as pa

from infra.sources.source_batches import DamagedRow, FileBatch, number_rows
from infra.sources.source_files import SourceFile

FILE = SourceFile("", "a.csv", 1, "")


def test_readable_rows_are_numbered_around_damaged_and_empty_ones() -> None:
    rows = pa.record_batch({"sku": ["a", "b", "c"]})
    batch = FileBatch(FILE, rows, np.array([0, 2, 5]), {3: "row 5 of a.csv is too long", 1: "row 3 is too short"}, 1)
    assert batch.length == 6
    numbered = number_rows(batch, 11, rows)
    assert numbered.numbers.to_pylist() == [11, 13, 16]
    assert numbered.damaged == (DamagedRow(12, "row 3 is too short"), DamagedRow(14, "row 5 of a.csv is too long"))
    assert (numbered.rows, numbered.empty) == (rows, 1)


def test_without_any_damage_the_numbers_follow_each_other() -> None:
    rows = pa.record_batch({"sku": ["a", "b"]})
    assert number_rows(FileBatch(FILE, rows), 1, rows).numbers.to_pylist() == [1, 2]
