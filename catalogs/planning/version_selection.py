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

from catalogs.errors import RecipeError
from catalogs.planning.current_state import Live
from catalogs.planning.plan import Request
from catalogs.planning.request_builder import Drafts
from catalogs.recipe.effective_recipe import Slice
from catalogs.recipe.schema import Recipe


class Lineup:
    """The versions of one model of the recipe. A version's place is where it stands in `names`."""

    def __init__(self, recipe: Recipe, model: str, live: Live, backfill: int | None = None) -> None:
        """Raises `RecipeError` where nobody has looked the registry's versions up."""
        entry = recipe.models[model]
        weights = entry.weights(model)
        if not weights:
            raise RecipeError(f"models.{model}: the versions of {entry.registry!r} have not been looked up in a store")
        self.names = list(weights)
        self._standing = entry.standing
        self._backfill = backfill
        self._places = {number: place for place, number in enumerate(entry.standing.versions)} if entry.standing else {}
        marks = {one.mark: place for place, one in enumerate(weights.values())}
        self._makers = np.array([marks.get(name.partition("@")[2], -1) for name in live.models], np.int64)
        self._live = live

    def gets(self, sku: str) -> int:
        """Return the place of the version that makes what is new or has changed of a SKU."""
        return self._places[self._standing.gets(sku)] if self._standing is not None else 0

    def is_bound(self, sku: str) -> bool:
        """Tell whether a backfill brings the SKU to the version that it gets."""
        if self._standing is None or self._backfill is None:
            return False
        return self._standing.backfills(sku, self._backfill)

    def under(self, skus: Sequence[str], rows: Sequence[int], live: npt.NDArray[np.int64]) -> list[int]:
        """Return, for each of these rows' slots, the place of the version that it is compared under.

        `live` is each slot's place among the live rows, or -1.
        """
        if self._standing is None:
            return [0] * len(rows)
        makers = np.full(len(rows), -1, np.int64)
        there = live >= 0
        makers[there] = self._makers[self._live.model[live[there]]]
        return [
            self.gets(skus[row]) if maker < 0 or self.is_bound(skus[row]) else maker
            for row, maker in zip(rows, makers.tolist(), strict=True)
        ]


@dataclass(frozen=True)
class Choices:
    """The drafts of a batch's rows for one view, variant and index, under each version of their model."""

    lineup: Lineup
    drafts: Sequence[Drafts]

    @property
    def part(self) -> Slice:
        """Return what all versions have in common: fields, tier, finish."""
        return self.drafts[0].part

    def source(self, place: int, content: bytes) -> bytes:
        """Return the source digest of a row's content under a version."""
        return sha256(self.drafts[place].part.digest + content).digest()[:16]

    def sources(self, content: Sequence[bytes], rows: Sequence[int], under: Sequence[int]) -> list[bytes]:
        """Return the source digests of rows, each under its version; most recipes have one, and millions of rows."""
        prefixes = [drafts.part.digest for drafts in self.drafts]
        if len(prefixes) == 1:
            prefix = prefixes[0]
            return [sha256(prefix + content[row]).digest()[:16] for row in rows]
        return [sha256(prefixes[place] + content[row]).digest()[:16] for row, place in zip(rows, under, strict=True)]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A slot whose source is not the live one. `under` is the place of the version that it was compared under."""

    choices: Choices
    position: int
    sku: str
    slot_id: bytes
    content: bytes
    live: int
    under: int

    def source(self, place: int) -> bytes:
        """Return its source digest under a version."""
        return self.choices.source(place, self.content)

    def request(self, place: int) -> Request:
        """Return its request under a version. Raises `PromptFault`."""
        return self.choices.drafts[place].request(self.position)

    @property
    def gets(self) -> int:
        """Return the place of the version that makes it, if it is to be made."""
        return self.choices.lineup.gets(self.sku)

    @property
    def open(self) -> list[int]:
        """Return the places of the versions under which it may wait: the one that it gets, then the newest first."""
        gets = self.gets
        if self.choices.lineup.is_bound(self.sku):
            return [gets]
        return [gets, *(place for place in reversed(range(len(self.choices.drafts))) if place != gets)]
