"""Stage: an empty scene, where a product stands in it, and what people have said of it.

Inputs: a picture's digest and size, and what its adder says. Outputs: a frozen `Stage` that JSON holds.
Invariant: a stage is named by the sha256 of its pixels, so another picture is another stage, and an approval is of
these pixels. Where the product stands and whence the light comes never change: they are in the keys of images.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal
from unicodedata import normalize

from pydantic import AwareDatetime, Field, model_validator

from catalogs.rule_files import StrictModel

MAX_FILL = 0.95
"""As in `infra.compositing.product_placement`: beyond, a mask's soft fringe would be cut off by the canvas."""

Origin = Literal["photo", "made"]
"""`photo`: a backdrop that was photographed. `made`: a picture that a model generated, which the marks must say."""
Light = Literal["", "left", "right"]
"""Whence the light comes, so that the shadow falls to the other side; empty: from above, or from all sides."""
STAGE_NAME = r"^[a-z0-9][a-z0-9-]{0,62}$"

_Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class StageState(StrEnum):
    """What holds for a stage. Only an approved one is chosen; what is live on a retired one stays."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    RETIRED = "retired"


class Stage(StrictModel):
    """An empty scene of a library. Shares are of the picture's width or height, and of the image's likewise."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="The sha256 of the pixels, as `pixel_sha` computes it")
    name: str = Field(pattern=STAGE_NAME, description="What people call it; unique in its library")
    origin: Origin
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    categories: tuple[str, ...] = Field((), description="The recipe's categories that may stand here; empty: all")
    fill: _Share = Field(0.6, le=MAX_FILL, description="The product's width or height, whichever is larger")
    least_fill: _Share = Field(0.3, description="The least fill that is accepted of a photo with few pixels")
    centre: _Share = Field(0.5, description="The product's middle as a share of the width")
    foot: _Share = Field(0.82, description="Where the product stands as a share of the height")
    light: Light = ""
    state: StageState = StageState.PROPOSED
    scores: Mapping[str, float] = Field(default_factory=dict, description="What was measured of the picture")
    reasons: tuple[str, ...] = Field((), description="What the gates doubt; a person looks at it all the same")
    source: Mapping[str, str] = Field(default_factory=dict, description="The file's name, or model, prompt and seed")
    added_by: str = ""
    added_at: AwareDatetime | None = None
    answered_by: str = ""
    answered_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _product_fits(self) -> "Stage":
        if not self.least_fill <= self.fill:
            raise ValueError(f"least_fill {self.least_fill} is more than fill {self.fill}")
        if self.fill > min(self.centre, 1 - self.centre) * 2:
            raise ValueError(f"a product of fill {self.fill} and centre {self.centre} leaves the picture's side")
        if self.fill > self.foot:
            raise ValueError(f"a product of fill {self.fill} does not fit above foot {self.foot}")
        return self

    @property
    def placement(self) -> Mapping[str, float | None]:
        """Return the fields of `infra.compositing.PlacementRule`."""
        return {"fill": self.fill, "least_fill": self.least_fill, "centre": self.centre, "foot": self.foot}

    @property
    def is_usable(self) -> bool:
        """Tell whether new images may stand on it."""
        return self.state is StageState.APPROVED

    def takes(self, category: str) -> bool:
        """Tell whether products of this category may stand here; rows without one have the empty category."""
        names = {normalize("NFC", name) for name in self.categories}
        return not names or normalize("NFC", category) in names
