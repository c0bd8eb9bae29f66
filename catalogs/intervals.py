"""Interval estimates: a rate that was counted, with its 95 % interval.

Inputs: successes and trials. Outputs: an `IntervalEstimate`. Pure. A rate's interval is Wilson's score interval (E. B.
Wilson, JASA 22, 1927, 209-212), which holds for few trials and for rates near 0 and 1 too.
"""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

CONFIDENCE_LEVEL = 0.95
NORMAL_QUANTILE = NormalDist().inv_cdf((1 + CONFIDENCE_LEVEL) / 2)


@dataclass(frozen=True)
class IntervalEstimate:
    """A value and its 95 % interval; all None if nothing is known."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


def wilson_interval(successes: float, trials: float) -> IntervalEstimate:
    """Return a rate with Wilson's score interval."""
    if not trials:
        return IntervalEstimate()
    rate, spread = successes / trials, NORMAL_QUANTILE**2 / trials
    centre = (rate + spread / 2) / (1 + spread)
    half_width = NORMAL_QUANTILE / (1 + spread) * sqrt(rate * (1 - rate) / trials + spread / (4 * trials))
    return IntervalEstimate(rate, max(0.0, centre - half_width), min(1.0, centre + half_width))
