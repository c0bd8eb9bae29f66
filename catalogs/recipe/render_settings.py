"""Render settings of a recipe: quality tiers, the finish, and the rules that choose them for a category or variant.

Inputs: fields of a recipe file. Outputs: frozen, checked models, and the digest of a finish. `catalogs.recipe.schema`
checks that the names they refer to exist.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from catalogs.keys import digest
from catalogs.recipe.photo_rule import PhotoRule

MIN_SIDE, MAX_SIDE, SIDE_MULTIPLE = 64, 4096, 16
"""Sides of an image in pixels. Z-Image's latents are 8 times smaller and patched by 2; it was trained up to 4096."""
MAX_IMAGES = 16
"""Images of one view of a SKU."""

PixelSize = Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE, multiple_of=SIDE_MULTIPLE)]


class RecipeModel(BaseModel):
    """A frozen set of recipe fields that refuses unknown ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Tier(RecipeModel):
    """A quality tier: size in pixels, steps, guidance, and the attempts that a request may spend."""

    width: PixelSize = Field(1024, description="Width in pixels")
    height: PixelSize = Field(1024, description="Height in pixels")
    steps: int = Field(8, ge=1, le=100, description="Denoising steps; Z-Image-Turbo is made for 8")
    guidance: float = Field(0.0, ge=0.0, le=20.0, description="Guidance scale; exactly 0 for Z-Image-Turbo")
    attempts: int = Field(3, ge=1, le=10, description="Seeds that a request may spend, over all runs")


class Finish(RecipeModel):
    """The processing after the model. Changing it needs no GPU while the staged image is kept."""

    quality: int = Field(90, ge=50, le=100, description="JPEG quality; chroma is always 4:4:4")
    whiten: bool = Field(True, description="Set the near-white background to exactly 255, but on no stage")
    canvas: Literal["none", "square", "portrait"] = Field(
        "none", description="White is added around the image until it is square, or upright 1 : 1.44; around no stage"
    )
    enlarge: int | None = Field(
        None, ge=64, le=8192, description="Long side in pixels to which smaller images are enlarged; best left out"
    )
    mark: bool = Field(True, description="Write IPTC DigitalSourceType trainedAlgorithmicMedia into the file")
    watermark: str | None = Field(
        None, pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$", description="An invisible watermark, by its name and version"
    )

    @property
    def of_kept_products(self) -> "Finish":
        """Return the finish of images that keep a photo's product: nothing of a photo is enlarged."""
        return self if self.enlarge is None else self.model_copy(update={"enlarge": None})

    @property
    def digest(self) -> str:
        """Return the sha256 of the finish. Fields added later count only if they are set, so older digests stay."""
        unset = {name for name in ("watermark", "enlarge") if getattr(self, name) is None}
        return digest({"finish": self.model_dump(mode="json", exclude=unset)})


class RecipeRules(RecipeModel):
    """The rules of a category or a variant; None leaves a field to the more general rule."""

    template: str | None = Field(None, description="The prompt: Jinja without loops over the recipe's fields")
    negative: str | None = Field(None, description="The negative prompt, a template too; without effect at guidance 0")
    views: tuple[str, ...] | None = Field(None, description="Views to make, each one of the recipe's `views`")
    quality: str | None = Field(None, description="The tier's name")
    model: str | None = Field(None, description="The model's name in `models`")
    num_images: int | None = Field(None, ge=1, le=MAX_IMAGES, description="Images a view; each has an index and a seed")
    finish: Finish | None = Field(None, description="Another finish than the recipe's")
    photo: PhotoRule | None = Field(None, description="Another rule for photos than the recipe's")


class Variant(RecipeRules):
    """An A/B arm: the share of SKUs that it gets, and the rules that differ there."""

    share: float = Field(1.0, ge=0.0, le=1.0, description="Share of SKUs; the shares of all variants add up to 1")
