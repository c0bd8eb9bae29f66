"""Price list of GPUs, as data, and cost estimates from it.

Inputs: YAML, engine seconds. Outputs: estimates before a run and costs after it, each beside the usual range of prices
for an image, so that a wrong number in a price list is noticed.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, model_validator

from catalogs.errors import RuleFileError
from catalogs.rule_files import StrictModel, parse_rule_file, read_packaged_rules

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class GpuPrice(StrictModel):
    """One kind of GPU: its price, its seconds for a megapixel at 8 steps, and the usual price of an image."""

    usd_per_hour: Price
    seconds_per_megapixel: float = Field(gt=0, allow_inf_nan=False)
    usd_per_image: tuple[Price, Price] | None = Field(
        None, description="Lowest and highest usual price; a plausibility check, never part of a cost"
    )

    @model_validator(mode="after")
    def _lowest_comes_first(self) -> "GpuPrice":
        if self.usd_per_image is not None and self.usd_per_image[0] > self.usd_per_image[1]:
            raise ValueError(f"usd_per_image: {list(self.usd_per_image)!r} must name the lower price first")
        return self

    def cost(self, gpu_seconds: float) -> float:
        """Return the cost of so many seconds."""
        return gpu_seconds * self.usd_per_hour / 3600


class PriceList(StrictModel):
    """Prices and speeds of GPUs by name, and the GPU to assume where none is named."""

    currency: str
    default: str
    gpus: dict[str, GpuPrice]

    @model_validator(mode="after")
    def _default_is_listed(self) -> "PriceList":
        if self.default not in self.gpus:
            raise ValueError(f"default: {self.default!r} is none of {', '.join(self.gpus) or 'no GPUs'}")
        return self

    def find_gpu(self, name: str | None) -> tuple[str, GpuPrice]:
        """Return a GPU by name, or the default one. Raises `RuleFileError` naming the GPUs of the list."""
        gpu_name = name or self.default
        if gpu_name not in self.gpus:
            raise RuleFileError(f"The price list has no GPU {gpu_name!r}; it has {', '.join(self.gpus)}")
        return gpu_name, self.gpus[gpu_name]


@dataclass(frozen=True)
class CostEstimate:
    """The estimated cost of a plan on one kind of GPU. `usual` is the usual price range of an image."""

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
    """Return the price list in a YAML text, or the packaged one."""
    return parse_rule_file(text if text is not None else read_packaged_rules("prices"), name, PriceList)


def estimate_cost(
    prices: PriceList, gpu_name: str | None, images: int, gpu_seconds: float, engines: int = 1
) -> CostEstimate:
    """Return the cost of `images` that take `gpu_seconds` in all, and their duration on so many parallel engines."""
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
