"""A SKU's product stands on the stage that its hash assigns; what is live keeps its own until its row changes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from catalogs.photos.kept_request import STAGE_MISSING, KeptRequest, parse_kept_request
from catalogs.planning.stage_selection import stage_libraries
from catalogs.recipe.schema import Recipe
from catalogs.stages.library import StageLibrary, choose_stage
from catalogs.stages.stage import Stage, StageState
from catalogs.verdict import PASS, Verdict
from infra.testing.memory_photos import MemoryPhotos
from tests.fixtures.planning_harness import PlannedRun, PlanningHarness
from tests.fixtures.sample_recipe import recipe_with

NOW = datetime(2026, 12, 1, tzinfo=UTC)
SKUS = [f"M{number}" for number in range(40)]
PHOTOS = MemoryPhotos({f"{sku}.jpg": sha256(sku.encode()).hexdigest() for sku in [*SKUS, "other"]})
ON_STAGE = recipe_with({"photo": {"mode": "stage", "stages": "shop"}})
WITH_FALLBACK = recipe_with({"photo": {"mode": "stage", "stages": "shop", "fallback": "white"}})


def stage(name: str, **fields: object) -> Stage:
    values = {"sha256": sha256(name.encode()).hexdigest(), "name": name, "origin": "photo", "width": 1024}
    return Stage.model_validate({"height": 1024, "state": "approved", **values, **fields})


def library(*stages: Stage) -> Mapping[str, StageLibrary]:
    return {"shop": StageLibrary("shop", 1, stages)}


OAK, MARBLE, GRASS = stage("oak"), stage("marble", origin="made", light="left"), stage("grass")


class Shop:
    """Forty mugs with a photo each, over nights."""

    def __init__(self) -> None:
        self.harness = PlanningHarness()
        self.rows = {sku: {"sku": sku, "title": "Mug", "category": "mugs", "photo": f"{sku}.jpg"} for sku in SKUS}

    def plan(
        self, stages: Mapping[str, StageLibrary], recipe: Recipe = ON_STAGE, backfill: int | None = None
    ) -> PlannedRun:
        return self.harness.plan(list(self.rows.values()), recipe, photos=PHOTOS, stages=stages, backfill=backfill)

    def publish(self, stages: Mapping[str, StageLibrary], recipe: Recipe = ON_STAGE) -> dict[str, KeptRequest]:
        run = self.plan(stages, recipe)
        self.harness.publish(run)
        return kept_by_sku(run)


def kept_by_sku(run: PlannedRun) -> dict[str, KeptRequest]:
    requests = {request.key: parse_kept_request(request.kept or "") for request in run.requests}
    return {slot.sku: requests[slot.request_key] for slot in run.slots}


def test_each_sku_stands_on_the_stage_that_its_hash_assigns_and_the_request_says_how() -> None:
    asked = Shop().publish(library(OAK, MARBLE))
    for sku, kept in asked.items():
        expected = (OAK, MARBLE)[choose_stage(sku, (OAK, MARBLE))]
        assert (kept.stage, kept.light, kept.placement) == (expected.sha256, expected.light, expected.placement)
        assert kept.mode == ("backdrop" if expected is OAK else "stage")
    assert {kept.stage for kept in asked.values()} == {OAK.sha256, MARBLE.sha256}


def test_the_same_night_again_asks_for_nothing() -> None:
    shop = Shop()
    shop.publish(library(OAK, MARBLE))
    again = shop.plan(library(OAK, MARBLE))
    assert (again.counts.unchanged, again.slots) == (len(SKUS), [])


def test_a_new_stage_reaches_new_and_changed_slots_and_leaves_the_others() -> None:
    shop = Shop()
    before = shop.publish(library(OAK, MARBLE))
    moving = [sku for sku in SKUS if choose_stage(sku, (OAK, MARBLE, GRASS)) == 2]
    shop.rows[moving[0]]["photo"] = "other.jpg"
    changed = kept_by_sku(shop.plan(library(OAK, MARBLE, GRASS)))
    assert list(changed) == moving[:1]
    assert changed[moving[0]].stage == GRASS.sha256 != before[moving[0]].stage


def test_a_backfill_brings_its_share_of_the_others_and_all_of_them_at_a_hundred() -> None:
    shop = Shop()
    shop.publish(library(OAK, MARBLE))
    three = library(OAK, MARBLE, GRASS)
    moving = {sku for sku in SKUS if choose_stage(sku, (OAK, MARBLE, GRASS)) == 2}
    some, every = (set(kept_by_sku(shop.plan(three, backfill=share))) for share in (50, 100))
    assert every == moving
    assert some < every
    assert some


def test_what_is_live_on_a_retired_stage_stays_and_what_changes_leaves_it() -> None:
    shop = Shop()
    before = shop.publish(library(OAK, MARBLE))
    on_oak = [sku for sku, kept in before.items() if kept.stage == OAK.sha256]
    shop.rows[on_oak[0]]["photo"] = "other.jpg"
    changed = kept_by_sku(shop.plan(library(stage("oak", state="retired"), MARBLE)))
    assert {sku: kept.stage for sku, kept in changed.items()} == {on_oak[0]: MARBLE.sha256}


@pytest.mark.parametrize("state", [StageState.PROPOSED, StageState.REFUSED, StageState.RETIRED])
def test_without_an_approved_stage_a_row_waits_and_is_planned_once_there_is_one(state: StageState) -> None:
    shop = Shop()
    run = shop.plan(library(stage("oak", state=state)))
    assert {request.verdict for request in run.requests} == {Verdict("BLOCK", (STAGE_MISSING,))}
    shop.harness.record_outcomes(run, "blocked", has_image=False)
    assert shop.plan(library(stage("oak", state=state))).slots == []
    then = shop.plan(library(OAK))
    assert {kept.stage for kept in kept_by_sku(then).values()} == {OAK.sha256}
    assert {request.verdict for request in then.requests} == {PASS}


def test_a_rule_with_a_fallback_puts_them_on_white_until_a_stage_is_approved() -> None:
    shop = Shop()
    asked = shop.publish({}, WITH_FALLBACK)
    assert {(kept.mode, kept.stage) for kept in asked.values()} == {("white", "")}
    assert shop.plan({}, WITH_FALLBACK).slots == []
    assert {kept.stage for kept in kept_by_sku(shop.plan(library(OAK), WITH_FALLBACK)).values()} == {OAK.sha256}


def test_a_fallback_asks_for_the_image_that_the_mode_white_asks_for() -> None:
    white, fallen = (Shop().plan({}, recipe) for recipe in (recipe_with({}), WITH_FALLBACK))
    assert {request.key for request in white.requests} == {request.key for request in fallen.requests}


def test_a_stage_that_is_too_small_or_for_other_products_is_not_chosen() -> None:
    small, lamps = stage("small", width=500), stage("lamps", categories=("lamps",))
    asked = Shop().publish(library(small, lamps, OAK))
    assert {kept.stage for kept in asked.values()} == {OAK.sha256}


def test_each_row_s_own_size_decides_which_stages_are_large_enough() -> None:
    shop = Shop()
    for sku in SKUS[:20]:
        shop.rows[sku] |= {"width": "896", "height": "896"}
    small = stage("small", width=600, height=600)
    asked = shop.publish(library(small, OAK))
    assert {asked[sku].stage for sku in SKUS[:20]} == {OAK.sha256}
    assert {asked[sku].stage for sku in SKUS[20:]} == {OAK.sha256, small.sha256}


def test_a_product_whose_category_may_not_stand_there_any_more_leaves_its_stage() -> None:
    shop = Shop()
    before = shop.publish(library(stage("oak", categories=("mugs",)), MARBLE))
    for row in shop.rows.values():
        row["category"] = "lamps"
    changed = kept_by_sku(shop.plan(library(stage("oak", categories=("mugs",)), MARBLE)))
    assert set(changed) == {sku for sku, kept in before.items() if kept.stage == OAK.sha256}
    assert {kept.stage for kept in changed.values()} == {MARBLE.sha256}


def test_a_refused_image_holds_its_slot_when_another_stage_is_assigned_to_it() -> None:
    shop = Shop()
    run = shop.plan(library(OAK))
    shop.harness.record_outcomes(run, "blocked")
    assert shop.plan(library(OAK, GRASS)).slots == []


@pytest.mark.parametrize("policy", ["policy 1", "policy 2"])
@pytest.mark.parametrize("has_image", [True, False])
def test_what_was_refused_on_a_stage_that_is_retired_is_planned_on_another_whatever_the_policy(
    policy: str, has_image: bool
) -> None:
    shop = Shop()
    shop.harness.record_outcomes(shop.plan(library(OAK)), "blocked", has_image=has_image)
    retired = library(stage("oak", state="retired"), MARBLE)
    then = shop.harness.plan(list(shop.rows.values()), ON_STAGE, policy, photos=PHOTOS, stages=retired)
    assert {kept.stage for kept in kept_by_sku(then).values()} == {MARBLE.sha256}
    assert len(then.slots) == len(SKUS)


def test_a_changed_row_that_was_refused_on_its_live_stage_is_planned_on_another_once_that_is_retired() -> None:
    shop = Shop()
    shop.publish(library(OAK))
    shop.rows[SKUS[0]]["photo"] = "other.jpg"
    shop.harness.record_outcomes(shop.plan(library(OAK)), "blocked")
    assert shop.plan(library(OAK, MARBLE)).slots == []
    then = kept_by_sku(shop.plan(library(stage("oak", state="retired"), MARBLE)))
    assert {sku: kept.stage for sku, kept in then.items()} == {SKUS[0]: MARBLE.sha256}


def test_a_finish_that_is_refused_of_what_is_live_on_a_retired_stage_waits_and_renders_nothing_again() -> None:
    shop = Shop()
    shop.publish(library(OAK))
    retired = library(stage("oak", state="retired"), MARBLE)
    other_finish = recipe_with({"photo": {"mode": "stage", "stages": "shop"}, "finish.quality": 91})
    changed = shop.plan(retired, other_finish)
    assert {kept.stage for kept in kept_by_sku(changed).values()} == {OAK.sha256}
    shop.harness.record_outcomes(changed, "review")
    again = shop.plan(retired, other_finish)
    assert (again.slots, again.refreshed, again.counts.waiting, again.counts.rendered) == ([], [], len(SKUS), 0)


@pytest.mark.parametrize("recipe", [ON_STAGE, WITH_FALLBACK])
def test_a_backfill_without_an_approved_stage_moves_nothing(recipe: Recipe) -> None:
    shop = Shop()
    shop.publish(library(OAK), recipe)
    assert shop.plan(library(stage("oak", state="retired")), recipe, backfill=100).slots == []


def test_the_libraries_of_a_recipe_are_those_of_all_its_rules() -> None:
    rules = [{"mode": "stage", "stages": name} for name in ("shop", "mugs")]
    assert stage_libraries(recipe_with({})) == []
    assert stage_libraries(recipe_with({"photo": rules[0], "categories.mugs.photo": rules[1]})) == ["shop", "mugs"]
