"""Registry store: read a model's registry from the store, and change it without losing a concurrent change.

Inputs: a store, a model's name and a function that makes a change. Outputs: the `ModelRegistry`. Each change is an
object with its own number that holds all changes so far, claimed by a conditional write; the highest number is current,
and none is ever deleted. A writer that finds its number taken reads the registry again and makes its change anew, so
every change is validated against the registry that it is applied to.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import ValidationError

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.models.comparison import MINIMUM_REQUESTS, VersionComparison, compare_versions
from catalogs.models.registry import ModelRegistry, RegistryChange, validate_model_name
from catalogs.rule_files import first_field_error
from infra.bounded_json import parse_bounded_json
from infra.errors import StoreError, one_line
from infra.interfaces import ObjectStore
from infra.stores.json_objects import encode_json
from infra.stores.sequence import ObjectSequence
from tasks.models.metrics import pair_samples, read_model_samples

MAX_REGISTRY_BYTES = 16 << 20
"""A change has some 500 bytes."""
MAX_REASON_CHARACTERS = 200
MAX_CONFLICTS = 50
"""Concurrent changes that may come first, one after another, before giving up."""


def list_registered_models(store: ObjectStore) -> list[str]:
    """Return the names of the models that have a registry, sorted."""
    parts = (info.key.removeprefix(layout.MODELS).split("/") for info in store.list(layout.MODELS))
    return sorted({name for name, folder, *_ in parts if folder == layout.REGISTRY})


def load_registry(store: ObjectStore, name: str) -> ModelRegistry:
    """Return a model's registry. Raises `OptionError`, naming the registered models, where there is none."""
    registry = _read_registry(store, validate_model_name(name))
    if not registry.changes:
        names = ", ".join(list_registered_models(store)) or "none yet"
        raise OptionError(
            f"The store {store.url} has no model {name!r} in its registry; it has {names}."
            " `packshot engine register` adds one"
        )
    return registry


def change_registry(
    store: ObjectStore, name: str, make_change: Callable[[ModelRegistry], RegistryChange]
) -> ModelRegistry:
    """Make a change and return the registry after it. `make_change` is called again after a concurrent change.

    Raises `OptionError` for a change that the registry does not allow.
    """
    validate_model_name(name)
    for _ in range(MAX_CONFLICTS):
        registry = _read_registry(store, name)
        after = registry.with_change(make_change(registry))
        document = {
            "name": name,
            "changes": [change.model_dump(mode="json", exclude_none=True) for change in after.changes],
        }
        if _changes(store, name).claim(len(after.changes), encode_json(document), content_type="application/json"):
            return after
    raise StoreError(
        f"The registry of {name!r} was changed {MAX_CONFLICTS} times by others meanwhile; give the command again"
    )


def compare_with_production(store: ObjectStore, registry: ModelRegistry, candidate: int) -> VersionComparison | None:
    """Compare a candidate with production by the samples of stored runs; None where nothing is in production."""
    if registry.production is None:
        return None
    numbers = (candidate, registry.production)
    registered_at = next(
        change.at for change in registry.changes if change.kind == "register" and change.version == candidate
    )
    samples, runs = pair_samples(read_model_samples(store, registry.name, registered_at), *numbers, MINIMUM_REQUESTS)
    if samples[1].requests < MINIMUM_REQUESTS:  # read all runs then; most shops have thousands
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
        document: dict[str, Any] = parse_bounded_json(store.read(key), MAX_REGISTRY_BYTES)
        if document.keys() != {"name", "changes"} or document["name"] != name:
            raise ValueError(f"it is no registry of {name!r}")
        return ModelRegistry(name, tuple(RegistryChange.model_validate(change) for change in document["changes"]))
    except ValidationError as error:
        reason = first_field_error(error).message
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        reason = one_line(error, MAX_REASON_CHARACTERS)
    raise StoreError(
        f"{key} is no registry that this version of Packshot can read ({reason}); use the newer one, or delete that"
        " object if nobody of yours wrote it."
    )
