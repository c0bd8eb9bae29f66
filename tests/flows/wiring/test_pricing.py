"""The price list that the settings name, and the cost model of a job's engine."""

from pathlib import Path

import pytest

from catalogs.errors import SettingsError
from flows.parameters import RefreshParameters
from flows.wiring.pricing import cost_model_for_job, read_price_list
from tests.fixtures.refresh_harness import SETTINGS

PRICES = "currency: EUR\ndefault: h100\ngpus: {h100: {usd_per_hour: 1.0, seconds_per_megapixel: 1.0}}\n"


def test_the_settings_list_stands_for_the_built_in_one(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(PRICES)
    assert read_price_list(SETTINGS).currency == "USD"
    named = SETTINGS.model_copy(update={"prices": str(tmp_path / "prices.yaml"), "gpu": "h100"})
    assert (read_price_list(named).currency, list(read_price_list(named).gpus)) == ("EUR", ["h100"])


@pytest.mark.parametrize(
    ("changes", "named"), [({"prices": "gone.yaml"}, "PACKSHOT_PRICES"), ({"gpu": "abacus"}, "PACKSHOT_GPU")]
)
def test_an_unreadable_list_and_an_unknown_gpu_are_refused(changes: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        read_price_list(SETTINGS.model_copy(update=changes))


def test_only_the_stub_is_estimated_by_its_own_seconds() -> None:
    def seconds(engine: str) -> float:
        job, _ = RefreshParameters(source="a.csv", store="store", engine=engine, max_cost=3.0).resolve_job()
        settings = SETTINGS.model_copy(update={"stub_seconds": 7.0})
        model = cost_model_for_job(job, read_price_list(settings), settings)
        return model.seconds_per_image(1024, 1024, 8)

    assert seconds("stub") == 7.0
    assert seconds("torch") != 7.0
