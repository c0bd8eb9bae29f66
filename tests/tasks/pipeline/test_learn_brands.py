"""A job learns its shop's brands from its own source: at once where nothing is known, else for later runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from catalogs.errors import MissingColumns
from catalogs.policy.brands.shop_brands import ShopBrands
from catalogs.policy.schema import built_in_policy
from catalogs.runs.job import RefreshJob
from infra.stores import open_store
from tasks.pipeline.learn_brands import learn_first_brands, open_learner
from tasks.runs.job_source import open_job_source
from tests.fixtures.sample_recipe import CATALOGUE_COLUMNS, recipe_with

RECIPE = recipe_with({"columns.brand": "brand", "optional": [*CATALOGUE_COLUMNS[2:], "brand"]})


@pytest.fixture
def job(tmp_path: Path) -> RefreshJob:
    source = tmp_path / "shop.csv"
    lines = [f"{number},Nike shoe {number},{'Acme' if number == 3 else ''}" for number in range(4)]
    unread = [f",Adidas cap {number}," for number in range(3)]  # rejected, without an SKU
    source.write_text("\n".join(["sku,title,brand", *lines, *unread]), "utf-8")
    return RefreshJob(str(source), str(tmp_path / "store"), "shop", RECIPE, built_in_policy())


def test_the_first_fact_is_of_accepted_rows_and_has_the_time_before_them(job: RefreshJob) -> None:
    store = open_store(job.store)
    before = store.now()
    fact = learn_first_brands(job, open_job_source(job), store)
    assert (fact.number, fact.sold, fact.reason) == (1, {"Nike": "learned"}, "first full run")
    assert fact.at is not None
    assert before <= fact.at <= store.now()


def test_a_source_without_a_column_is_refused_as_a_plan_refuses_it(job: RefreshJob) -> None:
    other = replace(job, recipe=recipe_with({"columns.title": "name"}))
    with pytest.raises(MissingColumns, match="name"):
        learn_first_brands(other, open_job_source(other), open_store(job.store))


def test_only_full_runs_whose_policy_asks_learn(job: RefreshJob) -> None:
    assert open_learner(job) is not None
    assert open_learner(replace(job, shop_brands=ShopBrands(3))) is not None
    assert open_learner(replace(job, scope="partial")) is None
    assert open_learner(replace(job, policy=built_in_policy("default@1"))) is None
