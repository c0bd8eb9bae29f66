"""The versions of models, kept in the store: read them, and change them so that two people at once lose no word.

Comes in: a store, a model's name, a change. Goes out: the `Registry`. Every change is an object of its own number that
holds all changes so far, made by a conditional write; the highest number is the truth and none is ever deleted. Who
comes second finds the number taken, reads what was said, and is judged anew by what the registry is by then.
"""

from collections.abc import Callable
from typing import Any

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.models.comparison import MINIMUM, Comparison, compare
from catalogs.models.registry import Change, Registry, checked_name
from infra.errors import StoreError
from infra.interfaces import ObjectStore
from infra.stores.json_objects import read_json, write_json_once
from tasks.models.metrics import paired, samples_of

TRIES = 50
"""Changes of other people's that may come first, one after another, before giving up."""


def registered(store: ObjectStore) -> list[str]:
    """Return the names of the models that have a registry, sorted."""
    parts = (info.key.removeprefix(layout.MODELS).split("/") for info in store.list(layout.MODELS))
    return sorted({name for name, folder, *_ in parts if folder == layout.REGISTRY})


def load(store: ObjectStore, name: str) -> Registry:
    """Return a model's registry. Raises `OptionError`, naming those there are, where there is none of that name."""
    found = _load(store, checked_name(name))
    if not found.changes:
        there = ", ".join(registered(store)) or "none yet"
        words = f"The store {store.url} has no model {name!r} in its registry; it has {there}"
        raise OptionError(f"{words}. `packshot engine register` adds one")
    return found


def change(store: ObjectStore, name: str, make: Callable[[Registry], Change]) -> Registry:
    """Make a change and return the registry after it. `make` is asked again whenever somebody else was quicker.

    Raises `OptionError` for what is no legal move.
    """
    checked_name(name)
    for _ in range(TRIES):
        registry = _load(store, name)
        after = registry.after(make(registry))
        document = {"name": name, "changes": [one.model_dump(mode="json", exclude_none=True) for one in after.changes]}
        if write_json_once(store, layout.model_change(name, len(after.changes)), document):
            return after
        # A put whose answer was lost is sent twice, and then finds itself.
        if _load(store, name).changes[: len(after.changes)] == after.changes:
            return after
    raise StoreError(f"The registry of {name!r} was changed {TRIES} times by others meanwhile; give the command again")


def compared(store: ObjectStore, registry: Registry, candidate: int) -> Comparison | None:
    """Return a candidate beside production, from what stored runs measured; None where nothing is in production."""
    if registry.production is None:
        return None
    numbers = (candidate, registry.production)
    born = next(one.at for one in registry.changes if one.kind == "register" and one.version == candidate)
    samples, runs = paired(samples_of(store, registry.name, born), *numbers, MINIMUM)
    if samples[1].requests < MINIMUM:  # all runs, of which most shops have thousands
        samples, runs = paired(samples_of(store, registry.name), *numbers, MINIMUM)
    return compare(numbers, *samples, runs)


def _load(store: ObjectStore, name: str) -> Registry:
    keys = [info.key for info in store.list(layout.model_changes(name))]
    if not keys:
        return Registry(name)
    try:
        document: dict[str, Any] = read_json(store, max(keys))
        return Registry(name, tuple(Change.model_validate(one) for one in document["changes"]))
    except (ValueError, KeyError):
        raise StoreError(
            f"{max(keys)} is no registry that this version of Packshot can read; use the newer one"
        ) from None
