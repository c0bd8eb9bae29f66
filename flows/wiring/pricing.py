"""Prices of a run: the price list of the settings, and the cost model of a job.

Inputs: settings and a job. Outputs: a `PriceList` that has the settings' GPU, and a `CostModel` with the job's limits.
"""

from pathlib import Path

from catalogs.errors import SettingsError
from catalogs.planning.budget import CostModel, build_cost_model
from catalogs.planning.pricing import PriceList, load_price_list
from catalogs.runs.job import RefreshJob
from infra.settings import Settings


def read_price_list(settings: Settings) -> PriceList:
    """Return the price list that the settings name, or the built-in one.

    Raises `SettingsError` for a file that cannot be read, or a GPU that is not on the list.
    """
    prices = load_price_list(None, "the built-in prices")
    if settings.prices is not None:
        try:
            prices = load_price_list(Path(settings.prices).read_text("utf-8"), settings.prices)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise SettingsError(f"PACKSHOT_PRICES: {settings.prices!r} cannot be read ({reason})") from None
    if settings.gpu is not None and settings.gpu not in prices.gpus:
        raise SettingsError(f"PACKSHOT_GPU: {settings.gpu!r} is none of {', '.join(prices.gpus)}")
    return prices


def cost_model_for_job(job: RefreshJob, prices: PriceList, settings: Settings) -> CostModel:
    """Return the cost model of a job: estimates for its engine on the settings' GPU, and the job's limits."""
    stub_seconds = settings.stub_seconds if job.recipe.engine == "stub" else None
    return build_cost_model(prices, settings.gpu, stub_seconds, job.max_cost, job.max_hours, settings.engine_count)
