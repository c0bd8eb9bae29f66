"""Select the stage under which a slot is compared, and the one on which its product is placed next.

Inputs: a library of stages, a category, the least size, the live rows, the share of a backfill. Outputs: as those of
`version_selection`, with stages in the place of a model's versions.

A live slot is compared under the stage that it shows, approved or retired, so a new stage leaves it unchanged. A new or
changed slot stands on the stage that its SKU's hash assigns among the approved ones. A backfill brings its share of the
SKUs to their assigned stages. Where none is approved, the last version stands for the rule's fallback, or for a slot
that waits; slots that fell back are compared under a stage, and so changed, as soon as there is one.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from catalogs.keys import hash_fraction
from catalogs.planning.current_state import CurrentRelease
from catalogs.planning.slot_shapes import SlotShape
from catalogs.planning.version_selection import Selector, VersionSelector
from catalogs.recipe.effective_recipe import kept_on
from catalogs.recipe.photo_rule import STAGE
from catalogs.recipe.schema import Recipe
from catalogs.stages.library import StageLibrary, choose_stage
from catalogs.stages.stage import StageState

_SHOWN = (StageState.APPROVED, StageState.RETIRED)


class StageSelector:
    """The stages of one library for one category, and the rule that assigns one to a SKU."""

    def __init__(
        self,
        library: StageLibrary,
        category: str,
        least_size: tuple[int, int],
        live: CurrentRelease,
        backfill: int | None = None,
    ) -> None:
        self._live, self._backfill = live, backfill
        shown = [stage.sha256 for stage in library.stages if stage.state in _SHOWN]
        index_by_stage = {sha256: index for index, sha256 in enumerate(shown)}
        self._usable = library.usable(category, least_size)
        # Without a stage only while there is none: what waited or was refused so holds back no slot afterwards.
        self.version_names = [*map(kept_on, shown), *([] if self._usable else [kept_on("")])]
        self._usable_indices = [index_by_stage[stage.sha256] for stage in self._usable]
        self._index_by_live_stage = np.array([index_by_stage.get(name, -1) for name in live.stage_names], np.int64)

    def assigned_index(self, sku: str) -> int:
        """Return the version that makes the new and changed slots of a SKU."""
        return self._usable_indices[choose_stage(sku, self._usable)] if self._usable else len(self.version_names) - 1

    def is_pinned_by_backfill(self, sku: str) -> bool:
        """Tell whether a backfill brings the SKU to its assigned stage."""
        return self._backfill is not None and hash_fraction(sku, "stage backfill") * 100 < self._backfill

    def comparison_indices(self, skus: Sequence[str], rows: Sequence[int], live: npt.NDArray[np.int64]) -> list[int]:
        """Return, for the slot of each of these rows, the version that it is compared under.

        `live` holds each slot's position among the live rows, or -1.
        """
        shown = np.full(len(rows), -1, np.int64)
        stages = np.where(live >= 0, self._live.stage_index[live], -1) if len(self._live) else shown
        shown[stages >= 0] = self._index_by_live_stage[stages[stages >= 0]]
        return [
            self.assigned_index(skus[row]) if version < 0 or self.is_pinned_by_backfill(skus[row]) else version
            for row, version in zip(rows, shown.tolist(), strict=True)
        ]


def open_selector(
    recipe: Recipe, stages: Mapping[str, StageLibrary], live: CurrentRelease, backfill: int | None, shape: SlotShape
) -> Selector:
    """Return the selector of the slots of a shape: among its model's versions, or among the stages of its library."""
    if shape.mode != STAGE:
        return VersionSelector(recipe, shape.model, live, backfill)
    name, size = recipe.photo_rule(shape.category, shape.variant).stages, recipe.tiers[shape.tier]
    library = stages.get(name) or StageLibrary(name)
    return StageSelector(library, shape.category, (size.width, size.height), live, backfill)


def stage_libraries(recipe: Recipe) -> list[str]:
    """Return the names of the libraries that a recipe's rules choose stages from, each once."""
    places = ((category, variant) for category in ("", *recipe.categories) for variant in recipe.variants)
    rules = (recipe.photo_rule(*place) for place in places)
    return list(dict.fromkeys(rule.stages for rule in rules if rule.mode == STAGE))
