"""A row's own value orders the queue, and moves no digest, no prompt and no image."""

from pathlib import Path

import pytest

from flows.parameters import read_policy
from infra.tables import open_tables
from tasks.reviews.review_service import ReviewService
from tests.fixtures.refresh_harness import RefreshHarness

RECIPE = {
    "catalogue": "shop",
    "columns": {"sku": "sku", "title": "title", "value": "margin"},
    "engine": "stub",
    "models": {"stub": {"family": "stub"}},
    "views": {"front": "front view"},
    "defaults": {"template": "{{ title }}, {{ phrase }}", "views": ["front"], "quality": "standard"},
    "tiers": {"standard": {"width": 64, "height": 64, "steps": 1}},
}
ASKS = {"extends": "default", "image": [{"score": "file.bytes", "reason": "asks-anyway", "review_above": 1}]}


@pytest.mark.slow
def test_a_value_orders_the_queue_and_a_moved_one_makes_nothing_anew(tmp_path: Path) -> None:
    rows = [{"sku": f"sku-{n}", "title": f"Mug {n}", "margin": margin} for n, margin in enumerate(("1", "9", "", "4"))]
    shop = RefreshHarness(tmp_path, rows, RECIPE, ASKS)
    assert read_policy(shop.parameters().policy).image
    first = shop.refresh()
    assert first.report["slots"]["review"] == 4
    items = ReviewService(shop.store, open_tables(shop.url), "shop").claim("ann", count=4)
    assert [item.value for item in items][:2] == [9.0, 4.0]
    assert [item.skus for item in items][:2] == [["sku-1"], ["sku-3"]]
    shop.row("sku-0")["margin"] = "50"
    again = shop.refresh()
    assert (again.report["slots"]["waiting"], again.prompts_rendered) == (4, 0)
