"""What is asked for, and the run that answers: plain values, frozen.

Comes in: options. Goes out: a `Job` whose fingerprint says which plans are interchangeable, and the `Run` made of it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from catalogs.keys import digest
from catalogs.policy.schema import Policy
from catalogs.recipe.schema import Recipe

Scope = Literal["full", "partial"]
"""A full run retires what its catalogue no longer holds; a partial one adds and changes only."""


@dataclass(frozen=True)
class RefreshJob:
    """A refresh to be done. Recipe and policy are frozen into the run; the rest says where to read and write."""

    source: str
    store: str
    catalogue: str
    recipe: Recipe
    policy: Policy
    scope: Scope = "full"
    max_cost: float | None = None  # in the price list's currency
    max_hours: float | None = None
    backfill: int | None = None  # per cent of the SKUs that are brought to the version that they get

    @property
    def has_limits(self) -> bool:
        """Tell whether making may end before everything is made."""
        return self.max_cost is not None or self.max_hours is not None

    def fingerprint(self, source_fingerprint: str) -> str:
        """Return the digest of all that a plan depends on: only a run with the same one may be resumed."""
        content: dict[str, object] = {
            "catalogue": self.catalogue,
            "source": source_fingerprint,
            "recipe": self.recipe.digest,
            "policy": self.policy.digest,
            "scope": self.scope,
            "limits": [self.max_cost, self.max_hours],
        }
        if self.backfill is not None:
            content["backfill"] = self.backfill
        return digest(content)


@dataclass(frozen=True)
class Run:
    """A run, as its folder in the store knows it."""

    run_id: str
    catalogue: str
    scope: Scope
    fingerprint: str
    started_at: datetime
    source: str
    resumed: bool = False
