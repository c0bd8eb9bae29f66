"""Model registry: the state of a model's versions, computed from the log of changes.

Inputs: changes, each with its author, time and reason. Outputs: a `ModelRegistry`, which holds each version's state and
refuses illegal changes.

A version is a candidate when it is registered, in production when it is promoted, and retired when another version
replaces it or it is rolled back. Only a rollback brings a retired version into production again. No version is ever
removed, since live images name the version that made them.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from catalogs.errors import OptionError
from catalogs.models.weights import ALLOWED_SHARES, REGISTERED_NAME, FrozenVersions, WeightsSpec

VersionState = Literal["candidate", "production", "retired"]
ChangeKind = Literal["register", "canary", "promote", "rollback"]


class RegistryChange(BaseModel):
    """One change of a version: its kind, author, time, reason, and the comparison that it rests on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ChangeKind
    version: int
    by: str
    at: datetime
    why: str = ""
    share: int | None = None
    weights: WeightsSpec | None = None
    known: dict[str, Any] = Field(default_factory=dict, description="The comparison that a promotion rests on")


@dataclass(frozen=True)
class ModelVersion:
    """A version and its state. `share` is its per cent of the SKUs as a canary, 0 for all other versions."""

    number: int
    weights: WeightsSpec
    state: VersionState = "candidate"
    share: int = 0


@dataclass(frozen=True)
class ModelRegistry:
    """A model's versions, and the log of changes that they follow from."""

    name: str
    changes: tuple[RegistryChange, ...] = ()
    versions: dict[int, ModelVersion] = field(init=False, compare=False)
    production_history: tuple[int, ...] = field(init=False, compare=False)
    """The versions that were promoted and not rolled back, in order; the last one is in production."""

    def __post_init__(self) -> None:
        versions: dict[int, ModelVersion] = {}
        history: list[int] = []
        for change in self.changes:
            _apply_change(change, versions, history)
        object.__setattr__(self, "versions", versions)
        object.__setattr__(self, "production_history", tuple(history))

    @property
    def production(self) -> int | None:
        """Return the version in production; None before the first promotion."""
        return self.production_history[-1] if self.production_history else None

    @property
    def canary(self) -> ModelVersion | None:
        """Return the candidate that has a share of the SKUs, or None."""
        return next((version for version in self.versions.values() if version.share), None)

    def version(self, number: int) -> ModelVersion:
        """Return a version. Raises `OptionError` naming the existing versions."""
        if number not in self.versions:
            existing = ", ".join(map(str, self.versions)) or "none"
            raise OptionError(f"The model {self.name!r} has no version {number!r}; it has {existing}")
        return self.versions[number]

    def freeze_versions(self) -> FrozenVersions:
        """Return the versions that a run freezes. Raises `OptionError` if no version is in production."""
        if self.production is None:
            raise OptionError(
                f"The model {self.name!r} has no version in production: `packshot engine promote {self.name} VERSION`"
            )
        versions = {number: version.weights for number, version in self.versions.items()}
        canary = self.canary
        candidate = {} if canary is None else {"candidate": canary.number, "share": canary.share}
        return FrozenVersions(name=self.name, versions=versions, production=self.production, **candidate)

    def with_change(self, change: RegistryChange) -> "ModelRegistry":
        """Return the registry after one more change. Raises `OptionError` if the change is illegal."""
        {
            "register": _require_registrable,
            "canary": _require_canary_allowed,
            "promote": _require_promotable,
            "rollback": _require_rollback_allowed,
        }[change.kind](self, change)
        return replace(self, changes=(*self.changes, change))

    @property
    def next_version_number(self) -> int:
        """Return the number of the version that is registered next."""
        return max(self.versions, default=0) + 1

    @property
    def rollback_version(self) -> int:
        """Return the version that a rollback retires: the canary, else the version in production.

        Raises `OptionError` if there is no earlier version to go back to.
        """
        if self.canary is not None:
            return self.canary.number
        if len(self.production_history) < 2:
            cause = f"version {self.production} is the first" if self.production else "no version was ever promoted"
            raise OptionError(f"The model {self.name!r} has nothing to go back to: {cause}")
        return self.production_history[-1]


def validate_model_name(name: str) -> str:
    """Return a model's name unchanged. Raises `OptionError` if it is invalid."""
    if not REGISTERED_NAME.fullmatch(name):
        raise OptionError(
            f"The model's name {name!r} must be 1 to 63 of a-z, 0-9, - and _, and begin with a letter or digit"
        )
    return name


def validate_share(share: int) -> int:
    """Return a share in per cent unchanged. Raises `OptionError` if it is not one of `ALLOWED_SHARES`."""
    if share not in ALLOWED_SHARES:
        raise OptionError(
            f"The share {share!r} is none of {', '.join(map(str, ALLOWED_SHARES))} (per cent of the SKUs)"
        )
    return share


def _apply_change(change: RegistryChange, versions: dict[int, ModelVersion], history: list[int]) -> None:
    """Apply a legal change to the versions and the production history, in place."""
    number = change.version
    if change.kind == "register":
        if change.weights is None or number in versions:
            raise ValueError(f"version {number} is registered without weights, or twice")
        versions[number] = ModelVersion(number, change.weights)
    elif change.kind == "canary":
        versions[number] = replace(versions[number], share=change.share or 0)
    elif change.kind == "promote":
        if history:
            versions[history[-1]] = replace(versions[history[-1]], state="retired")
        versions[number] = replace(versions[number], state="production", share=0)
        history.append(number)
    else:
        if history[-1:] == [number]:
            history.pop()
            versions[history[-1]] = replace(versions[history[-1]], state="production")
        versions[number] = replace(versions[number], state="retired", share=0)


def _require_registrable(registry: ModelRegistry, change: RegistryChange) -> None:
    weights = change.weights
    assert weights is not None  # noqa: S101 - the caller gives the weights to register
    if not weights.pinned:
        raise OptionError(f"The source {weights.source!r} is not pinned: give a folder, or hub-id@commit in full")
    for version in registry.versions.values():
        if version.weights.family != weights.family:
            raise OptionError(
                f"The model {registry.name!r} is of the family {version.weights.family!r}; register"
                f" {weights.family!r} under another name"
            )
        if version.weights.identity == weights.identity and version.state != "retired":
            raise OptionError(
                f"The model {registry.name!r} has these weights at this precision already: version {version.number}"
            )


def _require_canary_allowed(registry: ModelRegistry, change: RegistryChange) -> None:
    version = registry.version(change.version)
    validate_share(change.share or 0)
    _require_candidate(registry, version, "put on canary")
    if registry.production is None:
        raise OptionError(
            f"The model {registry.name!r} has no version in production beside which {version.number} could be tried: "
            f"`packshot engine promote {registry.name} {version.number}`"
        )


def _require_promotable(registry: ModelRegistry, change: RegistryChange) -> None:
    _require_candidate(registry, registry.version(change.version), "promoted")


def _require_rollback_allowed(registry: ModelRegistry, change: RegistryChange) -> None:
    if registry.rollback_version != change.version:
        raise OptionError(f"The model {registry.name!r} was changed meanwhile; check it, and run the command again")


def _require_candidate(registry: ModelRegistry, version: ModelVersion, action: str) -> None:
    if version.state == "retired":
        raise OptionError(
            f"Version {version.number} of {registry.name!r} is retired and cannot be {action}; register its weights "
            "anew"
        )
    if version.state == "production":
        raise OptionError(f"Version {version.number} of {registry.name!r} is in production already")
    canary = registry.canary
    if canary is not None and canary.number != version.number:
        raise OptionError(
            f"Version {version.number} of {registry.name!r} cannot be {action} while version {canary.number} is on"
            f" canary: promote that one, or take it back with `packshot engine rollback {registry.name}`"
        )
