"""Grounds: what a kept product is set on: white, or an empty scene.

Inputs: a size, or a stage's ground and its light; then a placed product. Outputs: the pixels that are staged, and the
proof of the ground, None on white.
"""

from dataclasses import dataclass
from typing import Protocol

from infra.composing.stage_grounds import StageGround
from infra.compositing.composite import compose, white_ground
from infra.compositing.contact_shadow import ShadowRule, contact_shadow
from infra.compositing.ground_proof import GroundProof, make_ground_proof
from infra.compositing.placed_product import PlacedProduct
from infra.compositing.stage_ground import stage_shadow
from infra.interfaces import Pixels


class ImageGround(Protocol):
    """What a product is set on."""

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height in pixels."""

    def compose(self, placed: PlacedProduct) -> Pixels:
        """Return the product on this ground, with its shadow."""

    def prove(self, placed: PlacedProduct, pixels: Pixels) -> GroundProof | None:
        """Return the proof of the ground of what `compose` returned."""


@dataclass(frozen=True)
class WhiteGround:
    """A ground of exactly 255."""

    width: int
    height: int

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height in pixels."""
        return self.width, self.height

    def compose(self, placed: PlacedProduct) -> Pixels:
        """Return the product on white."""
        return compose(white_ground(*self.size), placed, contact_shadow(placed.alpha, ShadowRule()))

    def prove(self, placed: PlacedProduct, pixels: Pixels) -> None:
        """Return None: white needs no proof."""


@dataclass(frozen=True)
class OnStage:
    """A stage's ground; `stage` is the sha256 of its pixels, and `light` whence its light comes."""

    stage: str
    ground: StageGround
    light: str

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height in pixels."""
        height, width, _ = self.ground.pixels.shape
        return width, height

    def compose(self, placed: PlacedProduct) -> Pixels:
        """Return the product on the stage."""
        return compose(self.ground.pixels, placed, stage_shadow(placed.alpha, self.light))

    def prove(self, placed: PlacedProduct, pixels: Pixels) -> GroundProof:
        """Return the proof of the ground."""
        return make_ground_proof(self.stage, self.ground.crop, self.light, placed, pixels)
