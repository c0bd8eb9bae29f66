"""Engine selection: which engine generates the images of a model, on this machine.

Inputs: a recipe and a model of it, settings, the store's engines. Outputs: an `EngineSpec`, the folder of a stored
TensorRT engine, and warnings for a run's report. An engine never fails a run: where no TensorRT engine fits, torch
generates in the same precision, and the report says so.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from catalogs.errors import InputError
from catalogs.models.engine_selection import EngineRequirements, GpuPlatform, explain_selection
from catalogs.recipe.schema import Recipe
from catalogs.runs.job import RefreshJob
from flows.engines.engine_cache import cached_engine, default_cache_folder
from flows.engines.pinned_weights import require_pinned_entry
from infra.coordination.process_liveness import host_name
from infra.engines import open_engine
from infra.engines.spec import EngineSpec
from infra.engines.tensorrt.engine_open import find_tensorrt_machine
from infra.errors import ExternalError
from infra.interfaces import Engine, ObjectStore
from infra.settings import Settings
from infra.stores import open_store
from tasks.models.engine_builds import cannot_build, find_or_build_engine, read_recent_build_failure
from tasks.models.engine_repository import choose_engine, scan_stored_engines
from tasks.models.engine_trust import EngineTrust, open_engine_trust

logger = logging.getLogger(__name__)

AUTO_BUILT_PRECISIONS = ("fp32", "bf16")
"""Precisions whose missing engines are built automatically; fp8 needs a calibration on a catalogue's own prompts."""

EngineOpener = Callable[[EngineSpec], Engine]
EngineBuilder = Callable[[EngineRequirements], None]


@dataclass(frozen=True)
class EngineHost:
    """How this host takes engines of a store: where it caches them, whom it trusts, and how it builds missing ones."""

    cache_folder: Path
    trust: EngineTrust
    build: EngineBuilder | None = None
    lease_seconds: float = 120.0


EngineFetcher = Callable[[ObjectStore, Recipe, str, GpuPlatform | None, EngineHost], Path | None]
"""The signature of `fetch_fitting_engine`."""


def find_gpu_platform() -> GpuPlatform | None:
    """Return this machine's TensorRT and GPU; None where either is missing."""
    machine = find_tensorrt_machine()
    return GpuPlatform(machine.tensorrt, machine.gpu, machine.compute_capability) if machine else None


def fetch_fitting_engine(
    store: ObjectStore, recipe: Recipe, model: str, machine: GpuPlatform | None, host: EngineHost
) -> Path | None:
    """Return the folder of the stored engine that fits and is trusted, fetched once; None where there is none.

    With a builder, a missing engine is built and put into the store: once, while other workers wait for it.
    """
    requirements = _requirements(recipe, model, machine)
    if requirements is None:
        return None
    name, build = model.partition("@")[0], host.build
    if build is None or requirements.precision not in AUTO_BUILT_PRECISIONS:
        choice = choose_engine(store, name, requirements, host.trust)
    else:
        choice = find_or_build_engine(
            store, name, requirements, lambda: build(requirements), host_name(), host.lease_seconds, host.trust
        )
    return cached_engine(store, choice.artifact, host.cache_folder) if choice.artifact is not None else None


def engine_opener(
    job: RefreshJob,
    model: str,
    settings: Settings,
    opener: EngineOpener = open_engine,
    fetch: EngineFetcher = fetch_fitting_engine,
) -> Callable[[], Engine]:
    """Return a function that opens the engine of a model; it pickles, to run in the process that generates.

    Which TensorRT engine fits is decided when it is called: only that process sees the GPU and the cache folder.
    """
    if job.recipe.engine == "tensorrt":
        return partial(_open_fitting_engine, opener, job.recipe, model, settings, job.store, fetch)
    return partial(opener, resolve_engine_spec(job.recipe, model, settings))


def _open_fitting_engine(
    opener: EngineOpener, recipe: Recipe, model: str, settings: Settings, store_url: str, fetch: EngineFetcher
) -> Engine:
    return opener(resolve_engine_spec(recipe, model, settings, open_store(store_url), fetch=fetch))


def resolve_engine_spec(
    recipe: Recipe,
    model: str,
    settings: Settings,
    store: ObjectStore | None = None,
    *,
    find_machine: Callable[[], GpuPlatform | None] = find_gpu_platform,
    fetch: EngineFetcher = fetch_fitting_engine,
) -> EngineSpec:
    """Return the engine that generates a model of the recipe.

    A recipe that asks for TensorRT gets the engine of the settings' folder, else the one of `store` that fits this
    machine, else torch in the same precision: `engine_warnings` says why. Raises `RuleFileError` for weights that are
    not pinned: the weights must be known before their images are paid for.
    """
    entry = recipe.weights_by_name[model]
    require_pinned_entry(model, entry)
    spec = EngineSpec(
        name="stub" if entry.family == "stub" else "torch",
        source=entry.source,
        revision=entry.revision,
        weights_digest=entry.weights_digest if entry.family != "stub" else None,
        precision=entry.precision,
        stub_seconds=settings.stub_seconds,
        acceleration=settings.acceleration,
        unverified=settings.unverified,
    )
    if recipe.engine != "tensorrt":
        return spec
    folder = _engine_folder_of_settings(model, settings)
    if folder is None and store is not None:
        folder = _stored_engine_folder(recipe, model, settings, store, find_machine, fetch)
    return replace(spec, name="tensorrt", folder=str(folder)) if folder else spec


def engine_warnings(
    recipe: Recipe,
    settings: Settings,
    store: ObjectStore,
    find_machine: Callable[[], GpuPlatform | None] = find_gpu_platform,
) -> list[str]:
    """Return the report's warnings where TensorRT is requested and torch will generate, and for unreadable cards."""
    if recipe.engine != "tensorrt" or settings.engine_folder:
        return []
    trust = open_engine_trust(settings)
    warnings = missing_engine_warnings(store, recipe, trust, find_machine(), builds_missing=settings.build_engines)
    return warnings + unreadable_card_warnings(store, recipe)


def unreadable_card_warnings(store: ObjectStore, recipe: Recipe) -> list[str]:
    """Return a warning for each card of the default model that is none: its engine is passed over."""
    faults = scan_stored_engines(store, recipe.default_model).faults
    return [f"An engine of the store is passed over. {fault}" for _, fault in sorted(faults.items())]


def missing_engine_warnings(
    store: ObjectStore,
    recipe: Recipe,
    trust: EngineTrust,
    machine: GpuPlatform | None = None,
    *,
    builds_missing: bool = False,
) -> list[str]:
    """Return a warning where a recipe asks for TensorRT and no stored engine of its default model fits.

    `builds_missing`: a missing engine is built before the first image, where this machine can.
    """
    default = recipe.models[recipe.default_model]
    # For a registered model, its production version: most images are made by that one.
    version = "" if default.standing is None else f"@{default.standing.production}"
    name = f"{recipe.default_model}{version}"
    entry = recipe.weights_by_name[name]
    if recipe.engine != "tensorrt" or entry.family == "stub":
        return []
    consequence = f"The torch engine generates in place of TensorRT, in {entry.precision}"
    requirements = _requirements(recipe, name, machine)
    if requirements is None:
        return [f"{consequence}: engines are found by their weights, and {name!r} has no weights_digest"]
    choice = choose_engine(store, recipe.default_model, requirements, trust)
    if choice.artifact is not None:
        return []
    failure = read_recent_build_failure(store, recipe.default_model, requirements)
    buildable = builds_missing and requirements.precision in AUTO_BUILT_PRECISIONS
    if buildable and not cannot_build(store, recipe.default_model, requirements, trust):
        consequence = "A TensorRT engine is built before the first image"
    reason = f"; building one failed: {failure}" if failure else ""
    return [f"{consequence}: {explain_selection(name, choice)}{reason}"]


def _engine_folder_of_settings(model: str, settings: Settings) -> Path | None:
    if settings.engine_folder is None:
        return None
    folder = Path(settings.engine_folder)
    return folder / model if (folder / model).is_dir() else folder


def _stored_engine_folder(
    recipe: Recipe,
    model: str,
    settings: Settings,
    store: ObjectStore,
    find_machine: Callable[[], GpuPlatform | None],
    fetch: EngineFetcher,
) -> Path | None:
    """Return the store's engine that fits this machine, cached like hub models are; else build one where allowed.

    A failure costs the engine's speed, never the run: torch generates, and the log says why.
    """
    entry, name = recipe.weights_by_name[model], model.partition("@")[0]
    source = f"{entry.source}@{entry.revision}" if entry.revision else str(entry.source)
    try:
        cache, trust = default_cache_folder(), open_engine_trust(settings)
        build = partial(_build_missing_engine, store, name, source, cache, trust) if settings.build_engines else None
        host = EngineHost(cache, trust, build, settings.lease_seconds)
        return fetch(store, recipe, model, find_machine(), host)
    except (ExternalError, InputError, OSError, ValueError) as error:
        logger.warning("No stored engine of %r can be used here, so torch generates: %s", name, error)
        return None


def _build_missing_engine(
    store: ObjectStore, name: str, model: str, scratch: Path, trust: EngineTrust, requirements: EngineRequirements
) -> None:
    from flows.engines.build_missing import build_missing_engine  # torch takes seconds to import

    build_missing_engine(store, name, model, scratch, trust, requirements)


def _requirements(recipe: Recipe, model: str, machine: GpuPlatform | None) -> EngineRequirements | None:
    """Return what an engine of a model must offer, over all sizes of the recipe; None for weights without a digest."""
    entry = recipe.weights_by_name[model]
    if entry.weights_digest is None:
        return None
    sizes = tuple(sorted({(tier.width, tier.height) for tier in recipe.tiers.values()}))
    return EngineRequirements(entry.weights_digest, entry.precision, sizes, machine)
