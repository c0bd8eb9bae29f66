"""Slots with one request key and finish share one request: judged once, with its most urgent row's priority."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from catalogs.planning.plan import PlanCounts
from catalogs.planning.schedule import NO_DEADLINE
from catalogs.verdict import PASS, Verdict
from tests.fixtures.planning_harness import PlannedRun, PlanningHarness
from tests.fixtures.sample_recipe import RECIPE_CONTENT, recipe_with

MUG: dict[str, object] = {"sku": "M1", "title": "Tall Mug", "category": "mugs", "color": "red"}
LAMP: dict[str, object] = {"sku": "L1", "title": "Lamp", "color": "red"}
BOOT: dict[str, object] = {"sku": "B1", "title": "Boot", "category": "boots"}


def test_two_skus_with_one_prompt_share_one_request() -> None:
    night = PlanningHarness().plan([MUG, {**MUG, "sku": "M2", "color": "blue"}])
    assert (night.counts.new, night.counts.requests) == (2, 1)
    assert len({slot.request_key for slot in night.slots}) == 1


def test_they_share_it_over_batches_too() -> None:
    night = PlanningHarness().plan([MUG, {**MUG, "sku": "M2"}], rows_per_batch=1)
    assert [len(batch.requests) for batch in night.batches] == [1, 0]


def test_in_another_finish_the_same_picture_is_a_request_of_its_own() -> None:
    recipe = recipe_with({"categories.mugs.finish": {"canvas": "square"}})
    night = PlanningHarness().plan([{**MUG, "prompt": "x"}, {**LAMP, "prompt": "x"}], recipe)
    assert night.counts.requests == 2
    assert len({request.key for request in night.requests}) == 1


def test_the_prompt_gates_word_stands_with_the_request_and_is_counted_by_slot() -> None:
    words = {"Photo of Lamp, red, front view": Verdict("BLOCK", ("words.x",)), "Pair of Boot, front view": None}
    asked: list[str] = []

    def judge(prompt: str) -> Verdict:
        asked.append(prompt)
        return words.get(prompt) or (Verdict("REVIEW", ("words.y",)) if "Boot" in prompt else PASS)

    night = PlanningHarness().plan([MUG, LAMP, BOOT, {**LAMP, "sku": "L2"}], verdict_for=judge)
    assert (night.counts.new, night.counts.blocked, night.counts.review) == (5, 2, 2)
    assert len(asked) == len(set(asked)) == 4
    assert {request.prompt: request.verdict.decision for request in night.requests} == {
        "Photo of a mug, Tall Mug": "PASS",
        "Photo of Lamp, red, front view": "BLOCK",
        "Pair of Boot, front view": "REVIEW",
        "Pair of Boot, seen from the side": "REVIEW",
    }


OWN = {"sku": "own", "title": "Nike Shoe", "brand": "Nike"}


OTHER = {"sku": "other", "title": "Nike Shoe", "brand": "Acme"}


NOBODYS = {"sku": "nobodys", "title": "Nike Shoe", "brand": ""}


BRANDED = recipe_with({"columns.brand": "brand", "optional": [*RECIPE_CONTENT["optional"], "brand"]})


NIKE = {"Nike": ("Nike",)}


def branded(harness: PlanningHarness, *rows: Mapping[str, object], **other: int) -> PlannedRun:
    return harness.plan(rows, BRANDED, brands_by_word=NIKE, **other)


@pytest.mark.parametrize("rows_per_batch", [1, 1000])
def test_a_brand_holds_back_the_slots_of_other_makers_and_not_the_picture_that_its_own_share(
    rows_per_batch: int,
) -> None:
    night = branded(PlanningHarness(), OTHER, OWN, NOBODYS, rows_per_batch=rows_per_batch)
    assert {slot.sku: (slot.verdict, slot.reasons) for slot in night.slots} == {
        "other": ("REVIEW", ("brand.other",)),
        "own": ("PASS", ()),
        "nobodys": ("REVIEW", ("brand.other",)),
    }
    assert (night.counts.new, night.counts.review, night.counts.requests) == (3, 2, 1)
    assert [request.verdict.decision for request in night.requests][-1] == "PASS"
    assert len(night.requests) == (2 if rows_per_batch == 1 else 1)
    assert len({request.key for request in night.requests}) == 1
    assert sum((batch.prompt_gate_reasons for batch in night.batches), Counter()) == {"brand.other": 2}


def test_a_picture_that_nobodys_own_brand_asks_for_is_not_made() -> None:
    night = branded(PlanningHarness(), OTHER, NOBODYS)
    assert [request.verdict for request in night.requests] == [Verdict("REVIEW", ("brand.other",))]


def test_a_brand_that_comes_to_be_known_is_decided_anew_and_one_that_stays_wrong_waits() -> None:
    shop = PlanningHarness()
    shop.record_outcomes(branded(shop, OTHER), "review", has_image=False)
    assert branded(shop, OTHER).counts == PlanCounts(waiting=1)
    night = branded(shop, {**OTHER, "brand": "Nike"})
    assert [(slot.kind, slot.verdict) for slot in night.slots] == [("waiting", "PASS")]
    assert (night.counts.waiting, night.counts.decided_anew, night.counts.requests) == (1, 1, 1)


def test_a_brand_column_that_changes_leaves_a_live_picture_where_it_is() -> None:
    shop = PlanningHarness()
    shop.publish(branded(shop, OWN))
    night = branded(shop, {**OWN, "brand": "Nike, Inc."})
    assert (night.counts.unchanged, night.slots, len(night.refreshed)) == (1, [], 1)


TWIN = {"title": "Twin"}


def test_a_shared_request_takes_the_highest_priority_and_the_earliest_deadline_of_its_rows() -> None:
    rows = [
        {"sku": "a", "priority": "low", "deadline": "2026-12-03T00:00:00Z", **TWIN},
        {"sku": "b", "priority": "high", "deadline": "", **TWIN},
        {"sku": "c", "priority": "normal", "deadline": "2026-12-01T00:00:00Z", **TWIN},
    ]
    [request] = PlanningHarness().plan(rows).requests
    assert (request.priority, request.deadline) == ("high", datetime(2026, 12, 1, tzinfo=UTC))


def test_what_a_later_batch_wants_sooner_is_told_once_the_request_is_gone() -> None:
    rows = [{"sku": "a", "priority": "", **TWIN}, {"sku": "b", "priority": "high", **TWIN}, {"sku": "c", **TWIN}]
    night = PlanningHarness().plan([{"priority": "", **row} for row in rows], rows_per_batch=1)
    [request] = night.requests
    assert [batch.priority_raises for batch in night.batches] == [[], [(request.key, 0, NO_DEADLINE)], []]
