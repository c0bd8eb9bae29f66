"""Versions of models, as a person changes them and as a run finds them.

Comes in: a store, a model's name, a person's word; or a job whose recipe names models of the registry. Goes out: the
registry after the change, as plain values; or the job with the versions frozen into its recipe, so that a promotion in
the middle of a run, or before it is resumed, moves nothing of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from catalogs.errors import OptionError, RecipeError
from catalogs.models.comparison import Comparison
from catalogs.models.registry import Change, Kind, Registry, checked_share
from catalogs.models.weights import Precision, Weights
from catalogs.recipe.schema import Recipe
from catalogs.rule_files import first_fault
from catalogs.runs.job import Job
from flows.parameters import hub_model, local_model
from flows.wiring.composition import require_conditional_writes
from infra.interfaces import ObjectStore
from infra.settings import Settings
from infra.stores import open_store
from tasks.models.registry_store import change, compared, load, registered


@dataclass(frozen=True)
class Word:
    """Who changes something, and why."""

    by: str
    why: str = ""

    def change(self, kind: Kind, version: int, **more: Any) -> Change:
        """Return a change made now."""
        return Change(kind=kind, version=version, by=self.by, at=datetime.now(UTC), why=self.why.strip(), **more)


def look_up(job: Job) -> Job:
    """Return the job with the registry's versions in its recipe; recipes that name no registry stay as they are.

    Raises `OptionError` for a name that the store's registry lacks or that has nothing in production, and for a
    backfill of a recipe that names no registry.
    """
    names = {model.registry for model in job.recipe.models.values() if model.registry is not None}
    if not names:
        if job.backfill is not None:
            raise OptionError(f"--backfill {job.backfill}: no model of the recipe is from the registry, so there are no"
                              " versions to bring SKUs to")  # fmt: skip
        return job
    store = open_store(job.store)
    content = job.recipe.model_dump(mode="json")
    for model in content["models"].values():
        if model["registry"] is not None:
            model["standing"] = load(store, model["registry"]).standing().model_dump(mode="json")
    try:
        return replace(job, recipe=Recipe.model_validate(content))
    except ValidationError as error:
        raise RecipeError(f"The registry's versions do not fit the recipe: {first_fault(error)}") from None


def read_source(source: str, precision: str | None, digest: str | None = None) -> Weights:
    """Return the weights at a folder, a hub-id@commit, or stub/N. Raises `OptionError` for anything else.

    `digest` is the weights digest of a hub's model, where it is known; a folder's is read from its files.
    """
    if source.startswith("stub/"):
        weights = Weights(family="stub", source=source, precision=_precision(precision or "fp32"))
        if weights.identity["weights"] != source:
            raise OptionError(f"--source: the stub's versions are stub/1, stub/2 …, not {source!r}")
        return weights
    folder = Path(source)
    found = local_model(folder.resolve(), "--source") if folder.is_dir() else hub_model(source, "--source")
    if found is None:
        raise OptionError(f"--source: {source!r} is no folder here, and no hub-id@commit")
    if digest is not None and found.weights_digest not in (None, digest):
        raise OptionError(f"--weights-digest: {source!r} holds {found.weights_digest}, not {digest!r}")
    words = found.model_dump(include=set(Weights.model_fields)) | {"precision": _precision(precision or "bf16")}
    return Weights(**(words | ({"weights_digest": digest} if digest else {})))


def _precision(word: str) -> Precision:
    if word not in ("fp32", "bf16", "fp8"):
        raise OptionError(f"--precision: {word!r} is none of fp32, bf16, fp8")
    return cast(Precision, word)


def register(store: ObjectStore, name: str, weights: Weights, word: Word, settings: Settings) -> dict[str, Any]:
    """Add weights as a candidate, and return the registry's document."""
    require_conditional_writes(store, settings)
    return document(
        change(store, name, lambda registry: word.change("register", registry.next_number, weights=weights))
    )


def put_on_canary(
    store: ObjectStore, name: str, version: int, share: int, word: Word, settings: Settings
) -> dict[str, Any]:
    """Give a candidate a share of the SKUs, for what is new or has changed of them; return the registry's document."""
    checked_share(share)
    load(store, name)
    require_conditional_writes(store, settings)
    return document(change(store, name, lambda _: word.change("canary", version, share=share)))


def promote(
    store: ObjectStore, name: str, version: int, word: Word, settings: Settings, accept_worse: str | None = None
) -> dict[str, Any]:
    """Put a candidate into production unless stored runs show it worse, or say too little of it.

    The document holds the comparison, and under `refused` the sentences that speak against it. `accept_worse` is why
    it goes into production all the same. The first version has nothing to be compared with.
    """
    if accept_worse is not None and not accept_worse.strip():
        raise OptionError("--accept-worse: say why a version that is not shown to be as good may go; it is kept")
    registry = load(store, name)
    registry.after(word.change("promote", version))  # a move that is not legal is said before any figures
    comparison = compared(store, registry, version)
    faults = comparison.faults if comparison is not None else []
    if faults and accept_worse is None:
        return document(registry) | {"promoted": False, "refused": faults, "comparison": _plain(comparison)}
    require_conditional_writes(store, settings)
    known: dict[str, Any] = {"comparison": _plain(comparison)} if comparison is not None else {}
    if faults:
        known["accepted_worse"] = str(accept_worse).strip()

    def make(now: Registry) -> Change:
        if now.production != registry.production:
            raise OptionError(f"The model {name!r} has another version in production meanwhile; give the command again")
        return word.change("promote", version, known=known)

    after = change(store, name, make)
    return document(after) | {"promoted": True, "refused": [], "comparison": _plain(comparison)}


def roll_back(store: ObjectStore, name: str, word: Word, settings: Settings) -> dict[str, Any]:
    """Take back what came last: a canary that is under way, else what is in production; return the document."""
    version = load(store, name).taken_back
    require_conditional_writes(store, settings)
    after = change(store, name, lambda _: word.change("rollback", version))
    return document(after) | {"taken_back": version}


def all_models(store: ObjectStore, name: str | None = None) -> list[dict[str, Any]]:
    """Return the documents of one registered model, or of all."""
    return [document(load(store, each)) for each in ([name] if name is not None else registered(store))]


def document(registry: Registry) -> dict[str, Any]:
    """Return a registry as plain values: its versions with their states, and every change."""
    canary = registry.canary
    return {
        "model": registry.name,
        "production": registry.production,
        "canary": {"version": canary.number, "share": canary.share} if canary is not None else None,
        "versions": [
            {"version": version.number, "state": version.state, "share": version.share}
            | version.weights.model_dump(mode="json")
            | {"mark": version.weights.mark, **_born(registry, version.number)}
            for version in registry.versions.values()
        ],
        "changes": [one.model_dump(mode="json", exclude_none=True) for one in registry.changes],
    }


def _born(registry: Registry, version: int) -> Mapping[str, str]:
    born = next(one for one in registry.changes if one.kind == "register" and one.version == version)
    return {"registered_by": born.by, "registered_at": born.at.isoformat()}


def _plain(comparison: Comparison | None) -> dict[str, Any] | None:
    return comparison.document() if comparison is not None else None
