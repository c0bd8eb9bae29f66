"""What images cost: a price list of GPUs, as data.

Comes in: YAML, megapixels, GPU-seconds. Goes out: estimates before a run and sums after it.
"""

from dataclasses import dataclass
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catalogs.errors import RecipeError


class Gpu(BaseModel):
    """One kind of GPU: its price, and how long it takes for a megapixel at 8 steps."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    usd_per_hour: float = Field(ge=0)
    seconds_per_megapixel: float = Field(gt=0)


class Prices(BaseModel):
    """The price list."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    currency: str
    default: str
    gpus: dict[str, Gpu]

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
    """What a plan will take: seconds are those of `gpus` GPUs working side by side."""

    images: int
    gpu_seconds: float
    cost: float
    seconds: float
    currency: str
    gpu: str


def load_prices(text: str | None, name: str) -> Prices:
    """Return the price list in a YAML text, or the one that ships with Packshot."""
    shipped = (resources.files("catalogs") / "data" / "prices.yaml").read_text("utf-8")
    try:
        return Prices.model_validate(yaml.safe_load(text if text is not None else shipped))
    except (ValidationError, yaml.YAMLError) as error:
        raise RecipeError(f"{name}: not a price list: {' '.join(str(error).split())[:300]}") from None


def estimate(
    prices: Prices, gpu_name: str | None, images: int, megapixels: float, *, stub_seconds: float | None = None
) -> Estimate:
    """Return what `images` of `megapixels` in all will take; `stub_seconds` an image stands for the stub engine."""
    name, gpu = prices.gpu(gpu_name)
    seconds = images * stub_seconds if stub_seconds is not None else megapixels * gpu.seconds_per_megapixel
    return Estimate(images, seconds, seconds * gpu.usd_per_hour / 3600, seconds, prices.currency, name)
