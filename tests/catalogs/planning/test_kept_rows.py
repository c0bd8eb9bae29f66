"""Kept rows: rows with photos are planned by what the photos are, and rows without as ever."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.photos.kept_request import KEPT_MODEL, parse_kept_request
from catalogs.planning.plan import Request, Slot
from catalogs.planning.prompt_samples import PromptSampler
from catalogs.verdict import PASS, Verdict
from infra.testing.memory_photos import MemoryPhotos
from tests.fixtures.planning_harness import LAMP, MUG, PlannedRun, PlanningHarness
from tests.fixtures.sample_recipe import RECIPE, recipe_with

ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64
FILES = {"one.jpg": ONE, "two.jpg": TWO, "three.jpg": THREE, "broken.jpg": "!photo.unreadable"}
PHOTOS = MemoryPhotos(FILES)
BOOT = {"sku": "B1", "title": "Boot", "category": "boots"}
"""Two views: front and side."""


def planned(*rows: Mapping[str, object], files: Mapping[str, str] = FILES, **other: Any) -> PlannedRun:
    return PlanningHarness().plan(rows, photos=MemoryPhotos(files), **other)


def request_of(run: PlannedRun, slot: Slot) -> Request:
    return next(request for request in run.requests if request.key == slot.request_key)


def photos_by_view(run: PlannedRun) -> dict[str, tuple[str, ...]]:
    return {slot.view: parse_kept_request(request_of(run, slot).kept or "").photos for slot in run.slots}


def test_a_row_with_a_photo_asks_for_no_prompt_no_seed_and_no_model() -> None:
    [request] = planned({**MUG, "photo": "one.jpg", "seed": "7"}).requests
    assert (request.prompt, request.negative, request.seed, request.steps, request.guidance) == ("", "", None, 0, 0.0)
    assert (request.model, request.attempts_allowed, request.verdict) == (KEPT_MODEL, 1, PASS)
    assert (request.width, request.height) == (512, 512)
    assert json.loads(request.kept or "") == {
        "mode": "white",
        "photos": [ONE],
        "cutters": [["plain-ground", "1"], ["u2netp", "1"]],
        "placement": {"fill": 0.85, "least_fill": 0.85, "centre": 0.5, "foot": None},
    }


def test_rows_of_one_photo_share_one_request_whatever_they_are_called() -> None:
    run = planned(
        {**MUG, "photo": "one.jpg"}, {**LAMP, "reference_image": "one.jpg"}, {**BOOT, "photo_side": "one.jpg"}
    )
    assert len({slot.request_key for slot in run.slots if slot.view != "front" or slot.sku != "B1"}) == 1
    assert run.counts.new == 4


def test_a_row_without_a_photo_is_planned_beside_them_as_it_is_without() -> None:
    [alone] = PlanningHarness().plan([LAMP]).slots
    beside = planned({**MUG, "photo": "one.jpg"}, {**LAMP, "photo": ""}).slots[1]
    assert (beside.source_digest, beside.request_key) == (alone.source_digest, alone.request_key)


def test_each_view_takes_the_photo_that_is_meant_for_it() -> None:
    listed = recipe_with({"photo": {"separator": ";"}})
    row = {**BOOT, "photo": "one.jpg;two.jpg;three.jpg"}
    assert photos_by_view(planned(row, recipe=listed)) == {"front": (ONE, THREE), "side": (TWO,)}
    own = {**BOOT, "photo": "one.jpg", "photo_side": "three.jpg"}
    assert photos_by_view(planned(own)) == {"front": (ONE,), "side": (THREE,)}
    turned = {**row, "views": "side;front"}
    assert photos_by_view(planned(turned, recipe=listed)) == {"side": (ONE, THREE), "front": (TWO,)}


def test_a_view_without_a_photo_in_a_row_that_has_one_waits_and_is_not_made_from_its_title() -> None:
    run = planned({**BOOT, "photo_front": "one.jpg"})
    front, side = (request_of(run, slot) for slot in run.slots)
    assert front.verdict == PASS
    assert (side.verdict, side.model, side.prompt) == (Verdict("BLOCK", ("photo.missing",)), KEPT_MODEL, "")
    assert run.counts.blocked == 1


def test_reasons_of_photos_do_not_mix_though_nothing_else_tells_their_requests_apart() -> None:
    run = planned({**MUG, "photo": "broken.jpg"}, {**LAMP, "photo": "gone.jpg"}, {**BOOT, "photo": "broken.jpg"})
    reasons = [request_of(run, slot).verdict.reasons for slot in run.slots]
    assert reasons == [("photo.unreadable",), ("photo.missing",), ("photo.unreadable",), ("photo.missing",)]


def test_a_photo_that_cannot_be_used_is_no_harm_where_another_can() -> None:
    listed = recipe_with({"photo": {"separator": ";"}})
    harness = PlanningHarness()
    run = harness.plan([{**MUG, "photo": "broken.jpg;one.jpg"}], listed, photos=PHOTOS)
    assert photos_by_view(run) == {"front": (ONE,)}
    assert run.requests[0].verdict == PASS
    found = {"slots": 1, "waiting": 0, "row": 1, "sku": "M1"}
    assert harness.photos == {"slots": {"white": 1}, "reasons": {"photo.unreadable": found}}


def test_the_same_photo_at_another_place_changes_nothing() -> None:
    harness = PlanningHarness()
    harness.publish(harness.plan([{**BOOT, "photo_front": "one.jpg", "photo_side": "two.jpg"}], photos=PHOTOS))
    moved = MemoryPhotos({"new/1.jpg": ONE, "new/2.jpg": TWO})
    again = harness.plan([{**BOOT, "photo_front": "new/1.jpg", "photo_side": "new/2.jpg"}], photos=moved)
    assert (again.counts.unchanged, again.slots, again.counts.rendered) == (2, [], 0)


def test_another_photo_under_the_same_name_changes_the_slot_of_its_view_alone() -> None:
    harness = PlanningHarness()
    row = {**BOOT, "photo_front": "one.jpg", "photo_side": "two.jpg"}
    harness.publish(harness.plan([row], photos=PHOTOS))
    again = harness.plan([row], photos=MemoryPhotos({**FILES, "two.jpg": THREE}))
    assert again.kinds_by_slot == {"B1 side a 0": "changed"}
    assert photos_by_view(again) == {"side": (THREE,)}


def test_a_title_a_prompt_and_a_template_reach_no_kept_slot_and_a_size_and_a_cutter_do() -> None:
    harness = PlanningHarness()
    row = {**MUG, "photo": "one.jpg", "brand": "", "color": "red"}
    harness.publish(harness.plan([row], photos=PHOTOS))
    for moved in ({"title": "Other Mug"}, {"color": "blue"}, {"prompt": "A mug on the moon"}, {"seed": "3"}):
        assert harness.plan([{**row, **moved}], photos=PHOTOS).counts.unchanged == 1
    other = recipe_with({"defaults.template": "Drawing of {{ title }}", "models.stub.precision": "fp8"})
    assert harness.plan([row], other, photos=PHOTOS).counts.unchanged == 1
    changes: list[Mapping[str, object]] = [
        {"photo": {"fill": 0.9}}, {"photo": {"cutters": ["plain-ground"]}}, {"salt": "x"}, {"render_version": 2},
        {"finish": {"quality": 95}}, {"tiers.standard.width": 256},
    ]  # fmt: skip
    for change in changes:
        assert harness.plan([row], recipe_with(change), photos=PHOTOS).kinds_by_slot == {"M1 front a 0": "changed"}
    assert harness.plan([{**row, "width": "256"}], photos=PHOTOS).counts.changed == 1
    newer = MemoryPhotos(FILES, {"plain-ground": "1", "u2netp": "2"})
    assert harness.plan([row], photos=newer).counts.changed == 1


def test_a_photo_that_was_mended_is_planned_the_same_night() -> None:
    harness = PlanningHarness()
    row = {**MUG, "photo": "broken.jpg"}
    harness.record_outcomes(harness.plan([row], photos=PHOTOS), "blocked", has_image=False)
    assert harness.plan([row], photos=PHOTOS).counts.waiting == 1
    mended = harness.plan([row], photos=MemoryPhotos({"broken.jpg": ONE}))
    assert [request.verdict for request in mended.requests] == [PASS]


def test_no_gate_and_no_brand_rule_judges_what_has_no_prompt() -> None:
    def refuse(prompt: str) -> Verdict:
        assert prompt, "an empty prompt was judged"
        return Verdict("BLOCK", ("words.drugs",))

    run = planned({**MUG, "photo": "one.jpg"}, LAMP, verdict_for=refuse, brands_by_word={"": ("acme",)})
    assert [slot.verdict for slot in run.slots] == ["PASS", "REVIEW"]
    assert [request.verdict.decision for request in run.requests] == ["PASS", "BLOCK"]


def test_what_has_no_effect_in_a_row_with_a_photo_is_said_with_its_row() -> None:
    harness = PlanningHarness()
    row = {**MUG, "photo": "one.jpg", "prompt": "A red mug", "seed": "7", "num_images": "3"}
    run = harness.plan([LAMP, row], photos=PHOTOS)
    assert [slot.index for slot in run.slots if slot.sku == "M1"] == [0]
    assert list(harness.warnings) == [
        "1 × num_images counts as 1 in a row with a photo: further images of a view would be the same: '3' in row 2",
        "1 × prompt has no effect in a row with a photo, whose product is kept and not generated: 'A red mug' in row 2",
        "1 × seed has no effect in a row with a photo, whose product is kept and not generated: '7' in row 2",
    ]


def test_a_cutter_that_this_machine_lacks_is_named_once_and_reaches_no_key() -> None:
    harness = PlanningHarness()
    photos = MemoryPhotos(FILES, {"plain-ground": "1"})
    run = harness.plan([{**MUG, "photo": "one.jpg"}], photos=photos)
    assert parse_kept_request(run.requests[0].kept or "").cutters == (("plain-ground", "1"),)
    [sentence] = harness.warnings
    assert sentence.startswith("The recipe's photo.cutters name u2netp, which this machine does not have")


def test_a_dry_run_without_a_resolver_reads_nothing_and_says_so() -> None:
    harness = PlanningHarness()
    run = harness.plan([{**MUG, "photo": "one.jpg"}])
    assert run.requests[0].verdict == Verdict("BLOCK", ("photo.not-read",))
    assert harness.photos["reasons"]["photo.not-read"] == {"slots": 1, "waiting": 1, "row": 1, "sku": "M1"}
    assert list(harness.warnings) == []


def test_slots_whose_photos_no_one_has_read_are_counted_by_themselves_and_not_as_blocked() -> None:
    run = planned(
        {**MUG, "photo": "new.jpg"}, {**LAMP, "photo": "broken.jpg"}, {**BOOT, "photo": "one.jpg"},
        files={**FILES, "new.jpg": "!photo.not-read"},
    )  # fmt: skip
    counts = run.counts
    assert (counts.new, counts.photos_not_read, counts.blocked) == (4, 1, 2)
    assert run.batches[0].prompt_gate_reasons == {"photo.unreadable": 1, "photo.missing": 1}
    assert counts.new == counts.photos_not_read + counts.blocked + 1, "the boot's front"


def test_the_photos_of_planned_images_are_restored_and_no_others() -> None:
    harness, photos = PlanningHarness(), MemoryPhotos(FILES)
    rows = [{**MUG, "photo": "one.jpg"}, {**LAMP, "photo": "broken.jpg"}]
    harness.publish(harness.plan(rows, photos=photos))
    harness.plan(rows, photos=photos)
    harness.plan([rows[0], {**LAMP, "photo": "two.jpg"}], photos=photos)
    assert photos.needed == [{ONE}, {TWO}]


@pytest.mark.parametrize("change", [{"photo": {"mode": "ignore"}}, {"categories.mugs.photo": {"mode": "ignore"}}])
def test_a_recipe_or_category_that_ignores_photos_generates_from_the_title(change: Mapping[str, object]) -> None:
    [request] = planned({**MUG, "photo": "one.jpg"}, recipe=recipe_with(change)).requests
    assert (request.kept, request.prompt, request.model) == (None, "Photo of a mug, Tall Mug", "stub")


@pytest.mark.parametrize("renders", [True, False])
def test_rows_with_photos_are_samples_without_a_prompt_that_name_their_mode_and_photo(renders: bool) -> None:
    sampler = PromptSampler(6, renders=renders)
    rows = ({**MUG, "photo": "one.jpg"}, LAMP, {**MUG, "sku": "M2", "reference_image": "gone.jpg"},
            {**MUG, "sku": "M3", "photo": "new.jpg"}, {**MUG, "sku": "M4", "photo_front": "https://u:w@h/one.jpg?sig=1"},
            {**MUG, "sku": "M5", "photo": "one.jpg"})  # fmt: skip
    files = {**FILES, "new.jpg": "!photo.not-read", "https://u:w@h/one.jpg?sig=1": TWO}
    planned(*rows, sampler=sampler, files=files)
    shown = {sample.sku: (sample.mode, sample.photo, sample.state, sample.reasons) for sample in sampler.samples}
    assert shown == {
        "M1": ("white", "one.jpg", "new", []),
        "L1": ("", "", "new", []),
        "M2": ("white", "gone.jpg", "blocked", ["photo.missing"]),
        "M3": ("white", "new.jpg", "photo not read", []),
        "M4": ("white", "https://h/one.jpg", "new", []),
    }
    assert [sample.sku for sample in sampler.samples if sample.prompt] == ["L1"]
    assert sampler.samples[0].sharing == 1


def test_a_trial_of_rows_with_photos_takes_each_view_and_no_more_rows_than_it_was_asked_for() -> None:
    sampler = PromptSampler(2, renders=True, every_view=True)
    planned({**BOOT, "photo_front": "one.jpg", "photo": "two.jpg"}, LAMP, MUG, sampler=sampler)
    assert [(sample.sku, sample.views, sample.photo) for sample in sampler.samples] == [
        ("B1", ["front"], "one.jpg"),
        ("B1", ["side"], "two.jpg"),
        ("L1", ["front"], ""),
    ]
    assert [row for row, _ in sampler.requests] == [2]


def test_an_address_is_kept_with_its_row_and_its_credentials_are_not() -> None:
    listed = recipe_with({"photo": {"separator": ","}})
    row = {**MUG, "photo": "https://user:word@cdn.example/a.jpg?sig=SECRET#SECRET,https://cdn.example/b.jpg?x=SECRET"}
    [batch] = planned(row, recipe=listed).batches
    fields = dict(batch.source_rows["fields"].to_pylist()[0])
    assert fields["photo"] == "https://cdn.example/a.jpg"
    assert fields["title"] == "Tall Mug"


cells = st.sampled_from(["", "one.jpg", "two.jpg", "broken.jpg", "gone.jpg"])


@given(cells, cells, cells, cells, st.sampled_from(["", "front", "side;front"]), st.booleans())
@settings(max_examples=60)
def test_whatever_cells_name_a_second_night_changes_nothing_and_texts_alone_make_nothing_of_such_rows(
    photo: str, alias: str, front: str, side: str, views: str, mug: bool
) -> None:
    row = {**(MUG if mug else BOOT), "photo": photo, "reference_image": alias, "views": views}
    row |= {"photo_front": front, "photo_side": side}
    harness = PlanningHarness()
    run = harness.plan([row], photos=PHOTOS)
    has_photo = bool(photo or alias or front or side)
    assert all((request.model == KEPT_MODEL) == has_photo for request in run.requests)
    assert all((request.prompt == "") == has_photo for request in run.requests)
    harness.publish(run)
    assert harness.plan([row], photos=PHOTOS).counts.unchanged == len(run.slots)
    if not has_photo:
        plain = PlanningHarness().plan([{key: value for key, value in row.items() if "photo" not in key}], RECIPE)
        assert [slot.source_digest for slot in plain.slots] == [slot.source_digest for slot in run.slots]


def test_a_cell_with_too_many_photos_is_warned_of_by_its_sku_and_row() -> None:
    rows = [LAMP, {**MUG, "photo": ";".join(["one.jpg"] * 30)}]
    harness = PlanningHarness()
    harness.plan(rows, recipe_with({"photo": {"separator": ";"}}), photos=PHOTOS)
    [warning] = [warning for warning in harness.warnings if "more than 20 photos" in warning]
    assert warning.startswith("1 × ")
    assert f"{MUG['sku']!r} in row 2" in warning
