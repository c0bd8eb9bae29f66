"""The registry of a model's versions: what people did to them, and what it comes to.

Comes in: changes, each with who, when and why. Goes out: a `ModelRegistry`, which says each version's state and refuses
what is no legal move. A version is a candidate when it is registered, in production when it is promoted, and retired
when another one takes its place or it is taken back; only a rollback brings a retired one into production again.
Nothing is ever taken out, since live pictures remember the version that made them.
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
    """One change: what was done to which version, by whom, when, why, and what was known of it."""

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
    """A version and its state. `share` is the per cent of SKUs that it has as a canary: 0 for all others."""

    number: int
    weights: WeightsSpec
    state: VersionState = "candidate"
    share: int = 0


@dataclass(frozen=True)
class ModelRegistry:
    """A model's versions, and all changes that made them what they are."""

    name: str
    changes: tuple[RegistryChange, ...] = ()
    versions: dict[int, ModelVersion] = field(init=False, compare=False)
    production_history: tuple[int, ...] = field(init=False, compare=False)
    """The versions that were in production one after another and were not taken back; the last one is."""

    def __post_init__(self) -> None:
        versions: dict[int, ModelVersion] = {}
        line: list[int] = []
        for change in self.changes:
            _apply_change(change, versions, line)
        object.__setattr__(self, "versions", versions)
        object.__setattr__(self, "production_history", tuple(line))

    @property
    def production(self) -> int | None:
        """Return the version in production; None before the first promotion."""
        return self.production_history[-1] if self.production_history else None

    @property
    def canary(self) -> ModelVersion | None:
        """Return the candidate that has a share of the SKUs."""
        return next((version for version in self.versions.values() if version.share), None)

    def version(self, number: int) -> ModelVersion:
        """Return a version. Raises `OptionError` naming those there are."""
        if number not in self.versions:
            there = ", ".join(map(str, self.versions)) or "none"
            raise OptionError(f"The model {self.name!r} has no version {number!r}; it has {there}")
        return self.versions[number]

    def freeze_versions(self) -> FrozenVersions:
        """Return what a run freezes. Raises `OptionError` where nothing is in production."""
        if self.production is None:
            raise OptionError(
                f"The model {self.name!r} has no version in production: `packshot engine promote {self.name} VERSION`"
            )
        versions = {number: version.weights for number, version in self.versions.items()}
        canary = self.canary
        candidate = {} if canary is None else {"candidate": canary.number, "share": canary.share}
        return FrozenVersions(name=self.name, versions=versions, production=self.production, **candidate)

    # Legal moves: each returns the registry after a change, or raises `OptionError`

    def with_change(self, change: RegistryChange) -> "ModelRegistry":
        """Return the registry after one more change, if it is a legal move."""
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
        """Return the version that a rollback takes back: the canary, else what is in production.

        Raises `OptionError` where there is nothing to go back to.
        """
        if self.canary is not None:
            return self.canary.number
        if len(self.production_history) < 2:
            where = (
                f"version {self.production} is the first" if self.production_history else "no version was ever promoted"
            )
            raise OptionError(f"The model {self.name!r} has nothing to go back to: {where}")
        return self.production_history[-1]


def validate_model_name(name: str) -> str:
    """Return a model's name as it was given, or raise `OptionError`."""
    if not REGISTERED_NAME.fullmatch(name):
        raise OptionError(f"The model's name {name!r} must be 1 to 63 of a-z, 0-9, - and _, and begin with a letter "
                          "or digit")  # fmt: skip
    return name


def validate_share(share: int) -> int:
    """Return a share in per cent as it was given, or raise `OptionError`."""
    if share not in ALLOWED_SHARES:
        raise OptionError(
            f"The share {share!r} is none of {', '.join(map(str, ALLOWED_SHARES))} (per cent of the SKUs)"
        )
    return share


def _apply_change(change: RegistryChange, versions: dict[int, ModelVersion], line: list[int]) -> None:
    number = change.version
    if change.kind == "register":
        assert change.weights is not None  # noqa: S101 - no other kind was ever written
        versions[number] = ModelVersion(number, change.weights)
    elif change.kind == "canary":
        versions[number] = replace(versions[number], share=change.share or 0)
    elif change.kind == "promote":
        if line:
            versions[line[-1]] = replace(versions[line[-1]], state="retired")
        versions[number] = replace(versions[number], state="production", share=0)
        line.append(number)
    else:
        if line[-1:] == [number]:
            line.pop()
            versions[line[-1]] = replace(versions[line[-1]], state="production")
        versions[number] = replace(versions[number], state="retired", share=0)


def _require_registrable(registry: ModelRegistry, change: RegistryChange) -> None:
    weights = change.weights
    assert weights is not None  # noqa: S101 - registering is saying which weights
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
        raise OptionError(f"The model {registry.name!r} was changed meanwhile; look at it, and give the command again")


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
