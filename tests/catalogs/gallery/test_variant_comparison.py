"""Variant comparison: rates, intervals over SKUs, the test and what it cannot tell."""

import numpy as np
import pytest

from catalogs.gallery.variant_comparison import (
    MINIMUM_SKUS,
    DecidedSlots,
    PersonCounts,
    VariantDifference,
    VariantResult,
    compare_variants,
)
from catalogs.intervals import wilson_interval


def decided(*rows: tuple[int, str, bool, int]) -> DecidedSlots:
    """Rows of (SKU, variant, published, attempts)."""
    names = sorted({variant for _, variant, *_ in rows})
    skus, variants, published, attempts = zip(*rows, strict=True) if rows else ((), (), (), ())
    return DecidedSlots(
        np.array(skus, np.int64),
        np.array([names.index(variant) for variant in variants], np.int64),
        np.array(published, bool),
        np.array([hit and tries == 1 for hit, tries in zip(published, attempts, strict=True)], bool),
        np.array(attempts, np.int64),
        names,
    )


def drawn(rates: dict[str, float], skus: int, views: int, *, alike: bool, seed: int = 1) -> DecidedSlots:
    """Draw slots: with `alike`, all views of a SKU have one fate."""
    random = np.random.default_rng(seed)
    rows = []
    for number, variant in enumerate(name for name in rates for _ in range(skus)):
        fates = [random.random() < rates[variant]] * views if alike else random.random(views) < rates[variant]
        rows += [(number, variant, bool(fate), 1) for fate in fates]
    return decided(*rows)


def difference_of(slots: DecidedSlots) -> VariantDifference:
    return compare_variants(slots, {})[1][0]


def result_of(slots: DecidedSlots, variant: str) -> VariantResult:
    return next(result for result in compare_variants(slots, {})[0] if result.variant == variant)


def test_a_variant_has_its_rates_and_attempts() -> None:
    slots = decided((1, "a", True, 1), (2, "a", True, 3), (3, "a", False, 2), (4, "b", False, 5))
    result = result_of(slots, "a")
    assert (result.skus, result.slots, result.published, result.attempts) == (3, 3, 2, 2.0)
    assert result.pass_rate.value == pytest.approx(2 / 3)
    assert result.first_try.value == pytest.approx(1 / 3)
    assert [each.variant for each in compare_variants(slots, {})[0]] == ["a", "b"]


def test_with_one_slot_a_sku_the_interval_is_wilsons_up_to_the_correction_for_few_skus() -> None:
    rows = [(number, "a", number % 4 > 0, 1) for number in range(400)]
    found, plain = result_of(decided(*rows), "a").pass_rate, wilson_interval(300, 400)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=2e-4)


def test_views_that_share_a_fate_widen_the_interval_as_if_a_sku_were_one_slot() -> None:
    found = result_of(drawn({"a": 0.8}, 200, 6, alike=True), "a").pass_rate
    alone = result_of(drawn({"a": 0.8}, 200, 1, alike=True), "a").pass_rate
    assert found.value == pytest.approx(alone.value)
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high), abs=1e-6)


def test_without_a_failure_the_skus_are_counted_and_not_their_views() -> None:
    found = result_of(decided(*((number // 5, "a", True, 1) for number in range(50))), "a").pass_rate
    assert found.low == pytest.approx(wilson_interval(10, 10).low)


@pytest.mark.parametrize("alike", [True, False])
def test_equal_variants_are_told_apart_in_about_one_case_of_twenty(alike: bool) -> None:
    trials = 160
    p_values = [
        difference_of(drawn({"a": 0.8, "b": 0.8}, 80, 4, alike=alike, seed=seed)).p_value for seed in range(trials)
    ]
    wrong = sum(value is not None and value < 0.05 for value in p_values)
    assert 1 <= wrong <= 18, f"{wrong} of {trials}: 8 are expected"


def test_a_clear_difference_is_told() -> None:
    difference = difference_of(drawn({"a": 0.6, "b": 0.9}, 200, 2, alike=False))
    assert difference.p_value is not None
    assert difference.p_value < 1e-6
    assert difference.difference == pytest.approx(0.3, abs=0.06)
    assert difference.conclusion == "'b' passes more often"


def test_data_that_cannot_tell_say_so_with_what_they_could_have_seen() -> None:
    difference = difference_of(drawn({"a": 0.8, "b": 0.81}, 60, 1, alike=False))
    assert "cannot tell them apart" in difference.conclusion
    assert 0.15 < difference.detectable < 0.3
    few = difference_of(drawn({"a": 0.1, "b": 0.9}, MINIMUM_SKUS - 1, 3, alike=False))
    assert few.p_value is None
    assert few.conclusion.startswith("too few SKUs")


def test_no_slots_are_no_result_and_people_are_counted_beside_the_gates() -> None:
    assert compare_variants(decided(), {}) == ([], [])
    people = PersonCounts(asked_of_passed=90, refused=3, asked_of_kept=10, accepted=7)
    (result,), _ = compare_variants(decided((1, "a", True, 1)), {"a": people})
    assert result.people.overturned.value == pytest.approx(0.1)
    assert PersonCounts().overturned.value is None
