"""Prompt samples: what a person sees of a plan before anything is made."""

import pytest

from catalogs.planning.prompt_samples import PromptSample, PromptSampler
from catalogs.verdict import PASS, Verdict
from tests.fixtures.planning_harness import LAMP, MUG, PlanningHarness

BOOTS: dict[str, object] = {"sku": "B1", "title": "Boots", "category": "boots", "negative_prompt": "text"}
NUMBERED = [{"sku": f"S{number}", "title": f"Thing {number}"} for number in range(40)]


def refuse(word: str, decision: str = "BLOCK") -> dict[str, object]:
    return {"verdict_for": lambda prompt: Verdict(decision, (f"words.{word}",)) if word in prompt else PASS}


def test_a_first_night_shows_rows_with_their_views_and_prompts() -> None:
    sampler = PromptSampler()
    PlanningHarness().plan([MUG, LAMP, BOOTS], sampler=sampler)
    assert sampler.samples == [
        PromptSample(1, "M1", ["front"], "Photo of a mug, Tall Mug", "", "new", []),
        PromptSample(2, "L1", ["front"], "Photo of Lamp, red, front view", "", "new", []),
        PromptSample(3, "B1", ["front", "side"], "Pair of Boots, front view", "", "new", []),
    ]


def test_rows_of_one_prompt_are_one_sample_that_counts_them() -> None:
    sampler = PromptSampler(2, renders=True)
    sizes = [MUG | {"sku": f"M{size}"} for size in "SML"]
    PlanningHarness().plan([*sizes, LAMP, BOOTS], sampler=sampler)
    assert [(sample.sku, sample.sharing) for sample in sampler.samples] == [("MS", 2), ("L1", 0)]


def test_every_reason_has_an_example_however_late_it_comes() -> None:
    sampler = PromptSampler(2)
    rows = [*NUMBERED, {"sku": "K1", "title": "Sharp knife"}, {"sku": "K2", "title": "Long knife"}, LAMP]
    PlanningHarness().plan(
        [*rows, {"sku": "K3", "title": "Old knife"}], sampler=sampler, rows_per_batch=5, **refuse("knife")
    )  # type: ignore[arg-type]
    assert [sample.sku for sample in sampler.samples] == ["S0", "S1"]
    assert [(sample.sku, sample.state, sample.reasons) for sample in sampler.examples] == [
        ("K1", "blocked", ["words.knife"]),
        ("K2", "blocked", ["words.knife"]),
    ]


def test_a_brand_of_another_maker_is_the_rows_reason_to_wait() -> None:
    sampler = PromptSampler(5, renders=True)
    rows = [{"sku": "A", "title": "Acme lamp"}, {"sku": "B", "title": "Plain lamp"}]
    PlanningHarness().plan(rows, brands_by_word={"Acme": ("Acme",)}, sampler=sampler)
    assert [(sample.sku, sample.state, sample.reasons) for sample in sampler.samples] == [
        ("A", "review", ["brand.other"]),
        ("B", "new", []),
    ]


@pytest.mark.parametrize(("renders", "expected"), [(False, []), (True, [("M1", "unchanged"), ("L1", "review")])])
def test_a_dry_run_shows_what_does_not_change_and_a_run_renders_nothing_for_it(
    renders: bool, expected: list[tuple[str, str]]
) -> None:
    harness = PlanningHarness()
    harness.publish(harness.plan([MUG]))
    harness.record_outcomes(harness.plan([MUG, LAMP]), "review")
    sampler = PromptSampler(5, renders=renders)
    planned = harness.plan([MUG, LAMP], sampler=sampler)
    assert (planned.counts.unchanged, planned.counts.waiting, planned.counts.rendered) == (1, 1, 0)
    assert [(sample.sku, sample.state) for sample in sampler.samples] == expected
    assert [sample.reasons for sample in sampler.samples] == [[], ["blurred"]][: len(expected)]


def test_a_row_whose_prompt_cannot_be_made_is_no_sample() -> None:
    sampler = PromptSampler(5, renders=True)
    PlanningHarness().plan([MUG | {"prompt": "x" * 5_000}, LAMP], sampler=sampler)
    assert [sample.sku for sample in sampler.samples] == ["L1"]


@pytest.mark.parametrize("limit", [0, 1, 7])
def test_no_more_are_shown_than_are_wanted(limit: int) -> None:
    sampler = PromptSampler(limit, renders=True)
    PlanningHarness().plan(NUMBERED, sampler=sampler, rows_per_batch=3, **refuse("Thing"))  # type: ignore[arg-type]
    assert len(sampler.samples) == limit
    assert len(sampler.documents()) <= limit + 2


def test_a_trial_takes_every_view_of_the_first_rows_with_their_requests() -> None:
    sampler = PromptSampler(3, renders=True, every_view=True)
    PlanningHarness().plan([MUG, MUG | {"sku": "M2"}, BOOTS, LAMP], sampler=sampler, rows_per_batch=2)
    assert [(sample.row, sample.views) for sample in sampler.samples] == [
        (1, ["front"]), (2, ["front"]), (3, ["front"]), (3, ["side"]),
    ]  # fmt: skip
    assert sampler.requests[3, "side"].prompt == "Pair of Boots, seen from the side"
