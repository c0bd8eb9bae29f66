"""Select the stage under which a slot is compared, and the one on which its product is placed next.

Inputs: a library of stages, a category, the live rows, the share of a backfill; a SKU and its image's size. Outputs: as
those of `version_selection`, with stages in the place of a model's versions.

A live slot is compared under the stage that it shows, approved or retired, so a new stage leaves it unchanged, unless
its category may not stand there any more. A new or changed slot stands on the stage that its SKU's hash assigns among
the approved ones that are large enough. A slot waits only under those: what was refused on a stage that is retired, or
too small, is tried on another one. A backfill brings its share of the SKUs to their assigned stages. Where none is
there, the last version stands for the rule's fallback, or for a slot that waits; slots that fell back are compared
under a stage, and so changed, as soon as there is one.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from catalogs.keys import hash_fraction
from catalogs.planning.current_state import CurrentRelease
from catalogs.planning.slot_shapes import SlotShape
from catalogs.planning.version_selection import Selector, Size, VersionSelector
from catalogs.recipe.effective_recipe import kept_on
from catalogs.recipe.photo_rule import STAGE
from catalogs.recipe.schema import Recipe
from catalogs.stages.library import StageLibrary, choose_stage
from catalogs.stages.stage import StageState

_SHOWN = (StageState.APPROVED, StageState.RETIRED)


class StageSelector:
    """The stages of one library for one category, and the rule that assigns one to a SKU."""

    def __init__(self, library: StageLibrary, category: str, live: CurrentRelease, backfill: int | None = None) -> None:
        self._live, self._backfill = live, backfill
        shown = [stage for stage in library.stages if stage.state in _SHOWN]
        self.version_names = [*(kept_on(stage.sha256) for stage in shown), kept_on("")]
        self._index_by_stage = {stage.sha256: index for index, stage in enumerate(shown)}
        standing = {stage.sha256: index for index, stage in enumerate(shown) if stage.takes(category)}
        self._index_by_live_stage = np.array([standing.get(name, -1) for name in live.stage_names], np.int64)
        self._usable = cache(lambda size: library.usable(category, size))

    def assigned_index(self, sku: str, size: Size) -> int:
        """Return the version that makes the new and changed slots of a SKU in this size."""
        usable = self._usable(size)
        if not usable:
            return len(self.version_names) - 1
        return self._index_by_stage[usable[choose_stage(sku, usable)].sha256]

    def waiting_indices(self, sku: str, size: Size) -> list[int]:
        """Return the versions under which a slot may wait: the assigned one, then other stages that may be chosen."""
        assigned = self.assigned_index(sku, size)
        if self._is_pinned_by_backfill(sku, size):
            return [assigned]
        others = (self._index_by_stage[stage.sha256] for stage in reversed(self._usable(size)))
        return [assigned, *(index for index in others if index != assigned)]

    def comparison_indices(
        self, skus: Sequence[str], rows: Sequence[int], live: npt.NDArray[np.int64], size_of: Callable[[int], Size]
    ) -> list[int]:
        """Return, for the slot of each of these rows, the version that it is compared under.

        `live` holds each slot's position among the live rows, or -1; `size_of` returns a row's size.
        """
        shown = np.full(len(rows), -1, np.int64)
        stages = np.where(live >= 0, self._live.stage_index[live], -1) if len(self._live) else shown
        shown[stages >= 0] = self._index_by_live_stage[stages[stages >= 0]]
        backfills = self._backfill is not None
        return [
            self.assigned_index(skus[row], size_of(row))
            if version < 0 or (backfills and self._is_pinned_by_backfill(skus[row], size_of(row)))
            else version
            for row, version in zip(rows, shown.tolist(), strict=True)
        ]

    def _is_pinned_by_backfill(self, sku: str, size: Size) -> bool:
        """Tell whether a backfill brings the SKU to its assigned stage; without a stage nothing is moved."""
        if self._backfill is None or not self._usable(size):
            return False
        return hash_fraction(sku, "stage backfill") * 100 < self._backfill


def open_selector(
    recipe: Recipe, stages: Mapping[str, StageLibrary], live: CurrentRelease, backfill: int | None, shape: SlotShape
) -> Selector:
    """Return the selector of the slots of a shape: among its model's versions, or among the stages of its library."""
    if shape.mode != STAGE:
        return VersionSelector(recipe, shape.model, live, backfill)
    name = recipe.photo_rule(shape.category, shape.variant).stages
    return StageSelector(stages.get(name) or StageLibrary(name), shape.category, live, backfill)


def stage_libraries(recipe: Recipe) -> list[str]:
    """Return the names of the libraries that a recipe's rules choose stages from, each once."""
    places = ((category, variant) for category in ("", *recipe.categories) for variant in recipe.variants)
    rules = (recipe.photo_rule(*place) for place in places)
    return list(dict.fromkeys(rule.stages for rule in rules if rule.mode == STAGE))
