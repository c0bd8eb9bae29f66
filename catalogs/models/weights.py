"""Model weights: the identity of a set of weights, and the assignment of a registered model's versions to SKUs.

Inputs: a recipe's model entries, and the versions that a store's registry holds. Outputs: identities for the request
key, and the version assigned to a SKU.

A canary's SKUs are chosen by a hash of SKU, model and version, so a share that grows only adds SKUs, and another
candidate is tried on other SKUs.
"""

import re
from collections.abc import Sequence
from posixpath import normpath
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from catalogs.keys import digest, hash_fraction

ALLOWED_SHARES = (5, 20, 50, 100)
"""Shares of a candidate or a backfill, in per cent of the SKUs."""
REGISTERED_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
"""Names of models in a store's registry."""
_STUB_SOURCE = re.compile(r"stub/[1-9][0-9]*")

ModelFamily = Literal["z-image", "stub"]
Precision = Literal["fp32", "bf16", "fp8"]


class ModelProvenance(NamedTuple):
    """An image's model in the manifest: its name with its identity prefix, the registry's version, the precision."""

    model: str
    model_version: str | None
    precision: str


class WeightsSpec(BaseModel):
    """One set of weights: its source and its identity."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: ModelFamily = Field("z-image", description="z-image, or stub for rehearsals")
    source: str | None = Field(None, description="A local folder, or a hub id; the stub's are stub/1, stub/2 …")
    revision: str | None = Field(None, pattern=r"^[0-9a-f]{40}$", description="The hub commit, in full")
    weights_digest: str | None = Field(None, description="Checked when the weights are loaded")
    precision: Precision = Field("bf16", description="Reaches the request key; a device that lacks it is refused")

    @property
    def pinned(self) -> bool:
        """Tell whether the weights are fixed by a digest or a hub commit, or are the stub, which has none."""
        return bool(self.family == "stub" or self.weights_digest or self.revision)

    @property
    def identity(self) -> dict[str, object]:
        """Return the model's part of the request key: its content, never a path."""
        if self.family == "stub":
            source = self.source if self.source and _STUB_SOURCE.fullmatch(self.source) else "stub/1"
            return {"family": "stub", "weights": source, "precision": self.precision}
        if self.weights_digest:
            return {"family": self.family, "weights": self.weights_digest, "precision": self.precision}
        return {"family": self.family, "weights": f"{self.source}@{self.revision}", "precision": self.precision}

    @property
    def identity_prefix(self) -> str:
        """Return the first 12 digits of the identity's digest, by which the manifest names an image's model."""
        return digest(self.identity)[:12]


def source_refusal(weights: WeightsSpec, allowed_sources: Sequence[str]) -> str | None:
    """Return why a registry may not choose these weights, or None.

    Whoever writes to a store's `models/` writes its registry, so it is held to what does not lie there: the sources
    that the settings allow (hub owners, hub ids, folders), and without any to a digest, by which weights are known.
    """
    if weights.family == "stub":
        return None
    source = weights.source or ""
    if allowed_sources:
        allowed = any(_is_below(source, each) for each in allowed_sources)
        return None if allowed else f"its source {source!r} is not among {', '.join(allowed_sources)}"
    return None if weights.weights_digest else f"it has no weights digest, by which {source!r} could be checked"


def _is_below(source: str, allowed: str) -> bool:
    """Tell whether a source is an allowed one, or lies below it: a model of a hub's owner, a folder in a folder."""
    path, place = normpath(source), normpath(allowed)
    return path == place or path.startswith(place.rstrip("/") + "/")


class FrozenVersions(BaseModel):
    """The versions of a registered model at the start of a run, frozen into its recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    versions: dict[int, WeightsSpec]
    production: int
    candidate: int | None = None
    share: int = Field(0, ge=0, le=100, description="Per cent of the SKUs that the candidate is assigned to")

    def sku_percentile(self, sku: str, version: int) -> float:
        """Return a SKU's position for a version, in [0, 100): a share takes the lowest positions."""
        return 100 * hash_fraction(sku, f"{self.name}/{version}")

    def assigned_version(self, sku: str) -> int:
        """Return the version that generates the new and changed slots of a SKU."""
        if self.candidate is not None and self.sku_percentile(sku, self.candidate) < self.share:
            return self.candidate
        return self.production

    def is_in_backfill(self, sku: str, share: int) -> bool:
        """Tell whether a backfill of so many per cent brings this SKU to its assigned version."""
        return self.sku_percentile(sku, self.assigned_version(sku)) < share


class ModelEntry(WeightsSpec):
    """A model of a recipe: weights of its own, or the name of a model in the store's registry."""

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
        redundant = [name for name in ("source", "revision", "weights_digest") if getattr(self, name) is not None]
        if redundant:
            raise ValueError(
                f"`{redundant[0]}` is defined by the registry's versions of {self.registry!r}; leave it out"
            )
        return self

    def weights_by_name(self, name: str) -> dict[str, WeightsSpec]:
        """Return this model's weights by the names that requests use: its own name, or `name@version`."""
        if self.registry is None:
            return {name: self}
        versions = self.standing.versions if self.standing is not None else {}
        return {f"{name}@{version}": weights for version, weights in versions.items()}

    def provenance_by_name(self, name: str) -> dict[str, ModelProvenance]:
        """Return the manifest's provenance of each of `weights_by_name`, by the same names."""
        numbers = self.standing.versions if self.standing is not None else ()
        registry_versions = {f"{name}@{number}": f"{self.registry}/{number}" for number in numbers}
        return {
            weights_name: ModelProvenance(
                f"{name}@{weights.identity_prefix}", registry_versions.get(weights_name), weights.precision
            )
            for weights_name, weights in self.weights_by_name(name).items()
        }
