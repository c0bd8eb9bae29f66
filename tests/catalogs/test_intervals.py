"""A rate's interval is the one of the books."""

import pytest

from catalogs.intervals import IntervalEstimate, wilson_interval


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # Worked by hand from Wilson's formula with z = 1.959964; the first is Newcombe's own example of method 3.
        (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (29, 29, 0.8830, 1.0),
    ],
)  # fmt: skip
def test_a_rates_interval_is_wilsons(successes: int, trials: int, low: float, high: float) -> None:
    comparison = wilson_interval(successes, trials)
    assert comparison.value == successes / trials
    assert (round(comparison.low or 0, 4), round(comparison.high or 0, 4)) == (low, high)


def test_nothing_is_known_without_trials() -> None:
    assert wilson_interval(0, 0) == IntervalEstimate(None, None, None)
