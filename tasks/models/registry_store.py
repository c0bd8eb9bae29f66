"""The versions of models, kept in the store: read them, and change them so that two people at once lose no word.

Comes in: a store, a model's name, a change. Goes out: the `ModelRegistry`. Every change is an object of its own number
that holds all changes so far, made by a conditional write; the highest number is the truth and none is ever deleted.
Who comes second finds the number taken, reads what was said, and is judged anew by what the registry is by then.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.models.comparison import MINIMUM_REQUESTS, VersionComparison, compare_versions
from catalogs.models.registry import ModelRegistry, RegistryChange, validate_model_name
from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.stores.json_objects import encode_json, read_json
from infra.stores.sequence import ObjectSequence
from tasks.models.metrics import pair_samples, read_model_samples

MAX_CONFLICTS = 50
"""Changes of other people's that may come first, one after another, before giving up."""


def list_registered_models(store: ObjectStore) -> list[str]:
    """Return the names of the models that have a registry, sorted."""
    parts = (info.key.removeprefix(layout.MODELS).split("/") for info in store.list(layout.MODELS))
    return sorted({name for name, folder, *_ in parts if folder == layout.REGISTRY})


def load_registry(store: ObjectStore, name: str) -> ModelRegistry:
    """Return a model's registry. Raises `OptionError`, naming those there are, where there is none of that name."""
    found = _read_registry(store, validate_model_name(name))
    if not found.changes:
        there = ", ".join(list_registered_models(store)) or "none yet"
        words = f"The store {store.url} has no model {name!r} in its registry; it has {there}"
        raise OptionError(f"{words}. `packshot engine register` adds one")
    return found


def change_registry(
    store: ObjectStore, name: str, make_change: Callable[[ModelRegistry], RegistryChange]
) -> ModelRegistry:
    """Make a change and return the registry after it. `make` is asked again whenever somebody else was quicker.

    Raises `OptionError` for what is no legal move.
    """
    validate_model_name(name)
    for _ in range(MAX_CONFLICTS):
        registry = _read_registry(store, name)
        after = registry.with_change(make_change(registry))
        document = {"name": name, "changes": [one.model_dump(mode="json", exclude_none=True) for one in after.changes]}
        if _changes(store, name).claim(len(after.changes), encode_json(document), content_type="application/json"):
            return after
    raise StoreError(
        f"The registry of {name!r} was changed {MAX_CONFLICTS} times by others meanwhile; give the command again"
    )


def compare_with_production(store: ObjectStore, registry: ModelRegistry, candidate: int) -> VersionComparison | None:
    """Return a candidate beside production, from what stored runs measured; None where nothing is in production."""
    if registry.production is None:
        return None
    numbers = (candidate, registry.production)
    born = next(one.at for one in registry.changes if one.kind == "register" and one.version == candidate)
    samples, runs = pair_samples(read_model_samples(store, registry.name, born), *numbers, MINIMUM_REQUESTS)
    if samples[1].requests < MINIMUM_REQUESTS:  # all runs, of which most shops have thousands
        samples, runs = pair_samples(read_model_samples(store, registry.name), *numbers, MINIMUM_REQUESTS)
    return compare_versions(numbers, *samples, runs)


def _changes(store: ObjectStore, name: str) -> ObjectSequence:
    return ObjectSequence(store, layout.model_changes_prefix(name), partial(layout.model_change, name))


def _read_registry(store: ObjectStore, name: str) -> ModelRegistry:
    number = _changes(store, name).latest()
    if not number:
        return ModelRegistry(name)
    key = layout.model_change(name, number)
    try:
        document: dict[str, Any] = read_json(store, key)
        return ModelRegistry(name, tuple(RegistryChange.model_validate(one) for one in document["changes"]))
    except (ValueError, KeyError):
        raise StoreError(f"{key} is no registry that this version of Packshot can read; use the newer one") from None
