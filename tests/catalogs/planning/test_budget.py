"""Money and time become engine seconds, and an image's estimate is its size, its steps, or the stub's own word."""

import pytest

from catalogs.planning.budget import Allowance, Terms, terms_of
from tests.catalogs.planning.test_pricing import PRICES


def test_money_is_counted_in_the_seconds_that_it_buys() -> None:
    terms = terms_of(PRICES, "large", None, max_cost=1.8, max_hours=0.25)
    assert terms.allowance == Allowance(paid=1800.0, open=900.0)
    assert terms_of(PRICES, "small", None, max_cost=1.8).allowance == Allowance(paid=3600.0)


def test_without_limits_nothing_is_limited() -> None:
    assert not terms_of(PRICES, None, None).allowance.limited
    assert terms_of(PRICES, None, None, max_cost=0.0).allowance.limited


def test_a_gpu_that_costs_nothing_has_no_budget() -> None:
    free = PRICES.model_copy(update={"gpus": {"own": PRICES.gpus["small"].model_copy(update={"usd_per_hour": 0.0})}})
    assert terms_of(free, "own", None, max_cost=0.0).allowance == Allowance()


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (Terms(seconds_per_megapixel=2.0), 2.0),
        (Terms(seconds_per_megapixel=2.0, stub_seconds=0.5), 0.5),
        (Terms(seconds_per_megapixel=2.0, stub_seconds=0.0), 0.0),
        (Terms(), 0.0),
    ],
)
def test_an_image_takes_its_megapixels_times_its_share_of_eight_steps(terms: Terms, expected: float) -> None:
    assert terms.seconds(1000, 1000, 8) == expected
    assert Terms(seconds_per_megapixel=2.0).seconds(500, 1000, 16) == 2.0
