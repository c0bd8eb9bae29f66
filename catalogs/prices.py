"""What images cost: a price list of GPUs, as data.

Comes in: YAML, megapixels, GPU-seconds. Goes out: estimates before a run and sums after it.
"""

from dataclasses import dataclass

from pydantic import Field, model_validator

from catalogs.errors import RecipeError
from catalogs.rules import Rules, packaged_rules, parse_rules


class Gpu(Rules):
    """One kind of GPU: its price, and how long it takes for a megapixel at 8 steps."""

    usd_per_hour: float = Field(ge=0, allow_inf_nan=False)
    seconds_per_megapixel: float = Field(gt=0, allow_inf_nan=False)


class Prices(Rules):
    """The price list."""

    currency: str
    default: str
    gpus: dict[str, Gpu]

    @model_validator(mode="after")
    def _default_is_listed(self) -> "Prices":
        if self.default not in self.gpus:
            raise ValueError(f"default: {self.default!r} is none of {', '.join(self.gpus) or 'no GPUs'}")
        return self

    def gpu(self, name: str | None) -> tuple[str, Gpu]:
        """Return a GPU by name, or the default one.

        Raises `RecipeError` naming the ones that the list has.
        """
        chosen = name or self.default
        if chosen not in self.gpus:
            raise RecipeError(f"The price list has no GPU {chosen!r}; it has {', '.join(self.gpus)}")
        return chosen, self.gpus[chosen]


@dataclass(frozen=True)
class Estimate:
    """What a plan will take, on one GPU of this kind."""

    images: int
    gpu_seconds: float
    cost: float
    seconds: float
    currency: str
    gpu: str


def load_prices(text: str | None, name: str) -> Prices:
    """Return the price list in a YAML text, or the one that ships with Packshot."""
    return parse_rules(text if text is not None else packaged_rules("prices"), name, Prices)


def estimate(
    prices: Prices, gpu_name: str | None, images: int, megapixels: float, *, stub_seconds: float | None = None
) -> Estimate:
    """Return what `images` of `megapixels` in all will take; `stub_seconds` an image stands for the stub engine."""
    name, gpu = prices.gpu(gpu_name)
    seconds = images * stub_seconds if stub_seconds is not None else megapixels * gpu.seconds_per_megapixel
    return Estimate(images, seconds, seconds * gpu.usd_per_hour / 3600, seconds, prices.currency, name)
