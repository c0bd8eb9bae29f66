"""Stage sheet: a page on which a person sees each stage with its drop zone and the outline of a product in it.

Inputs: a store, libraries, a file's path. Outputs: one HTML file, which opens from a disk without a network. What waits
for a yes comes first. A picture that cannot be read, or is another than its name says, becomes a sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from catalogs.errors import OptionError
from catalogs.stages.library import StageLibrary
from catalogs.stages.stage import Stage, StageState
from infra.compositing.drop_zone import drop_zone
from infra.compositing.product_placement import PixelBox, PlacementRule
from infra.errors import InvalidImage, StoreError
from infra.imaging.metrics.foreground import downscale
from infra.imaging.thumbnails import encode_thumbnail
from infra.interfaces import ObjectStore
from tasks.reporting.html_pages import data_uri, render_page
from tasks.stages.stage_pictures import read_stage_picture

MAX_SIDE = 640
_ORDER = (StageState.PROPOSED, StageState.APPROVED, StageState.RETIRED, StageState.REFUSED)
_OUTLINE_SHARE = 0.42
"""Width of the shown product as a share of its height: a bottle's."""
_SHADOW_SHIFT = {"": 0.0, "left": 0.1, "right": -0.1}
"""Whither the shown shadow falls, as a share of the product's width: away from the light."""


@dataclass(frozen=True)
class ShownStage:
    """A stage as the sheet draws it: all lengths in pixels of the stage's picture."""

    stage: Stage
    picture: Markup | None
    zone: PixelBox

    @property
    def product(self) -> PixelBox:
        """Return where an upright product of the stage's fill would stand."""
        width = max(1, round(_OUTLINE_SHARE * self.zone.height))
        left = max(0, self.zone.left + (self.zone.width - width) // 2)
        return PixelBox(left, self.zone.top, width, self.zone.height)

    @property
    def shadow_centre(self) -> int:
        """Return the middle of the shown shadow."""
        product = self.product
        return round(product.left + product.width * (0.5 + _SHADOW_SHIFT[self.stage.light]))

    @property
    def line(self) -> int:
        """Return how thick the zone's outline is."""
        return max(1, max(self.stage.width, self.stage.height) // 250)


def write_stage_sheet(store: ObjectStore, libraries: Sequence[StageLibrary], file: Path) -> None:
    """Write the page of these libraries. Raises `OptionError` for a place that cannot be written."""
    shown = [(library, [_shown(store, stage) for stage in _in_order(library)]) for library in libraries]
    page = render_page("stage_sheet.html", libraries=shown)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page, "utf-8")
    except OSError as error:
        raise OptionError(f"--sheet: {str(file)!r} cannot be written: {error.strerror}") from None


def _in_order(library: StageLibrary) -> list[Stage]:
    return sorted(library.stages, key=lambda stage: _ORDER.index(stage.state))


def _shown(store: ObjectStore, stage: Stage) -> ShownStage:
    rule = PlacementRule(**stage.placement)  # type: ignore[arg-type]
    try:
        picture = data_uri(encode_thumbnail(downscale(read_stage_picture(store, stage.sha256), MAX_SIDE)))
    except (StoreError, InvalidImage):
        picture = None
    return ShownStage(stage, picture, drop_zone(stage.width, stage.height, rule))
