"""On what terms a run works: how long an image should take, and how much time and money all of them may.

Comes in: a price list, the limits that a person gave. Goes out: `CostModel`: an estimate for each request, and limits
in engine seconds, in which money and time are counted alike.
"""

from dataclasses import dataclass

from catalogs.planning.pricing import PriceList

REFERENCE_STEPS = 8
"""Steps that the price list's speeds are for."""


@dataclass(frozen=True)
class BudgetLimits:
    """How many engine seconds the budget pays for, and how many seconds the run may take; None where no limit is.

    `engines` is how many of them work side by side, as far as it is known: time is shared among them, money is not.
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
    """What planning and making need to know of time and money; by default no time, and no limits."""

    seconds_per_megapixel: float = 0.0
    stub_seconds: float | None = None
    """Engine seconds an image of the stub's, whatever its size; None for a real engine."""
    budget: BudgetLimits = BudgetLimits()

    def seconds_per_image(self, width: int, height: int, steps: int) -> float:
        """Return the engine seconds that one image should take."""
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
    """Return the terms of a run on such GPUs; `max_cost` is in the price list's currency. A free GPU has no budget."""
    _, gpu = prices.find_gpu(gpu_name)
    paid = None if max_cost is None or gpu.usd_per_hour == 0 else max_cost * 3600 / gpu.usd_per_hour
    hours = None if max_hours is None else max_hours * 3600
    return CostModel(gpu.seconds_per_megapixel, stub_seconds, BudgetLimits(paid, hours, engines))
