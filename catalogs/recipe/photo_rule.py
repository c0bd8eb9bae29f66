"""Photo rule of a recipe: how a product is kept from the shop's own photo, for the rows that name one.

Inputs: the recipe's field `photo`, and that of a category or variant. Outputs: a frozen `PhotoRule`, and the
`KeptRequest` that it makes of a row's photos, on white or on a stage. A rule reaches the digests of slots that keep a
photo, and of no others.

The numbers are those of `infra.compositing.PlacementRule`, and checked as there, so that a recipe which cannot place
anything is refused when it is loaded.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator, model_validator

from catalogs.photos.kept_request import KeptRequest
from catalogs.rule_files import StrictModel
from catalogs.stages.stage import MAX_FILL, STAGE_NAME, Stage

IGNORE: Final = "ignore"
"""The mode of a recipe that reads no photos: every image is generated from the row's texts."""

STAGE: Final = "stage"
"""The mode of a recipe whose products stand on the empty scenes of a library."""

_Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class PhotoRule(StrictModel):
    """How a row's own photo is used: which program cuts the product out, and where it is placed."""

    mode: Literal["white", "stage", "ignore"] = Field(
        "white",
        description="`white` keeps the photo's product on a white ground, `stage` on an approved empty scene; `ignore`"
        " generates from the row's texts",
    )
    stages: str = Field(
        "", pattern=f"{STAGE_NAME}|^$", description="In the mode `stage`: the library that the scene is chosen from"
    )
    fallback: Literal["white"] | None = Field(
        None, description="In the mode `stage`: what holds where no approved scene is there; left out, the row waits"
    )
    cutters: tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")], ...] = Field(
        ("plain-ground", "u2netp"),
        min_length=1,
        description="What finds the product in a photo, the most trusted first; masks that agree confirm each other",
    )
    fill: _Share = Field(
        0.85,
        description="The product's width or height as a share of the image's, whichever is larger; at most 0.95. This"
        " and the three below are for white grounds: a scene has its own",
    )
    least_fill: _Share = Field(
        0.85, description="The least fill that is accepted of a photo with few pixels, since none is enlarged"
    )
    centre: _Share = Field(0.5, description="The product's middle as a share of the image's width")
    foot: _Share | None = Field(
        None, description="Where the product stands as a share of the image's height; left out: in the middle"
    )

    @field_validator("cutters")
    @classmethod
    def _each_cutter_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("name each cutter once")
        return value

    @model_validator(mode="after")
    def _product_fits(self) -> "PhotoRule":
        if not self.least_fill <= self.fill <= MAX_FILL:
            raise ValueError(f"`least_fill` is at most `fill`, and `fill` at most {MAX_FILL}")
        if self.fill > min(self.centre, 1 - self.centre) * 2:
            raise ValueError(f"a product of fill {self.fill} and centre {self.centre} leaves the image's side")
        if self.foot is not None and self.fill > self.foot:
            raise ValueError(f"a product of fill {self.fill} does not fit above foot {self.foot}")
        return self

    @model_validator(mode="after")
    def _names_a_library(self) -> "PhotoRule":
        if self.mode == STAGE and not self.stages:
            raise ValueError("mode `stage` needs `stages`, the name of a library (see `packshot stage add`)")
        if self.mode != STAGE and (self.stages or self.fallback):
            raise ValueError(f"`stages` and `fallback` have no effect in the mode `{self.mode}`; take them out")
        return self

    @property
    def placement(self) -> Mapping[str, float | None]:
        """Return the fields of `infra.compositing.PlacementRule`."""
        return {"fill": self.fill, "least_fill": self.least_fill, "centre": self.centre, "foot": self.foot}

    def kept_request(self, versions: Mapping[str, str], stage: Stage | None = None) -> KeptRequest | None:
        """Return what is asked for, still without a photo; None where photos are ignored.

        `versions` are those of the cutters that are at hand; a cutter without one is not asked. In the mode `stage` and
        without one, it is what the rule falls back to, or a request that names no stage and cannot be carried out.
        """
        if self.mode == IGNORE:
            return None
        cutters = tuple((name, versions[name]) for name in self.cutters if name in versions)
        if self.mode == STAGE and stage is not None:
            mode: Literal["backdrop", "stage"] = "backdrop" if stage.origin == "photo" else "stage"
            return KeptRequest(mode, (), cutters, stage.placement, stage.sha256, stage.light)
        if self.mode == STAGE and self.fallback is None:
            return KeptRequest("stage", (), cutters, {})
        return KeptRequest("white", (), cutters, self.placement)


class PhotoSettings(PhotoRule):
    """The recipe's rule for photos, and how a cell names several of them."""

    shows_article: bool = Field(
        False,
        description="The photos show the very articles that are sold: a channel that asks a person for that may then"
        " take the proof instead",
    )
    separator: str | None = Field(
        None,
        min_length=1,
        max_length=5,
        description="The text between several photos of one cell; left out, a cell names one. Lists need none",
    )
