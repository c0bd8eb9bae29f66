"""Variant comparison: how often each variant's images pass, whether two of them differ, and what the data cannot tell.

Inputs: decided slots: SKU, variant, whether an image was published, at which attempt. Outputs: a `VariantResult` of
each variant, and a `VariantDifference` of each pair. Pure.

A SKU's views resemble each other, so slots are not independent: counted one by one, intervals would be too narrow. The
variance of a rate is therefore that of a ratio over SKUs (W. G. Cochran, Sampling Techniques, 3rd edition, 1977,
section 2.11). Slots are divided by its excess over the binomial variance (the design effect), and Wilson's interval is
taken of this effective number. The test of a difference is two-sided and normal, without pooling; it says nothing below
`MINIMUM_SKUS` of either variant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from catalogs.intervals import IntervalEstimate, wilson_interval

MINIMUM_SKUS = 30
SIGNIFICANCE, POWER = 0.05, 0.8
_NORMAL = NormalDist()
_DETECTABLE = _NORMAL.inv_cdf(1 - SIGNIFICANCE / 2) + _NORMAL.inv_cdf(POWER)


@dataclass(frozen=True)
class PersonCounts:
    """What people said of a variant's images: of those that the gates let pass, and of those that they kept back."""

    asked_of_passed: int = 0
    refused: int = 0
    asked_of_kept: int = 0
    accepted: int = 0

    @property
    def overturned(self) -> IntervalEstimate:
        """Return how often people answered otherwise than the gates."""
        return wilson_interval(self.refused + self.accepted, self.asked_of_passed + self.asked_of_kept)


@dataclass(frozen=True)
class VariantResult:
    """One variant over the decided slots. Rates are None where nothing was decided."""

    variant: str
    skus: int
    slots: int
    published: int
    pass_rate: IntervalEstimate
    first_try: IntervalEstimate
    """How often attempt 0 was published."""
    attempts: float | None
    """Attempts a decided slot."""
    variance: float
    """Of the pass rate, over SKUs."""
    people: PersonCounts = PersonCounts()


@dataclass(frozen=True)
class VariantDifference:
    """Two variants: the pass rate of the second minus that of the first."""

    first: str
    second: str
    difference: float
    p_value: float | None
    """None where there are too few SKUs to say."""
    detectable: float
    """The smallest difference that so many slots would show four times in five."""

    @property
    def conclusion(self) -> str:
        """Return what the data say, in a sentence."""
        if self.p_value is None:
            return f"too few SKUs to tell: at least {MINIMUM_SKUS} of each variant are needed"
        if self.p_value >= SIGNIFICANCE:
            return f"the data cannot tell them apart; a difference below {self.detectable:.1%} would rarely be seen"
        better = self.second if self.difference > 0 else self.first
        return f"{better!r} passes more often"


@dataclass(frozen=True)
class DecidedSlots:
    """Decided slots as columns of one length: SKUs and variants as codes, flags, attempts."""

    skus: npt.NDArray[np.int64]
    variants: npt.NDArray[np.int64]
    published: npt.NDArray[np.bool_]
    at_first: npt.NDArray[np.bool_]
    attempts: npt.NDArray[np.int64]
    names: Sequence[str]
    """The variants' names, by code."""


def compare_variants(
    slots: DecidedSlots, people: Mapping[str, PersonCounts]
) -> tuple[list[VariantResult], list[VariantDifference]]:
    """Return each variant's result by name, and the difference of each pair."""
    order = sorted(range(len(slots.names)), key=lambda code: slots.names[code])
    results = [_result_of(slots, code, people.get(slots.names[code], PersonCounts())) for code in order]
    results = [result for result in results if result.slots]
    return results, [_difference(*pair) for pair in combinations(results, 2)]


def _result_of(slots: DecidedSlots, code: int, people: PersonCounts) -> VariantResult:
    chosen = slots.variants == code
    count = int(np.count_nonzero(chosen))
    skus = slots.skus[chosen]
    pass_rate, variance = _rate(skus, slots.published[chosen])
    first_try, _ = _rate(skus, slots.at_first[chosen])
    return VariantResult(
        variant=slots.names[code],
        skus=len(np.unique(skus)),
        slots=count,
        published=int(np.count_nonzero(slots.published[chosen])),
        pass_rate=pass_rate,
        first_try=first_try,
        attempts=float(slots.attempts[chosen].mean()) if count else None,
        variance=variance,
        people=people,
    )


def _rate(skus: npt.NDArray[np.int64], hits: npt.NDArray[np.bool_]) -> tuple[IntervalEstimate, float]:
    """Return a rate with its interval, and its variance over SKUs."""
    slots = len(hits)
    if not slots:
        return IntervalEstimate(), 0.0
    rate = float(hits.mean())
    binomial = rate * (1 - rate) / slots
    _, codes = np.unique(skus, return_inverse=True)
    sizes, sums = np.bincount(codes), np.bincount(codes, weights=hits)
    clusters = len(sizes)
    residuals = float(np.square(sums - rate * sizes).sum())
    clustered = residuals / slots**2 * clusters / (clusters - 1) if clusters > 1 else binomial
    variance = max(binomial, clustered)
    design_effect = variance / binomial if binomial else slots / clusters
    effective = slots / design_effect
    return wilson_interval(rate * effective, effective), variance


def _difference(first: VariantResult, second: VariantResult) -> VariantDifference:
    value = (second.pass_rate.value or 0.0) - (first.pass_rate.value or 0.0)
    error = sqrt(first.variance + second.variance)
    p_value = None
    if min(first.skus, second.skus) >= MINIMUM_SKUS:
        p_value = 2 * (1 - _NORMAL.cdf(abs(value) / error)) if error else float(value == 0)
    return VariantDifference(first.variant, second.variant, value, p_value, _DETECTABLE * error)
