"""Building a release index from batches."""

import pyarrow as pa
import pytest

from catalogs.gallery.release_filter import ReleaseFilter
from catalogs.gallery.release_index_builder import ReleaseIndexBuilder
from tests.catalogs.gallery.release_rows import SCHEMA, index_of, row


def test_columns_that_an_older_release_lacks_are_read_as_nothing() -> None:
    index = index_of(row("A", channels=None, model_version=None), row("B", channels=None, model=None))
    items = index.items(index.matching(ReleaseFilter()))
    assert [(item.channels, item.model) for item in items] == [((), "z-image-turbo"), ((), "")]


@pytest.mark.parametrize("batch_rows", [1, 2, 100])
def test_texts_of_other_batches_keep_their_meaning(batch_rows: int) -> None:
    rows = [row(sku, view, variant) for sku in "CAB" for view in ("side", "back") for variant in "ba"]
    index = index_of(*rows, batch_rows=batch_rows)
    found = [(item.sku, item.view, item.variant) for item in index.items(index.matching(ReleaseFilter()))]
    assert found == [(sku, view, variant) for sku in "ABC" for view in ("back", "side") for variant in "ab"]


def test_an_empty_batch_adds_nothing() -> None:
    builder = ReleaseIndexBuilder()
    builder.add(pa.RecordBatch.from_pylist([], schema=SCHEMA))
    assert len(builder.build()) == 0


def test_a_mode_is_read_filtered_and_counted_and_one_of_a_newer_version_is_another() -> None:
    modes = {"A": None, "B": "white", "C": "scene", "D": "moon", "E": "white"}
    index = index_of(*(row(sku, mode=mode) for sku, mode in modes.items()))
    every = index.matching(ReleaseFilter())
    assert [item.mode for item in index.items(every)] == ["generate", "white", "scene", "other", "white"]
    assert [item.is_kept for item in index.items(every)] == [False, True, True, True, True]
    assert index.facets(every)["mode"] == {"generate": 1, "other": 1, "scene": 1, "white": 2}
    assert [item.sku for item in index.items(index.matching(ReleaseFilter(mode="white")))] == ["B", "E"]
    assert index.count_skus(index.matching(ReleaseFilter(mode="nothing"))) == 0
