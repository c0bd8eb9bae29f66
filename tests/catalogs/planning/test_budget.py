"""Money and time become engine seconds, and an image's estimate is its size, its steps, or the stub's own word."""

import pytest

from catalogs.planning.budget import BudgetLimits, CostModel, build_cost_model
from tests.fixtures.price_list import PRICES


def test_money_is_counted_in_the_seconds_that_it_buys() -> None:
    terms = build_cost_model(PRICES, "large", None, max_cost=1.8, max_hours=0.25)
    assert terms.budget == BudgetLimits(engine_seconds=1800.0, wall_seconds=900.0)
    assert build_cost_model(PRICES, "small", None, max_cost=1.8).budget == BudgetLimits(engine_seconds=3600.0)


def test_without_limits_nothing_is_limited() -> None:
    assert not build_cost_model(PRICES, None, None).budget.has_limits
    assert build_cost_model(PRICES, None, None, max_cost=0.0).budget.has_limits


def test_a_gpu_that_costs_nothing_has_no_budget() -> None:
    free = PRICES.model_copy(update={"gpus": {"own": PRICES.gpus["small"].model_copy(update={"usd_per_hour": 0.0})}})
    assert build_cost_model(free, "own", None, max_cost=0.0).budget == BudgetLimits()


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (CostModel(seconds_per_megapixel=2.0), 2.0),
        (CostModel(seconds_per_megapixel=2.0, stub_seconds=0.5), 0.5),
        (CostModel(seconds_per_megapixel=2.0, stub_seconds=0.0), 0.0),
        (CostModel(), 0.0),
    ],
)
def test_an_image_takes_its_megapixels_times_its_share_of_eight_steps(terms: CostModel, expected: float) -> None:
    assert terms.seconds_per_image(1000, 1000, 8) == expected
    assert CostModel(seconds_per_megapixel=2.0).seconds_per_image(500, 1000, 16) == 2.0
