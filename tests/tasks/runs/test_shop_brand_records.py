"""Facts of a shop's brands are numbered, append-only, and written by one of several at once."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.errors import PolicyChanged
from catalogs.policy.brands.shop_brands import ShopBrands
from catalogs.policy.schema import built_in_policy
from catalogs.runs.job import RefreshJob, Run
from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.stores import open_store
from tasks.runs.shop_brand_records import ShopBrandRecords, record_first_shop_brands, record_learned_brands
from tests.fixtures.sample_recipe import RECIPE

FIRST = ShopBrands(1, {"Nike": "learned"}, at=datetime(2026, 3, 1, tzinfo=UTC), reason="first full run")
RUN = Run("r2", "shoes", "full", "f", datetime(2026, 3, 2, tzinfo=UTC), "shoes.csv")
JOB = RefreshJob("shoes.csv", "file:///store", "shoes", RECIPE, built_in_policy(), shop_brands=FIRST)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path))


def test_the_first_fact_is_written_once_and_another_one_is_refused(store: ObjectStore) -> None:
    records = ShopBrandRecords(store, "shoes")
    assert records.newest() is None
    record_first_shop_brands(store, JOB)
    record_first_shop_brands(store, JOB)
    assert records.read_all() == [FIRST]
    other = replace(JOB, shop_brands=replace(FIRST, sold={}))
    with pytest.raises(PolicyChanged, match="recorded the brands of 'shoes' first"):
        record_first_shop_brands(store, other)


def test_a_job_without_a_fact_and_one_of_a_later_number_write_nothing(store: ObjectStore) -> None:
    for fact in (ShopBrands(0), replace(FIRST, number=2)):
        record_first_shop_brands(store, replace(JOB, shop_brands=fact))
    assert ShopBrandRecords(store, "shoes").newest() is None


def test_what_a_run_learned_is_the_next_fact_once_however_often_it_is_repeated(store: ObjectStore) -> None:
    record_first_shop_brands(store, JOB)
    added = record_learned_brands(store, RUN, ["Adidas"])
    assert added is not None
    assert (added.number, dict(added.sold), added.run_id) == (2, {"Nike": "learned", "Adidas": "learned"}, "r2")
    assert record_learned_brands(store, RUN, ["Adidas", "Nike"]) is None
    assert record_learned_brands(store, RUN, []) is None
    assert [fact.number for fact in ShopBrandRecords(store, "shoes").read_all()] == [2, 1]


def test_a_number_that_was_taken_meanwhile_is_looked_at_again(store: ObjectStore) -> None:
    records = ShopBrandRecords(store, "shoes")

    def change(current: ShopBrands) -> ShopBrands:
        if not current.number:
            assert records.claim(FIRST)  # another process is quicker
        return replace(current, sold={**current.sold, "Adidas": "person"})

    fact = records.append(change)
    assert fact is not None
    assert (fact.number, set(fact.sold)) == (2, {"Nike", "Adidas"})


def test_a_fact_that_cannot_be_read_stops_the_run(store: ObjectStore) -> None:
    store.write(layout.shop_brands("shoes", 1), b"{}")
    with pytest.raises(StoreError, match=r"brands/shoes/00000001.json cannot be read as the brands of a shop"):
        ShopBrandRecords(store, "shoes").newest()
