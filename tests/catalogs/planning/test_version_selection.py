"""A live slot is compared under the version that made it; new, changed and backfilled slots get their SKU's version."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.answers.answer import AnswerKind, ImageTarget
from catalogs.answers.answer_index import AnswerIndex
from catalogs.answers.answer_rows import answers_to_rows
from catalogs.errors import RuleFileError
from catalogs.keys import image_key
from catalogs.models.weights import FrozenVersions, WeightsSpec
from catalogs.planning.current_state import LIVE_COLUMNS, CurrentRelease
from catalogs.planning.version_selection import VersionSelector
from catalogs.recipe.schema import Recipe
from catalogs.table_schemas import MANIFEST
from tests.catalogs.answers.test_answer_index import say
from tests.fixtures.planning_harness import PlannedRun, PlanningHarness, to_record_batch
from tests.fixtures.sample_recipe import recipe_with

STUBS = {number: WeightsSpec(family="stub", source=f"stub/{number}", precision="fp32") for number in (1, 2, 3)}
ROWS = [{"sku": f"SKU-{number}", "title": f"Lamp {number}"} for number in range(12)]


def cards(production: int, candidate: int | None = None, share: int = 0, versions: int = 3) -> Recipe:
    """Return the shop's recipe with a registered model in this standing."""
    known = {number: STUBS[number] for number in range(1, versions + 1)}
    standing = FrozenVersions(name="card", versions=known, production=production, candidate=candidate, share=share)
    model = {"registry": "card", "standing": standing.model_dump(mode="json")}
    return recipe_with({"models": {"cards": model, "stub": {"family": "stub", "precision": "bf16"}}})


def places(recipe: Recipe) -> dict[str, float]:
    standing = recipe.models["cards"].standing
    assert standing is not None
    return {row["sku"]: standing.sku_percentile(row["sku"], standing.candidate or standing.production) for row in ROWS}


def models(planned: PlannedRun) -> dict[str, str]:
    """Return the model that each slot of the night is asked from, by SKU."""
    by_key = {request.key: request.model for request in planned.requests}
    return {slot.sku: by_key[slot.request_key] for slot in planned.slots}


def published(recipe: Recipe) -> PlanningHarness:
    harness = PlanningHarness()
    harness.publish(harness.plan(ROWS, recipe))
    assert len(harness.live) == len(ROWS)
    return harness


def quiet(planned: PlannedRun) -> tuple[Any, ...]:
    return planned.kinds_by_slot, planned.requests, planned.refreshed, planned.counts.rendered


def test_a_promotion_and_a_canary_leave_what_is_live_alone() -> None:
    harness = published(cards(1))
    for recipe in (cards(2), cards(1, candidate=2, share=100), cards(3, candidate=2, share=50)):
        planned = harness.plan(ROWS, recipe)
        assert quiet(planned) == ({}, [], [], 0)
        assert planned.counts.unchanged == len(ROWS)


def test_what_has_changed_is_made_by_the_version_that_its_sku_gets() -> None:
    harness = published(cards(1))
    recipe = cards(1, candidate=2, share=50)
    chosen = {sku for sku, place in places(recipe).items() if place < 50}
    assert 0 < len(chosen) < len(ROWS)
    edited = [row | {"title": row["title"] + " anew"} for row in ROWS]
    planned = harness.plan(edited, recipe)
    assert set(planned.kinds_by_slot.values()) == {"changed"}
    assert {sku for sku, model in models(planned).items() if model == "cards@2"} == chosen
    assert set(models(planned).values()) == {"cards@1", "cards@2"}
    harness.publish(planned)
    assert quiet(harness.plan(edited, recipe)) == ({}, [], [], 0)


def test_a_moved_row_with_the_same_prompt_is_refreshed_under_the_version_that_made_it() -> None:
    harness = published(cards(1))
    told = [row | {"color": ""} for row in ROWS]
    moved = harness.plan(told, cards(2), rows_per_batch=5)
    assert quiet(moved) == ({}, [], [], 0), "an empty field is no other row"
    recipe = cards(2).model_copy(update={"languages": ("de",)})  # moves every source digest, and no key
    planned = harness.plan(ROWS, recipe)
    assert (planned.kinds_by_slot, len(planned.refreshed), planned.counts.unchanged) == ({}, len(ROWS), len(ROWS))
    harness.apply_refreshed_digests(planned)
    assert quiet(harness.plan(ROWS, recipe)) == ({}, [], [], 0)


@given(st.sampled_from([5, 20, 50, 100]), st.sampled_from([None, 20, 100]))
def test_a_backfill_moves_its_share_to_what_they_get_and_nothing_twice(share: int, canary: int | None) -> None:
    harness = published(cards(1))
    recipe = cards(2) if canary is None else cards(1, candidate=2, share=canary)
    standing = recipe.models["cards"].standing
    assert standing is not None
    wanted = {
        row["sku"]: standing.assigned_version(row["sku"]) for row in ROWS if standing.is_in_backfill(row["sku"], share)
    }
    planned = harness.plan(ROWS, recipe, backfill=share)
    assert models(planned) == {sku: "cards@2" for sku, version in wanted.items() if version == 2}
    assert set(planned.kinds_by_slot.values()) <= {"changed"}
    harness.publish(planned)
    assert quiet(harness.plan(ROWS, recipe, backfill=share)) == ({}, [], [], 0)
    assert quiet(harness.plan(ROWS, recipe)) == ({}, [], [], 0)


@pytest.mark.parametrize("state", ["review", "blocked", "withdrawn", "failed"])
def test_what_was_refused_waits_under_the_version_that_it_was_refused_with(state: str) -> None:
    harness = PlanningHarness()
    harness.record_outcomes(harness.plan(ROWS, cards(1)), state, attempts=3)
    planned = harness.plan(ROWS, cards(2))
    assert (quiet(planned), planned.counts.waiting) == (({}, [], [], 0), len(ROWS))
    bound = harness.plan(ROWS, cards(2), backfill=100)
    assert (set(bound.kinds_by_slot.values()), set(models(bound).values())) == ({"new"}, {"cards@2"})
    harness.record_outcomes(bound, state, attempts=3)
    again = harness.plan(ROWS, cards(2), backfill=100)
    assert (quiet(again), again.counts.waiting) == (({}, [], [], 0), len(ROWS))


def test_another_policy_decides_again_under_the_version_whose_scores_are_stored() -> None:
    harness = PlanningHarness()
    harness.record_outcomes(harness.plan(ROWS, cards(1)), "review")
    planned = harness.plan(ROWS, cards(2), policy="policy 2")
    assert (set(planned.kinds_by_slot.values()), set(models(planned).values())) == ({"waiting"}, {"cards@1"})
    harness.record_outcomes(planned, "review", policy="policy 2")
    assert harness.plan(ROWS, cards(3), policy="policy 2").counts.waiting == len(ROWS)


def test_an_answer_is_taken_under_the_version_that_made_the_image() -> None:
    harness = PlanningHarness()
    harness.record_outcomes(harness.plan(ROWS, cards(1)), "review")
    answers = []
    for number, row in enumerate(harness.outcomes.values()):
        row |= {"image_key": bytes.fromhex(image_key(row["request_key"].hex(), 1)), "pixel_sha": b"p" * 32}
        image = ImageTarget(row["request_key"], row["image_key"], row["finish_digest"], row["pixel_sha"])
        answers.append(say(number, AnswerKind.ACCEPT, image))
    harness.answers = AnswerIndex(answers_to_rows(answers))
    planned = harness.plan(ROWS, cards(2))
    assert (set(planned.kinds_by_slot.values()), set(models(planned).values())) == ({"waiting"}, {"cards@1"})
    assert {request.first_attempt for request in planned.requests} == {1}, "the image that was looked at"


def test_of_two_reviews_the_one_under_the_skus_assigned_version_is_decided_again_else_the_newest() -> None:
    harness = PlanningHarness()
    harness.record_outcomes(harness.plan(ROWS, cards(1)), "review")
    harness.record_outcomes(harness.plan(ROWS, cards(2), backfill=100), "review")
    for production, asked in ((1, "cards@1"), (2, "cards@2"), (3, "cards@2")):
        planned = harness.plan(ROWS, cards(production), policy="policy 2")
        assert (set(planned.kinds_by_slot.values()), set(models(planned).values())) == ({"waiting"}, {asked})


def test_a_refusal_that_another_source_digest_holds_is_refreshed_under_its_own_version() -> None:
    harness = PlanningHarness()
    harness.record_outcomes(harness.plan(ROWS, cards(1)), "review")
    recipe = cards(2).model_copy(update={"languages": ("de",)})
    planned = harness.plan(ROWS, recipe)
    assert (planned.kinds_by_slot, planned.counts.waiting, len(planned.refreshed)) == ({}, len(ROWS), len(ROWS))
    harness.apply_refreshed_digests(planned)
    assert quiet(harness.plan(ROWS, recipe)) == ({}, [], [], 0)
    assert set(harness.plan(ROWS, recipe, backfill=100).kinds_by_slot.values()) == {"new"}, "version 2 was never asked"


def test_a_failure_with_attempts_left_is_tried_again_by_the_version_that_the_sku_gets() -> None:
    harness = PlanningHarness()
    harness.record_outcomes(harness.plan(ROWS, cards(1)), "failed", attempts=1)
    planned = harness.plan(ROWS, cards(2))
    assert (set(planned.kinds_by_slot.values()), set(models(planned).values())) == ({"new"}, {"cards@2"})
    assert {request.first_attempt for request in planned.requests} == {0}, "attempts are counted by request key"


def test_a_change_that_was_refused_waits_while_the_old_image_is_live_whatever_is_promoted() -> None:
    harness = published(cards(1))
    edited = [row | {"title": row["title"] + " anew"} for row in ROWS]
    harness.record_outcomes(harness.plan(edited, cards(2)), "blocked")
    planned = harness.plan(edited, cards(3))
    assert (quiet(planned), planned.counts.waiting) == (({}, [], [], 0), len(ROWS))


def test_another_finish_keeps_the_version_that_made_the_image() -> None:
    harness = published(cards(1))
    recipe = cards(2)
    square = recipe.model_copy(update={"finish": recipe.finish.model_copy(update={"canvas": "square"})})
    planned = harness.plan(ROWS, square)
    assert (set(planned.kinds_by_slot.values()), set(models(planned).values())) == ({"changed"}, {"cards@1"})
    assert {slot.request_key for slot in planned.slots} == {row["request_key"] for row in harness.live.values()}
    harness.publish(planned)
    assert quiet(harness.plan(ROWS, square)) == ({}, [], [], 0)
    bound = harness.plan(ROWS, square, backfill=100)
    assert set(models(bound).values()) == {"cards@2"}


def test_a_finish_that_a_person_took_back_stays_away_whatever_is_promoted() -> None:
    harness = published(cards(1))
    recipe = cards(2)
    square = recipe.model_copy(update={"finish": recipe.finish.model_copy(update={"canvas": "square"})})
    harness.record_outcomes(harness.plan(ROWS, square), "withdrawn")
    moved = square.model_copy(update={"languages": ("de",)})
    planned = harness.plan(ROWS, moved)
    assert (planned.kinds_by_slot, planned.counts.waiting, {table for _, table, *_ in planned.refreshed}) == (
        {},
        len(ROWS),
        {"outcomes"},
    )


def test_images_of_a_model_outside_the_registry_are_generated_again_by_their_skus_version() -> None:
    harness = published(recipe_with({"models": {"cards": {"family": "stub", "precision": "bf16"}}}))
    planned = harness.plan(ROWS, cards(2))
    assert (set(planned.kinds_by_slot.values()), set(models(planned).values())) == ({"changed"}, {"cards@2"})


def test_the_same_weights_under_the_recipe_and_in_the_registry_are_the_same_images() -> None:
    harness = published(recipe_with({"models": {"cards": {"family": "stub", "precision": "fp32"}}}))
    assert quiet(harness.plan(ROWS, cards(2))) == ({}, [], [], 0)
    back = recipe_with({"models": {"cards": {"family": "stub", "precision": "fp32"}}})
    assert quiet(harness.plan(ROWS, back)) == ({}, [], [], 0)


def test_a_row_that_chooses_a_model_of_the_recipe_leaves_the_registrys_choice() -> None:
    planned = PlanningHarness().plan([ROWS[0] | {"model": "stub"}, ROWS[1] | {"model": "cards"}], cards(1))
    assert models(planned) == {"SKU-0": "stub", "SKU-1": "cards@1"}


def test_a_model_whose_versions_were_not_looked_up_cannot_be_planned() -> None:
    recipe = recipe_with({"models": {"cards": {"registry": "card"}}})
    with pytest.raises(
        RuleFileError, match=r"models\.cards: the versions of 'card' have not been looked up in a store"
    ):
        PlanningHarness().plan(ROWS, recipe)


def test_places_are_found_by_what_made_a_row_whatever_the_model_is_called() -> None:
    marks = [STUBS[2].identity_prefix, STUBS[1].identity_prefix, "0" * 12]
    rows = [
        {"slot_id": bytes([place] * 16), "source_digest": b"s" * 16, "request_key": b"k" * 32, "finish_digest": "f",
         "file_sha": b"f" * 32, "model": f"old-name@{mark}"}
        for place, mark in enumerate(marks)
    ]  # fmt: skip
    live = CurrentRelease([to_record_batch(MANIFEST, LIVE_COLUMNS, rows)])
    selector = VersionSelector(cards(3), "cards", live)
    assert selector.version_names == ["cards@1", "cards@2", "cards@3"]
    found = selector.comparison_indices(["z", "a", "b", "c", "d"], [1, 2, 3, 4], np.array([0, 1, 2, -1]), any_size)
    assert found == [1, 0, 2, 2]
    one = VersionSelector(cards(3), "stub", live)
    assert one.comparison_indices(["a", "b"], [0, 1], np.array([0, -1]), any_size) == [0, 0]


def any_size(_row: int) -> tuple[int, int]:
    return 512, 512
