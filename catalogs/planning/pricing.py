"""What images cost: a price list of GPUs, as data.

Comes in: YAML, GPU-seconds. Goes out: estimates before a run and sums after it, each beside the range of prices that
others pay for an image, so that a list with a wrong number is seen.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, model_validator

from catalogs.errors import RuleFileError
from catalogs.rule_files import StrictModel, parse_rule_file, read_packaged_rules

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class GpuPrice(StrictModel):
    """One kind of GPU: its price, how long it takes for a megapixel at 8 steps, and what others pay for an image."""

    usd_per_hour: Price
    seconds_per_megapixel: float = Field(gt=0, allow_inf_nan=False)
    usd_per_image: tuple[Price, Price] | None = Field(None, description="Lowest and highest; a check, never a sum")

    @model_validator(mode="after")
    def _lowest_comes_first(self) -> "GpuPrice":
        if self.usd_per_image is not None and self.usd_per_image[0] > self.usd_per_image[1]:
            raise ValueError(f"usd_per_image: {list(self.usd_per_image)!r} must name the lower price first")
        return self

    def cost(self, gpu_seconds: float) -> float:
        """Return what so many seconds cost."""
        return gpu_seconds * self.usd_per_hour / 3600


class PriceList(StrictModel):
    """The price list."""

    currency: str
    default: str
    gpus: dict[str, GpuPrice]

    @model_validator(mode="after")
    def _default_is_listed(self) -> "PriceList":
        if self.default not in self.gpus:
            raise ValueError(f"default: {self.default!r} is none of {', '.join(self.gpus) or 'no GPUs'}")
        return self

    def find_gpu(self, name: str | None) -> tuple[str, GpuPrice]:
        """Return a GPU by name, or the default one.

        Raises `RuleFileError` naming the ones that the list has.
        """
        chosen = name or self.default
        if chosen not in self.gpus:
            raise RuleFileError(f"The price list has no GPU {chosen!r}; it has {', '.join(self.gpus)}")
        return chosen, self.gpus[chosen]


@dataclass(frozen=True)
class CostEstimate:
    """What a plan will take, on GPUs of this kind. `usual` is the range that others pay for an image."""

    images: int
    gpu_seconds: float
    cost: float
    seconds: float
    currency: str
    gpu: str
    per_hour: float
    per_image: float | None
    usual: tuple[float, float] | None


def load_price_list(text: str | None, name: str) -> PriceList:
    """Return the price list in a YAML text, or the one that ships with Packshot."""
    return parse_rule_file(text if text is not None else read_packaged_rules("prices"), name, PriceList)


def estimate_cost(
    prices: PriceList, gpu_name: str | None, images: int, gpu_seconds: float, engines: int = 1
) -> CostEstimate:
    """Return what `images` that take `gpu_seconds` in all will cost, and how long so many engines side by side take."""
    name, gpu = prices.find_gpu(gpu_name)
    cost = gpu.cost(gpu_seconds)
    return CostEstimate(
        images=images,
        gpu_seconds=gpu_seconds,
        cost=cost,
        seconds=gpu_seconds / engines,
        currency=prices.currency,
        gpu=name,
        per_hour=gpu.usd_per_hour,
        per_image=cost / images if images else None,
        usual=gpu.usd_per_image,
    )
