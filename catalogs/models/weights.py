"""What paints: a set of weights, and the versions of a registered model with the SKUs that each one is for.

Comes in: a recipe's model entries, and what a store's registry says of them. Goes out: identities for the request key,
and the version that a SKU gets. A canary's SKUs are chosen by a hash of SKU, model and version, so a share that grows
only adds SKUs, and another candidate is tried on others.
"""

import re
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from catalogs.keys import digest, hash_fraction

ALLOWED_SHARES = (5, 20, 50, 100)
"""Per cent of the SKUs that a candidate, or a backfill, may have."""
REGISTERED_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
"""Names that models have in a store's registry."""
_STUB_SOURCE = re.compile(r"stub/[1-9][0-9]*")

ModelFamily = Literal["z-image", "stub"]
Precision = Literal["fp32", "bf16", "fp8"]


class ModelProvenance(NamedTuple):
    """What the manifest says of a picture's model: its name and content, the registry's version, the precision."""

    model: str
    model_version: str | None
    precision: str


class WeightsSpec(BaseModel):
    """One set of weights: where it is, and what it is known by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: ModelFamily = Field("z-image", description="z-image, or stub for rehearsals")
    source: str | None = Field(None, description="A local folder, or a hub id; the stub's are stub/1, stub/2 …")
    revision: str | None = Field(None, pattern=r"^[0-9a-f]{40}$", description="The hub commit, in full")
    weights_digest: str | None = Field(None, description="Checked when the weights are loaded")
    precision: Precision = Field("bf16", description="Reaches the request key; a device that lacks it is refused")

    @property
    def pinned(self) -> bool:
        """Tell whether the weights are known: a digest, or a hub commit, or the stub that has none."""
        return bool(self.family == "stub" or self.weights_digest or self.revision)

    @property
    def identity(self) -> dict[str, object]:
        """Return what the request key knows of the model: content, never a path."""
        if self.family == "stub":
            named = self.source if self.source and _STUB_SOURCE.fullmatch(self.source) else "stub/1"
            return {"family": "stub", "weights": named, "precision": self.precision}
        if self.weights_digest:
            return {"family": self.family, "weights": self.weights_digest, "precision": self.precision}
        return {"family": self.family, "weights": f"{self.source}@{self.revision}", "precision": self.precision}

    @property
    def identity_prefix(self) -> str:
        """Return the head of the identity's digest, by which the manifest tells whose picture it shows."""
        return digest(self.identity)[:12]


class FrozenVersions(BaseModel):
    """The versions of a registered model as a run found them, frozen into its recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    versions: dict[int, WeightsSpec]
    production: int
    candidate: int | None = None
    share: int = Field(0, ge=0, le=100, description="Per cent of the SKUs that get the candidate")

    def sku_percentile(self, sku: str, version: int) -> float:
        """Return where a SKU stands for a version, in [0, 100): shares take the lowest first."""
        return 100 * hash_fraction(sku, f"{self.name}/{version}")

    def assigned_version(self, sku: str) -> int:
        """Return the version that makes what is new or has changed of a SKU."""
        if self.candidate is not None and self.sku_percentile(sku, self.candidate) < self.share:
            return self.candidate
        return self.production

    def is_in_backfill(self, sku: str, share: int) -> bool:
        """Tell whether a backfill of so many per cent brings this SKU to the version that it gets."""
        return self.sku_percentile(sku, self.assigned_version(sku)) < share


class ModelEntry(WeightsSpec):
    """A model by its name in the recipe: weights of its own, or the name of a model in the store's registry."""

    registry: str | None = Field(None, description="A model's name in the store's registry, in place of a source")
    standing: FrozenVersions | None = Field(None, description="Written by Packshot, never by hand")

    @model_validator(mode="after")
    def _has_one_origin(self) -> "ModelEntry":
        if self.registry is None:
            if self.standing is not None:
                raise ValueError("`standing` goes with `registry`; it is written by Packshot, so leave it out")
            return self
        if not REGISTERED_NAME.fullmatch(self.registry):
            raise ValueError(f"registry: {self.registry!r} must match {REGISTERED_NAME.pattern}")
        given = [name for name in ("source", "revision", "weights_digest") if getattr(self, name) is not None]
        if given:
            raise ValueError(f"`{given[0]}` is said by the registry's versions of {self.registry!r}; leave it out")
        return self

    def weights_by_name(self, name: str) -> dict[str, WeightsSpec]:
        """Return what may paint for this model, by the names that requests use: its own, or `name@version`."""
        if self.registry is None:
            return {name: self}
        found = self.standing.versions if self.standing is not None else {}
        return {f"{name}@{version}": weights for version, weights in found.items()}

    def provenance_by_name(self, name: str) -> dict[str, ModelProvenance]:
        """Return what the manifest says of each of `weights`, by the same names."""
        versions = {f"{name}@{version}": f"{self.registry}/{version}" for version in self.standing.versions} \
            if self.standing is not None else {}  # fmt: skip
        return {
            called: ModelProvenance(f"{name}@{weights.identity_prefix}", versions.get(called), weights.precision)
            for called, weights in self.weights_by_name(name).items()
        }
