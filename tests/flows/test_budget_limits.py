"""Nights with a budget, with little time, with deadlines: what is made first, what waits, what the next night does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from flows.refresh import Refresh
from flows.run.dry_run import plan_refresh
from flows.run.executors import open_thread_executor
from flows.run.observers import NullObserver
from flows.wiring.composition import open_resources
from flows.wiring.pricing import read_price_list
from infra.settings import Settings
from infra.tables import open_tables
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import (
    END_STATES,
    SETTINGS,
    RefreshHarness,
    assert_counts_add_up,
    assert_published_images,
)

pytestmark = pytest.mark.usefixtures("reduced_audit")

URGENCY = ("priority", "deadline")
SHOP = STUB_RECIPE | {
    "columns": STUB_RECIPE["columns"] | {name: name for name in URGENCY},
    "optional": [*STUB_RECIPE["optional"], *URGENCY],
}
A_SECOND = 2.0 / 3600
"""What a second of the price list's default GPU costs."""
SLOW = SETTINGS.model_copy(update={"stub_seconds": 0.2})


def shop_of(folder: Path, *rows: dict[str, str]) -> RefreshHarness:
    names = dict.fromkeys(["sku", "title", *(name for row in rows for name in row)], "")
    things = [names | {"sku": f"thing-{n}", "title": f"Thing No. {n}"} | row for n, row in enumerate(rows)]
    return RefreshHarness(folder, things, SHOP, settings=SLOW)


def outcomes(shop: RefreshHarness) -> dict[str, tuple[str, list[str]]]:
    rows = open_tables(str(shop.folder / "store")).read(layout.outcomes_table(shop.catalogue)).to_pylist()
    return {row["sku"]: (row["state"], row["reasons"]) for row in rows}


def skus(shop: RefreshHarness) -> set[str]:
    return {sku for sku, _, _ in shop.manifest()}


def slow_night(shop: RefreshHarness, planned: float, **limits: Any) -> dict[str, Any]:
    """Refresh with an engine that takes 0.1 s an image, planned as if it took so many."""
    engine = SETTINGS.model_copy(update={"stub_seconds": 0.1})
    job, _ = shop.parameters(**limits).resolve_job()
    settings = engine.model_copy(update={"stub_seconds": planned})
    with open_thread_executor() as hands, open_resources(job, engine) as (places, gate):
        report = Refresh(job, places, gate, hands, settings, read_price_list(settings), NullObserver()).run()
    assert_counts_add_up(report)
    return report


def test_a_budget_cuts_the_night_and_the_next_one_makes_the_rest(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, *[{"priority": word} for word in ("low", "normal", "high", "", "low", "high")])
    budget = 3.5 * 0.2 * A_SECOND
    plan = plan_refresh(shop.parameters(max_cost=budget), SLOW)
    assert (plan["images"]["planned"], plan["slots"]["deferred"]) == (3, 3)
    assert plan["estimate"]["cost"] == pytest.approx(3 * 0.2 * A_SECOND)
    night = shop.refresh(max_cost=budget)
    assert night.slot_counts() == {"new": 6, "published": 3, "deferred": 3}
    assert skus(shop) == {"thing-1", "thing-2", "thing-5"}, "high before normal, normal before low, first come first"
    assert night.report["limits"] == {"max_cost": budget, "max_hours": None, "deferred": {"over-budget": 3}}
    assert 0 < night.report["cost"]["total"] <= budget
    assert outcomes(shop) == {sku: ("deferred", ["over-budget"]) for sku in ("thing-0", "thing-3", "thing-4")}
    again = shop.refresh(max_cost=budget)
    assert again.slot_counts() == {"new": 3, "published": 3}
    assert again.image_counts() == {"generated": 3, "reused": 0}
    assert shop.refresh().slot_counts() == {}


def test_a_run_that_costs_more_than_planned_stops_and_publishes_what_passed(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, *[{} for _ in range(20)])
    budget = 0.85 * A_SECOND  # twenty images at 0.01 s, as planned; eight at 0.1 s, as it turns out
    report = slow_night(shop, 0.01, max_cost=budget)
    ends = {name: report["slots"][name] for name in END_STATES if report["slots"][name]}
    assert ends == {"published": ends["published"], "deferred": 20 - ends["published"]}
    assert 4 <= ends["published"] <= 8
    assert report["limits"]["deferred"] == {"budget-used-up": ends["deferred"]}
    assert_published_images(shop.store, shop.manifest())
    assert len(skus(shop)) == ends["published"]
    assert shop.open_run_markers() == []
    rest = slow_night(shop, 0.1)
    assert (rest["slots"]["new"], rest["slots"]["published"]) == (ends["deferred"], ends["deferred"])


def test_a_picture_that_is_owed_another_attempt_when_the_budget_ends_is_deferred_and_not_refused(
    tmp_path: Path,
) -> None:
    shop = shop_of(tmp_path, *[{"title": f"Mug {n} [second-try]", "seed": "2"} for n in range(4)])
    report = slow_night(shop, 0.1, max_cost=0.45 * A_SECOND)
    assert (report["slots"]["deferred"], report["slots"]["blocked"], report["slots"]["review"]) == (4, 0, 0)
    assert report["reasons"] == {"budget-used-up": 4}
    rest = slow_night(shop, 0.1)
    assert rest["images"]["reused"] == 4, "the first attempts are found and not bought again"
    assert rest["slots"]["deferred"] == 0
    assert rest["slots"]["published"] >= 1


def test_time_that_runs_out_is_planned_for(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, *[{} for _ in range(5)])
    plan = plan_refresh(shop.parameters(max_hours=2.5 * 0.2 / 3600), SLOW)
    assert (plan["images"]["planned"], plan["reasons"]) == (2, {"out-of-time": 3})
    night = shop.refresh(max_hours=1e-6)
    assert night.slot_counts() == {"new": 5, "deferred": 5}
    assert night.report["release"]["version"] is not None


def test_early_deadlines_come_first_and_one_that_cannot_be_kept_waits_one_night(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    soon, late, past = ((now + timedelta(seconds=seconds)).isoformat() for seconds in (3600, 7200, -86_400))
    hopeless = (now + timedelta(seconds=600)).isoformat()
    shop = shop_of(tmp_path, *[{"deadline": when} for when in (late, soon, past, "", hopeless)])
    shop.settings = SETTINGS.model_copy(update={"stub_seconds": 700.0})
    plan = plan_refresh(shop.parameters(), shop.settings)
    assert (plan["images"]["planned"], plan["reasons"]) == (4, {"past-deadline": 1})
    assert any(warning.startswith("1 images are late already") for warning in plan["warnings"])
    plan = plan_refresh(shop.parameters(max_hours=0.2), shop.settings)
    assert (plan["images"]["planned"], plan["limits"]["deferred"]) == (1, {"out-of-time": 3, "past-deadline": 1})


def test_a_shared_picture_is_as_urgent_as_the_most_urgent_of_its_rows(tmp_path: Path) -> None:
    twin = {"title": "The same thing"}
    shop = shop_of(tmp_path, {"priority": "low", **twin}, {}, {"priority": "high", **twin})
    night = shop.refresh(max_cost=1.5 * 0.2 * A_SECOND)
    assert night.slot_counts() == {"new": 3, "published": 2, "deferred": 1}
    assert skus(shop) == {"thing-0", "thing-2"}


def test_what_is_not_limited_is_not_cut(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, {}, {})
    shop.settings = Settings(shard_size=32, screeners=1)
    night = shop.refresh()
    assert night.slot_counts() == {"new": 2, "published": 2}
    assert night.report["limits"] == {"max_cost": None, "max_hours": None, "deferred": {}}
    assert not shop.store.exists(layout.RunFiles(night.report["run_id"]).deferrals)


def test_new_skus_are_counted_that_were_in_the_shop_within_two_hours(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    created = [(now - timedelta(hours=hours)).isoformat() for hours in (0.5, 1, 3)]
    shop = shop_of(tmp_path, *[{"created_at": when} for when in (*created, "")])
    shop.settings = SETTINGS
    night = shop.refresh()
    assert night.report["new_skus"] == {"count": 3, "within_2_hours": 2, "share": 0.6667}
    assert night.report["cost"]["per_sku"] == pytest.approx(night.report["cost"]["total"] / 4, abs=1e-8)
    shop.rows[0]["title"] = "Another thing"
    changed = shop.refresh()
    assert changed.slot_counts() == {"changed": 1, "published": 1}
    assert changed.report["new_skus"] == {"count": 0, "within_2_hours": 0, "share": None}
