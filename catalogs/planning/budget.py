"""Cost model and budget limits of a run: how long an image should take, and how much time and money a run may take.

Inputs: a price list, the limits given by a person. Outputs: a `CostModel`, which estimates each request and holds the
limits in engine seconds, so that money and time are compared in one unit.
"""

from dataclasses import dataclass

from catalogs.planning.pricing import PriceList

REFERENCE_STEPS = 8
"""The number of steps that the price list's speeds refer to."""


@dataclass(frozen=True)
class BudgetLimits:
    """The engine seconds that the budget pays for, and the seconds that the run may take; None means no limit.

    `engines` is the number of engines that work in parallel, as far as known: they share time, but not money.
    """

    engine_seconds: float | None = None
    wall_seconds: float | None = None
    engines: int = 1

    @property
    def has_limits(self) -> bool:
        """Tell whether there is any limit."""
        return self.engine_seconds is not None or self.wall_seconds is not None


@dataclass(frozen=True)
class CostModel:
    """The estimates and limits that planning and generation use; by default images take no time and have no limits."""

    seconds_per_megapixel: float = 0.0
    stub_seconds: float | None = None
    """Engine seconds for an image of the stub engine, whatever its size; None for a real engine."""
    budget: BudgetLimits = BudgetLimits()

    def seconds_per_image(self, width: int, height: int, steps: int) -> float:
        """Return the estimated engine seconds of one image."""
        if steps == 0:  # it keeps a photo's product, and no model works on it
            return 0.0
        if self.stub_seconds is not None:
            return self.stub_seconds
        return width * height / 1e6 * self.seconds_per_megapixel * steps / REFERENCE_STEPS


def build_cost_model(
    prices: PriceList,
    gpu_name: str | None,
    stub_seconds: float | None,
    max_cost: float | None = None,
    max_hours: float | None = None,
    engines: int = 1,
) -> CostModel:
    """Return the cost model of a run on such GPUs.

    `max_cost` is in the price list's currency; a GPU without a price has no cost limit.
    """
    _, gpu = prices.find_gpu(gpu_name)
    engine_seconds = None if max_cost is None or gpu.usd_per_hour == 0 else max_cost * 3600 / gpu.usd_per_hour
    wall_seconds = None if max_hours is None else max_hours * 3600
    return CostModel(gpu.seconds_per_megapixel, stub_seconds, BudgetLimits(engine_seconds, wall_seconds, engines))
