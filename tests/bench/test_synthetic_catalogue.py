"""Made-up catalogues: any size, always the same, with exactly the changes asked for."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.synthetic_catalogue import PRODUCT_TYPES, SYNTHETIC_SCHEMA, VARIANT_GROUP_SIZE, synthetic_batches


def table(skus: int, seed: int = 0, **options: float) -> pa.Table:
    return pa.Table.from_batches(list(synthetic_batches(skus, seed, **options)), SYNTHETIC_SCHEMA)  # type: ignore[arg-type]


def titles(made: pa.Table) -> dict[str, str]:
    return dict(zip(made["sku"].to_pylist(), made["title"].to_pylist(), strict=True))


def test_every_row_is_filled_and_every_sku_and_title_is_unique() -> None:
    made = table(5000)
    assert made.schema == SYNTHETIC_SCHEMA
    assert made.num_rows == len(set(made["sku"].to_pylist())) == len(set(made["title"].to_pylist())) == 5000
    assert [made[name].null_count for name in made.column_names] == [0] * made.num_columns
    assert set(made["category"].to_pylist()) == set(PRODUCT_TYPES)


def test_the_batch_size_changes_nothing() -> None:
    assert table(1000, batch_rows=7) == table(1000)
    assert max(batch.num_rows for batch in synthetic_batches(1000, batch_rows=7)) == 7


def test_another_seed_gives_other_words() -> None:
    same = sum(one == other for one, other in zip(table(500)["title"], table(500, 1)["title"], strict=True))
    assert same < 25


def test_a_larger_catalogue_begins_like_a_smaller_one() -> None:
    assert table(300).slice(0, 200) == table(200)
    assert table(200, added=100) == table(300)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 20), st.integers(0, 3))
def test_exactly_the_asked_number_of_rows_changes_goes_and_comes(
    changed: int, dropped: int, added: int, seed: int
) -> None:
    before, after = titles(table(120, seed)), titles(table(120, seed, changed=changed, dropped=dropped, added=added))
    assert len(before.keys() - after.keys()) == dropped
    assert len(after.keys() - before.keys()) == added
    assert sum(before[sku] != after[sku] for sku in before.keys() & after.keys()) == changed


def test_only_the_title_of_a_changed_row_moves() -> None:
    assert table(200, changed=50).drop_columns("title") == table(200).drop_columns("title")


def test_more_changes_than_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="6 changed and 5 dropped are more than the 10"):
        list(synthetic_batches(10, changed=6, dropped=5))


def test_shared_products_have_variants_of_the_same_words() -> None:
    made = table(4000, share=0.5)
    same_words = (
        made.drop_columns(["sku"]).group_by(made.drop_columns(["sku"]).column_names).aggregate([([], "count_all")])
    )
    sizes = same_words["count_all"].to_pylist()
    assert set(sizes) == {1, VARIANT_GROUP_SIZE}
    assert 0.4 < sum(size for size in sizes if size == VARIANT_GROUP_SIZE) / made.num_rows < 0.6
