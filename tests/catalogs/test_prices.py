"""What a plan will cost, from a price list that is checked when it is read."""

import pytest

from catalogs.errors import RecipeError
from catalogs.prices import Estimate, estimate, load_prices

LIST = """
currency: EUR
default: small
gpus:
  small: {usd_per_hour: 1.8, seconds_per_megapixel: 2.0}
  large: {usd_per_hour: 3.6, seconds_per_megapixel: 0.5}
"""
PRICES = load_prices(LIST, "prices.yaml")


@pytest.mark.parametrize(
    ("gpu", "stub_seconds", "expected"),
    [
        (None, None, Estimate(100, 200.0, 0.1, 200.0, "EUR", "small")),
        ("large", None, Estimate(100, 50.0, 0.05, 50.0, "EUR", "large")),
        (None, 0.5, Estimate(100, 50.0, 0.025, 50.0, "EUR", "small")),
        (None, 0.0, Estimate(100, 0.0, 0.0, 0.0, "EUR", "small")),
    ],
)
def test_an_estimate_is_seconds_a_megapixel_times_the_price(
    gpu: str | None, stub_seconds: float | None, expected: Estimate
) -> None:
    found = estimate(PRICES, gpu, 100, 100.0, stub_seconds=stub_seconds)
    assert vars(found) == pytest.approx(vars(expected))


def test_no_images_cost_nothing() -> None:
    assert estimate(PRICES, None, 0, 0.0).cost == 0


def test_the_shipped_list_has_a_default_and_sensible_prices() -> None:
    prices = load_prices(None, "the built-in price list")
    name, gpu = prices.gpu(None)
    assert (name, prices.currency) == ("a100", "USD")
    assert 0 < gpu.usd_per_hour < 20
    assert all(0.1 < one.seconds_per_megapixel < 60 for one in prices.gpus.values())


def test_a_gpu_that_is_not_listed_is_named_with_those_that_are() -> None:
    with pytest.raises(RecipeError, match="The price list has no GPU 'abacus'; it has small, large"):
        PRICES.gpu("abacus")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file must hold a mapping"),
        ("a: [", "not YAML"),
        ("{}", "currency: Field required"),
        (LIST.replace("1.8", "-1"), "gpus.small.usd_per_hour: Input should be greater than or equal to 0"),
        (LIST.replace("1.8", ".inf"), "gpus.small.usd_per_hour: Input should be a finite number"),
        (LIST.replace("2.0", "0"), "gpus.small.seconds_per_megapixel: Input should be greater than 0"),
        (LIST.replace("2.0", "2.0, discount: 1"), "gpus.small.discount: Extra inputs are not permitted"),
        (LIST.replace("default: small", "default: tiny"), "default: 'tiny' is none of small, large"),
    ],
)
def test_a_wrong_list_is_refused_with_file_and_field(text: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_prices(text, "prices.yaml")
    assert str(caught.value).startswith(f"prices.yaml: {said}")
