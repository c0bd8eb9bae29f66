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
    planned = PlanningHarness().plan([MUG, {**MUG, "sku": "M2", "color": "blue"}])
    assert (planned.counts.new, planned.counts.requests) == (2, 1)
    assert len({slot.request_key for slot in planned.slots}) == 1


def test_they_share_it_over_batches_too() -> None:
    planned = PlanningHarness().plan([MUG, {**MUG, "sku": "M2"}], rows_per_batch=1)
    assert [len(batch.requests) for batch in planned.batches] == [1, 0]


def test_in_another_finish_the_same_image_is_a_request_of_its_own() -> None:
    recipe = recipe_with({"categories.mugs.finish": {"canvas": "square"}})
    planned = PlanningHarness().plan([{**MUG, "prompt": "x"}, {**LAMP, "prompt": "x"}], recipe)
    assert planned.counts.requests == 2
    assert len({request.key for request in planned.requests}) == 1


def test_the_prompt_gates_verdict_is_stored_with_the_request_and_counted_by_slot() -> None:
    words = {"Photo of Lamp, red, front view": Verdict("BLOCK", ("words.x",)), "Pair of Boot, front view": None}
    judged: list[str] = []

    def judge(prompt: str) -> Verdict:
        judged.append(prompt)
        return words.get(prompt) or (Verdict("REVIEW", ("words.y",)) if "Boot" in prompt else PASS)

    planned = PlanningHarness().plan([MUG, LAMP, BOOT, {**LAMP, "sku": "L2"}], verdict_for=judge)
    assert (planned.counts.new, planned.counts.blocked, planned.counts.review) == (5, 2, 2)
    assert len(judged) == len(set(judged)) == 4
    assert {request.prompt: request.verdict.decision for request in planned.requests} == {
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
def test_a_brand_holds_back_the_slots_of_other_makers_and_not_the_image_that_its_own_share(
    rows_per_batch: int,
) -> None:
    planned = branded(PlanningHarness(), OTHER, OWN, NOBODYS, rows_per_batch=rows_per_batch)
    assert {slot.sku: (slot.verdict, slot.reasons) for slot in planned.slots} == {
        "other": ("REVIEW", ("brand.other",)),
        "own": ("PASS", ()),
        "nobodys": ("REVIEW", ("brand.other",)),
    }
    assert (planned.counts.new, planned.counts.review, planned.counts.requests) == (3, 2, 1)
    assert [request.verdict.decision for request in planned.requests][-1] == "PASS"
    assert len(planned.requests) == (2 if rows_per_batch == 1 else 1)
    assert len({request.key for request in planned.requests}) == 1
    assert sum((batch.prompt_gate_reasons for batch in planned.batches), Counter()) == {"brand.other": 2}


def test_an_image_that_no_own_brand_requests_is_not_generated() -> None:
    planned = branded(PlanningHarness(), OTHER, NOBODYS)
    assert [request.verdict for request in planned.requests] == [Verdict("REVIEW", ("brand.other",))]


def test_a_brand_that_becomes_known_is_decided_again_and_one_that_stays_wrong_waits() -> None:
    harness = PlanningHarness()
    harness.record_outcomes(branded(harness, OTHER), "review", has_image=False)
    assert branded(harness, OTHER).counts == PlanCounts(waiting=1)
    planned = branded(harness, {**OTHER, "brand": "Nike"})
    assert [(slot.kind, slot.verdict) for slot in planned.slots] == [("waiting", "PASS")]
    assert (planned.counts.waiting, planned.counts.decided_anew, planned.counts.requests) == (1, 1, 1)


def test_a_brand_column_that_changes_leaves_a_live_image_where_it_is() -> None:
    harness = PlanningHarness()
    harness.publish(branded(harness, OWN))
    planned = branded(harness, {**OWN, "brand": "Nike, Inc."})
    assert (planned.counts.unchanged, planned.slots, len(planned.refreshed)) == (1, [], 1)


TWIN = {"title": "Twin"}


def test_a_shared_request_takes_the_highest_priority_and_the_earliest_deadline_of_its_rows() -> None:
    rows = [
        {"sku": "a", "priority": "low", "deadline": "2026-12-03T00:00:00Z", **TWIN},
        {"sku": "b", "priority": "high", "deadline": "", **TWIN},
        {"sku": "c", "priority": "normal", "deadline": "2026-12-01T00:00:00Z", **TWIN},
    ]
    [request] = PlanningHarness().plan(rows).requests
    assert (request.priority, request.deadline) == ("high", datetime(2026, 12, 1, tzinfo=UTC))


def test_a_later_batch_raises_the_priority_of_a_request_that_is_gone() -> None:
    rows = [{"sku": "a", "priority": "", **TWIN}, {"sku": "b", "priority": "high", **TWIN}, {"sku": "c", **TWIN}]
    planned = PlanningHarness().plan([{"priority": "", **row} for row in rows], rows_per_batch=1)
    [request] = planned.requests
    assert [batch.priority_raises for batch in planned.batches] == [[], [(request.key, (0, NO_DEADLINE, 0))], []]
