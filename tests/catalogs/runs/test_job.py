"""A run may be resumed only where its plan would be the same."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from catalogs.policy.brands.shop_brands import ShopBrands
from catalogs.policy.schema import built_in_policy
from catalogs.recipe.source_settings import SourceSettings
from catalogs.runs.job import RefreshJob, new_run_id
from tests.fixtures.sample_recipe import RECIPE, recipe_with

JOB = RefreshJob("products.csv", "file:///store", "shoes", RECIPE, built_in_policy())


@pytest.mark.parametrize(
    "changed",
    [
        replace(JOB, catalogue="boots"),
        replace(JOB, recipe=recipe_with({"salt": "ours"})),
        replace(JOB, policy=built_in_policy().model_copy(update={"version": 3})),
        replace(JOB, scope="partial"),
        replace(JOB, max_cost=1.0),
        replace(JOB, max_hours=1.0),
        replace(JOB, backfill=20),
        replace(JOB, read_as=SourceSettings(separator=";")),
        replace(JOB, shop_brands=ShopBrands(1, {"Nike": "learned"})),
    ],
    ids=["catalogue", "recipe", "policy", "scope", "budget", "time", "backfill", "reading", "shop brands"],
)
def test_all_that_a_plan_depends_on_moves_the_fingerprint(changed: RefreshJob) -> None:
    assert changed.fingerprint("content") != JOB.fingerprint("content")


def test_the_catalogues_content_moves_it_and_its_place_does_not() -> None:
    assert JOB.fingerprint("content") != JOB.fingerprint("other content")
    moved = replace(JOB, source="s3://bucket/products.csv", store="s3://bucket/store")
    assert moved.fingerprint("content") == JOB.fingerprint("content")


def test_run_ids_differ_and_sort_by_their_start() -> None:
    started = datetime(2026, 11, 29, 7, 5, 3, 123456, tzinfo=UTC)
    assert re.fullmatch(r"20261129T070503-[0-9a-f]{8}", new_run_id(started))
    assert re.fullmatch(r"20261129T070503123456-[0-9a-f]{8}", new_run_id(started, microseconds=True))
    assert len({new_run_id(started) for _ in range(100)}) == 100
    assert new_run_id(started) < new_run_id(started + timedelta(seconds=1))
