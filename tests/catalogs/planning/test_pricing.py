"""What a plan will cost, from a price list that is checked when it is read."""

import pytest

from catalogs.errors import RuleFileError
from catalogs.planning.pricing import CostEstimate, estimate_cost, load_price_list
from tests.fixtures.price_list import LIST, PRICES


def test_an_estimate_is_seconds_times_the_hourly_price_beside_what_others_pay() -> None:
    assert estimate_cost(PRICES, "large", 100, 50.0) == CostEstimate(
        images=100, gpu_seconds=50.0, cost=0.05, seconds=50.0, currency="EUR", gpu="large",
        per_hour=3.6, per_image=0.0005, usual=(0.001, 0.003),
    )  # fmt: skip
    estimate = estimate_cost(PRICES, None, 100, 200.0)
    assert (estimate.gpu, estimate.cost, estimate.usual) == ("small", pytest.approx(0.1), None)
    several = estimate_cost(PRICES, None, 100, 200.0, engines=4)
    assert (several.gpu_seconds, several.seconds, several.cost) == (200.0, 50.0, estimate.cost)


def test_no_images_cost_nothing_and_have_no_price_each() -> None:
    estimate = estimate_cost(PRICES, None, 0, 0.0)
    assert (estimate.cost, estimate.per_image) == (0, None)


def test_the_shipped_list_has_a_default_and_sensible_prices() -> None:
    prices = load_price_list(None, "the built-in price list")
    name, gpu = prices.find_gpu(None)
    assert (name, prices.currency) == ("a100", "USD")
    assert 0 < gpu.usd_per_hour < 20
    assert all(0.1 < one.seconds_per_megapixel < 60 for one in prices.gpus.values())


def test_the_shipped_list_says_what_the_article_says_an_image_costs() -> None:
    ranges = {
        name: gpu.usd_per_image for name, gpu in load_price_list(None, "built-in").gpus.items() if gpu.usd_per_image
    }
    assert ranges == {
        "rtx-4090": (0.001, 0.003), "a10g": (0.005, 0.015), "a100": (0.003, 0.008), "serverless": (0.008, 0.02),
    }  # fmt: skip


def test_no_shipped_price_comes_out_above_what_others_pay() -> None:
    for name, gpu in load_price_list(None, "built-in").gpus.items():
        an_image = gpu.cost(1.048576 * gpu.seconds_per_megapixel)
        assert gpu.usd_per_image is None or an_image <= gpu.usd_per_image[1], name


def test_a_gpu_that_is_not_listed_is_named_with_those_that_are() -> None:
    with pytest.raises(RuleFileError, match="The price list has no GPU 'abacus'; it has small, large"):
        PRICES.find_gpu("abacus")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file must hold a mapping"),
        ("a: [", "not YAML"),
        ("{}", "currency: Field required"),
        (LIST.replace("1.8", "-1"), "gpus.small.usd_per_hour: Input should be greater than or equal to 0"),
        (LIST.replace("1.8", ".inf"), "gpus.small.usd_per_hour: Input should be a finite number"),
        (LIST.replace("2.0", "0"), "gpus.small.seconds_per_megapixel: Input should be greater than 0"),
        (LIST.replace("2.0", "2.0, discount: 1"), "gpus.small.discount: Extra inputs are not permitted"),
        (LIST.replace("[0.001, 0.003]", "[0.003, 0.001]"), "gpus.large: usd_per_image: [0.003, 0.001] must name"),
        (LIST.replace("[0.001, 0.003]", "[-1, 1]"), "gpus.large.usd_per_image.0: Input should be greater than or"),
        (LIST.replace("default: small", "default: tiny"), "default: 'tiny' is none of small, large"),
    ],
)
def test_a_wrong_list_is_refused_with_file_and_field(text: str, message: str) -> None:
    with pytest.raises(RuleFileError) as caught:
        load_price_list(text, "prices.yaml")
    assert str(caught.value).startswith(f"prices.yaml: {message}")
