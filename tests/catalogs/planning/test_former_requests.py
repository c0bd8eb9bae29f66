"""A request keyed as older versions did is found again: live, refused, withdrawn, or shown by another slot."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogs.keys import request_key
from catalogs.recipe.effective_recipe import EffectiveRecipes
from catalogs.recipe.schema import Recipe
from tests.fixtures.planning_harness import MUG, PlannedRun, PlanningHarness
from tests.fixtures.sample_recipe import RECIPE, recipe_with

FORBIDDING = {**MUG, "negative_prompt": "text"}
FORBIDDING_RECIPE = recipe_with({"defaults.negative": "people"})
GUIDED = recipe_with({"tiers.standard.guidance": 2.5})


def old_key(negative: str, prompt: str = "Photo of a mug, Tall Mug", recipe: Recipe = RECIPE) -> bytes:
    """Return a mug's key as versions before this one computed it."""
    effective = EffectiveRecipes(recipe).get("mugs", "front", "a", "standard", "stub")
    return bytes.fromhex(request_key({**effective.request_key_parameters(negative, 512, 512), "prompt": prompt}))


def as_of_old(planned: PlannedRun, negative: str) -> bytes:
    """Give the night's slots the key that an older version would have given them."""
    key = old_key(negative)
    for slot in planned.slots:
        slot.request_key = key
    return key


@pytest.fixture
def old_shop() -> tuple[PlanningHarness, bytes]:
    """A mug that is live under the key of an older version, with `text` for its negative prompt."""
    harness = PlanningHarness()
    night = harness.plan([FORBIDDING])
    key = as_of_old(night, "text")
    harness.publish(night)
    return harness, key


def test_a_live_row_under_a_key_of_old_is_unchanged_and_its_digest_alone_moves(
    old_shop: tuple[PlanningHarness, bytes],
) -> None:
    harness, key = old_shop
    idle = harness.plan([FORBIDDING])
    assert (idle.slots, idle.counts.unchanged, idle.counts.rendered, idle.refreshed) == ([], 1, 0, [])
    for row in harness.live.values():
        row["source_digest"] = bytes(16)  # as if an edit had touched the row, and not its picture
    night = harness.plan([FORBIDDING])
    assert (night.slots, night.counts.unchanged) == ([], 1)
    assert [row[3] for row in night.refreshed] == [key]
    harness.publish(night)
    assert harness.plan([FORBIDDING]).counts.rendered == 0


def test_a_negative_that_a_row_still_has_may_be_joined_by_the_recipes(old_shop: tuple[PlanningHarness, bytes]) -> None:
    harness, _ = old_shop
    night = harness.plan([FORBIDDING], FORBIDDING_RECIPE)
    assert (night.slots, night.counts.unchanged) == ([], 1)


@pytest.mark.parametrize("tonight", [RECIPE, recipe_with({"defaults.negative": "cats"})], ids=["dropped", "edited"])
def test_a_recipe_that_drops_or_edits_its_negative_makes_nothing_again(tonight: Recipe) -> None:
    harness = PlanningHarness(former_negatives=("{{ no_such_field }}", "people"))
    night = harness.plan([MUG], FORBIDDING_RECIPE)
    key = as_of_old(night, "people")
    harness.publish(night)
    after = harness.plan([MUG], tonight)
    assert (after.slots, after.counts.unchanged, [row[3] for row in after.refreshed]) == ([], 1, [key])
    harness.former_negatives = ()  # what nobody remembers is made once more, and then never again
    assert harness.plan([MUG], tonight).kinds_by_slot == {"M1 front a 0": "changed"}


def test_another_size_shares_the_image_of_old(old_shop: tuple[PlanningHarness, bytes]) -> None:
    harness, key = old_shop
    night = harness.plan([FORBIDDING, {**FORBIDDING, "sku": "M1-L"}])
    assert night.kinds_by_slot == {"M1-L front a 0": "new"}
    assert [request.key for request in night.requests] == [key]
    assert night.requests[0].negative == ""
    fresh = harness.plan([FORBIDDING, {**MUG, "sku": "M1-L", "title": "Short Mug", "negative_prompt": "text"}])
    assert [slot.request_key for slot in fresh.slots] == [old_key("", "Photo of a mug, Short Mug")]


def refused(harness: PlanningHarness, state: str, attempts: int = 1, **other: object) -> bytes:
    night = harness.plan([FORBIDDING])
    key = as_of_old(night, "text")
    harness.record_outcomes(night, state, attempts, source_digest=bytes(16), **other)
    return key


@pytest.mark.parametrize("state", ["withdrawn", "review", "blocked"])
def test_what_was_refused_or_taken_away_under_a_key_of_old_stays_so(state: str) -> None:
    harness = PlanningHarness()
    key = refused(harness, state)
    night = harness.plan([FORBIDDING])
    assert (night.slots, night.counts.waiting) == ([], 1)
    assert [(row[1], row[3]) for row in night.refreshed] == [("outcomes", key)]


def test_a_withdrawal_of_old_outweighs_a_refusal_of_today() -> None:
    harness = PlanningHarness()
    refused(harness, "withdrawn")
    night = PlanningHarness().plan([FORBIDDING])
    harness.record_outcomes(night, "review", 1, policy="policy 0", source_digest=bytes(16))
    assert (harness.plan([FORBIDDING]).slots, harness.plan([FORBIDDING]).counts.waiting) == ([], 1)


def test_a_refusal_of_old_is_decided_again_from_its_own_image_under_another_policy() -> None:
    harness = PlanningHarness()
    key = refused(harness, "blocked")
    night = harness.plan([FORBIDDING], policy="policy 2")
    assert night.kinds_by_slot == {"M1 front a 0": "waiting"}
    assert [request.key for request in night.requests] == [key]


def test_attempts_of_old_count() -> None:
    harness = PlanningHarness()
    key = refused(harness, "failed", attempts=2)
    [request] = harness.plan([FORBIDDING]).requests
    assert (request.key, request.first_attempt, request.attempts_allowed) == (key, 2, 3)


def test_a_prompt_gates_refusal_of_old_holds_no_rendered_prompt() -> None:
    harness = PlanningHarness()
    refused(harness, "review", has_image=False)
    assert harness.plan([FORBIDDING]).kinds_by_slot == {"M1 front a 0": "waiting"}


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_negative_prompt_reaches_the_key_where_guidance_is_above_0_and_only_there(one: str, other: str) -> None:
    rows: list[Mapping[str, object]] = [{**MUG, "negative_prompt": one}, {**MUG, "sku": "M2", "negative_prompt": other}]
    night = PlanningHarness().plan(rows)
    assert (night.counts.new, night.counts.requests, night.requests[0].negative) == (2, 1, "")
    assert night.requests[0].key == old_key("")
    guided = PlanningHarness().plan(rows, GUIDED)
    assert (guided.counts.requests == 1) == (len({slot.request_key for slot in guided.slots}) == 1)
    assert (guided.counts.requests == 1) == (guided.requests[0].negative == guided.requests[-1].negative)
    assert guided.requests[0].key == old_key(guided.requests[0].negative, recipe=GUIDED)
