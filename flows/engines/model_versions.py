"""Model versions: change them in the registry, and freeze them into a run's recipe.

Inputs: a store, a model's name, a change and its author; or a job whose recipe names models of the registry. Outputs:
the registry after the change, as plain values; or the job with the versions frozen into its recipe, so that a
promotion during a run, or before it is resumed, does not affect it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from catalogs.errors import OptionError, RuleFileError
from catalogs.models.comparison import VersionComparison
from catalogs.models.registry import ChangeKind, ModelRegistry, RegistryChange, validate_share
from catalogs.models.weights import FrozenVersions, Precision, WeightsSpec, source_refusal
from catalogs.planning.stage_selection import stage_libraries
from catalogs.recipe.schema import Recipe
from catalogs.rule_files import first_validation_error
from catalogs.runs.job import RefreshJob
from flows.parameters import parse_hub_model, resolve_local_model
from infra.interfaces import ObjectStore
from infra.settings import Settings
from infra.stores import open_store
from infra.stores.conditional_writes import require_conditional_writes
from tasks.models.registry_store import change_registry, compare_with_production, list_registered_models, load_registry


@dataclass(frozen=True)
class ChangeAuthor:
    """The author of a registry change, and the reason for it."""

    name: str
    reason: str = ""

    def new_change(self, kind: ChangeKind, version: int, **details: Any) -> RegistryChange:
        """Return a change with the present time."""
        return RegistryChange(
            kind=kind, version=version, by=self.name, at=datetime.now(UTC), why=self.reason.strip(), **details
        )


def resolve_registry_versions(job: RefreshJob, settings: Settings) -> RefreshJob:
    """Return the job with the registry's versions in its recipe; recipes that name no registry stay as they are.

    Raises `OptionError` for a name that the store's registry lacks or that has nothing in production, for a version
    whose source a registry may not choose, and for a backfill of a recipe that names neither a registry nor stages.
    """
    names = {model.registry for model in job.recipe.models.values() if model.registry is not None}
    if not names:
        if job.backfill is not None and not stage_libraries(job.recipe):
            raise OptionError(
                f"--backfill {job.backfill}: no model of the recipe is from the registry, and no rule takes stages,"
                " so there are no versions to bring SKUs to"
            )
        return job
    store = open_store(job.store)
    content = job.recipe.model_dump(mode="json")
    for model in content["models"].values():
        if model["registry"] is not None:
            versions = load_registry(store, model["registry"]).freeze_versions()
            _require_allowed_sources(versions, settings)
            model["standing"] = versions.model_dump(mode="json")
    try:
        return replace(job, recipe=Recipe.model_validate(content))
    except ValidationError as error:
        raise RuleFileError(f"The registry's versions do not fit the recipe: {first_validation_error(error)}") from None


def _require_allowed_sources(frozen: FrozenVersions, settings: Settings) -> None:
    """Check the versions that generate: others are only names of what is live."""
    for number in filter(None, (frozen.production, frozen.candidate)):
        weights = frozen.versions[number]
        if reason := source_refusal(weights, settings.allowed_model_sources):
            raise OptionError(
                f"Version {number} of the model {frozen.name!r} is not taken from the store's registry: {reason}. If it"
                f" is yours, set PACKSHOT_MODEL_SOURCES={weights.source}, or `packshot engine register {frozen.name}"
                f" --source {weights.source}@{weights.revision} --weights-digest DIGEST` and promote that version"
            )


def resolve_weights(source: str, precision: str | None, digest: str | None = None) -> WeightsSpec:
    """Return the weights at a folder, a hub-id@commit, or stub/N. Raises `OptionError` for anything else.

    `digest` is the weights digest of a hub's model, where it is known; a folder's is read from its files.
    """
    if source.startswith("stub/"):
        weights = WeightsSpec(family="stub", source=source, precision=_parse_precision(precision or "fp32"))
        if weights.identity["weights"] != source:
            raise OptionError(f"--source: the stub's versions are stub/1, stub/2 …, not {source!r}")
        return weights
    folder = Path(source)
    model = (
        resolve_local_model(folder.resolve(), "--source") if folder.is_dir() else parse_hub_model(source, "--source")
    )
    if model is None:
        raise OptionError(f"--source: {source!r} is no folder here, and no hub-id@commit")
    if digest is not None and model.weights_digest not in (None, digest):
        raise OptionError(f"--weights-digest: {source!r} holds {model.weights_digest}, not {digest!r}")
    fields = model.model_dump(include=set(WeightsSpec.model_fields)) | {
        "precision": _parse_precision(precision or "bf16")
    }
    return WeightsSpec(**(fields | ({"weights_digest": digest} if digest else {})))


def _parse_precision(text: str) -> Precision:
    if text not in ("fp32", "bf16", "fp8"):
        raise OptionError(f"--precision: {text!r} is none of fp32, bf16, fp8")
    return cast(Precision, text)


def register(
    store: ObjectStore, name: str, weights: WeightsSpec, author: ChangeAuthor, settings: Settings
) -> dict[str, Any]:
    """Add weights as a candidate, and return the registry's document. Raises `OptionError` for a source not allowed."""
    if reason := source_refusal(weights, settings.allowed_model_sources):
        raise OptionError(
            f"--source: {reason}; give --weights-digest (`packshot doctor --model FOLDER` prints a folder's), or name"
            " the source in PACKSHOT_MODEL_SOURCES"
        )
    require_conditional_writes(store, single_writer=settings.single_writer)
    return registry_document(
        change_registry(
            store, name, lambda registry: author.new_change("register", registry.next_version_number, weights=weights)
        )
    )


def start_canary(
    store: ObjectStore, name: str, version: int, share: int, author: ChangeAuthor, settings: Settings
) -> dict[str, Any]:
    """Give a candidate a share of the SKUs, for their new and changed images; return the registry's document."""
    validate_share(share)
    load_registry(store, name)
    require_conditional_writes(store, single_writer=settings.single_writer)
    return registry_document(change_registry(store, name, lambda _: author.new_change("canary", version, share=share)))


def promote(
    store: ObjectStore,
    name: str,
    version: int,
    author: ChangeAuthor,
    settings: Settings,
    accept_worse: str | None = None,
) -> dict[str, Any]:
    """Put a candidate into production unless stored runs show that it is worse, or hold too few results of it.

    The document holds the comparison, and under `refused` the objections, as sentences. `accept_worse` is the reason
    for promoting it despite them. The first version of a model is promoted without a comparison.
    """
    if accept_worse is not None and not accept_worse.strip():
        raise OptionError("--accept-worse: say why a version that is not shown to be as good may go; it is kept")
    registry = load_registry(store, name)
    registry.with_change(author.new_change("promote", version))  # refuse an illegal change before reading any figures
    comparison = compare_with_production(store, registry, version)
    objections = comparison.objections if comparison is not None else []
    if objections and accept_worse is None:
        return registry_document(registry) | {
            "promoted": False,
            "refused": objections,
            "comparison": _comparison_document(comparison),
        }
    require_conditional_writes(store, single_writer=settings.single_writer)
    evidence: dict[str, Any] = {"comparison": _comparison_document(comparison)} if comparison is not None else {}
    if objections:
        evidence["accepted_worse"] = str(accept_worse).strip()

    def new_promotion(current: ModelRegistry) -> RegistryChange:
        if current.production != registry.production:
            raise OptionError(f"The model {name!r} has another version in production meanwhile; give the command again")
        return author.new_change("promote", version, known=evidence)

    updated = change_registry(store, name, new_promotion)
    return registry_document(updated) | {
        "promoted": True,
        "refused": [],
        "comparison": _comparison_document(comparison),
    }


def roll_back(store: ObjectStore, name: str, author: ChangeAuthor, settings: Settings) -> dict[str, Any]:
    """Retire the running canary, or without one the version in production; return the registry's document."""
    version = load_registry(store, name).rollback_version
    require_conditional_writes(store, single_writer=settings.single_writer)
    updated = change_registry(store, name, lambda _: author.new_change("rollback", version))
    return registry_document(updated) | {"taken_back": version}


def list_models(store: ObjectStore, name: str | None = None) -> list[dict[str, Any]]:
    """Return the documents of one registered model, or of all."""
    return [
        registry_document(load_registry(store, model_name))
        for model_name in ([name] if name is not None else list_registered_models(store))
    ]


def registry_document(registry: ModelRegistry) -> dict[str, Any]:
    """Return a registry as plain values: its versions with their states, and every change."""
    canary = registry.canary
    return {
        "model": registry.name,
        "production": registry.production,
        "canary": {"version": canary.number, "share": canary.share} if canary is not None else None,
        "versions": [
            {"version": version.number, "state": version.state, "share": version.share}
            | version.weights.model_dump(mode="json")
            | {"mark": version.weights.identity_prefix, **_registration(registry, version.number)}
            for version in registry.versions.values()
        ],
        "changes": [change.model_dump(mode="json", exclude_none=True) for change in registry.changes],
    }


def _registration(registry: ModelRegistry, version: int) -> Mapping[str, str]:
    registration = next(
        change for change in registry.changes if change.kind == "register" and change.version == version
    )
    return {"registered_by": registration.by, "registered_at": registration.at.isoformat()}


def _comparison_document(comparison: VersionComparison | None) -> dict[str, Any] | None:
    return comparison.document() if comparison is not None else None
