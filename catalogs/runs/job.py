"""Refresh job and run, as frozen values.

Inputs: validated options. Outputs: a `RefreshJob`, whose fingerprint says which plans are interchangeable, and its
`Run`.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from catalogs.keys import digest
from catalogs.policy.brands.shop_brands import NO_SHOP_BRANDS, ShopBrands
from catalogs.policy.schema import Policy
from catalogs.recipe.schema import Recipe
from catalogs.recipe.source_settings import SourceSettings

Scope = Literal["full", "partial"]
"""A full run retires slots that its catalogue no longer holds; a partial run only adds and changes."""


@dataclass(frozen=True)
class RefreshJob:
    """One refresh: its rules (the run keeps a copy of them), where it reads and writes, and its limits."""

    source: str
    store: str
    catalogue: str
    recipe: Recipe
    policy: Policy
    scope: Scope = "full"
    max_cost: float | None = None  # in the price list's currency
    max_hours: float | None = None
    backfill: int | None = None  # per cent of the SKUs that are moved to their assigned model version or stage
    read_as: SourceSettings | None = None  # what goes before the recipe's `source`
    shop_brands: ShopBrands = NO_SHOP_BRANDS  # that rows without a brand may name, as they were when the run began

    @property
    def has_limits(self) -> bool:
        """Tell whether a budget may end the run before every image is generated."""
        return self.max_cost is not None or self.max_hours is not None

    @property
    def rules(self) -> tuple[Recipe, Policy]:
        """Return what makes its images and what judges them."""
        return self.recipe, self.policy

    @property
    def source_settings(self) -> SourceSettings:
        """Return how the source is read."""
        return (self.recipe.source or SourceSettings()).overridden_by(self.read_as)

    def fingerprint(self, source_fingerprint: str) -> str:
        """Return the digest of all that a plan depends on: only a run with the same fingerprint may be resumed."""
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
        if self.read_as is not None:
            content["read_as"] = self.read_as.chosen
        if self.policy.brands.own == "shop":
            content["shop_brands"] = self.shop_brands.digest
        return digest(content)


def new_run_id(started: datetime, *, microseconds: bool = False) -> str:
    """Return a new run id: the start in UTC, so that ids sort by time, and 32 random bits, so that no two are equal.

    `microseconds` is for ids that must sort within one second too: of two approvals the later one counts.
    """
    return f"{started:%Y%m%dT%H%M%S}{f'{started:%f}' if microseconds else ''}-{secrets.token_hex(4)}"


@dataclass(frozen=True)
class Run:
    """One run, as the `run.json` of its folder describes it."""

    run_id: str
    catalogue: str
    scope: Scope
    fingerprint: str
    started_at: datetime
    source: str
    resumed: bool = False
