"""A row has one reject, for its first fault; one SKU has one row."""

import pyarrow as pa

from catalogs.ingest.row_rejects import BatchRejects
from tests.fixtures.sample_recipe import RECIPE


def batch(*skus: str, titles: list[str] | None = None) -> BatchRejects:
    return BatchRejects(
        pa.table({"row": list(range(1, len(skus) + 1)), "sku": skus, "title": titles or ["x"] * len(skus)})
    )


def test_a_row_keeps_its_first_reject() -> None:
    rejects = batch("A", "B")
    rejects.add(1, "title", "title is missing")
    rejects.add(1, "width", "no size")
    [reject] = rejects.in_order()
    assert (reject.row, reject.sku, reject.column) == (2, "B", "title")
    assert rejects.accepted(pa.table({"sku": ["A", "B"]})).to_pydict() == {"sku": ["A"]}


def test_an_unreadable_sku_names_no_sku() -> None:
    rejects = batch("A B", "")
    rejects.add_unreadable(RECIPE, {"sku": pa.array(["A\u200bB", None]), "title": pa.array(["x", "x"])})
    assert [(reject.sku, reject.reason) for reject in rejects.in_order()] == [
        (None, "the SKU 'A\\u200bB' holds invisible control characters"),
        (None, "sku is missing"),
    ]


def test_a_sku_is_given_once_over_all_batches() -> None:
    first_rows: dict[str, int] = {}
    assert batch("A", "B", "A").add_duplicates(first_rows) == [("A", 1), ("B", 2)]
    later = batch("B", "C")
    later._rows = [4, 5]
    assert later.add_duplicates(first_rows) == [("C", 5)]
    assert [reject.reason for reject in later.in_order()] == ["the SKU 'B' was given before, in row 2"]
