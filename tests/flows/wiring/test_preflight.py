"""Preflight: what a run would lack is found before it makes anything."""

import importlib.util

from catalogs.policy.channels import built_in_channel
from catalogs.policy.schema import built_in_policy
from catalogs.recipe.loading import built_in_recipe
from catalogs.runs.job import RefreshJob
from flows.wiring.preflight import missing_scanner_warnings, single_writer_warnings
from infra.settings import Settings


def test_a_channel_that_nobody_measures_for_is_said_before_the_run() -> None:
    def warnings(*scanners: str) -> list[str]:
        recipe = built_in_recipe().model_copy(
            update={"channels": {"ebay": built_in_channel("ebay"), "shopify": built_in_channel("shopify")}}
        )
        policy = built_in_policy().model_copy(update={"optional": scanners})
        return missing_scanner_warnings(RefreshJob("a.csv", "store", "shop", recipe, policy, "full"))

    [warning] = warnings()
    assert warning == (
        "No image will be usable on ebay: their rules are measured by the scanner 'text',"
        " so name it in the policy (optional: [text])"
    )
    if importlib.util.find_spec("rapidocr") is None:
        assert "which cannot be opened here" in warnings("text")[0]
    else:
        assert warnings("text") == []


def test_the_promise_to_be_the_only_writer_stands_in_every_report() -> None:
    assert single_writer_warnings(Settings()) == []
    [warning] = single_writer_warnings(Settings(single_writer=True))
    assert "a second run that starts at the same moment is not kept out" in warning
