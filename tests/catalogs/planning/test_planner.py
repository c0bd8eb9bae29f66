"""A plan finds nothing to do where nothing moved, and exactly what moved where something did."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.synthetic_catalogue import synthetic_batches
from catalogs.keys import request_key, slot_id
from catalogs.planning.plan import PlanCounts
from catalogs.verdict import PASS
from tests.fixtures.planning_harness import LAMP, MUG, PlanningHarness, slot_name
from tests.fixtures.sample_recipe import recipe_with

BOOT: dict[str, object] = {"sku": "B1", "title": "Boot", "category": "boots"}
ROWS = [MUG, LAMP, BOOT]
SLOTS = ["M1 front a 0", "L1 front a 0", "B1 front a 0", "B1 side a 0"]
SQUARE = {"finish.canvas": "square"}


@pytest.fixture
def harness() -> PlanningHarness:
    """Return a store in which everything is live."""
    harness = PlanningHarness()
    harness.publish(harness.plan(ROWS))
    return harness


def key_of(row: Mapping[str, object], changes: Mapping[str, object] | None = None) -> bytes:
    [request] = PlanningHarness().plan([row], recipe_with(changes)).requests
    return request.key


# The first run and the next


def test_in_the_first_run_everything_is_new() -> None:
    planned = PlanningHarness().plan(ROWS)
    assert planned.kinds_by_slot == dict.fromkeys(SLOTS, "new")
    assert planned.counts == PlanCounts(new=4, requests=4, rendered=4)
    assert {request.prompt for request in planned.requests} == {
        "Photo of a mug, Tall Mug",
        "Photo of Lamp, red, front view",
        "Pair of Boot, front view",
        "Pair of Boot, seen from the side",
    }
    assert all(slot.slot_id == slot_id(slot.sku, slot.view, slot.variant, slot.index) for slot in planned.slots)
    assert all(slot.live_file_sha is None for slot in planned.slots)


def test_an_unchanged_catalogue_renders_nothing_and_asks_for_nothing(harness: PlanningHarness) -> None:
    planned = harness.plan(ROWS)
    assert planned.counts == PlanCounts(unchanged=4)
    assert (planned.slots, planned.requests, planned.refreshed, planned.retired) == ([], [], [], 0)


@pytest.mark.parametrize("rows_per_batch", [1, 2, 3])
def test_the_batches_size_does_not_matter(rows_per_batch: int) -> None:
    whole, parts = PlanningHarness().plan(ROWS), PlanningHarness().plan(ROWS, rows_per_batch=rows_per_batch)
    assert parts.counts == whole.counts
    assert sorted(map(repr, parts.slots)) == sorted(map(repr, whole.slots))
    assert sorted(map(repr, parts.requests)) == sorted(map(repr, whole.requests))


def test_of_a_made_up_catalogue_exactly_the_changed_rows_are_found() -> None:
    def rows(changed: int) -> list[dict[str, object]]:
        return [
            {name: row[name] for name in ("sku", "title", "color")}
            for batch in synthetic_batches(500, changed=changed)
            for row in batch.to_pylist()
        ]

    harness = PlanningHarness()
    harness.publish(harness.plan(rows(0)))
    for changed in (0, 7):
        planned = harness.plan(rows(changed))
        assert planned.counts == PlanCounts(
            changed=changed, unchanged=500 - changed, requests=changed, rendered=changed
        )


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({"title": "Short Mug"}, {"M1 front a 0": "changed"}),
        ({"width": "640"}, {"M1 front a 0": "changed"}),
        ({"seed": "7"}, {"M1 front a 0": "changed"}),
        ({"negative_prompt": "text"}, {}),
        ({"prompt": "My own words"}, {"M1 front a 0": "changed"}),
        ({"quality": "high"}, {"M1 front a 0": "changed"}),
        ({"model": "other"}, {"M1 front a 0": "changed"}),
        ({"category": ""}, {"M1 front a 0": "changed"}),
        ({"views": "front;side"}, {"M1 side a 0": "new"}),
        ({"num_images": "3"}, {"M1 front a 1": "new", "M1 front a 2": "new"}),
        ({"sku": "M2"}, {"M2 front a 0": "new"}),
        ({"color": "blue"}, {}),
        ({"priority": "high"}, {}),
        ({"created_at": "2026-11-22"}, {}),
        ({"deadline": "2026-11-22"}, {}),
        ({"description": "Another"}, {}),
        ({"width": "512.0"}, {}),
        ({"title": " Tall\tMug "}, {}),
        ({"views": "front"}, {}),
        ({"num_images": "1"}, {}),
        ({"quality": "standard", "model": "stub"}, {}),
    ],
    ids=str,
)
def test_an_edit_of_a_row_touches_exactly_its_slots(
    harness: PlanningHarness, change: dict[str, object], kinds: dict[str, str]
) -> None:
    planned = harness.plan([{**MUG, **change}, LAMP, BOOT])
    assert planned.kinds_by_slot == kinds
    assert planned.counts.new + planned.counts.changed == len(kinds)
    assert planned.counts.unchanged == 4 - sum(kind == "changed" for kind in kinds.values()) - planned.retired
    assert planned.retired == (1 if "sku" in change else 0)


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"categories.mugs.template": "Photo of one mug, {{ title }}"}, ["M1 front a 0"]),
        ({"categories.mugs.negative": "text"}, []),  # guidance is 0
        (
            {"categories.mugs.negative": "text", "tiers.standard.guidance": 0.5},
            ["M1 front a 0", "L1 front a 0", "B1 front a 0", "B1 side a 0"],
        ),
        ({"categories.boots.quality": "high"}, ["B1 front a 0", "B1 side a 0"]),
        ({"views.side": "from the left"}, ["B1 side a 0"]),
        ({"defaults.template": "Picture of {{ title }}"}, ["L1 front a 0"]),
        ({"salt": "ours"}, SLOTS),
        ({"render_version": 2}, SLOTS),
        ({"models.stub.precision": "fp8"}, SLOTS),
        ({"tiers.standard.steps": 9}, SLOTS),
        (SQUARE, SLOTS),
        ({"tiers.high.steps": 9}, []),
        ({"models.other.precision": "fp8"}, []),
        ({"categories.hats.template": "A hat"}, []),
        ({"tiers.standard.attempts": 5}, []),
    ],
    ids=str,
)
def test_an_edit_of_the_recipe_touches_exactly_the_slots_it_reaches(
    harness: PlanningHarness, changes: dict[str, object], kinds: list[str]
) -> None:
    assert harness.plan(ROWS, recipe_with(changes)).kinds_by_slot == dict.fromkeys(kinds, "changed")


def test_a_changed_slot_remembers_the_image_it_was_planned_against(harness: PlanningHarness) -> None:
    [slot] = harness.plan([{**MUG, "title": "Short Mug"}, LAMP, BOOT]).slots
    assert slot.live_file_sha == harness.live[slot.slot_id]["file_sha"]


def test_a_source_that_moves_without_its_key_is_rendered_once_and_refreshed(harness: PlanningHarness) -> None:
    rows = [{**LAMP, "color": "", "title": "Lamp, red"}, MUG, BOOT]
    planned = harness.plan(rows)
    assert planned.counts == PlanCounts(unchanged=4, rendered=1)
    [(slot, table, source, key, finish)] = planned.refreshed
    live = harness.live[slot]
    assert (table, key, finish) == ("manifest", live["request_key"], live["finish_digest"])
    assert source != harness.live[slot]["source_digest"]
    harness.publish(planned)
    assert harness.plan(rows).counts == PlanCounts(unchanged=4)


def test_a_column_that_is_renamed_without_its_values_is_another_source() -> None:
    read = {"defaults.template": "{{ title }}{% if color %} in {{ color }}{% endif %}{{ description }}"}
    recipe, harness = recipe_with(read), PlanningHarness()
    harness.publish(harness.plan([{"sku": "A", "title": "Mug", "color": "red"}], recipe))
    planned = harness.plan([{"sku": "A", "title": "Mug", "description": "red"}], recipe)
    assert planned.kinds_by_slot == {"A front a 0": "changed"}
    assert [request.prompt for request in planned.requests] == ["Mugred"]


def test_a_column_that_is_not_there_is_as_good_as_an_empty_one(harness: PlanningHarness) -> None:
    rows = [{"color": "", "prompt": "", "seed": "", "model": "", "views": "", **row} for row in ROWS]
    assert harness.plan(rows).counts == PlanCounts(unchanged=4)


def test_what_the_catalogue_no_longer_asks_for_stays_unseen(harness: PlanningHarness) -> None:
    assert harness.plan([LAMP]).retired == 3
    assert harness.plan([LAMP, MUG, {**BOOT, "views": "side"}]).retired == 1
    assert harness.plan([]).retired == 4


def test_a_sku_that_comes_back_is_unchanged_while_its_image_is_live(harness: PlanningHarness) -> None:
    harness.plan([LAMP])
    assert harness.plan(ROWS).counts == PlanCounts(unchanged=4)


# The request key


def test_a_rows_key_its_source_and_its_slot_stay_what_they_are() -> None:
    """These were computed once; a change here makes every shop's pictures anew."""
    [slot] = PlanningHarness().plan([LAMP]).slots
    assert slot.request_key.hex() == "31056c1c3b5df013f4512a30a7d9e71d427c071a3816b2c6aed463aa9a4552ca"
    assert slot.source_digest.hex() == "77bfef8f00ff9f0cbec681171abadec4"
    assert slot.slot_id.hex() == "6d0d2694a31ce6cbd8b581cd66a1cc79"
    parameters = {
        "prompt": "Photo of Lamp, red, front view", "negative": "", "width": 512, "height": 512, "steps": 8,
        "guidance": 0.0, "render_version": 1, "family": "stub", "weights": "stub/1", "precision": "fp32",
    }  # fmt: skip
    assert slot.request_key.hex() == request_key(parameters)
    assert key_of({**LAMP, "seed": "7"}).hex() == request_key({**parameters, "seed": 7})
    second = PlanningHarness().plan([{**LAMP, "num_images": "2"}]).slots[1]
    assert second.request_key.hex() == request_key({**parameters, "index": 1})


@pytest.mark.parametrize(
    "change",
    [{"prompt": "Own words"}, {"seed": "0"}, {"seed": "7"}, {"width": "640"},
     {"height": "640"}, {"quality": "high"}, {"model": "other"}, {"title": "Other"}],
    ids=str,
)  # fmt: skip
def test_what_changes_the_pixels_moves_the_key(change: dict[str, object]) -> None:
    assert key_of({**LAMP, **change}) != key_of(LAMP)


@pytest.mark.parametrize(
    "change",
    [{"priority": "high"}, {"created_at": "2026-11-22"}, {"deadline": "2026-11-22"}, {"description": "x"},
     {"sku": "other"}, {"negative_prompt": "text"}, {"category": "hats"}, {"width": "512"}, {"quality": "standard"},
     {"prompt": "Photo of Lamp, red, front view"}],
    ids=str,
)  # fmt: skip
def test_what_does_not_leaves_it(change: dict[str, object]) -> None:
    assert key_of({**LAMP, **change}) == key_of(LAMP)


@pytest.mark.parametrize(
    ("changes", "moves"),
    [({"catalogue": "other"}, False), (SQUARE, False), ({"tiers.standard.attempts": 5}, False),
     ({"salt": "ours"}, True), ({"render_version": 2}, True), ({"tiers.standard.guidance": 1.0}, True)],
    ids=str,
)  # fmt: skip
def test_which_words_of_the_recipe_are_in_the_key(changes: dict[str, object], moves: bool) -> None:
    assert (key_of(LAMP, changes) != key_of(LAMP)) is moves


def test_a_request_carries_what_the_engine_needs() -> None:
    row = {**LAMP, "width": "640", "seed": "7", "quality": "high", "model": "other", "priority": "HIGH"}
    [request] = PlanningHarness().plan([row]).requests
    assert (request.width, request.height, request.steps, request.guidance) == (640, 1024, 8, 0.0)
    assert (request.seed, request.model, request.priority) == (7, "other", "high")
    assert (request.first_attempt, request.attempts_allowed, request.verdict) == (0, 4, PASS)


def test_a_slot_carries_its_times_in_utc() -> None:
    [slot] = (
        PlanningHarness().plan([{**LAMP, "created_at": "2026-11-22T01:00:00+01:00", "deadline": "2026-12-01"}]).slots
    )
    assert str(slot.created_at) == "2026-11-22 00:00:00+00:00"
    assert str(slot.deadline) == "2026-12-01 00:00:00+00:00"
    assert slot.priority == "normal"


def test_further_images_have_keys_of_their_own_and_the_first_keeps_its() -> None:
    planned = PlanningHarness().plan([{**LAMP, "num_images": "3"}])
    assert [slot.index for slot in planned.slots] == [0, 1, 2]
    assert len({slot.request_key for slot in planned.slots}) == 3
    assert planned.slots[0].request_key == key_of(LAMP)


def test_variants_are_shared_out_by_the_skus_hash_and_stay() -> None:
    arms = {"variants": {"a": {"share": 0.7}, "b": {"share": 0.3, "template": "Drawing of {{ title }}"}}}
    rows = [{"sku": f"S{number}", "title": f"Lamp {number}"} for number in range(400)]
    harness, recipe = PlanningHarness(), recipe_with(arms)
    planned = harness.plan(rows, recipe)
    share = sum(slot.variant == "b" for slot in planned.slots) / 400
    assert 0.24 < share < 0.36
    assert all(("Drawing" in request.prompt) == (slot.variant == "b")
               for slot, request in zip(planned.slots, planned.requests, strict=True))  # fmt: skip
    harness.publish(planned)
    assert harness.plan(rows, recipe).counts == PlanCounts(unchanged=400)
    wider = recipe_with({"variants": {"a": {"share": 0.5}, "b": {"share": 0.5, "template": "Drawing of {{ title }}"}}})
    assert {slot.variant for slot in harness.plan(rows, wider).slots} == {"b"}, "who had b keeps it"


# What was refused


@pytest.mark.parametrize("state", ["review", "blocked", "withdrawn"])
def test_what_was_refused_waits_without_being_rendered(state: str) -> None:
    harness = PlanningHarness()
    harness.record_outcomes(harness.plan(ROWS), state)
    planned = harness.plan(ROWS)
    assert planned.counts == PlanCounts(waiting=4)
    assert (planned.slots, planned.refreshed) == ([], [])


@pytest.mark.parametrize("state", ["review", "blocked"])
def test_it_is_decided_again_when_the_policy_moves(state: str) -> None:
    harness = PlanningHarness()
    harness.record_outcomes(harness.plan(ROWS), state)
    planned = harness.plan(ROWS, policy="policy 2")
    assert planned.kinds_by_slot == dict.fromkeys(SLOTS, "waiting")
    assert planned.counts == PlanCounts(waiting=4, decided_anew=4, requests=4, rendered=4)


def test_a_withdrawn_slot_waits_under_any_policy() -> None:
    harness = PlanningHarness()
    harness.record_outcomes(harness.plan(ROWS), "withdrawn")
    assert harness.plan(ROWS, policy="policy 2").counts == PlanCounts(waiting=4)


@pytest.mark.parametrize(
    ("state", "attempts", "first"), [("deferred", 0, 0), ("failed", 0, 0), ("failed", 1, 1), ("failed", 2, 2)]
)
def test_failed_within_its_budget_and_deferred_are_tried_again(state: str, attempts: int, first: int) -> None:
    harness = PlanningHarness()
    harness.record_outcomes(harness.plan(ROWS), state, attempts)
    planned = harness.plan(ROWS)
    assert planned.kinds_by_slot == dict.fromkeys(SLOTS, "new")
    assert {request.first_attempt for request in planned.requests} == {first}


def test_failed_beyond_its_budget_waits_until_the_budget_grows() -> None:
    harness = PlanningHarness()
    harness.record_outcomes(harness.plan(ROWS), "failed", 3)
    assert harness.plan(ROWS).counts == PlanCounts(waiting=4)
    planned = harness.plan(ROWS, recipe_with({"tiers.standard.attempts": 5}))
    assert planned.kinds_by_slot == dict.fromkeys(SLOTS, "new")
    assert {(request.first_attempt, request.attempts_allowed) for request in planned.requests} == {(3, 5)}


def test_attempts_are_counted_by_request_the_highest_over_its_slots() -> None:
    harness, twins = PlanningHarness(), [{**MUG, "sku": sku} for sku in ("M1", "M2", "M3")]
    for row, attempts in zip(twins, (1, 2, 0), strict=True):
        harness.record_outcomes(harness.plan([row]), "failed", attempts)
    [request] = harness.plan(twins).requests
    assert request.first_attempt == 2


def test_a_changed_slot_whose_new_image_was_refused_waits_and_keeps_the_old_one(harness: PlanningHarness) -> None:
    edited = [{**MUG, "title": "Short Mug"}, LAMP, BOOT]
    harness.record_outcomes(harness.plan(edited), "blocked")
    assert harness.plan(edited).counts == PlanCounts(unchanged=3, waiting=1)
    assert harness.plan(edited).retired == 0
    assert harness.plan(ROWS).counts == PlanCounts(unchanged=4), "the edit was taken back"


def test_a_refused_slot_that_is_edited_is_generated_again() -> None:
    harness = PlanningHarness()
    harness.record_outcomes(harness.plan([MUG]), "blocked")
    assert harness.plan([{**MUG, "title": "Short Mug"}]).kinds_by_slot == {"M1 front a 0": "new"}


def test_a_waiting_slot_whose_source_moves_without_its_key_is_refreshed() -> None:
    harness = PlanningHarness()
    harness.record_outcomes(harness.plan([LAMP]), "review")
    row = {**LAMP, "color": "", "title": "Lamp, red"}
    planned = harness.plan([row])
    assert planned.counts == PlanCounts(waiting=1, rendered=1)
    assert [(table, key) for _, table, _, key, _ in planned.refreshed] == [("outcomes", key_of(LAMP))]
    harness.record_outcomes(planned, "review")
    assert harness.plan([row]).counts == PlanCounts(waiting=1)


def test_of_several_outcomes_only_that_of_the_current_request_is_refreshed() -> None:
    harness, other = PlanningHarness(), {**LAMP, "title": "Tall Lamp"}
    harness.record_outcomes(harness.plan([other]), "blocked")
    harness.record_outcomes(harness.plan([LAMP]), "review")
    harness.record_outcomes(harness.plan([{**LAMP, "color": "", "title": "Lamp, red"}]), "review")
    assert len({row["source_digest"] for row in harness.outcomes.values()}) == 2
    assert harness.plan([other]).counts == PlanCounts(waiting=1)


def test_a_refusal_of_what_is_live_by_now_has_no_effect() -> None:
    harness = PlanningHarness()
    planned = harness.plan([LAMP])
    harness.record_outcomes(planned, "review")
    harness.publish(harness.plan([{**LAMP, "color": "", "title": "Lamp, red"}], policy="policy 2"))
    assert harness.plan([LAMP], policy="policy 1").counts == PlanCounts(unchanged=1, rendered=1)


# The finish


def test_another_finish_alone_changes_the_slot_and_keeps_the_key(harness: PlanningHarness) -> None:
    planned = harness.plan(ROWS, recipe_with(SQUARE))
    assert planned.kinds_by_slot == dict.fromkeys(SLOTS, "changed")
    assert {slot.request_key for slot in planned.slots} == {row["request_key"] for row in harness.live.values()}


def test_a_withdrawn_finish_of_a_live_image_is_not_published_again(harness: PlanningHarness) -> None:
    square = recipe_with(SQUARE)
    harness.record_outcomes(harness.plan(ROWS, square), "withdrawn")
    assert harness.plan(ROWS, square).counts == PlanCounts(waiting=4)
    assert harness.plan(ROWS).counts == PlanCounts(unchanged=4)
    assert harness.plan(ROWS, recipe_with({"finish.quality": 95})).kinds_by_slot == dict.fromkeys(SLOTS, "changed")


@pytest.mark.parametrize("withdrawn_first", [True, False])
def test_of_two_finishes_of_a_request_each_is_held_by_its_own_outcome(withdrawn_first: bool) -> None:
    harness, square = PlanningHarness(), recipe_with(SQUARE)
    planned = {"withdrawn": harness.plan([LAMP], square), "review": harness.plan([LAMP])}
    for state in sorted(planned, reverse=withdrawn_first):
        harness.record_outcomes(planned[state], state)
    moved = [{**LAMP, "color": "", "title": "Lamp, red"}]
    for state, recipe in (("review", None), ("withdrawn", square)):
        tonight = harness.plan(moved, *([recipe] if recipe else []))
        assert tonight.counts == PlanCounts(waiting=1, rendered=1)
        assert [row[-1] for row in tonight.refreshed] == [planned[state].slots[0].finish_digest]
    third = recipe_with({"finish.quality": 95})
    assert harness.plan(moved, third).kinds_by_slot == {"L1 front a 0": "waiting"}, "the refusal is decided again"


def test_a14_a_review_of_a_finish_holds_that_finish_back_and_no_other(harness: PlanningHarness) -> None:
    """A14: a finish that ended in review was finished, measured and put to people again every night."""
    square = recipe_with(SQUARE)
    harness.record_outcomes(harness.plan(ROWS, square), "review")
    assert harness.plan(ROWS, square).counts == PlanCounts(waiting=4)
    planned = harness.plan([{**LAMP, "color": "", "title": "Lamp, red"}, MUG, BOOT], square)
    assert planned.counts == PlanCounts(waiting=4, rendered=1)
    assert [table for _, table, *_ in planned.refreshed] == ["outcomes"]
    assert harness.plan(ROWS).counts == PlanCounts(unchanged=4), "the live finish again"
    assert harness.plan(ROWS, recipe_with({"finish.quality": 95})).kinds_by_slot == dict.fromkeys(SLOTS, "changed")
    assert harness.plan(ROWS, square, policy="policy 2").kinds_by_slot == dict.fromkeys(SLOTS, "waiting")


# Refusals that say nothing of the image


def test_a5_a_fault_of_our_own_holds_until_its_next_try() -> None:
    harness = PlanningHarness()
    retry = {"tries": 1, "retry_at": harness.now + timedelta(hours=20), "reasons": ["scanner-failed.pixels"]}
    harness.record_outcomes(harness.plan(ROWS), "review", **retry)
    harness.now += timedelta(hours=19)
    assert harness.plan(ROWS).counts == PlanCounts(waiting=4)
    assert harness.waiting is not None
    assert harness.waiting.own_faults.document() == {
        "slots": 4, "reasons": {"scanner-failed.pixels": 4}, "next_try": "2026-11-01T22:00:00+00:00"
    }  # fmt: skip
    harness.now += timedelta(hours=1)
    planned = harness.plan(ROWS)
    assert planned.kinds_by_slot == dict.fromkeys(SLOTS, "waiting"), "decided again, so the review keeps its age"
    assert planned.counts == PlanCounts(waiting=4, decided_anew=4, requests=4, rendered=4)


@pytest.mark.parametrize(("scanners", "waits"), [({"pixels"}, True), ({"pixels", "nudity"}, False)])
def test_a5_a_missing_scanner_is_used_as_soon_as_it_can_be_opened(scanners: set[str], waits: bool) -> None:
    harness = PlanningHarness(scanners=frozenset(scanners))
    retry = {"tries": 1, "retry_at": harness.now, "reasons": ["scanner-missing.nudity", "blurred"]}
    harness.record_outcomes(harness.plan(ROWS), "review", **retry)
    assert harness.plan(ROWS).counts.decided_anew == (0 if waits else 4)


def test_a5_failed_beyond_its_budget_is_tried_again_when_its_time_comes_with_the_gates_attempts_whole() -> None:
    harness = PlanningHarness()
    retry = {"tries": 2, "retry_at": harness.now + timedelta(hours=20), "reasons": ["engine-failed"]}
    harness.record_outcomes(harness.plan(ROWS), "failed", 3, **retry)
    assert harness.plan(ROWS).counts == PlanCounts(waiting=4)
    harness.now += timedelta(hours=20)
    planned = harness.plan(ROWS)
    assert planned.kinds_by_slot == dict.fromkeys(SLOTS, "new")
    # Three attempts are gone, two of them by our fault: of the gates' three, two are left.
    assert {(request.first_attempt, request.attempts_allowed) for request in planned.requests} == {(3, 5)}


def test_a5_a_collision_holds_while_the_other_picture_is_live(harness: PlanningHarness) -> None:
    other = next(iter(harness.live.values()))
    copy = {"sku": "C1", "title": "Copy"}
    collision = {"reasons": ["duplicate-exact"], "collides_with": other["pixel_sha"]}
    harness.record_outcomes(harness.plan([copy]), "blocked", **collision)
    assert harness.plan([*ROWS, copy]).counts == PlanCounts(unchanged=4, waiting=1)
    other["pixel_sha"] = bytes(32)
    assert harness.plan([*ROWS, copy]).kinds_by_slot == {"C1 front a 0": "waiting"}


def test_only_what_holds_a_slot_of_this_catalogue_is_counted_as_waiting(harness: PlanningHarness) -> None:
    """A15: reviews of live images, of SKUs that are gone and of prompts that have changed since were counted too."""
    hat, scarf = {"sku": "H1", "title": "Hat"}, {"sku": "S1", "title": "Scarf"}
    for row in (LAMP, {**LAMP, "title": "Other"}, hat, scarf):
        harness.record_outcomes(harness.plan([row], recipe_with({"salt": "x"} if row is LAMP else None)), "review")
    harness.record_outcomes(harness.plan([LAMP, MUG], recipe_with(SQUARE)), "review")
    for row in harness.outcomes.values():
        row["decided_at"] = harness.now - timedelta(days=31)
    planned = harness.plan([*ROWS, hat])
    assert planned.counts == PlanCounts(unchanged=4, waiting=1)
    assert harness.waiting is not None
    assert (harness.waiting.expired, harness.waiting.skus_without_image, harness.waiting.first_skus) == (1, 1, ["H1"])


# Prompts that cannot be made, or may not


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"title": "x" * 4001}, "the prompt cannot be made: it is 4,029 characters long; the limit is 4,000"),
        ({"prompt": "x" * 4001}, "the prompt cannot be made: it is 4,001 characters long; the limit is 4,000"),
        ({"title": "fail"}, "the prompt cannot be made: the template fails: expected length >= 3, got 1"),
        ({"title": "empty"}, "the prompt cannot be made: it is empty"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_row_whose_prompt_cannot_be_made_is_turned_away_with_all_its_slots(
    row: dict[str, object], reason: str
) -> None:
    template = (
        "{% if view == 'side' %}{% if title == 'fail' %}{{ title | truncate(1) }}{% elif title != 'empty' %}"
        "Side of {{ title }}, {{ phrase }}{% endif %}{% else %}Front{% endif %}"
    )
    recipe = recipe_with({"defaults.template": template, "defaults.views": ["front", "side"]})
    planned = PlanningHarness().plan([LAMP, {"sku": "X", "title": "Y", **row}, MUG], recipe)
    [reject] = planned.batches[0].rejects
    assert (reject.row, reject.sku, reject.column, reject.reason) == (2, "X", "prompt", reason)
    assert {slot.sku for slot in planned.slots} == {"L1", "M1"}
    assert planned.counts.new == 4


def test_a_rejected_rows_slots_are_seen_so_that_none_is_retired() -> None:
    harness, recipe = PlanningHarness(), recipe_with({"defaults.views": ["front", "side"]})
    harness.publish(harness.plan([LAMP], recipe))
    planned = harness.plan([{**LAMP, "title": "x" * 5000}], recipe)
    assert (len(planned.batches[0].rejects), planned.slots, planned.retired) == (1, [], 0)


def test_another_list_of_languages_decides_refused_prompts_again_and_moves_no_key() -> None:
    harness = PlanningHarness()
    before = harness.plan([LAMP])
    harness.record_outcomes(before, "review", has_image=False)
    assert harness.plan([LAMP], recipe_with({"languages": ["en"]})).counts == PlanCounts(waiting=1)
    [slot] = harness.plan([LAMP], recipe_with({"languages": ["en", "ja"]})).slots
    assert (slot.kind, slot.request_key) == ("waiting", before.slots[0].request_key)


@pytest.mark.parametrize("title", ["{{ 7*7 }}", "{% for x in y %}", "../../etc", "\u202eevil", "👟", "x" * 3000])
def test_hostile_text_is_planned_as_text(title: str) -> None:
    [request] = PlanningHarness().plan([{"sku": "A", "title": title, "category": "mugs"}]).requests
    assert request.prompt == f"Photo of a mug, {title}"


# Any catalogue at all

NAMES = st.sampled_from(["A", "B", "C", "D"])
CELLS = st.fixed_dictionaries(
    {
        "title": st.sampled_from(["Mug", "Lamp"]),
        "category": st.sampled_from(["", "mugs", "boots"]),
        "color": st.sampled_from(["", "red"]),
        "views": st.sampled_from(["", "front", "side;front"]),
        "num_images": st.sampled_from(["", "2"]),
        "quality": st.sampled_from(["", "high"]),
    }
)


@settings(max_examples=25, deadline=None)
@given(runs=st.lists(st.dictionaries(NAMES, CELLS), min_size=2, max_size=4), refusals=st.lists(st.booleans()))
def test_every_slot_is_counted_once_and_a_second_look_finds_nothing_to_do(
    runs: list[dict[str, dict[str, str]]], refusals: list[bool]
) -> None:
    harness = PlanningHarness()
    for number, catalogue in enumerate(runs):
        rows = [{"sku": sku, **cells} for sku, cells in catalogue.items()]
        planned = harness.plan(rows)
        found = planned.counts
        everything = PlanningHarness().plan(rows)
        assert found.new + found.changed + found.unchanged + found.waiting == everything.counts.new
        assert {slot_name(slot) for slot in planned.slots} <= {slot_name(slot) for slot in everything.slots}
        keys = {slot.slot_id: slot.request_key for slot in everything.slots}
        assert all(slot.request_key == keys[slot.slot_id] for slot in planned.slots)
        if number < len(refusals) and refusals[number]:
            harness.record_outcomes(planned, "blocked")
        else:
            harness.publish(planned)
        again = harness.plan(rows)
        assert (again.slots, again.counts.rendered) == ([], 0)
        wanted = {slot.slot_id for slot in everything.slots}
        assert again.retired == len(set(harness.live) - wanted)


def test_what_was_deferred_is_new_again() -> None:
    harness = PlanningHarness()
    harness.record_outcomes(harness.plan([{"sku": "a", "title": "Mug"}]), "deferred", attempts=1)
    again = harness.plan([{"sku": "a", "title": "Mug"}])
    assert (again.counts.new, again.counts.waiting, [one.first_attempt for one in again.requests]) == (1, 0, [0])
