"""Which version of a model a slot is compared under, and which one makes it anew.

Comes in: a model of the recipe, the live rows, the share of a backfill. Goes out: for each row of a batch the version
to compare it under, and a `Candidate` for each slot that is not as it was. A live slot is compared under the version
that made it, so a candidate or a promotion leaves it alone; what is new or has changed is made by the version that its
SKU gets. What was refused waits under the version that it was refused with. A backfill brings its share of the SKUs to
the version that they get, whatever made them. A model that names its source itself has one version, and nothing to
choose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from catalogs.errors import RuleFileError
from catalogs.planning.current_state import CurrentRelease
from catalogs.planning.plan import Request
from catalogs.planning.request_builder import RequestBuilder
from catalogs.recipe.effective_recipe import EffectiveRecipe
from catalogs.recipe.schema import Recipe


class VersionSelector:
    """The versions of one model of the recipe. A version's place is where it stands in `names`."""

    def __init__(self, recipe: Recipe, model: str, live: CurrentRelease, backfill: int | None = None) -> None:
        """Raises `RuleFileError` where nobody has looked the registry's versions up."""
        entry = recipe.models[model]
        weights = entry.weights_by_name(model)
        if not weights:
            raise RuleFileError(
                f"models.{model}: the versions of {entry.registry!r} have not been looked up in a store"
            )
        self.version_names = list(weights)
        self._frozen_versions = entry.standing
        self._backfill = backfill
        self._index_by_number = (
            {number: place for place, number in enumerate(entry.standing.versions)} if entry.standing else {}
        )
        marks = {one.identity_prefix: place for place, one in enumerate(weights.values())}
        self._index_by_live_model = np.array(
            [marks.get(name.partition("@")[2], -1) for name in live.model_names], np.int64
        )
        self._live = live

    def assigned_index(self, sku: str) -> int:
        """Return the place of the version that makes what is new or has changed of a SKU."""
        return (
            self._index_by_number[self._frozen_versions.assigned_version(sku)]
            if self._frozen_versions is not None
            else 0
        )

    def is_pinned_by_backfill(self, sku: str) -> bool:
        """Tell whether a backfill brings the SKU to the version that it gets."""
        if self._frozen_versions is None or self._backfill is None:
            return False
        return self._frozen_versions.is_in_backfill(sku, self._backfill)

    def comparison_indices(self, skus: Sequence[str], rows: Sequence[int], live: npt.NDArray[np.int64]) -> list[int]:
        """Return, for each of these rows' slots, the place of the version that it is compared under.

        `live` is each slot's place among the live rows, or -1.
        """
        if self._frozen_versions is None:
            return [0] * len(rows)
        makers = np.full(len(rows), -1, np.int64)
        there = live >= 0
        makers[there] = self._index_by_live_model[self._live.model_index[live[there]]]
        return [
            self.assigned_index(skus[row]) if maker < 0 or self.is_pinned_by_backfill(skus[row]) else maker
            for row, maker in zip(rows, makers.tolist(), strict=True)
        ]


@dataclass(frozen=True)
class VersionedRequestBuilders:
    """The drafts of a batch's rows for one view, variant and index, under each version of their model."""

    selector: VersionSelector
    builders: Sequence[RequestBuilder]

    @property
    def common_recipe(self) -> EffectiveRecipe:
        """Return what all versions have in common: fields, tier, finish."""
        return self.builders[0].effective_recipe

    def source_digest(self, version_index: int, content: bytes) -> bytes:
        """Return the source digest of a row's content under a version."""
        return sha256(self.builders[version_index].effective_recipe.digest + content).digest()[:16]

    def source_digests(
        self, content: Sequence[bytes], rows: Sequence[int], version_indices: Sequence[int]
    ) -> list[bytes]:
        """Return the source digests of rows, each under its version; most recipes have one, and millions of rows."""
        prefixes = [drafts.effective_recipe.digest for drafts in self.builders]
        if len(prefixes) == 1:
            prefix = prefixes[0]
            return [sha256(prefix + content[row]).digest()[:16] for row in rows]
        return [
            sha256(prefixes[place] + content[row]).digest()[:16]
            for row, place in zip(rows, version_indices, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class StaleSlot:
    """A slot whose source is not the live one. `under` is the place of the version that it was compared under."""

    builders: VersionedRequestBuilders
    row_position: int
    sku: str
    slot_id: bytes
    content: bytes
    live_position: int
    comparison_index: int

    def source_digest(self, version_index: int) -> bytes:
        """Return its source digest under a version."""
        return self.builders.source_digest(version_index, self.content)

    def build_request(self, version_index: int) -> Request:
        """Return its request under a version. Raises `PromptRenderError`."""
        return self.builders.builders[version_index].build_request(self.row_position)

    @property
    def assigned_index(self) -> int:
        """Return the place of the version that makes it, if it is to be made."""
        return self.builders.selector.assigned_index(self.sku)

    @property
    def candidate_indices(self) -> list[int]:
        """Return the places of the versions under which it may wait: the one that it gets, then the newest first."""
        gets = self.assigned_index
        if self.builders.selector.is_pinned_by_backfill(self.sku):
            return [gets]
        return [gets, *(place for place in reversed(range(len(self.builders.builders))) if place != gets)]
